"""Tests of `motion_async.timing.admission`, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from motion_async import SessionClosedError
from motion_async.timing.admission import Admission
from motion_async.timing.closing import Closing
from motion_async.timing.pace import Lane, Pace

pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


async def enter(admission: Admission, times: dict[int, float], number: int) -> None:
    await admission.wait()
    times[number] = now()


async def test_polls_come_in_order_and_within_the_pace() -> None:
    """Each as soon as its turn comes, however many ask at once."""
    admission, times = Admission(Pace(2), Closing()), dict[int, float]()
    start = now()
    await asyncio.gather(*(enter(admission, times, number) for number in range(20)))
    assert list(times) == list(range(20))
    assert [at - start for at in times.values()] == pytest.approx([number / 2 for number in range(20)], abs=0.6)
    assert max(times.values()) - start >= 9


async def test_they_share_the_pace_with_the_loop() -> None:
    """A turn that the loop has taken is none for a poll beside it, and the other way round."""
    pace = Pace(1)
    admission = Admission(pace, Closing())
    assert Lane(pace).wait(now()) == 0
    start = now()
    await admission.wait()
    assert now() - start >= 0.8
    assert pace.opens_at - now() >= 0.8


async def test_a_pause_holds_up_who_waits_already() -> None:
    """The service asks for a pause while a poll waits for its turn: it waits for the end of that, too."""
    pace = Pace(1)
    admission, times = Admission(pace, Closing()), dict[int, float]()
    start = now()
    waiting = [asyncio.create_task(enter(admission, times, number)) for number in range(2)]
    await asyncio.sleep(0.5)
    pace.slow_down(sent_at=now(), now=now(), retry_after=600)
    await asyncio.gather(*waiting)
    assert times[0] == start
    assert times[1] - start >= 600


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    """A poll that is cancelled while it waits lets the next one in."""
    admission, times = Admission(Pace(1), Closing()), dict[int, float]()
    tasks = [asyncio.create_task(enter(admission, times, number)) for number in range(3)]
    await asyncio.sleep(0.1)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert list(times) == [0, 2]


@pytest.mark.parametrize("pause", [None, 3.0])
async def test_those_who_leave_take_no_slots_along(pause: float | None) -> None:
    """However many polls are given up before they have their turn, the next one and the loop are on time."""
    pace = Pace(1)
    admission, times = Admission(pace, Closing()), dict[int, float]()
    await admission.wait()
    start = now()
    if pause is not None:
        pace.slow_down(sent_at=start, now=start, retry_after=pause)
    slot = pace.opens_at
    for _ in range(50):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await admission.wait()
    assert pace.opens_at == pytest.approx(slot)
    await enter(admission, times, 0)
    assert times[0] - start == pytest.approx(0.9 if pause is None else pause, abs=0.2)


async def test_closing_tells_whoever_waits() -> None:
    """Nobody waits for a turn that never comes, and nobody comes in after that."""
    pace, closing = Pace(1), Closing()
    admission = Admission(pace, closing)
    pace.slow_down(sent_at=now(), now=now(), retry_after=3_000)
    waiting = [asyncio.ensure_future(wait()) for wait in (admission.wait, admission.wait)]
    await asyncio.sleep(1)
    closing.begin()
    assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [SessionClosedError] * 2
    with pytest.raises(SessionClosedError):
        await admission.wait()
