"""Tests of `motion_async.http.deadlines`, in virtual time."""

import asyncio
import contextlib
import contextvars
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from motion_async.http.deadlines import Deadline, Deadlines

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def deadlines() -> AsyncIterator[Deadlines]:
    """Blocks of five seconds."""
    deadlines = Deadlines(5)
    yield deadlines
    deadlines.close()


def clock() -> float:
    return asyncio.get_running_loop().time()


def cancelling() -> int:
    """How many cancellations of the current task nobody has answered yet."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callable[..., Any]]]:
    """Every timer that is set: its time and what it calls."""
    loop = asyncio.get_running_loop()
    found: list[tuple[float, Callable[..., Any]]] = []
    call_at = loop.call_at

    def recorded(when: float, callback: Callable[..., Any], *args: Any, **options: Any) -> asyncio.TimerHandle:
        found.append((when, callback))
        return call_at(when, callback, *args, **options)

    monkeypatch.setattr(loop, "call_at", recorded)
    return found


def of(deadlines: Deadlines, timers: list[tuple[float, Callable[..., Any]]]) -> list[float]:
    """The times of those timers that belong to the deadlines."""
    return [when for when, callback in timers if getattr(callback, "__self__", None) is deadlines]


async def test_a_block_ends_at_its_time(deadlines: Deadlines) -> None:
    """A block that takes longer gets a TimeoutError at its time, and no cancellation is left."""
    began = clock()
    with pytest.raises(TimeoutError) as caught, Deadline(deadlines):
        await asyncio.sleep(1_000)
    assert clock() == pytest.approx(began + 5)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert cancelling() == 0


async def test_a_block_that_ends_in_time_costs_no_later_cancellation(deadlines: Deadlines) -> None:
    """Long after a block ended in time, its task goes on undisturbed."""
    with Deadline(deadlines):
        await asyncio.sleep(4.9)
    await asyncio.sleep(100)
    assert cancelling() == 0


async def test_each_block_has_its_own_time(deadlines: Deadlines) -> None:
    """Blocks that began at different moments end at different moments, though the timer is one."""

    async def hang(start: float) -> float:
        await asyncio.sleep(start)
        with pytest.raises(TimeoutError), Deadline(deadlines):
            await asyncio.sleep(1_000)
        return clock()

    began = clock()
    starts = [0.0, 0.0, 1.5, 3.0, 4.75, 20.0]
    ended = await asyncio.gather(*map(hang, starts))
    assert ended == [pytest.approx(began + start + 5) for start in starts]


async def test_a_block_that_ended_leaves_the_others_their_deadline(deadlines: Deadlines) -> None:
    """The timer passes from a block that ended in time to those that began after it."""

    async def work(start: float, seconds: float) -> bool:
        await asyncio.sleep(start)
        try:
            with Deadline(deadlines):
                await asyncio.sleep(seconds)
        except TimeoutError:
            return False
        return True

    plan = [(0.0, 1.0), (0.5, 1_000.0), (1.0, 4.9), (2.0, 5.1)]
    assert await asyncio.gather(*(work(*each) for each in plan)) == [True, False, True, False]


async def test_one_task_can_run_block_after_block(deadlines: Deadlines) -> None:
    """A task that was timed out is as good as new in its next block."""
    for _ in range(3):
        with pytest.raises(TimeoutError), Deadline(deadlines):
            await asyncio.sleep(1_000)
        with Deadline(deadlines):
            await asyncio.sleep(1)
    assert cancelling() == 0


async def test_many_blocks_share_one_timer(deadlines: Deadlines, timers: list[Any]) -> None:
    """A thousand blocks at a time set one timer, and one each second while any of them runs."""

    async def long(n: int) -> None:
        await asyncio.sleep(n / 10_000)
        with Deadline(deadlines):
            await asyncio.sleep(3)

    began = clock()
    await asyncio.gather(*map(long, range(1_000)))
    assert of(deadlines, timers) == [pytest.approx(began + n) for n in (1, 2, 3, 4)]
    await asyncio.sleep(100)
    assert len(of(deadlines, timers)) == 4, "without blocks there is no timer"
    with Deadline(deadlines):
        await asyncio.sleep(0.5)
    assert len(of(deadlines, timers)) == 5


async def test_a_steady_stream_of_blocks_sets_a_timer_a_second(deadlines: Deadlines, timers: list[Any]) -> None:
    """However many blocks come one after the other."""
    for _ in range(600):
        with Deadline(deadlines):
            await asyncio.sleep(0.1)
    assert len(of(deadlines, timers)) <= 61


@pytest.fixture
async def stand_still(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Has so many seconds pass in which this process does not run."""
    loop = asyncio.get_running_loop()
    running, stood = loop.time, 0.0

    def stand(seconds: float) -> None:
        nonlocal stood
        stood += seconds

    monkeypatch.setattr(loop, "time", lambda: running() + stood)
    return stand


@pytest.mark.parametrize("after", [0.5, 2.5, 4.9])
async def test_time_in_which_the_process_stood_still_is_not_counted(
    deadlines: Deadlines, stand_still: Callable[[float], None], after: float
) -> None:
    """What came meanwhile is read: a block has what was left of its time, and at the end a moment more."""
    with Deadline(deadlines):
        await asyncio.sleep(after)
        stand_still(1_000)
        await asyncio.sleep(5.4 - after)


async def test_a_process_that_stood_still_is_not_waited_for_without_end(
    deadlines: Deadlines, stand_still: Callable[[float], None]
) -> None:
    """After that the block ends as always."""
    began = clock()
    asyncio.get_running_loop().call_later(2, stand_still, 1_000)
    with pytest.raises(TimeoutError), Deadline(deadlines):
        await asyncio.get_running_loop().create_future()
    assert clock() - began == pytest.approx(1_000 + 6, abs=1)


async def test_an_outer_cancellation_stays_a_cancellation(deadlines: Deadlines) -> None:
    """A task that is cancelled in a block is cancelled, and its count of cancellations is right."""
    counts: list[int] = []

    async def hang() -> None:
        try:
            with Deadline(deadlines):
                await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            counts.append(cancelling())
            raise

    task = asyncio.create_task(hang())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert counts == [1]


async def test_a_cancellation_at_the_very_deadline_stays_a_cancellation(deadlines: Deadlines) -> None:
    """Of a cancellation and a deadline at the same moment, the cancellation counts, and counts once."""
    counts: list[int] = []

    async def hang() -> None:
        try:
            with Deadline(deadlines):
                await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            counts.append(cancelling())
            raise

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(5, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts == [1]


async def test_a_block_works_in_a_task_that_was_cancelled_before(deadlines: Deadlines) -> None:
    """Cleaning up after a cancellation may have a deadline, which does not eat the cancellation."""
    counts: list[int] = []

    async def clean_up_slowly() -> None:
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            with pytest.raises(TimeoutError), Deadline(deadlines):
                await asyncio.sleep(1_000)
            counts.append(cancelling())
            raise

    task = asyncio.create_task(clean_up_slowly())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counts == [1]


async def test_an_inner_deadline_leaves_an_outer_timeout_alone(deadlines: Deadlines) -> None:
    """Inside `asyncio.timeout` the block's own deadline ends the block alone."""
    async with asyncio.timeout(10) as outer:
        with pytest.raises(TimeoutError), Deadline(deadlines):
            await asyncio.sleep(1_000)
        await asyncio.sleep(4)
    assert not outer.expired()
    assert cancelling() == 0


async def test_an_outer_timeout_ends_the_block_as_its_own(deadlines: Deadlines) -> None:
    """An `asyncio.timeout` around the block that is over first raises, and nothing comes after it."""
    passed: list[type[BaseException]] = []
    with pytest.raises(TimeoutError):  # noqa: PT012  # what the block does is what is tested
        async with asyncio.timeout(1) as outer:
            try:
                with Deadline(deadlines):
                    await asyncio.sleep(1_000)
            except BaseException as error:
                passed.append(type(error))
                raise
    assert passed == [asyncio.CancelledError]
    assert outer.expired()
    await asyncio.sleep(100)
    assert cancelling() == 0


@pytest.mark.parametrize("outer_first", [True, False], ids=["outer set first", "block set first"])
async def test_two_deadlines_at_one_moment_give_one_timeout(deadlines: Deadlines, outer_first: bool) -> None:
    """A block and an `asyncio.timeout` around it that end together leave no cancellation behind."""
    with pytest.raises(TimeoutError):  # noqa: PT012  # what the block does is what is tested
        async with asyncio.timeout(5 if outer_first else None) as outer:
            with Deadline(deadlines):
                outer.reschedule(clock() + 5)
                await asyncio.sleep(1_000)
    assert outer.expired()
    assert cancelling() == 0
    await asyncio.sleep(100)


async def test_an_inner_timeout_is_not_the_blocks(deadlines: Deadlines) -> None:
    """An `asyncio.timeout` inside the block ends what it surrounds, and the block goes on."""
    with Deadline(deadlines):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.sleep(1_000)
        await asyncio.sleep(1)
    assert cancelling() == 0


async def test_blocks_can_be_nested(deadlines: Deadlines) -> None:
    """Of two blocks of one task the outer one's time counts when it began earlier."""
    began = clock()
    with pytest.raises(TimeoutError), Deadline(deadlines):  # noqa: PT012  # what the block does is what is tested
        await asyncio.sleep(1)
        with Deadline(deadlines):
            await asyncio.sleep(1_000)
    assert clock() == pytest.approx(began + 5)
    assert cancelling() == 0


async def test_an_error_in_a_block_comes_out_as_it_is(deadlines: Deadlines) -> None:
    """An error of the block's own is no timeout, whether the deadline had passed or not."""
    with pytest.raises(ZeroDivisionError), Deadline(deadlines):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), Deadline(deadlines):  # noqa: PT012  # what the block does is what is tested
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            raise ZeroDivisionError from None
    assert cancelling() == 0


async def test_a_block_that_swallows_its_end_goes_on(deadlines: Deadlines) -> None:
    """Code that catches the cancellation and ends well is believed, and its task is not marked."""
    with Deadline(deadlines), contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1_000)
    assert cancelling() == 0
    await asyncio.sleep(100)


async def test_a_block_needs_a_task(deadlines: Deadlines) -> None:
    """A callback of the loop, which can't be cancelled, gets no deadline."""
    caught: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def callback() -> None:
        try:
            with Deadline(deadlines):
                raise AssertionError
        except RuntimeError as error:
            caught.set_result(error)

    asyncio.get_running_loop().call_soon(callback)
    assert "needs a task" in str(await caught)


async def test_closing_ends_the_blocks_that_are_running(deadlines: Deadlines) -> None:
    """Nobody is left in a block without a deadline: each ends with its `TimeoutError` at once."""
    began = clock()
    asyncio.get_running_loop().call_later(1, deadlines.close)
    with pytest.raises(TimeoutError), Deadline(deadlines):
        await asyncio.sleep(99)
    assert clock() == pytest.approx(began + 1)


@pytest.mark.parametrize("used", [False, True], ids=["never used", "used"])
async def test_closing_is_always_possible_and_leaves_no_block_without_a_deadline(used: bool) -> None:
    """Deadlines that were never used, or closed before, can be closed; who comes after that is not kept for ever."""
    deadlines = Deadlines(5)
    if used:
        with Deadline(deadlines):
            await asyncio.sleep(1)
    deadlines.close()
    deadlines.close()
    began = clock()
    with pytest.raises(TimeoutError), Deadline(deadlines):
        await asyncio.sleep(99)
    assert clock() == pytest.approx(began + 5)


class Marked:
    """A value of a caller's context."""


async def test_the_timer_keeps_nothing_of_the_caller_who_began_a_block(deadlines: Deadlines) -> None:
    """Its own block has ended, and each look sets the timer of the next, as others go on."""
    mark: contextvars.ContextVar[Marked] = contextvars.ContextVar("mark")

    async def block(seconds: float, value: Marked | None) -> None:
        if value is not None:
            mark.set(value)
        with Deadline(deadlines):
            await asyncio.sleep(seconds)

    value = Marked()
    held = weakref.ref(value)
    first = asyncio.create_task(block(0.5, value))
    del value
    await asyncio.sleep(0.1)
    second = asyncio.create_task(block(4, None))
    await first
    del first
    await asyncio.sleep(2)
    assert deadlines.timer is not None
    gc.collect()
    assert held() is None
    await second
