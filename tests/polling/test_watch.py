"""Tests of `motion_async.polling.watch`, on virtual time and a poll loop that is fed by hand."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import attrs
import pytest

from motion_async import (
    EventsDropped,
    JobNotFoundError,
    JobState,
    JobStatus,
    PollDisturbed,
    SessionClosedError,
    StatusChange,
    WaitTimeoutError,
    WatchEnded,
)
from motion_async.events import Event
from motion_async.polling import watch as module
from motion_async.polling.loop import PollLoop
from motion_async.polling.streams import EventHub
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.watch import Watch
from tests.quiet import START, state, unanswered

pytestmark = pytest.mark.virtual_time


class Desk:
    """A hub beside the loop that is fed by hand, as a session has both."""

    def __init__(self, polls: PollLoop) -> None:
        self.polls = polls
        self.hub = EventHub()
        polls._publish = self.hub.publish
        polls._poll = unanswered

    def see(self, status: str, minute: int = 1, *, job_id: str = "a", **fields: Any) -> None:
        seen = attrs.evolve(state(status, minute, **fields), job_id=job_id)
        self.polls.observe(self.polls.job(job_id), seen)

    def watch(self, *job_ids: str, after: tuple[str, ...] = (), timeout: float | None = None) -> Watch:
        jobs = [self.polls.job(job_id) for job_id in job_ids or ("a",)]
        return Watch(self.polls, self.hub, jobs, after=after, timeout=timeout)


@pytest.fixture
def desk(polls: PollLoop) -> Desk:
    return Desk(polls)


def told(event: Event) -> tuple[str, str | None, str]:
    assert isinstance(event, StatusChange)
    return event.job_id, event.previous, event.current


async def all_of(watch: Watch) -> list[tuple[str, str | None, str]]:
    return [told(event) async for event in watch]


async def test_present_states_come_first_then_changes_until_all_have_ended(desk: Desk, job: TrackedJob) -> None:
    """Of these jobs alone; one that was not known is told when it is."""
    desk.see("running")
    desk.see("running", job_id="c")
    watch = desk.watch("a", "b")
    reading = asyncio.create_task(all_of(watch))
    await asyncio.sleep(1)
    desk.see("queued", job_id="b")
    desk.see("completed", 2)
    desk.see("completed", 2, job_id="c")
    await asyncio.sleep(1)
    assert not reading.done()
    desk.see("failed", 3, job_id="b")
    assert await reading == [
        ("a", None, "running"),
        ("b", None, "queued"),
        ("a", "running", "completed"),
        ("b", "queued", "failed"),
    ]
    assert desk.hub._watches == {}
    assert job.followers == 0


async def test_what_has_ended_is_told_without_a_poll(desk: Desk, job: TrackedJob) -> None:
    """Its present state is its end."""
    desk.see("completed")
    assert await all_of(desk.watch()) == [("a", None, "completed")]
    assert job.followers == 0


async def test_disturbances_and_the_end_of_a_watch_are_told(desk: Desk) -> None:
    """A job that cannot be watched any more counts as ended here; the others go on."""
    watch = desk.watch("a", "b")
    reading = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    gone = WatchEnded("a", JobNotFoundError("gone", http_status=404))
    disturbed = PollDisturbed("b", JobNotFoundError("what", http_status=404), 1, 2.0)
    for event in (gone, disturbed, PollDisturbed("c", gone.error, 1, 2.0)):
        desk.hub.publish(event)
    assert await reading == gone
    assert await anext(watch) == disturbed
    desk.see("completed", job_id="b")
    assert told(await anext(watch)) == ("b", None, "completed")
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


@pytest.mark.parametrize("is_known", [True, False], ids=["seen here", "not seen here"])
async def test_a_reader_goes_on_where_it_was(desk: Desk, is_known: bool) -> None:
    """What it has seen, in this process or another, is not told again; an end that it has seen ends it."""
    running = StatusChange("a", None, JobStatus.RUNNING, state("running"), START)
    ended = StatusChange("b", None, JobStatus.COMPLETED, attrs.evolve(state("completed", 4), job_id="b"), START)

    def see() -> None:
        desk.see("running")
        desk.see("completed", 4, job_id="b")

    jobs = [desk.polls.job(job_id) for job_id in "ab"]  # held, so that what is seen of them is known
    if is_known:
        see()
    watch = desk.watch("a", "b", after=(running.token, ended.token))
    reading = asyncio.create_task(all_of(watch))
    await asyncio.sleep(1)
    if not is_known:
        assert jobs[1].followers == 1
        see()
        await asyncio.sleep(0.1)
    assert jobs[1].followers == 0
    desk.see("completed", 2)
    assert await reading == [("a", "running", "completed")]


async def test_jobs_are_polled_while_a_step_waits_and_a_moment_longer(desk: Desk, job: TrackedJob) -> None:
    """Between two steps nothing is begun anew; whoever reads no more costs nothing after that."""
    watch = desk.watch("a", "b")
    assert job.followers == 0
    step = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    assert told(await step) == ("a", None, "queued")
    step = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    assert job.followers == desk.polls.job("b").followers == 1
    desk.see("running")
    await step
    assert job.followers == 1
    await asyncio.sleep(module._LINGER * 1.5)
    assert job.followers == desk.polls.job("b").followers == 0
    step = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    assert job.followers == 1
    step.cancel()
    await asyncio.wait([step])
    assert job.followers == 0
    desk.see("completed", 3)
    assert told(await anext(watch)) == ("a", "running", "completed")
    watch.close()


@pytest.mark.parametrize("how", ["close", "aclose", "with", "dropped"])
async def test_a_watch_that_ends_leaves_nothing(desk: Desk, job: TrackedJob, how: str) -> None:
    """Its jobs go on by themselves."""
    watch = desk.watch()
    assert told(await anext(watch)) == ("a", None, "queued")
    waiting = asyncio.create_task(asyncio.wait_for(anext(watch, None), 60))
    await asyncio.sleep(0.1)
    if how == "close":
        watch.close()
    elif how == "aclose":
        await watch.aclose()
    elif how == "with":
        async with watch:
            pass
    else:
        waiting.cancel()
    ended = await asyncio.gather(waiting, return_exceptions=True)
    assert how == "dropped" or ended == [None]
    assert waiting.done()
    assert job.followers == 0


async def test_a_session_that_is_left_ends_its_watches(desk: Desk, job: TrackedJob) -> None:
    """What is unread can still be read."""
    watch = desk.watch()
    assert told(await anext(watch)) == ("a", None, "queued")
    desk.see("running")
    desk.hub.close()
    assert told(await anext(watch)) == ("a", "queued", "running")
    with pytest.raises(SessionClosedError):
        await anext(watch)
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    assert job.followers == 0


async def test_a_deadline_runs_from_the_first_step(desk: Desk, job: TrackedJob) -> None:
    """Then the error names a job that has not ended."""
    watch = desk.watch("b", "a", timeout=30)
    await asyncio.sleep(100)
    began = asyncio.get_running_loop().time()
    assert told(await anext(watch)) == ("a", None, "queued")
    desk.see("completed", job_id="b")
    await anext(watch)
    with pytest.raises(WaitTimeoutError) as caught:
        await anext(watch)
    assert asyncio.get_running_loop().time() - began == pytest.approx(30)
    assert (caught.value.job_id, caught.value.timeout) == ("a", 30)
    assert job.followers == 0
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_an_end_in_the_very_step_of_the_deadline_is_told(desk: Desk, job: TrackedJob) -> None:
    """There is a result to give, and nothing more to come."""
    watch = desk.watch(timeout=30)
    assert told(await anext(watch)) == ("a", None, "queued")
    loop = asyncio.get_running_loop()
    assert watch._deadline is not None
    loop.call_at(watch._deadline, desk.see, "completed", 3)
    assert await all_of(watch) == [("a", "queued", "completed")]
    assert job.followers == 0


async def test_a_watch_that_is_dropped_leaves_nothing_in_the_session(desk: Desk) -> None:
    """Although nothing more happens to its jobs."""
    watch = desk.watch("a", "b")
    step = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    step.cancel()
    await asyncio.wait([step])
    assert len(desk.hub._watches) == 2
    del watch, step
    gc.collect()
    assert desk.hub._watches == {}


async def test_a_slow_reader_is_told_of_what_it_has_missed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slows nobody, and memory is bounded."""
    monkeypatch.setattr(module, "_MAX_UNREAD", 2)
    watch = desk.watch()
    step = asyncio.create_task(asyncio.wait_for(anext(watch), 60))
    await asyncio.sleep(0.1)
    for minute, status in enumerate(["created", "running", "awaiting_user_input", "running", "completed"]):
        desk.see(status, minute)
    await asyncio.sleep(0.1)
    assert await step == EventsDropped(3)
    assert await all_of(watch) == [("a", "awaiting_user_input", "running"), ("a", "running", "completed")]


async def test_many_watches_of_one_job_cost_one_poll(desk: Desk, job: TrackedJob) -> None:
    """As five tabs do; each has its own position."""
    desk.see("running")
    token = StatusChange("a", None, JobStatus.RUNNING, state("running"), START).token
    watches = [asyncio.create_task(all_of(desk.watch(after=(token,) * (number % 2)))) for number in range(5)]
    await asyncio.sleep(0.1)
    assert job.followers == 5
    desk.see("completed", 2)
    found = await asyncio.gather(*watches)
    assert [len(changes) for changes in found] == [2, 1, 2, 1, 2]


async def test_a_followups_turn_is_watched_to_its_own_end(desk: Desk, job: TrackedJob) -> None:
    """The end before it is not its present state."""
    desk.see("completed", 2)
    desk.polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=job.state)
    reading = asyncio.create_task(all_of(desk.watch()))
    await asyncio.sleep(0.1)
    desk.see("completed", 2)
    desk.see("completed", 5)
    assert [current for _, _, current in await reading] == ["queued", "completed"]
