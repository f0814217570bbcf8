"""The poll loop, on virtual time and a service that is a script."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest

from motion_async import (
    AuthenticationError,
    ConfigurationError,
    ConnectionLostError,
    GrowingSchedule,
    JobNotFoundError,
    JobState,
    JobStatus,
    MotionError,
    PermissionDeniedError,
    PollDisturbed,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
    SessionClosedError,
    SessionSlowed,
    StatusChange,
    StatusUndocumented,
    UnexpectedResponseError,
    WatchEnded,
)
from motion_async.contract.wire import read_state
from motion_async.events import Event
from motion_async.polling.loop import PollLoop
from motion_async.polling.waiting import Waiter
from motion_async.timing.admission import Admission
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing
from motion_async.timing.pace import Pace
from motion_async.timing.schedule import Schedule
from tests.quiet import Heard

START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)


pytestmark = pytest.mark.virtual_time


class Service:
    """Answers polls as it is told, and notes when each came."""

    def __init__(self) -> None:
        self.polls: list[tuple[float, str]] = []
        self.answers: dict[str, Callable[[float], JobState | MotionError]] = {}
        self.takes = 0.0
        self.in_flight = 0
        self.most_in_flight = 0

    async def poll(self, job_id: str) -> JobState:
        self.polls.append((now(), job_id))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.takes:
                await asyncio.sleep(self.takes)
        finally:
            self.in_flight -= 1
        answer = self.answers[job_id](now())
        if isinstance(answer, MotionError):
            raise answer
        return answer

    def times(self, job_id: str) -> list[float]:
        return [at for at, polled in self.polls if polled == job_id]


def now() -> float:
    return asyncio.get_running_loop().time()


def state(job_id: str, status: str, at: float = 0.0, **fields: Any) -> JobState:
    completed = START + timedelta(seconds=at) if status == "completed" else None
    return JobState(job_id, JobStatus(status), START, START + timedelta(seconds=at), completed, **fields)


def runs_until(job_id: str, end: float, status: str = "completed") -> Callable[[float], JobState]:
    return lambda at: state(job_id, status, end) if at >= end else state(job_id, "running", 1)


@attrs.define
class Bench:
    """A loop, the service it polls, and what it published."""

    service: Service
    polls: PollLoop
    events: list[Event]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Bench]]:
    """Make benches; each is closed in the end."""
    made: list[Bench] = []

    def make_one(
        *, schedule: Schedule | None = None, rate: float = 1e5, max_in_flight: int = 100, u: float = 0.5
    ) -> Bench:
        service, events = Service(), list[Event]()
        polls = PollLoop(
            service.poll,
            events.append,
            schedule=schedule or GrowingSchedule(),
            pace=Pace(rate),
            backoff=Backoff(),
            max_in_flight=max_in_flight,
            now=lambda: START + timedelta(seconds=now()),
            random=lambda: u,
        )
        made.append(Bench(service, polls, events))
        return made[-1]

    yield make_one
    for bench in made:
        await bench.polls.aclose()


async def test_a_job_that_was_taken_up_is_polled_at_once_and_then_as_the_schedule_says(make: Any) -> None:
    """The first poll of an unknown job comes at once, the next ones after 2 s and ever longer waits."""
    bench = make()
    bench.service.answers["a"] = runs_until("a", 30)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(200)
    times = bench.service.times("a")
    assert times[0] == pytest.approx(0, abs=0.01)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits[0] == pytest.approx(2, abs=0.01)
    assert waits == sorted(waits)
    assert waits[1] == pytest.approx(2.4, abs=0.01)
    assert job.state == state("a", "completed", 30)


async def test_nothing_is_polled_after_the_end(make: Any) -> None:
    """A terminal state ends the polls of a job, however many follow it."""
    bench = make()
    bench.service.answers["a"] = runs_until("a", 5)
    bench.polls.follow(bench.polls.job("a"))
    bench.polls.follow(job := bench.polls.job("a"))
    await asyncio.sleep(20)
    seen = len(bench.service.polls)
    await asyncio.sleep(1_000)
    assert len(bench.service.polls) == seen
    assert job.has_ended


async def test_ten_followers_cost_one_poll(make: Any) -> None:
    """A job that ten follow is polled exactly as often as one that is followed once."""
    one, ten = make(), make()
    for bench, followers in ((one, 1), (ten, 10)):
        bench.service.answers["a"] = runs_until("a", 50)
        job = bench.polls.job("a")
        for _ in range(followers):
            bench.polls.follow(job)
    await asyncio.sleep(100)
    assert len(one.service.polls) == len(ten.service.polls) > 3


async def test_a_job_that_nobody_follows_any_more_is_not_polled(make: Any) -> None:
    """The last unfollow ends the polls; a new follow takes them up again."""
    bench = make()
    bench.service.answers["a"] = runs_until("a", 1e9)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(10)
    bench.polls.unfollow(job)
    seen = len(bench.service.polls)
    await asyncio.sleep(1_000)
    assert len(bench.service.polls) == seen
    bench.polls.follow(job)
    await asyncio.sleep(100)
    assert len(bench.service.polls) > seen


async def test_a_job_that_nobody_holds_is_forgotten(make: Any) -> None:
    """The loop keeps no job alive: memory does not grow with the jobs that have been."""
    bench = make()
    bench.service.answers["a"] = runs_until("a", 5)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(30)
    gone = weakref.ref(job)
    del job
    gc.collect()
    assert gone() is None
    assert bench.polls.jobs() == []


async def test_polls_in_flight_are_bounded_and_no_job_starves(make: Any) -> None:
    """Of 50 jobs that are due at once never more than 4 are under way, and each gets its turn."""
    bench = make(max_in_flight=4)
    bench.service.takes = 1.0
    jobs = [bench.polls.job(f"job-{number}") for number in range(50)]
    for job in jobs:
        bench.service.answers[job.job_id] = runs_until(job.job_id, 1e9)
        bench.polls.follow(job)
    await asyncio.sleep(130)
    assert bench.service.most_in_flight == 4
    counts = [len(bench.service.times(job.job_id)) for job in jobs]
    assert max(counts) - min(counts) <= 1
    assert min(counts) >= 9


async def test_a_thousand_jobs_at_once_are_polled_within_the_pace(make: Any) -> None:
    """Polls of the whole session stay within its rate, whatever is due; no job is left out."""
    bench = make(rate=50)
    for number in range(1_000):
        job_id = f"job-{number}"
        bench.service.answers[job_id] = runs_until(job_id, 1e9)
        bench.polls.follow(bench.polls.job(job_id))
    jobs = bench.polls.jobs()
    await asyncio.sleep(60)
    times = [at for at, _ in bench.service.polls]
    for second in range(59):
        assert sum(second <= at < second + 1 for at in times) <= 56
    assert len({job_id for _, job_id in bench.service.polls}) == len(jobs) == 1_000


async def test_a_poll_that_hangs_holds_up_no_other_job(make: Any) -> None:
    """While one job's poll is under way, the next one that comes due is polled on time."""
    bench = make(schedule=GrowingSchedule(first=1, growth=0, cap=1))
    hanging = asyncio.Event()

    async def poll(job_id: str) -> JobState:
        if job_id == "slow":
            await hanging.wait()
        return await Service.poll(bench.service, job_id)

    bench.polls._poll = poll
    for job_id in ("slow", "fast"):
        bench.service.answers[job_id] = runs_until(job_id, 1e9)
    jobs = [bench.polls.job(job_id) for job_id in ("slow", "fast")]
    bench.polls.follow(jobs[0])
    await asyncio.sleep(0.5)
    bench.polls.follow(jobs[1])
    await asyncio.sleep(10)
    assert len(bench.service.times("fast")) >= 10
    hanging.set()


async def test_the_bound_holds_under_eager_tasks(make: Any) -> None:
    """A task factory that runs tasks at once does not make the loop forget how many polls are under way."""
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("this Python has no eager tasks")
    asyncio.get_running_loop().set_task_factory(factory)
    bench = make(max_in_flight=3)
    bench.service.takes = 1.0
    jobs = [bench.polls.job(f"job-{number}") for number in range(20)]
    for job in jobs:
        bench.service.answers[job.job_id] = runs_until(job.job_id, 1e9)
        bench.polls.follow(job)
    await asyncio.sleep(20)
    assert bench.service.most_in_flight == 3
    asyncio.get_running_loop().set_task_factory(None)


@pytest.mark.parametrize("rate", [1, 20])
async def test_polls_beside_the_loop_leave_it_its_share(make: Any, rate: float) -> None:
    """However many ask by hand, and as fast as they can, every other slot is the loop's as long as it has work."""
    bench = make(rate=rate, schedule=GrowingSchedule(first=0.01, growth=0, cap=0.01))
    bench.service.answers["a"] = runs_until("a", 1e9)
    admission, by_hand = Admission(bench.polls._pace, Closing()), 0

    async def ask() -> None:
        nonlocal by_hand
        while True:
            await admission.wait()
            by_hand += 1

    job = bench.polls.job("a")
    askers = [asyncio.create_task(ask()) for _ in range(5)]
    await asyncio.sleep(10)
    bench.polls.follow(job)
    before = by_hand
    await asyncio.sleep(100)
    shares = [len(bench.service.times("a")), by_hand - before]
    for asker in askers:
        asker.cancel()
    await asyncio.wait(askers)
    assert sum(shares) == pytest.approx(100 * rate, rel=0.05)
    assert min(shares) > 0.45 * sum(shares)


async def test_a_slot_that_is_not_needed_any_more_is_given_back(make: Any) -> None:
    """Whoever wanted the poll has left before its turn came."""
    bench = make(rate=1, schedule=GrowingSchedule(first=0.01, growth=0, cap=0.01))
    bench.service.answers["a"] = runs_until("a", 1e9)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(5.5)
    opens_at = bench.polls._pace.opens_at
    bench.polls.unfollow(job)
    await asyncio.sleep(0.6)
    assert bench.polls._pace.opens_at <= opens_at - 0.9
    assert now() - bench.service.times("a")[-1] > 1


async def test_a_stranger_who_cancels_a_poll_holds_up_no_other_job(make: Any) -> None:
    """What was due behind it is polled at once, and the job itself again."""
    bench = make(max_in_flight=1)
    bench.service.takes = 1_000
    jobs = [bench.polls.job(job_id) for job_id in "ab"]
    for job in jobs:
        bench.service.answers[job.job_id] = runs_until(job.job_id, 0)
        bench.polls.follow(job)
    await asyncio.sleep(1)
    (worker,) = (task for task in asyncio.all_tasks() if task.get_name() == "motion_async.poll")
    bench.service.takes = 0
    worker.cancel()
    await asyncio.sleep(10)
    assert [job_id for _, job_id in bench.service.polls] == ["a", "b", "a"]
    assert all(job.has_ended for job in jobs)


@pytest.mark.parametrize("instead", [ConnectionLostError("lost"), ValueError("hook"), None], ids=repr)
async def test_it_ends_though_a_poll_takes_its_cancellation_for_something_else(make: Any, instead: Any) -> None:
    """A hook of the caller's may do that; no worker goes on after the end."""
    bench = make()

    async def poll(job_id: str) -> JobState:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            if instead is not None:
                raise instead from None
        return state(job_id, "running")

    bench.polls._poll = poll
    bench.polls.follow(job := bench.polls.job("a"))
    await asyncio.sleep(1)
    async with asyncio.timeout(10):
        await bench.polls.aclose()
    assert job.error is not None


async def test_a_poll_faster_than_the_answer_to_the_followup_repeats_no_transition(make: Any) -> None:
    """If the new turn was seen at work before its 202 came, the 202 does not set it back to `queued`."""
    bench = make()
    old = state("a", "completed", 5)
    job = bench.polls.job("a")
    bench.polls.observe(job, old)
    bench.polls.observe(job, state("a", "running", 10))
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=old)
    assert [change.current for change in bench.of(StatusChange)] == ["completed", "running"]
    bench.polls.observe(job, old)
    assert not job.has_ended


@pytest.mark.parametrize("status", ["running", "completed"])
async def test_a_create_that_is_answered_with_a_known_id_begins_nothing(make: Any, status: str) -> None:
    """The service gave an equal request the job that it had made before: that goes on as it stands."""
    bench = make(schedule=(pupil := Pupil()))
    job = bench.polls.job("a")
    bench.polls.observe(job, known := state("a", status, 5))
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=None)
    assert (job.state, job.before, job.turn, job.has_ended) == (known, None, 0, status == "completed")
    bench.polls.observe(job, state("a", "completed", 5))
    assert job.has_ended
    assert pupil.lessons == []


async def test_an_end_that_somebody_elses_followup_left_behind_does_not_count_again(make: Any) -> None:
    """A job seen at work again after its end has a new turn, for which the old end is stale."""
    bench = make()
    job = bench.polls.job("a")
    bench.polls.observe(job, old := state("a", "completed", 5))
    bench.polls.observe(job, state("a", "running", 10))
    assert job.turn == 1
    bench.polls.observe(job, old)
    assert not job.has_ended
    bench.polls.observe(job, state("a", "completed", 60))
    assert job.has_ended


class Pupil:
    """A schedule that notes what it is told."""

    def __init__(self) -> None:
        self.lessons: list[tuple[object, ...]] = []

    def wait(self, age: float, turn: int) -> float:
        return 10.0

    def running(self, since: float, age: float, turn: int) -> None:
        self.lessons.append(("running", round(since), round(age), turn))

    def finished(self, since: float, age: float, turn: int, *, duration: float | None = None) -> None:
        self.lessons.append(("finished", round(since), round(age), turn, duration))


async def test_a_schedule_that_learns_is_told_of_every_stretch_once(make: Any) -> None:
    """Each poll tells it from where to where the job was seen to run, and the end with the service's own duration."""
    bench = make(schedule=(pupil := Pupil()))
    job = bench.polls.job("a")
    bench.service.answers["a"] = runs_until("a", 25)
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=None)
    bench.polls.follow(job)
    await asyncio.sleep(100)
    assert pupil.lessons == [("running", 0, 10, 0), ("running", 10, 20, 0), ("finished", 20, 30, 0, 25.0)]
    before = job.state
    bench.service.answers["a"] = lambda at: state("a", "completed", 118) if at >= 118 else state("a", "running", 101)
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=before)
    bench.polls.follow(job)
    await asyncio.sleep(100)
    assert pupil.lessons[3:] == [("running", 0, 10, 1), ("finished", 10, 20, 1, None)]


async def test_a_job_of_unknown_age_or_that_waits_for_a_person_teaches_nothing(make: Any) -> None:
    """What was taken up by its id began at no known time, and a person's time says nothing of the service's."""
    bench = make(schedule=(pupil := Pupil()))
    bench.service.answers["a"] = runs_until("a", 25)
    bench.service.answers["b"] = lambda at: state("b", "awaiting_user_input" if at < 25 else "completed", 25)
    jobs = [bench.polls.job(job_id) for job_id in "ab"]
    bench.polls.begin_turn(jobs[1], JobState("b", JobStatus.QUEUED), before=None)
    for job in jobs:
        bench.polls.follow(job)
    await asyncio.sleep(100)
    assert all(job.has_ended for job in jobs)
    assert pupil.lessons == []


async def test_a_schedule_that_fails_to_learn_ends_the_watch_and_no_worker(make: Any) -> None:
    """What a caller's schedule raises when it is told of a job ends that job's watch; other jobs go on."""

    class Unteachable(Pupil):
        def running(self, since: float, age: float, turn: int) -> None:
            raise ZeroDivisionError("lesson")

    bench = make()
    for job_id in "ab":
        bench.service.answers[job_id] = runs_until(job_id, 25)
    jobs = [bench.polls.job(job_id) for job_id in "ab"]
    bench.polls.begin_turn(jobs[0], JobState("a", JobStatus.QUEUED), before=None, schedule=Unteachable())
    for job in jobs:
        bench.polls.follow(job)
    await asyncio.sleep(100)
    assert isinstance(jobs[0].error, ConfigurationError)
    assert jobs[1].has_ended


async def test_a_clock_that_raises_ends_the_watch_and_no_worker(make: Any) -> None:
    """What the caller handed in may fail; the job's watch ends with it, other jobs go on."""
    bench = make()

    def broken(_: float) -> JobState:
        raise ZeroDivisionError("clock")

    bench.service.answers["a"] = broken
    bench.service.answers["b"] = runs_until("b", 5)
    jobs = [bench.polls.job(job_id) for job_id in "ab"]
    for job in jobs:
        bench.polls.follow(job)
    await asyncio.sleep(30)
    assert isinstance(jobs[0].error, ConfigurationError)
    assert jobs[0].error.job_id == "a"
    assert jobs[1].has_ended


@pytest.mark.parametrize("answer", ["a failure", "a state", "none yet"])
@pytest.mark.parametrize("u", [ZeroDivisionError("chance"), 7.0, None], ids=repr)
async def test_chance_that_is_none_ends_the_watch_and_no_worker(make: Any, answer: str, u: Any) -> None:
    """A source of chance that raises, or gives no share, is told of to whoever waits, wherever it was asked."""

    def chance() -> Any:
        if isinstance(u, Exception):
            raise u
        return u

    bench = make()
    failing = {"a failure": ConnectionLostError("gone"), "a state": state("a", "running")}.get(answer)
    bench.service.answers["a"] = lambda _: failing
    bench.service.answers["b"] = runs_until("b", 0)
    job, other = (bench.polls.job(job_id) for job_id in "ab")
    if answer == "none yet":
        bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=None)
    bench.polls._random = chance
    bench.polls.follow(job)
    bench.polls.follow(other)
    await asyncio.sleep(30)
    assert isinstance(job.error, ConfigurationError)
    assert job.error.job_id == "a"
    assert other.has_ended


async def test_changes_are_published_in_order_and_without_repeats(make: Any) -> None:
    """However often a status is read, it is told once, with the one before it."""
    bench = make()
    story = [
        (0, "queued"),
        (3, "created"),
        (8, "running"),
        (20, "awaiting_user_input"),
        (30, "running"),
        (60, "failed"),
    ]
    bench.service.answers["a"] = lambda at: state("a", *[(s, t) for t, s in story if t <= at][-1])
    bench.polls.follow(bench.polls.job("a"))
    await asyncio.sleep(100)
    changes = bench.of(StatusChange)
    assert [change.current for change in changes] == [status for _, status in story]
    assert [change.previous for change in changes] == [None, *(status for _, status in story[:-1])]
    assert all(change.observed_at.tzinfo is not None and change.job_id == "a" for change in changes)


async def test_an_unknown_status_is_a_change_like_any_other(make: Any) -> None:
    """A status that the documentation does not name is told of, is not terminal, and ends nothing."""
    bench = make()
    bench.service.answers["a"] = lambda at: state("a", "rendering" if at < 20 else "completed", 20)
    bench.polls.follow(bench.polls.job("a"))
    await asyncio.sleep(60)
    assert [change.current for change in bench.of(StatusChange)] == ["rendering", "completed"]


@pytest.mark.parametrize(
    "trouble",
    [
        ServiceUnavailableError("in trouble", http_status=503),
        RateLimitedError("too many", http_status=429),
        ConnectionLostError("lost"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
async def test_a_watch_outlives_an_outage_of_an_hour(make: Any, trouble: MotionError) -> None:
    """Trouble that may pass ends no watch: it is told of, with ever longer waits up to half a minute."""
    bench = make()
    bench.service.answers["a"] = lambda at: trouble if at < 3_600 else state("a", "completed", 3_600)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(3_700)
    assert job.has_ended
    assert job.error is None
    disturbed = bench.of(PollDisturbed)
    assert [one.failures for one in disturbed] == list(range(1, len(disturbed) + 1))
    assert disturbed[0].next_wait < 2
    assert 20 < disturbed[-1].next_wait <= 30
    assert disturbed[0].error is trouble


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("who", http_status=401),
        PermissionDeniedError("no", http_status=403),
        JobNotFoundError("where", http_status=404),
        ServiceError("gone", http_status=410),
    ],
    ids=lambda error: str(error.http_status),
)
async def test_a_refusal_ends_the_watch(make: Any, error: MotionError) -> None:
    """What will not pass by itself ends the watch at once: one poll, one event, the error in hand."""
    bench = make()
    bench.service.answers["a"] = lambda _: error
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(1_000)
    assert len(bench.service.polls) == 1
    assert bench.of(WatchEnded) == [WatchEnded("a", error)]
    with pytest.raises(type(error)):
        job.raise_if_watch_ended()


async def test_a_new_follower_after_an_ended_watch_tries_again(make: Any) -> None:
    """An error that ended a watch is forgotten by the next follow, as the cause may have been mended."""
    bench = make()
    bench.service.answers["a"] = lambda at: (
        JobNotFoundError("where", http_status=404) if at < 100 else state("a", "completed", 100)
    )
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(150)
    assert isinstance(job.error, JobNotFoundError)
    bench.polls.follow(job)
    await asyncio.sleep(1)
    assert job.error is None
    assert job.has_ended


async def test_five_unreadable_answers_running_end_the_watch_and_four_do_not(make: Any) -> None:
    """Only answers that can't be read in an unbroken row count; other trouble or a good answer breaks it."""
    unreadable = UnexpectedResponseError("no JSON", http_status=200, job_id="a")
    script = [unreadable] * 4 + [ConnectionLostError("lost")] + [unreadable] * 4 + [state("a", "running")]
    script += [unreadable] * 5
    bench = make()
    answers = iter(script)
    bench.service.answers["a"] = lambda _: next(answers)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(2_000)
    assert len(bench.service.polls) == len(script)
    assert isinstance(job.error, UnexpectedResponseError)


async def test_a_429_slows_every_job_of_the_session(make: Any) -> None:
    """After one job's 429 with Retry-After nothing at all is polled for that long, and then at half the pace."""
    bench = make(rate=20)
    complained: list[float] = []

    def complain_once(job_id: str) -> Callable[[float], JobState | MotionError]:
        def answer(at: float) -> JobState | MotionError:
            if at > 30 and not complained:
                complained.append(at)
                return RateLimitedError("too many", http_status=429, retry_after=10)
            return state(job_id, "running", 1)

        return answer

    jobs = [bench.polls.job(f"job-{number}") for number in range(200)]
    for job in jobs:
        bench.service.answers[job.job_id] = complain_once(job.job_id)
        bench.polls.follow(job)
    await asyncio.sleep(120)
    (at,) = complained
    times = [t for t, _ in bench.service.polls]
    assert not [t for t in times if at < t < at + 9.9]
    before = sum(at - 5 <= t < at for t in times) / 5
    after = sum(at + 10.5 <= t < at + 13.5 for t in times) / 3
    late = sum(110 <= t < 120 for t in times) / 10
    assert after < 0.75 * before < late * 1.1
    (slowed,) = bench.of(SessionSlowed)
    assert slowed.pause == pytest.approx(10, abs=0.1)
    assert slowed.polls_per_second == pytest.approx(before / 2, rel=0.15)


async def test_the_old_completed_after_a_followup_is_not_the_new_result(make: Any) -> None:
    """A stale `completed` is no transition; the turn ends with the new one, seen by its `completed_at`."""
    bench = make()
    old = state("a", "completed", 5)
    bench.service.answers["a"] = lambda at: old if at < 60 else state("a", "completed", 60)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(50)
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=old)
    assert not job.has_ended
    await asyncio.sleep(5)
    assert job.state is not None
    assert job.state.status == "queued"
    await asyncio.sleep(50)
    assert job.state.completed_at == START + timedelta(seconds=60)
    assert [change.current for change in bench.of(StatusChange)] == ["completed", "queued", "completed"]
    assert job.turn == 1


async def test_a_schedule_that_fails_ends_the_watch_with_its_error(make: Any) -> None:
    """A caller's schedule that raises, or gives nonsense, is told of, and other jobs go on."""

    class Broken:
        def wait(self, age: float, turn: int) -> float:
            return float("nan")

    bench = make(schedule=Broken())
    bench.service.answers["a"] = runs_until("a", 1e9)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    await asyncio.sleep(1)
    assert isinstance(job.error, ConfigurationError)
    assert isinstance(bench.of(WatchEnded)[0].error, ConfigurationError)


async def test_jitter_spreads_jobs_that_began_together(make: Any) -> None:
    """The same schedule with other random numbers polls at other times, by a tenth at most, and never before 2 s."""
    early, late = make(u=0.0), make(u=1.0)
    for bench in (early, late):
        bench.service.answers["a"] = runs_until("a", 1e9)
        bench.polls.follow(bench.polls.job("a"))
    kept = early.polls.jobs() + late.polls.jobs()
    await asyncio.sleep(3)
    assert early.service.times("a")[1] == pytest.approx(2.0, abs=0.01)
    assert late.service.times("a")[1] == pytest.approx(2.2, abs=0.01)
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("complaint", "slows"),
    [
        (RateLimitedError("slow", http_status=429), True),
        (RateLimitedError("slow", http_status=429, retry_after=5), True),
        (ServiceUnavailableError("down", http_status=503, retry_after=5), True),
        (ServiceUnavailableError("down", http_status=503), False),
        (ConnectionLostError("gone"), False),
    ],
    ids=["a bare 429", "a 429", "a 503 with Retry-After", "a 503", "no answer"],
)
async def test_a_429_slows_the_session_and_so_does_any_retry_after(
    make: Any, complaint: MotionError, slows: bool
) -> None:
    """Other trouble is the one job's, which is left alone for as long as the service says."""
    bench = make()
    bench.service.answers["a"] = lambda at: complaint if at < 1 else state("a", "running", 1)
    bench.polls.follow(bench.polls.job("a"))
    await asyncio.sleep(30)
    assert bool(bench.of(SessionSlowed)) is slows
    (disturbed, *_) = bench.of(PollDisturbed)
    asked = getattr(complaint, "retry_after", None)
    assert disturbed.next_wait == asked if asked else disturbed.next_wait <= 1


async def test_a_turn_that_began_and_ended_between_two_polls_is_told(make: Any) -> None:
    """A followup that somebody else sent is taken up, and the job is found completed again, at a later time."""
    bench = make()
    job = bench.polls.job("a")
    old, new = (JobState("a", JobStatus.COMPLETED, START, at, at) for at in (START, START + timedelta(seconds=9)))
    bench.polls.observe(job, old)
    bench.polls.resume_turn(job, before=old)
    heard = Heard(job)
    bench.polls.observe(job, old)
    assert not job.has_ended
    assert not heard.news
    bench.polls.observe(job, new)
    assert job.has_ended
    assert len(heard.news) == 1
    assert [change.state for change in bench.of(StatusChange)] == [old, new]


async def test_closing_wakes_everyone_who_waits_and_ends_every_task(make: Any) -> None:
    """After `aclose` waiters have a `SessionClosedError`, nothing is polled, and no follow is taken."""
    bench = make()
    bench.service.takes = 1_000
    bench.service.answers["a"] = runs_until("a", 1e9)
    job = bench.polls.job("a")
    bench.polls.follow(job)
    heard = Heard(job)
    await asyncio.sleep(1)
    assert bench.service.in_flight == 1
    await bench.polls.aclose()
    assert bench.service.in_flight == 0
    assert heard.news == [None]
    with pytest.raises(SessionClosedError, match="take job a up again by its id"):
        job.raise_if_watch_ended()
    with pytest.raises(SessionClosedError):
        bench.polls.follow(job)


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_closing_with_many_jobs_lets_others_run(make: Any, is_cancelled: bool) -> None:
    """All hear of it, also when whoever closes has no time for that."""
    bench = make()
    heard = [Heard(bench.polls.job(f"job-{number}")) for number in range(5_000)]
    told_by_step: list[int] = []
    closing = asyncio.create_task(bench.polls.aclose())
    while not closing.done():
        await asyncio.sleep(0)
        told_by_step.append(sum(len(each.news) for each in heard))
        if is_cancelled and len(told_by_step) == 3:
            closing.cancel()
    steps = [after - before for before, after in pairwise([0, *told_by_step])]
    assert max(steps[:3]) <= 500
    assert len(steps) == (4 if is_cancelled else 10)
    assert all(each.news == [None] and isinstance(each.job.error, SessionClosedError) for each in heard)


async def test_a_watched_job_costs_at_most_a_kilobyte(make: Any) -> None:
    """Its state, its place in the heap and a waiter's future included."""
    bench = make()
    job_ids = [f"405d47cf-f72b-4852-b570-{number:012d}" for number in range(2_000)]
    held: list[Any] = []
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for job_id in job_ids:
        job = bench.polls.job(job_id)
        bench.polls.begin_turn(job, JobState(job_id, JobStatus.QUEUED), before=None)
        body = json.dumps({
            "job_id": job_id, "status": "running", "created_at": "2026-04-28T23:01:04.198Z",
            "updated_at": "2026-04-28T23:01:23.695Z", "completed_at": None, "error": None, "pending_user_input": False,
        })  # fmt: skip
        bench.polls.observe(job, read_state(body.encode(), asked=job_id))
        bench.polls.follow(job)
        waiter = Waiter()
        job.subscribe(waiter)
        held += (job, waiter, waiter.news())
    bench.events.clear()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert (after - before) / len(job_ids) <= 1_024


async def test_a_watched_job_costs_no_task_and_no_timer(make: Any) -> None:
    """A thousand followed jobs that are not due add neither tasks nor timers to the loop."""
    bench = make()
    jobs = []
    for number in range(1_000):
        job = bench.polls.job(f"job-{number}")
        bench.polls.begin_turn(job, JobState(job.job_id, JobStatus.QUEUED), before=None)
        bench.polls.follow(job)
        jobs.append(job)
    loop: Any = asyncio.get_running_loop()
    assert sum(not handle.cancelled() for handle in loop._scheduled) <= 2
    assert len(asyncio.all_tasks()) <= 4


async def test_timers_need_not_say_when_they_fire(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uvloop's do not, where the moment has come already."""
    loop = asyncio.get_running_loop()
    call_at = loop.call_at

    class Mute:
        def __init__(self, handle: asyncio.TimerHandle) -> None:
            self.cancel = handle.cancel

    bench = make()
    monkeypatch.setattr(loop, "call_at", lambda *args, **options: Mute(call_at(*args, **options)))
    jobs = [bench.polls.job(f"job-{number}") for number in range(20)]
    for job in jobs:
        bench.service.answers[job.job_id] = runs_until(job.job_id, 5)
        bench.polls.follow(job)
    monkeypatch.undo()
    await asyncio.sleep(60)
    assert all(job.has_ended for job in jobs)


DENIALS = [
    JobNotFoundError("gone", http_status=404),
    AuthenticationError("who", http_status=401),
    PermissionDeniedError("no", http_status=403),
]


def taken(bench: Bench, job_id: str = "a") -> Any:
    """Give a job that the service has just taken, followed."""
    job = bench.polls.job(job_id)
    bench.polls.begin_turn(job, JobState(job_id, JobStatus.QUEUED), before=None)
    bench.polls.follow(job)
    return job


def denies_until(end: float, error: MotionError) -> Callable[[float], JobState | MotionError]:
    """Deny the job up to a moment, then show that it runs."""
    return lambda at: state("a", "running", 1) if at >= end else type(error)("no", http_status=400)


@pytest.mark.parametrize("error", DENIALS, ids=lambda error: type(error).__name__)
async def test_a_denial_after_the_202_is_a_disturbance_until_it_has_stood(make: Any, error: MotionError) -> None:
    """It is told as any trouble is, and ends the watch when it has stood for a minute."""
    bench = make()
    bench.service.answers["a"] = denies_until(1e9, error)
    job = taken(bench)
    await asyncio.sleep(61)
    assert job.error is None
    assert {type(event.error) for event in bench.of(PollDisturbed)} == {type(error)}
    await asyncio.sleep(60)
    assert isinstance(job.error, type(error))
    assert len(bench.of(WatchEnded)) == 1
    first, last = bench.service.times("a")[0], bench.service.times("a")[-1]
    assert 60 <= last - first < 95


async def test_a_denial_that_passes_ends_nothing_and_the_next_one_begins_anew(make: Any) -> None:
    """An answer about the job in between is worth more than what came before it."""
    bench = make()
    job = taken(bench)
    for _ in range(5):
        bench.service.answers["a"] = denies_until(now() + 50, DENIALS[0])
        await asyncio.sleep(100)
        assert job.state.status == "running"
    assert bench.of(WatchEnded) == []


async def test_other_trouble_between_two_denials_neither_counts_nor_hides_them(make: Any) -> None:
    """The service denies the job, is down, and denies it again."""
    bench = make()
    asked = 0

    def answer(_: float) -> MotionError:
        nonlocal asked
        asked += 1
        if asked % 2:
            return JobNotFoundError("gone", http_status=404)
        return ServiceUnavailableError("down", http_status=503)

    bench.service.answers["a"] = answer
    job = taken(bench)
    await asyncio.sleep(300)
    assert isinstance(job.error, JobNotFoundError)
    assert 60 <= bench.service.times("a")[-1] - bench.service.times("a")[0] < 130


async def test_whoever_follows_again_what_was_denied_for_long_hears_of_it_at_once(make: Any) -> None:
    """The denials stand until an answer about the job comes."""
    bench = make()
    bench.service.answers["a"] = denies_until(1e9, DENIALS[0])
    job = taken(bench)
    await asyncio.sleep(200)
    polls = len(bench.service.polls)
    bench.polls.follow(job)
    await asyncio.sleep(100)
    assert len(bench.service.polls) == polls + 1
    assert isinstance(job.error, JobNotFoundError)


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("error", DENIALS, ids=lambda error: type(error).__name__)
async def test_a_denial_of_a_job_that_was_taken_up_by_its_id_is_believed_at_once(
    make: Any, error: MotionError, is_known: bool
) -> None:
    """Whoever named it may have mistyped it; unless somebody notes that the service has taken it."""
    bench = make()
    bench.service.answers["a"] = denies_until(1e9, error)
    job = bench.polls.job("a")
    if is_known:
        job.trust()
    bench.polls.follow(job)
    await asyncio.sleep(30)
    assert (job.error is None) is is_known


async def test_a_status_that_stands_and_nobody_knows_is_told_once(make: Any) -> None:
    """The job is watched on, to its end."""
    bench = make()
    bench.service.answers["a"] = lambda at: state("a", "completed", 5_000) if at >= 5_000 else state("a", "odd", 1)
    job = taken(bench)
    await asyncio.sleep(500)
    assert bench.of(StatusUndocumented) == []
    await asyncio.sleep(5_000)
    (told,) = bench.of(StatusUndocumented)
    assert (told.job_id, told.status) == ("a", "odd")
    assert 600 <= told.seconds < 620
    assert job.has_ended


async def test_a_turn_that_still_shows_the_last_ones_end_under_a_new_status_goes_on(make: Any) -> None:
    """The old `completed_at` with a status that nobody knows ends nothing; with its own it does."""
    bench = make()
    job = bench.polls.job("a")
    bench.polls.observe(job, old := state("a", "completed", 5))
    bench.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=old)
    bench.polls.observe(job, attrs.evolve(state("a", "odd", 10), completed_at=old.completed_at))
    assert (job.state.status, job.state.completed_at, job.has_ended) == ("odd", None, False)
    bench.polls.observe(job, attrs.evolve(state("a", "odd", 20), completed_at=START + timedelta(seconds=20)))
    assert job.has_ended
    ends = [(change.previous, change.current, change.is_end) for change in bench.of(StatusChange)]
    assert ends == [
        (None, "completed", True), ("completed", "queued", False), ("queued", "odd", False), ("odd", "odd", True),
    ]  # fmt: skip
