"""How long anything waits, to the second, in whole sessions on virtual time: neither for ever nor too short."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from motion_async import (
    AuthenticationError,
    Backoff,
    CreateUncertainError,
    Event,
    GrowingSchedule,
    JobState,
    MotionSession,
    NotSentError,
    PollDisturbed,
    SendAbandoned,
    UnexpectedResponseError,
)
from motion_async.sandbox import Sandbox, StaleCompleted
from motion_async.timing.pace import Lane, Pace
from tests.batches import QUICK
from tests.scripted import Answer, scripted_session

TAKEN: Answer = (202, {}, {"job_id": "a", "status": "queued"})


pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


def said(status: str, minute: int = 1, job_id: str = "a") -> Answer:
    """Give a good answer to a poll."""
    at = f"2026-04-28T23:{minute:02}:00Z"
    fields: dict[str, Any] = {"job_id": job_id, "status": status, "created_at": at, "updated_at": at}
    fields |= {"completed_at": at if status == "completed" else None, "error": None, "pending_user_input": False}
    return 200, {}, fields


def refused(status: int, **headers: str) -> Answer:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, {"error": "refused"}


class Tape:
    """A service that gives one answer after the other, the last one again and again, and notes when it was asked."""

    def __init__(self, *answers: Answer, seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.asked: list[tuple[float, str, str]] = []

    async def __call__(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.asked.append((now(), method, body.get("prompt", path)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(self.seconds)
        return answer


async def never(_method: str, _path: str, _body: dict[str, Any]) -> Answer:
    await asyncio.sleep(1e9)
    raise AssertionError("it never answers")


async def told(motion: MotionSession, act: Callable[[], Awaitable[object]]) -> list[Event]:
    """Give the events that there are until something is done."""
    events = motion.events()
    await act()
    await events.aclose()
    return [event async for event in events]


# Sends.


@pytest.mark.parametrize("grace", [0.5, 5.0, 40.0])
async def test_a_cancelled_create_waits_for_its_answer_as_long_as_its_grace_and_no_longer(grace: float) -> None:
    """It is over to the second then, and what may have been made is told when the session is left."""
    async with scripted_session(never, cancel_grace=grace, exchange_timeout=1_000, send_timeout=1_000) as motion:
        events = motion.events()
        creating = asyncio.create_task(motion.create("A launch video"))
        await asyncio.sleep(1)
        began = now()
        creating.cancel()
        await asyncio.wait([creating])
        assert creating.cancelled()
        assert now() - began == pytest.approx(grace, abs=0.1)
        began = now()
    assert now() - began == pytest.approx(grace, abs=0.1)
    abandoned = [event async for event in events if isinstance(event, SendAbandoned)]
    assert [type(event.error) for event in abandoned] == [CreateUncertainError]


async def test_a_grace_is_five_seconds_unless_another_is_given() -> None:
    """As the docstring says."""
    async with scripted_session(never, exchange_timeout=1_000, send_timeout=1_000) as motion:
        creating = asyncio.create_task(motion.create("A launch video"))
        await asyncio.sleep(1)
        began = now()
    assert now() - began == pytest.approx(5, abs=0.1)
    with pytest.raises(CreateUncertainError):
        await creating


async def test_a_401_lets_go_who_waits_for_credits() -> None:
    """None of them can be sent any more, and none waits for its turn to try: all come out at once."""
    asked: list[float] = []

    async def service(*_: object) -> Answer:
        asked.append(now())
        await asyncio.sleep(0.5)
        return refused(402 if now() < 30 else 401)

    requests = [f"p{number}" for number in range(20)]
    async with (
        scripted_session(service, max_connections=20) as motion,
        motion.generate_many(requests, on_insufficient_credits="wait", max_active=20) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
    assert len(ended) == 20
    found = {type(outcome.error) for outcome in ended}
    assert found == {AuthenticationError, NotSentError}
    assert len([at for at in asked if at > 30]) == 1
    assert now() < 70, "after the one try a minute later nobody waits on"


async def test_who_waits_for_credits_tries_once_a_minute() -> None:
    """One at a time, whoever it is."""
    service = Tape(refused(402))
    async with (
        scripted_session(service) as motion,
        motion.generate_many(["p0", "p1"], on_insufficient_credits="wait", max_active=1),
    ):
        await asyncio.sleep(200)
    times = [at for at, *_ in service.asked]
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([60] * 3, abs=1)


async def test_exactly_what_is_under_way_at_the_first_402_goes_out() -> None:
    """Each of the others is told why not, whether it had a connection or was yet to get one."""
    asked: list[float] = []

    async def service(*_: object) -> Answer:
        asked.append(now())
        await asyncio.sleep(0.5 + 0.2 * len(asked))
        return refused(402)

    requests = [f"p{number}" for number in range(50)]
    async with (
        scripted_session(service, max_connections=12) as motion,
        motion.generate_many(requests, max_active=50) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
    assert len(asked) == 3, "a quarter of the connections is for sends"
    assert sum(isinstance(outcome.error, NotSentError) for outcome in ended) == 47


# Polls.


async def watched(service: Tape, **options: Any) -> list[PollDisturbed]:
    """Watch a job to its end, and give what disturbed that."""
    backoff = Backoff(first=1, cap=1_000)
    async with scripted_session(service, backoff=backoff, random=lambda: 1.0, **options) as motion:
        events = await told(motion, lambda: asyncio.wait([asyncio.ensure_future(motion.job("a").wait())]))
    return [event for event in events if isinstance(event, PollDisturbed)]


async def test_after_a_good_answer_failures_are_counted_anew() -> None:
    """And the waits after them are short again."""
    trouble = [refused(503)] * 3
    service = Tape(*trouble, said("running"), *trouble, said("completed"))
    told_of = await watched(service)
    assert [event.failures for event in told_of] == [1, 2, 3, 1, 2, 3]
    assert [event.next_wait for event in told_of] == [1, 2, 4, 1, 2, 4]


@pytest.mark.parametrize("between", [said("running"), refused(503)], ids=["a good answer", "other trouble"])
async def test_four_unreadable_answers_in_a_row_end_nothing(between: Answer) -> None:
    """Whatever comes between two rows of them, the second is counted from the beginning."""
    unreadable: Answer = (200, {}, {"nothing": 1})
    service = Tape(*[unreadable] * 4, between, *[unreadable] * 4, said("completed"))
    assert len(await watched(service)) == len(service.asked) - (2 if between[0] == 200 else 1)


async def test_the_fifth_unreadable_answer_in_a_row_ends_a_watch() -> None:
    """Neither a fourth nor a sixth."""
    service = Tape((200, {}, {"nothing": 1}))
    async with scripted_session(service) as motion:
        with pytest.raises(UnexpectedResponseError):
            await motion.job("a").wait()
        await asyncio.sleep(1_000)
    assert len(service.asked) == 5


async def test_a_later_and_shorter_retry_after_ends_no_longer_pause() -> None:
    """What was asked for first still stands: nothing is sent before it is over."""
    service = Tape(refused(429, retry_after="600"), refused(429, retry_after="1"), TAKEN, seconds=1)
    async with scripted_session(service, max_connections=12) as motion:
        creates = [asyncio.create_task(motion.create(f"p{number}")) for number in range(2)]
        await asyncio.sleep(30)
        assert len(service.asked) == 2
        began = now()
        creates.append(asyncio.create_task(motion.create("later")))
        await asyncio.wait(creates)
        first = service.asked[2][0]
    assert first - service.asked[0][0] >= 600
    assert first - began >= 569


def test_a_slot_that_is_given_back_does_not_reach_into_a_pause() -> None:
    """Whoever leaves the queue after a pause was asked for takes nothing off it."""
    pace = Pace(1)
    lanes = [Lane(pace) for _ in range(4)]
    assert [lane.wait(0.0) > 0 for lane in lanes] == [False, True, True, True]
    pace.slow_down(sent_at=0.0, now=0.0, retry_after=60)
    for lane in reversed(lanes):
        lane.give_back()
        assert pace.opens_at >= 60
    pace.slow_down(sent_at=0.0, now=1.0, retry_after=1)
    assert pace.resumes_at == 60


# What stood before a followup.


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_old_end_is_remembered_although_nobody_holds_the_job() -> None:
    """A handler that sends a followup and returns, and another one that waits, have but the id in common."""
    async with (
        Sandbox(speed=10_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        job_id = (await motion.generate("A launch video")).job_id

        async def follow_up() -> None:
            sandbox.faults.next(StaleCompleted(5), on="followup")
            await motion.followup(job_id, "Faster")

        async def ended() -> JobState:
            return await motion.job(job_id).wait(timeout=20)

        old = await motion.poll(job_id)
        await follow_up()
        gc.collect()
        new = await ended()
    assert str(new.completed_at) > str(old.completed_at)


async def test_a_schedule_that_never_polls_delays_no_create() -> None:
    """What costs credits waits for nothing but pauses."""
    service = Tape(TAKEN)
    async with scripted_session(service, schedule=GrowingSchedule(first=10_000, cap=10_000)) as motion:
        await asyncio.gather(*(motion.create(f"p{number}") for number in range(5)))
    assert now() < 1
