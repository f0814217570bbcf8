"""Tests of `motion_async.sending.gate`, on virtual time."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from benchmarks.inprocess import Jobs, in_process_session
from motion_async import (
    Backoff,
    ConfigurationError,
    ConnectFailedError,
    ConnectImpossibleError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobState,
    JobStatus,
    MotionError,
    NotSentError,
    RateLimitedError,
    SendDisturbed,
    SessionClosedError,
)
from motion_async.contract.protocol import Call
from motion_async.problems import Problem
from motion_async.sending.gate import HeldBack, Permit, SendGate, check_on_insufficient_credits
from motion_async.sending.submission import Submission
from motion_async.timing.closing import Closing
from motion_async.timing.pace import Pace

CREDITS_INTERVAL = 60.0  # seconds that are promised, whatever the code says
CREATE = Call("create", "/sessions", b"{}")
TAKEN = JobState("a", JobStatus.QUEUED)
BUSY = RateLimitedError("create refused: HTTP 429", http_status=429)
DOWN = ConnectFailedError("the connection could not be made")
NEVER = ConnectImpossibleError("there is no host of that name")
POOR = InsufficientCreditsError("no credits", http_status=402)


pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


class Service:
    """Answers each send half a second after it left, as it is told, and notes when each left."""

    def __init__(self, answer: Callable[[], JobState | MotionError] = lambda: TAKEN) -> None:
        self.pace = Pace(100)
        self.closing = Closing()
        self.gate = SendGate(self.pace, backoff=Backoff(), random=lambda: 1.0, closing=self.closing)
        self.answer = answer
        self.left: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.sends: list[asyncio.Task[float]] = []

    def submission(self, **terms: Any) -> Submission[JobState]:
        return Submission(call=CREATE, on_accepted=lambda accepted: accepted, **terms)

    def start(self, *, until: float = math.inf, **terms: Any) -> asyncio.Task[float]:
        """Begin a send that is tried until it is taken, and gives the time of that."""
        send = asyncio.create_task(self.send(self.submission(**terms), until))
        self.sends.append(send)
        return send

    async def send(self, submission: Submission[JobState], until: float) -> float:
        while True:
            permit = self.gate.permit(submission, until=until)
            try:
                await self.gate.admit(permit)
                answered = await self.exchange(permit)
                self.gate.judge(permit, answered)
            except HeldBack:
                continue
            finally:
                self.gate.release(permit)
            if isinstance(answered, JobState):
                return now()
            if permit.next_wait is None:
                raise answered

    async def admit(self) -> Permit:
        permit = self.gate.permit(self.submission())
        await self.gate.admit(permit)
        return permit

    async def exchange(self, permit: Permit) -> JobState | MotionError:
        self.gate.leave(permit)
        self.left.append(now())
        answer = self.answer()
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.5)
        self.in_flight -= 1
        return answer


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    yield service
    service.closing.begin()
    for send in service.sends:
        send.cancel()
    if service.sends:
        await asyncio.wait(service.sends)


async def test_it_begins_gently_and_soon_holds_up_nobody(service: Service) -> None:
    """The first creates come a fifth of a second apart, and hundreds in a few seconds if all are taken."""
    start = now()
    await asyncio.gather(*(service.start() for _ in range(500)))
    gaps = [after - before for before, after in zip(service.left, service.left[1:], strict=False)]
    assert service.left[0] == start
    assert gaps[0] == pytest.approx(0.2, abs=0.01)
    assert max(gaps[-100:]) < 0.01
    assert now() - start < 6


async def test_after_a_refusal_one_at_a_time_probes(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """However many wait, the service is asked by one of them, ever more seldom; when it is taken, all others follow.

    The log has the beginning and the end of that.
    """
    caplog.set_level(logging.INFO, "motion_async.sending")
    service.answer = lambda: BUSY
    for _ in range(20):
        service.start()
    await asyncio.sleep(2)
    service.most_in_flight = 0
    asked = len(service.left)
    await asyncio.sleep(100)
    assert service.most_in_flight == 1
    assert 3 <= len(service.left) - asked <= 8, "2, 4, 8, 16, 30, 30 seconds"
    service.answer = lambda: TAKEN
    await asyncio.wait(service.sends)
    assert len(service.left) <= asked + 8 + 21
    begun, ended = caplog.records
    assert (begun.levelname, begun.http_status) == ("WARNING", 429)  # type: ignore[attr-defined]
    assert (ended.levelname, ended.name) == ("INFO", "motion_async.sending")


@pytest.mark.parametrize("refusal", [BUSY, DOWN], ids=["429", "no connection"])
async def test_what_is_about_to_leave_is_held_back(service: Service, refusal: MotionError) -> None:
    """It had its permit before the refusal came, and its connection after it."""
    first = await service.admit()
    second = await service.admit()
    service.gate.leave(first)
    service.gate.judge(first, refusal)
    with pytest.raises(HeldBack):
        service.gate.leave(second)
    service.gate.release(second)
    probe = await service.admit()
    service.gate.leave(probe)
    service.gate.judge(probe, TAKEN)
    third = await service.admit()
    service.gate.leave(third)
    service.gate.release(third)


async def test_what_left_before_a_refusal_says_nothing_about_the_time_after_it(service: Service) -> None:
    """Its own refusal closes nothing again, and that it was taken opens nothing."""
    permits = [await service.admit() for _ in range(4)]
    for permit in permits:
        service.gate.leave(permit)
    service.gate.judge(permits[0], BUSY)
    service.gate.judge(permits[1], TAKEN)
    probe = await service.admit()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1_000):
            await service.admit()
    service.gate.leave(probe)
    service.gate.judge(probe, TAKEN)
    service.gate.judge(permits[2], BUSY)
    assert permits[2].next_wait == 0
    after = await service.admit()
    service.gate.leave(after)
    service.gate.judge(permits[3], BUSY)
    service.gate.check(after)
    service.gate.release(after)


@pytest.mark.parametrize("ended_by", ["a refusal of its content", "a caller who leaves", "an uncertain end"])
async def test_a_probe_of_which_nothing_came_hands_over(service: Service, ended_by: str) -> None:
    """The next one probes, at once or a little later."""
    first = await service.admit()
    service.gate.leave(first)
    service.gate.judge(first, BUSY)
    probe = await service.admit()
    if ended_by == "a refusal of its content":
        service.gate.leave(probe)
        service.gate.judge(probe, InvalidRequestError((Problem("custom", "no"),), http_status=400))
    elif ended_by == "a caller who leaves":
        service.gate.release(probe)
    else:
        service.gate.leave(probe)
        service.gate.judge(probe, MotionError("nobody knows"))
    async with asyncio.timeout(5):
        service.gate.leave(await service.admit())


async def test_what_cannot_pass_by_itself_holds_nobody_back(service: Service) -> None:
    """The one that finds it out hears so, and so does each of the others without waiting for the next probe."""
    answers: list[MotionError] = [DOWN, NEVER]
    service.answer = lambda: answers.pop(0) if len(answers) > 1 else answers[0]
    start = now()
    sends = [service.start() for _ in range(10)]
    await asyncio.wait(sends)
    assert {type(send.exception()) for send in sends} == {ConnectImpossibleError}
    assert now() - start < 6, "and not seconds for each of them"


async def test_a_pause_holds_up_who_waits_and_who_is_about_to_leave(service: Service) -> None:
    """The service may ask for it at any time, by its answer to a poll as well."""
    permit = await service.admit()
    service.pace.slow_down(sent_at=now(), now=now(), retry_after=600)
    with pytest.raises(HeldBack):
        service.gate.leave(permit)
    service.gate.release(permit)
    start = now()
    service.gate.leave(await service.admit())
    assert now() - start >= 600


async def test_without_credits_one_of_those_that_wait_for_them_is_tried_each_minute(service: Service) -> None:
    """Others are neither held up nor asked about; and when one is taken, all follow."""
    service.answer = lambda: POOR
    waiting = [service.start(waits_for_credits=True) for _ in range(10)]
    await asyncio.sleep(10)
    assert 1 <= len(service.left) <= 4, "those that were under way when the first 402 came"
    asked = len(service.left)
    with pytest.raises(InsufficientCreditsError):
        await service.start()
    assert len(service.left) == asked + 1
    await asyncio.sleep(10 * CREDITS_INTERVAL)
    assert 9 <= len(service.left) - asked - 1 <= 11
    service.answer = lambda: TAKEN
    start = now()
    await asyncio.gather(*waiting)
    assert now() - start < CREDITS_INTERVAL + 10


async def test_credits_that_somebody_else_was_seen_to_have_are_there_for_all(service: Service) -> None:
    """A create that did not wait for them was taken: those that do are not held back any longer."""
    service.answer = lambda: POOR
    waiting = service.start(waits_for_credits=True)
    await asyncio.sleep(5)
    service.answer = lambda: TAKEN
    await service.start()
    start = now()
    await waiting
    assert now() - start < 5


async def test_what_another_process_was_refused_for_want_of_credits_is_not_tried_here(service: Service) -> None:
    """By those that wait for them, those in the queue included; a minute later one of them asks, and all follow."""
    service.answer = lambda: BUSY
    queued = service.start(waits_for_credits=True)
    await asyncio.sleep(0.1)
    service.answer = lambda: TAKEN
    start, asked = now(), len(service.left)
    service.gate.close_for_credits(POOR)
    waiting = [queued, *(service.start(waits_for_credits=True) for _ in range(5))]
    await asyncio.sleep(CREDITS_INTERVAL - 1)
    assert len(service.left) == asked
    await asyncio.gather(*waiting)
    assert CREDITS_INTERVAL - 0.01 <= service.left[asked] - start < CREDITS_INTERVAL + 5
    assert now() - start < CREDITS_INTERVAL + 10


async def test_a_refusal_elsewhere_holds_all_back_until_one_is_tried(service: Service) -> None:
    """As one here would; while one of its own stands, another process's says nothing new."""
    start = now()
    service.gate.close_for_pace(BUSY)
    waiting = [service.start() for _ in range(5)]
    await asyncio.gather(*waiting)
    assert service.left[0] > start + 0.1
    assert service.left[1] >= service.left[0] + 0.5, "the others wait for what comes of the first"
    service.answer = lambda: BUSY
    refused = service.start()
    await asyncio.sleep(20)
    failures = service.gate._service.failures
    service.gate.close_for_pace(BUSY)
    assert service.gate._service.failures == failures
    service.answer = lambda: TAKEN
    await refused


async def test_want_of_credits_elsewhere_holds_up_nobody_who_does_not_wait_for_them(service: Service) -> None:
    """Such a one that is taken shows that there are some again."""
    service.gate.close_for_credits(POOR)
    waiting = service.start(waits_for_credits=True)
    await asyncio.sleep(1)
    start = now()
    await service.start()
    await waiting
    assert now() - start < 5


async def test_who_is_not_to_be_sent_any_more_leaves_the_queue_when_told_to_look(service: Service) -> None:
    """A batch that has been stopped does not wait for its turn to say so."""
    service.answer = lambda: BUSY
    stopped: list[NotSentError] = []

    def check() -> None:
        if stopped:
            raise stopped[0]

    waiting = [service.start(check=check) for _ in range(50)]
    await asyncio.sleep(1_000)
    stopped.append(NotSentError("the batch has ended"))
    service.gate.recheck()
    start = now()
    await asyncio.wait(waiting)
    assert {type(send.exception()) for send in waiting} == {NotSentError}
    assert now() == pytest.approx(start, abs=0.6), "but for the one that was under way"


@pytest.mark.parametrize("refusal", [BUSY, DOWN], ids=["429", "no connection"])
async def test_who_is_held_back_for_too_long_gets_the_refusal_of_the_others(
    service: Service, refusal: MotionError
) -> None:
    """It has an end although it was never tried; a pause that the service asked for is waited for besides."""
    service.answer = lambda: refusal
    patient = [service.start() for _ in range(3)]
    await asyncio.sleep(200)
    start = now()
    late = [service.start(until=start + 90) for _ in range(5)]
    await asyncio.wait(late)
    assert [type(send.exception()) for send in late] == [type(refusal)] * 5
    assert "not sent" in str(late[-1].exception())
    assert 89 <= now() - start <= 125
    assert not any(send.done() for send in patient)


async def test_closing_ends_every_wait(service: Service) -> None:
    """The head of the queue and those behind it; and nobody comes through after that."""
    service.answer = lambda: BUSY
    waiting = [service.start(waits_for_credits=number % 2 == 0) for number in range(10)]
    await asyncio.sleep(100)
    service.closing.begin()
    service.closing.begin()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {SessionClosedError}
    with pytest.raises(SessionClosedError):
        await service.admit()


async def test_who_leaves_the_queue_holds_up_nobody(service: Service) -> None:
    """Wherever they stood in it."""
    service.answer = lambda: BUSY
    waiting = [service.start() for _ in range(10)]
    await asyncio.sleep(100)
    for send in waiting[:9]:
        send.cancel()
    service.answer = lambda: TAKEN
    start = now()
    await waiting[9]
    assert now() - start < 60


class TokenBucket(Jobs):
    """Takes a create for each token, and refuses the others with 429."""

    def __init__(self, *, seconds: float, size: int, create_seconds: float) -> None:
        super().__init__(lambda _: 120.0, create_seconds=create_seconds)
        self.seconds = seconds
        self.size = size
        self.tokens = float(size)
        self.filled_at = 0.0
        self.asked = 0

    def takes(self, now: float) -> bool:
        self.asked += 1
        self.tokens = min(self.tokens + (now - self.filled_at) / self.seconds, self.size)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@pytest.mark.parametrize(
    ("seconds", "size", "create_seconds"),
    [(6.0, 1, 0.05), (6.0, 5, 0.3), (1.0, 1, 0.3), (1.0, 10, 0.05), (0.1, 1, 0.05)],
)
async def test_at_a_token_bucket_few_creates_are_sent_in_vain(seconds: float, size: int, create_seconds: float) -> None:
    """A batch is made to its end, with at most 1.2 creates sent for each that is taken, in at most twice the time."""
    bucket = TokenBucket(seconds=seconds, size=size, create_seconds=create_seconds)
    bucket.filled_at = start = now()
    async with in_process_session(bucket, random=lambda: 0.5) as motion:
        events = motion.events()
        requests = (f"video number {number}" for number in range(80))
        async with motion.generate_many(requests, max_active=40) as outcomes:
            ok = [outcome.ok async for outcome in outcomes]
        await events.aclose()
        told = [event async for event in events if isinstance(event, SendDisturbed)]
    assert ok == [True] * 80
    assert bucket.created == 80
    assert bucket.asked / bucket.created <= 1.2
    assert len(told) == bucket.asked - bucket.created
    assert now() - start <= 120 + max(2 * 80 * seconds, 2 * 120)


def test_the_option_has_two_values() -> None:
    """Anything else is a setting that cannot be used."""
    given: Any = "ask"
    with pytest.raises(ConfigurationError, match="'stop' or 'wait'"):
        check_on_insufficient_credits(given)
