"""The turns of a watched job: what a followup's answer, polls and doubts make of its end, on virtual time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from itertools import permutations
from typing import Any

import pytest

from motion_async import (
    FollowupUncertainError,
    GrowingSchedule,
    JobState,
    JobStatus,
    LearnedSchedule,
    StatusChange,
    WaitTimeoutError,
    WatchEnded,
)
from motion_async.events import Event
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.transitions import Transitions
from motion_async.polling.waiting import wait_for_end
from motion_async.timing.backoff import Backoff
from motion_async.timing.pace import Pace
from tests.quiet import state

QUEUED = JobState("a", JobStatus.QUEUED)
OLD, AT_WORK, NEW = state("completed", 10), state("running", 20), state("completed", 30)


pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


class Bench:
    """A loop whose polls of the one job give what the test says, and what it has told."""

    def __init__(self) -> None:
        self.answer = OLD
        self.polled_at: list[float] = []
        self.events: list[Event] = []
        self.polls = PollLoop(
            self.poll,
            self.events.append,
            schedule=GrowingSchedule(first=2, growth=0.2, cap=60),
            pace=Pace(1_000),
            backoff=Backoff(),
            max_in_flight=10,
            now=lambda: state("running", now()).updated_at,  # type: ignore[arg-type, return-value]
            random=lambda: 0.5,
        )
        self.job = self.polls.job("a")

    async def poll(self, _job_id: str) -> JobState:
        self.polled_at.append(now())
        await asyncio.sleep(0.01)
        return self.answer

    def wait(self) -> asyncio.Task[JobState]:
        return asyncio.create_task(wait_for_end(self.polls, self.job, timeout=300, on_input="wait"))

    async def read(self) -> list[StatusChange]:
        return [change async for change in Transitions(self.polls, self.job, timeout=300)]

    @property
    def told(self) -> list[JobState]:
        return [event.state for event in self.events if isinstance(event, StatusChange)]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.polls.observe(made.job, OLD)
    yield made
    await made.polls.aclose()


ANSWERS = {"at work": AT_WORK, "new": NEW, "stale": OLD}


@pytest.mark.parametrize("order", [order for n in range(4) for order in permutations(ANSWERS, n)], ids="-".join)
@pytest.mark.parametrize("polls_before", range(4))
async def test_wherever_the_answer_to_a_followup_comes_the_turn_ends_with_its_own_end(
    bench: Bench, order: tuple[str, ...], polls_before: int
) -> None:
    """Among polls by hand in any order, some of which are stale: who follows the job after it gets the new end."""
    turn = bench.job.turn
    for name in order[:polls_before]:
        bench.polls.observe(bench.job, ANSWERS[name])
    bench.polls.begin_turn(bench.job, QUEUED, before=OLD, turn=turn)
    for name in order[polls_before:]:
        bench.polls.observe(bench.job, ANSWERS[name])
    bench.answer = NEW
    assert await bench.wait() == NEW
    assert (await bench.read())[-1].state == NEW
    assert bench.told.count(NEW) <= 1


async def test_a_turn_without_times_that_was_seen_at_work_has_begun(bench: Bench) -> None:
    """A service that says no times is understood, too, as long as the turn is seen."""
    timeless = [JobState("a", JobStatus(status)) for status in ("completed", "running", "completed")]
    job = bench.polls.job("b")
    bench.polls.observe(job, timeless[0])
    for seen in timeless[1:]:
        bench.polls.observe(job, seen)
    bench.polls.begin_turn(job, QUEUED, before=timeless[0], turn=0)
    assert job.has_ended


async def test_after_an_uncertain_followup_the_end_is_in_doubt(bench: Bench) -> None:
    """It is polled at least once, and the new end is given, to whoever waits or reads."""
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    bench.answer = NEW
    waiting, reading = bench.wait(), asyncio.create_task(bench.read())
    assert await waiting == NEW
    assert [change.state for change in await reading] == [NEW]
    assert len(bench.polled_at) == 1
    assert bench.job.turn == 1


async def test_an_uncertain_followup_that_is_seen_at_work_was_taken(bench: Bench) -> None:
    """From then on the old end is stale, however often it is seen."""
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    bench.polls.observe(bench.job, AT_WORK)
    waiting = bench.wait()
    await asyncio.sleep(100)
    assert not waiting.done()
    bench.answer = NEW
    assert await waiting == NEW


async def test_that_nothing_has_changed_after_an_uncertain_followup_is_an_error(bench: Bench) -> None:
    """After three polls, for everyone; and who waits again has it looked at again."""
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    for polls in (3, 4):
        waiting = bench.wait()
        with pytest.raises(FollowupUncertainError, match="shown the end that the job had before"):
            await waiting
        assert len(bench.polled_at) == polls
    assert [type(event) for event in bench.events[1:]] == [WatchEnded] * 2
    bench.answer = NEW
    assert await bench.wait() == NEW


async def test_polls_by_hand_end_no_watch_that_nobody_keeps(bench: Bench) -> None:
    """They count, and whoever waits then needs one poll to be told."""
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    for _ in range(5):
        bench.polls.observe(bench.job, OLD)
    assert bench.job.error is None
    with pytest.raises(FollowupUncertainError):
        await bench.wait()
    assert len(bench.polled_at) == 1


async def test_a_doubt_comes_too_late_for_a_turn_that_was_seen(bench: Bench) -> None:
    """Polls have seen it at work, or its end, while the answer was waited for."""
    bench.polls.observe(bench.job, AT_WORK)
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    assert bench.job.unchanged is None
    bench.polls.observe(bench.job, NEW)
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    assert bench.job.has_ended


@pytest.mark.parametrize("known", [OLD, None], ids=["seen here", "not seen here"])
async def test_the_end_before_a_turn_that_is_taken_up_is_no_transition(known: JobState | None) -> None:
    """Who reads from then on hears of the turn's own end alone, and a deadline does not name the old one."""
    bench = Bench()
    if known is not None:
        bench.polls.observe(bench.job, known)
    bench.polls.resume_turn(bench.job, before=OLD)
    reading = asyncio.create_task(bench.read())
    with pytest.raises(WaitTimeoutError, match="nothing of it was seen"):
        await wait_for_end(bench.polls, bench.job, timeout=5, on_input="wait")
    assert not reading.done()
    bench.answer = NEW
    assert [change.state for change in await reading] == [NEW]
    await bench.polls.aclose()


async def test_a_turn_that_is_taken_up_late_keeps_the_newer_end_that_is_known(bench: Bench) -> None:
    """A batch takes an older followup up while a newer one of this session runs: its end is awaited."""
    bench.polls.observe(bench.job, NEW)
    bench.polls.begin_turn(bench.job, QUEUED, before=NEW, turn=0)
    bench.polls.resume_turn(bench.job, before=OLD)
    assert bench.job.before == NEW
    newest = state("completed", 50)
    waiting = bench.wait()
    bench.answer = NEW
    await asyncio.sleep(30)
    assert not waiting.done()
    bench.answer = newest
    assert await waiting == newest


async def test_a_new_turn_is_polled_by_its_own_timetable(bench: Bench) -> None:
    """The old turn was old, and its next poll far away; the end was seen by a poll by hand."""
    job = bench.polls.job("b")
    bench.polls.observe(job, AT_WORK)
    await asyncio.sleep(1_000)
    bench.polls.follow(job)
    bench.polls.observe(job, OLD)
    began = now()
    bench.polls.begin_turn(job, QUEUED, before=OLD, turn=0)
    await asyncio.sleep(3)
    assert [at - began for at in bench.polled_at] == pytest.approx([2.0], abs=0.1)


async def test_a_more_urgent_schedule_counts_at_once_and_a_less_urgent_one_soon(bench: Bench) -> None:
    """No poll that is due is put off, and none is made twice."""
    job = bench.polls.job("b")
    bench.polls.observe(job, AT_WORK)
    await asyncio.sleep(1_000)
    bench.answer = AT_WORK
    bench.polls.follow(job)
    began = now()
    bench.polls.change_schedule(job, GrowingSchedule(first=5, growth=0, cap=5))
    bench.polls.change_schedule(job, GrowingSchedule(first=500, growth=0, cap=500))
    await asyncio.sleep(400)
    assert [at - began for at in bench.polled_at] == pytest.approx([5.0], abs=0.1)


@pytest.mark.parametrize("kind", [LearnedSchedule, GrowingSchedule])
@pytest.mark.parametrize("other_kind", [LearnedSchedule, GrowingSchedule])
async def test_a_schedule_is_taught_no_more_than_is_known(bench: Bench, kind: Any, other_kind: Any) -> None:
    """A job is taken up with another schedule while it is watched: neither its readers nor a poll by hand fail."""
    job = bench.polls.job("b")
    bench.answer = AT_WORK
    first, second = kind(), other_kind()
    bench.polls.begin_turn(job, QUEUED, before=None, schedule=first)
    waiting = asyncio.create_task(wait_for_end(bench.polls, job, timeout=300, on_input="wait"))
    await asyncio.sleep(20)
    bench.polls.change_schedule(job, second)
    bench.polls.observe(job, state("running", 21))
    await asyncio.sleep(20)
    bench.answer = NEW
    assert await waiting == NEW
    if isinstance(second, LearnedSchedule):
        assert (second.remembered(0) > 0) is isinstance(first, LearnedSchedule)


async def test_a_worker_that_somebody_else_ends_leaves_its_job_to_another(bench: Bench) -> None:
    """Whoever cancels all tasks of a loop but their own ends no watch."""
    job: TrackedJob = bench.polls.job("b")
    bench.answer = AT_WORK
    bench.polls.observe(job, AT_WORK)
    waiting = asyncio.create_task(wait_for_end(bench.polls, job, timeout=300, on_input="wait"))
    while not bench.polled_at:
        await asyncio.sleep(0.005)
    (worker,) = (task for task in asyncio.all_tasks() if task.get_name() == "motion_async.poll")
    worker.cancel()
    bench.answer = NEW
    assert await waiting == NEW


async def test_a_poll_that_was_due_while_nobody_followed_comes_with_the_next_follow(bench: Bench) -> None:
    """Whoever reads step by step, and is busy in between, waits for no poll longer than the schedule says."""
    job = bench.polls.job("b")
    bench.answer = AT_WORK
    bench.polls.observe(job, AT_WORK)
    bench.polls.follow(job)
    await asyncio.sleep(1)
    bench.polls.unfollow(job)
    await asyncio.sleep(10)
    assert bench.polled_at == []
    began = now()
    bench.polls.follow(job)
    await asyncio.sleep(0.1)
    assert bench.polled_at == pytest.approx([began], abs=0.05)
    bench.polls.unfollow(job)
    bench.polls.follow(job)
    await asyncio.sleep(1)
    assert len(bench.polled_at) == 1, "the next one is due when the schedule says"


async def test_polls_belong_to_no_callers_context(bench: Bench) -> None:
    """Who follows a job first must not find all polls of the session in their trace, nor be kept alive by them."""
    where = contextvars.ContextVar("where", default="nowhere")
    seen: list[str] = []
    ask = bench.polls._poll

    async def poll(job_id: str) -> JobState:
        seen.append(where.get())
        return await ask(job_id)

    bench.polls._poll = poll
    where.set("in a request")
    bench.polls.doubt_turn(bench.job, before=OLD, turn=0)
    with pytest.raises(FollowupUncertainError):
        await bench.wait()
    assert seen == ["nowhere"] * 3
