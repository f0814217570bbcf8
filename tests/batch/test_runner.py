"""Making many videos: lazily, a limited number at a time, each outcome as it comes."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

import anyio
import attrs
import pytest

from benchmarks.inprocess import Jobs, in_process_session
from motion_async import (
    AuthenticationError,
    BatchRequest,
    ConfigurationError,
    ConnectImpossibleError,
    CreateUncertainError,
    InputRequiredError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobFailedError,
    JobNotFoundError,
    JobState,
    JobStatus,
    MotionError,
    NotSentError,
    Outcome,
    PermissionDeniedError,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.batch.requests import Intake, Requests, intakes
from motion_async.batch.runner import FanOut
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.timing.backoff import Backoff
from motion_async.timing.pace import Pace
from motion_async.timing.schedule import GrowingSchedule

START = datetime(2026, 4, 28, tzinfo=UTC)
MAX_UNREAD = 1_000  # the number that is promised, whatever the code says


pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Service:
    """Takes creates after a moment, and ends each job after its time, as its prompt says."""

    seconds: float = 60.0
    errors: dict[str, MotionError] = attrs.field(factory=dict)
    statuses: dict[str, str] = attrs.field(factory=dict)
    polls_fail: dict[str, MotionError] = attrs.field(factory=dict)
    began: dict[str, float] = attrs.field(factory=dict)
    created: list[str] = attrs.field(factory=list)
    most: int = 0
    loop: Any = None

    async def send(self, intake: Intake, check: Any = None, on_refused: Any = None) -> TrackedJob:
        request = intake.request
        await asyncio.sleep(0.5)
        if request.prompt in self.errors:
            raise self.errors[request.prompt]
        self.created.append(request.prompt)
        self.began[request.prompt] = now()
        self.most = max(self.most, self.running)
        job: TrackedJob = self.loop.job(request.prompt)
        self.loop.begin_turn(job, JobState(request.prompt, JobStatus.QUEUED), before=None)
        return job

    @property
    def running(self) -> int:
        return sum(now() < at + self.seconds for at in self.began.values())

    async def poll(self, job_id: str) -> JobState:
        if job_id in self.polls_fail:
            raise self.polls_fail[job_id]
        end = self.began[job_id] + self.seconds
        status = self.statuses.get(job_id, "completed") if now() >= end else "running"
        at = START + timedelta(seconds=end)
        return JobState(job_id, JobStatus(status), START, at, at if status == "completed" else None)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    service.loop = PollLoop(
        service.poll,
        lambda _: None,
        schedule=GrowingSchedule(first=1, growth=0, cap=1),
        pace=Pace(1e5),
        backoff=Backoff(),
        max_in_flight=100,
        now=lambda: START,
        random=lambda: 0.5,
    )
    yield service
    await service.loop.aclose()


def fan_out(service: Service, requests: Requests, **options: Any) -> FanOut:
    settings: dict[str, Any] = {
        "limiter": anyio.CapacityLimiter(5), "job_timeout": None, "on_input": "wait", "recheck": lambda: None,
    }  # fmt: skip
    take_up = lambda intake: service.loop.job(intake.job_id or "")  # noqa: E731
    return FanOut(service.send, take_up, service.loop, intakes(requests), **settings | options)


async def all_of(outcomes: FanOut) -> list[Outcome]:
    async with outcomes:
        return [outcome async for outcome in outcomes]


async def test_every_request_has_one_outcome_with_its_index(service: Service) -> None:
    """Prompts and whole requests, from any iterable, come out with their place, job and state."""
    requests = [VideoRequest("p0"), "p1", VideoRequest("p2", style_reference_url="https://youtu.be/x")]
    outcomes = await all_of(fan_out(service, requests))
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2]
    for outcome in outcomes:
        assert outcome.ok
        assert outcome.request.prompt == f"p{outcome.index}" == outcome.job_id
        assert outcome.state is not None
        assert outcome.state.status == "completed"


async def test_no_more_jobs_run_than_there_are_places(service: Service) -> None:
    """A place is held from the create to the end of the job, and all places are used."""
    limiter = anyio.CapacityLimiter(5)
    await all_of(fan_out(service, (f"p{number}" for number in range(23)), limiter=limiter))
    assert service.most == 5
    assert limiter.borrowed_tokens == 0


async def test_two_batches_can_share_a_limiter(service: Service) -> None:
    """Together they never run more than its places."""
    limiter = anyio.CapacityLimiter(4)
    batches = [fan_out(service, [f"{name}{number}" for number in range(10)], limiter=limiter) for name in "ab"]
    outcomes = await asyncio.gather(*map(all_of, batches))
    assert [len(batch) for batch in outcomes] == [10, 10]
    assert service.most == 4


async def test_requests_are_pulled_one_at_a_time_as_places_come_free(service: Service) -> None:
    """From a source without end, no more is pulled than runs, and one that waits for its place."""
    pulled = 0

    async def endless() -> AsyncIterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"p{pulled}"

    async with fan_out(service, endless()) as outcomes:
        await asyncio.sleep(30)
        assert pulled == 6
        await anext(outcomes)
        await asyncio.sleep(3)
        assert pulled == 11


async def test_outcomes_come_as_jobs_end_not_in_order(service: Service) -> None:
    """A request that fails at once is out before those that run."""
    service.errors["p1"] = CreateUncertainError("lost")
    outcomes = await all_of(fan_out(service, ["p0", "p1", "p2"]))
    assert outcomes[0].index == 1
    assert outcomes[0].job_id is None
    assert isinstance(outcomes[0].error, CreateUncertainError)
    assert [outcome.ok for outcome in outcomes] == [False, True, True]


async def test_one_bad_item_is_one_bad_outcome(service: Service) -> None:
    """A failed job, an unknown one and a refused request leave the others alone."""
    service.statuses["p1"] = "failed"
    service.polls_fail["p2"] = JobNotFoundError("gone", http_status=404, job_id="p2")
    outcomes = {outcome.index: outcome for outcome in await all_of(fan_out(service, [f"p{n}" for n in range(5)]))}
    assert isinstance(outcomes[1].error, JobFailedError)
    assert outcomes[1].state is not None
    assert outcomes[1].state.status == "failed"
    assert isinstance(outcomes[2].error, JobNotFoundError)
    assert outcomes[2].job_id == "p2"
    assert all(outcomes[index].ok for index in (0, 3, 4))


@pytest.mark.parametrize(
    "error",
    [
        InsufficientCreditsError("poor", http_status=402),
        AuthenticationError("who", http_status=401),
        ConnectImpossibleError("no such host"),
    ],
    ids=["402", "401", "no way there"],
)
async def test_what_holds_for_all_ends_new_creates_and_nothing_else(service: Service, error: MotionError) -> None:
    """What runs goes on to its end, and the rest comes out as not sent, with the reason."""
    service.errors["p7"] = error
    outcomes = {outcome.index: outcome for outcome in await all_of(fan_out(service, [f"p{n}" for n in range(50)]))}
    assert len(outcomes) == 50
    assert outcomes[7].error is error
    assert len(service.created) < 15
    for index, outcome in outcomes.items():
        if f"p{index}" in service.created:
            assert outcome.ok
        elif index != 7:
            assert isinstance(outcome.error, NotSentError)
            assert outcome.error.__cause__ is error
            assert outcome.job_id is None


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("who", http_status=401),
        PermissionDeniedError("no", http_status=403),
        ConnectImpossibleError("no way"),
    ],
    ids=repr,
)
async def test_a_poll_that_fails_as_all_will_ends_the_batch(service: Service, error: MotionError) -> None:
    """Such as a 401, of a key that was withdrawn: it ends its job's watch and all new creates, once it is believed."""
    service.polls_fail["p0"] = error
    outcomes = await all_of(fan_out(service, [f"p{n}" for n in range(50)]))
    assert len(outcomes) == 50
    assert sum(isinstance(outcome.error, NotSentError) for outcome in outcomes) > 30


async def test_a_key_that_is_denied_for_a_moment_ends_nothing(service: Service) -> None:
    """The service has taken these jobs with this key: a 401, 403 or 404 to a poll is believed when it has stood."""
    service.polls_fail["p0"] = AuthenticationError("who", http_status=401)
    service.polls_fail["p1"] = PermissionDeniedError("no", http_status=403)
    service.polls_fail["p2"] = JobNotFoundError("gone", http_status=404)
    asyncio.get_running_loop().call_later(50, service.polls_fail.clear)
    outcomes = await all_of(fan_out(service, [f"p{n}" for n in range(20)]))
    assert [outcome.ok for outcome in outcomes] == [True] * 20


@pytest.mark.parametrize("status", ["succeeded", "cancelled", "Failed"])
async def test_an_end_under_another_name_gives_the_place_back(service: Service, status: str) -> None:
    """Its outcome is a video or a failure, and the next request is sent."""
    service.statuses["p0"] = status
    outcomes = await all_of(fan_out(service, ["p0", "p1"], limiter=anyio.CapacityLimiter(1)))
    assert [outcome.ok for outcome in outcomes] == [status == "succeeded", True]
    assert outcomes[0].state is not None
    assert outcomes[0].state.status == status
    assert status == "succeeded" or isinstance(outcomes[0].error, JobFailedError)


async def test_a_job_that_waits_for_a_person_gives_its_place_back(service: Service) -> None:
    """With one place, a job that waits for input does not keep the next one from starting."""
    service.statuses["p0"] = "awaiting_user_input"
    service.seconds = 10
    async with fan_out(service, ["p0", "p1"], limiter=anyio.CapacityLimiter(1)) as outcomes:
        first = await anext(outcomes)
        assert first.index == 1
        service.statuses["p0"] = "completed"
        second = await anext(outcomes)
        assert second.index == 0
        assert second.ok


async def test_a_job_that_waits_for_a_person_is_an_outcome_if_asked(service: Service) -> None:
    """`on_input="raise"` ends the item with its id and an `InputRequiredError`."""
    service.statuses["p0"] = "awaiting_user_input"
    outcomes = {one.index: one for one in await all_of(fan_out(service, ["p0", "p1"], on_input="raise"))}
    assert isinstance(outcomes[0].error, InputRequiredError)
    assert outcomes[0].job_id == "p0"
    assert outcomes[1].ok


async def test_a_job_over_its_time_is_given_up(service: Service) -> None:
    """`job_timeout` ends the watch and frees the place; the job goes on at the service."""
    service.seconds = 1e6
    limiter = anyio.CapacityLimiter(1)
    outcomes = await all_of(fan_out(service, ["p0", "p1"], job_timeout=100, limiter=limiter))
    assert [type(outcome.error) for outcome in outcomes] == [WaitTimeoutError] * 2
    assert [outcome.job_id for outcome in outcomes] == ["p0", "p1"]
    assert now() == pytest.approx(201, abs=2)
    assert limiter.borrowed_tokens == 0


async def test_outcomes_that_nobody_reads_hold_new_requests_back(service: Service) -> None:
    """Memory does not grow with the requests that have not started yet, nor with a slow reader."""
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"p{pulled}"

    service.seconds = 1
    async with fan_out(service, endless(), limiter=anyio.CapacityLimiter(100)) as outcomes:
        await asyncio.sleep(1_000)
        assert MAX_UNREAD < pulled <= MAX_UNREAD + 201
        seen = pulled
        for _ in range(300):
            await anext(outcomes)
        await asyncio.sleep(100)
        assert pulled > seen + 100


async def test_leaving_early_ends_what_was_started_here(service: Service) -> None:
    """After `break` no place is kept, no job followed, nothing pulled; reading on ends."""
    limiter = anyio.CapacityLimiter(5)
    async with fan_out(service, (f"p{number}" for number in range(100)), limiter=limiter) as outcomes:
        async for _ in outcomes:
            break
        await asyncio.sleep(5)
        jobs = service.loop.jobs()
        assert any(job.followers for job in jobs)
    assert limiter.borrowed_tokens == 0
    assert not any(job.followers for job in jobs)
    created = len(service.created)
    await asyncio.sleep(1_000)
    assert len(service.created) == created


async def test_nothing_is_begun_after_leaving_whatever_the_requests_make_of_it(service: Service) -> None:
    """An iterable that takes the cancellation for its own goes on, and is not listened to any more."""
    pulled = 0

    async def source() -> AsyncIterator[str]:
        nonlocal pulled
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(10)
            pulled += 1
            yield f"p{pulled}"

    async with fan_out(service, source()) as outcomes:
        await anext(outcomes)
        before = pulled, len(service.created)
    assert pulled <= before[0] + 1
    await asyncio.sleep(1_000)
    assert len(service.created) == before[1]


async def test_a_stray_cancellation_is_an_outcome(service: Service) -> None:
    """Nobody wanted this task to end, and a request without an outcome would be waited for for ever."""

    async def stray(intake: Intake, *_: Any) -> TrackedJob:
        raise asyncio.CancelledError(intake.request.prompt)

    outcomes = fan_out(service, ["p0"])
    outcomes._send = stray
    [outcome] = await all_of(outcomes)
    assert "CancelledError('p0')" in str(outcome.error)


@pytest.mark.parametrize("given", [["a"], {"x": 1}, 7, object()], ids=lambda given: type(given).__name__)
async def test_an_id_that_is_none_is_one_bad_request(service: Service, given: Any) -> None:
    """Whatever it is, also something that no dict takes."""
    requests = [BatchRequest("p0"), BatchRequest("p1", id=given), BatchRequest("p2", id="fine")]
    ended = sorted(await all_of(fan_out(service, requests)), key=lambda outcome: outcome.index)
    assert [outcome.ok for outcome in ended] == [True, False, True]
    assert isinstance(ended[1].error, InvalidRequestError)
    assert service.created == ["p0", "p2"]


async def test_leaving_early_names_the_jobs_whose_end_nobody_has_heard_of(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """They are paid for like those that go on, and nobody else knows their ids."""
    caplog.set_level(logging.WARNING, "motion_async")
    with suppress(ZeroDivisionError):
        async with fan_out(service, [f"p{number}" for number in range(4)]) as outcomes:
            first = await anext(outcomes)
            await asyncio.sleep(200)
            raise ZeroDivisionError
    [message] = caplog.messages
    heard, _, names = message.partition(": ")
    assert heard == "a batch was left; jobs that have ended, of which nobody has heard"
    assert {*names.split(", "), first.job_id} == {"p0", "p1", "p2", "p3"}


async def test_leaving_early_names_the_jobs_that_go_on(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Those that have ended are not named, nor any that a record has."""
    caplog.set_level(logging.WARNING, "motion_async")

    async def source(record: Any) -> AsyncIterator[Intake]:
        for number in range(4):
            yield Intake(VideoRequest(f"p{number}"), journal=record)

    for record in (None, Mock(ended=AsyncMock())):
        outcomes = fan_out(service, [], limiter=anyio.CapacityLimiter(2))
        outcomes._requests = source(record)
        async with outcomes:
            ended = [(await anext(outcomes)).job_id, (await anext(outcomes)).job_id]
            await asyncio.sleep(5)
    assert sorted(ended) == ["p0", "p1"]
    [message] = caplog.messages
    assert message == "a batch was left; jobs that go on: p2, p3"


async def test_leaving_while_cancelled_twice_keeps_no_place(service: Service) -> None:
    """A second cancellation while the creates are being ended still gives every place back."""
    limiter = anyio.CapacityLimiter(3)

    async def stubborn(intake: Intake, *_: Any) -> TrackedJob:
        try:
            await asyncio.sleep(1_000)
        finally:
            await asyncio.sleep(10)
        return await service.send(intake)

    async def use() -> None:
        outcomes = fan_out(service, (f"p{number}" for number in range(10)), limiter=limiter)
        outcomes._send = stubborn
        async with outcomes:
            await asyncio.sleep(1_000)

    using = asyncio.create_task(use())
    await asyncio.sleep(1)
    assert limiter.borrowed_tokens == 3
    using.cancel()
    await asyncio.sleep(1)
    using.cancel()
    await asyncio.wait([using])
    assert limiter.borrowed_tokens == 0
    await asyncio.sleep(20)


async def test_a_job_that_has_ended_when_it_is_created_is_an_outcome(service: Service) -> None:
    """A create whose very answer is terminal needs no poll."""

    async def at_once(intake: Intake, *_: Any) -> TrackedJob:
        job: TrackedJob = service.loop.job(intake.request.prompt)
        service.loop.begin_turn(job, JobState(intake.request.prompt, JobStatus.COMPLETED), before=None)
        return job

    outcomes = fan_out(service, ["p0"])
    outcomes._send = at_once
    assert [outcome.ok for outcome in await all_of(outcomes)] == [True]


async def test_an_error_of_the_source_comes_after_the_outcomes_before_it(service: Service) -> None:
    """What had started is not lost with the iterable that broke."""

    def broken() -> Iterator[str]:
        yield "p0"
        yield "p1"
        raise LookupError("line 3")

    seen: list[Outcome] = []
    with pytest.raises(LookupError, match="line 3"):  # noqa: PT012  # the error comes from the last step of all
        async with fan_out(service, broken()) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome)  # noqa: PERF401  # what came before the error counts
    assert sorted(outcome.index for outcome in seen) == [0, 1]


async def test_nothing_in_is_nothing_out(service: Service) -> None:
    """An empty iterable ends at once."""
    assert await all_of(fan_out(service, [])) == []


async def test_two_readers_share_the_outcomes(service: Service) -> None:
    """Each outcome goes to one of them, and both end."""
    async with fan_out(service, [f"p{n}" for n in range(20)]) as outcomes:

        async def read() -> list[int]:
            return [outcome.index async for outcome in outcomes]

        first, second = await asyncio.gather(read(), read())
    assert sorted(first + second) == list(range(20))


async def test_it_is_entered_once_and_before_it_is_read(service: Service) -> None:
    """Wrong use is told with the right one."""
    outcomes = fan_out(service, ["p0"])
    with pytest.raises(ConfigurationError, match="async with"):
        await anext(outcomes)
    async with outcomes:
        with pytest.raises(ConfigurationError, match="once"):
            await outcomes.__aenter__()


async def test_requests_that_wait_for_others_hold_new_ones_back(service: Service) -> None:
    """However many follow what runs, a bounded number of them is taken in."""
    pulled = 0
    service.statuses["p0"] = "failed"

    async def look() -> Intake:
        return Intake(VideoRequest("p1"), settled=(None, NotSentError("its parent has failed")))

    async def source() -> AsyncIterator[Intake]:
        nonlocal pulled
        yield Intake(VideoRequest("p0"), key="a")
        for _ in range(3 * MAX_UNREAD):
            pulled += 1
            yield Intake(VideoRequest("p1"), follows="a", look=look)

    outcomes = fan_out(service, [])
    outcomes._requests = source()
    async with outcomes:
        await asyncio.sleep(10)
        assert MAX_UNREAD <= pulled <= MAX_UNREAD + 2
        ended = [outcome async for outcome in outcomes]
        assert len(ended) == 3 * MAX_UNREAD + 1
    assert service.created == ["p0"]


async def test_whatever_is_raised_is_an_outcome(service: Service) -> None:
    """A request without one would be waited for for ever."""

    async def broken(intake: Intake, *_: Any) -> TrackedJob:
        raise ZeroDivisionError(intake.request.prompt)

    outcomes = fan_out(service, ["p0", "p1"])
    outcomes._send = broken
    ended = await all_of(outcomes)
    assert len(ended) == 2
    assert all("ZeroDivisionError" in str(outcome.error) for outcome in ended)


async def test_siblings_of_one_parent_have_their_turns_one_after_the_other(service: Service) -> None:
    """A job has one turn at a time; what follows what failed is not sent."""

    async def source() -> AsyncIterator[Intake]:
        yield Intake(VideoRequest("p0"), key="a")
        for number in (1, 2):
            yield Intake(VideoRequest(f"p{number}"), key=f"b{number}", follows="a")
        yield Intake(VideoRequest("p9"), key="c")
        yield Intake(VideoRequest("p10"), key="d", follows="c")

    service.statuses["p9"] = "failed"
    outcomes = fan_out(service, [])
    outcomes._requests = source()
    ended = {outcome.key: outcome for outcome in await all_of(outcomes)}
    assert [ended[key].ok for key in ("a", "b1", "b2", "c", "d")] == [True, True, True, False, False]
    assert isinstance(ended["d"].error, NotSentError)
    assert service.created.index("p1") < service.created.index("p2")
    assert service.began["p2"] >= service.began["p1"] + service.seconds
    assert not any(vars(outcomes._followups).values())


async def test_a_followup_that_runs_is_not_among_those_that_wait(service: Service) -> None:
    """A thousand that wait hold new requests back; any number may run."""

    async def source() -> AsyncIterator[Intake]:
        yield Intake(VideoRequest("p0"), key="0")
        yield Intake(VideoRequest("p1"), key="1", follows="0")

    outcomes = fan_out(service, [])
    outcomes._requests = source()
    async with outcomes:
        await asyncio.sleep(30)
        assert (service.created, outcomes._parked) == (["p0"], 1)
        await asyncio.sleep(50)
        assert (service.created, outcomes._parked) == (["p0", "p1"], 0)


async def test_a_long_chain_that_cannot_begin_is_told_to_its_end(service: Service) -> None:
    """However many followups hang on what has failed."""

    async def source() -> AsyncIterator[Intake]:
        yield Intake(VideoRequest("p0"), key="0")
        for number in range(1, 1_000):
            yield Intake(VideoRequest(f"p{number}"), key=f"{number}", follows=f"{number - 1}")

    service.statuses["p0"] = "failed"
    outcomes = fan_out(service, [])
    outcomes._requests = source()
    ended = await all_of(outcomes)
    assert [outcome.index for outcome in ended] == list(range(1_000))
    assert not any(vars(outcomes._followups).values())
    assert all(isinstance(outcome.error, NotSentError) for outcome in ended[1:])


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_stream_of_requests_leaves_nothing_behind() -> None:
    """However many have gone through, memory has as many blocks as before, and not one more for each of them."""
    first, last, ended, blocks = 100, 700, 0, dict[int, int]()
    jobs = Jobs(lambda number: 40.0 + number % 50)
    requests = (f"video number {number}" for number in range(800))
    async with in_process_session(jobs) as motion, motion.generate_many(requests, max_active=20) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok
            ended += 1
            if ended in (first, last):
                gc.collect()
                blocks[ended] = sys.getallocatedblocks()
    assert ended == 800
    assert (blocks[last] - blocks[first]) / (last - first) < 0.5
