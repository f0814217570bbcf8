"""Events of a session, on virtual time and a poll loop that is fed by hand."""

from __future__ import annotations

import asyncio

import pytest

from motion_async import EventsDropped, JobAccepted, JobNotFoundError, JobStatus, StatusChange
from motion_async.events import Event, WatchEnded
from motion_async.polling.loop import PollLoop
from motion_async.polling.streams import EventHub, EventStream
from motion_async.polling.tracked import TrackedJob
from tests.quiet import START, state

pytestmark = pytest.mark.virtual_time


def stream(polls: PollLoop, limit: int = 100) -> EventStream:
    return EventStream(polls, limit=limit)


async def test_a_stream_gives_events_in_order_and_ends_when_closed(polls: PollLoop) -> None:
    """What was published before the end is still read."""
    events = stream(polls)
    told: list[Event] = [JobAccepted("a"), JobAccepted("b")]
    reading = asyncio.create_task(_all(events))
    await asyncio.sleep(1)
    for event in told:
        events.publish(event)
    events.close()
    events.publish(JobAccepted("c"))
    assert await reading == told


async def _all(events: EventStream) -> list[Event]:
    return [event async for event in events]


async def test_a_stream_that_is_not_read_drops_its_oldest_and_says_so(polls: PollLoop) -> None:
    """Memory is bounded, and a gap is never silent."""
    events = stream(polls, limit=3)
    for number in range(10):
        events.publish(JobAccepted(str(number)))
    events.close()
    assert await _all(events) == [EventsDropped(7), *(JobAccepted(str(number)) for number in (7, 8, 9))]


async def test_a_stream_has_its_jobs_polled_until_they_end(polls: PollLoop, job: TrackedJob) -> None:
    """It follows each job once, lets go at its end or its watch's, and of all when it is closed."""
    events = stream(polls)
    events.cover(job)
    events.cover(job)
    assert job.listeners == 1
    events.publish(StatusChange("a", None, JobStatus.COMPLETED, state("completed"), START))
    assert job.listeners == 0
    events.cover(job)
    events.publish(StatusChange("a", None, JobStatus("canceled"), state("canceled"), START))
    assert job.listeners == 0
    events.cover(job)
    events.publish(WatchEnded("a", JobNotFoundError("gone", http_status=404)))
    assert job.listeners == 0
    events.cover(job)
    await events.aclose()
    assert job.listeners == 0
    events.cover(job)
    assert job.listeners == 0


async def test_an_end_is_told_once_however_often_its_job_is_polled(polls: PollLoop) -> None:
    """A job that nobody holds is forgotten, and is none the less not news again; its next turn is."""
    hub = EventHub()
    events = hub.open(polls, limit=100, covers=True)
    ended = StatusChange("a", JobStatus.RUNNING, JobStatus.COMPLETED, state("completed"), START)
    again = StatusChange("a", None, JobStatus.COMPLETED, state("completed"), START)
    later = StatusChange("a", None, JobStatus.COMPLETED, state("completed", 2), START)
    others = [StatusChange(f"b{number}", None, JobStatus.COMPLETED, state("completed"), START) for number in range(9)]
    for event in (ended, again, *others, again, later, later, ended):
        job = polls.job(event.job_id)
        hub.cover(job)
        assert job.listeners == 1
        hub.publish(event)
        assert job.listeners == 0
    hub.close()
    assert await _all(events) == [ended, *others, later, ended]


async def test_a_stream_that_only_counts_has_nothing_polled(polls: PollLoop, job: TrackedJob) -> None:
    """It hears of what others have had polled, and wakes no job that other streams cover."""
    hub = EventHub()
    counting, covering = hub.open(polls, limit=100, covers=False), hub.open(polls, limit=100, covers=True)
    hub.cover(job)
    step = asyncio.ensure_future(anext(counting))
    await asyncio.sleep(0)
    assert job.listeners == 1
    assert not polls._is_wanted(job)
    hub.publish(JobAccepted("b"))
    assert await step == await anext(covering) == JobAccepted("b")
    hub.close()
    assert await _all(counting) == []


async def test_jobs_are_polled_for_a_stream_while_a_step_waits(polls: PollLoop, job: TrackedJob) -> None:
    """Whoever reads no more, in whatever way, wants nothing polled; the next step takes it up."""
    events = stream(polls)
    events.cover(job)
    assert not polls._is_wanted(job)
    for _ in range(2):
        step = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert polls._is_wanted(job)
        step.cancel()
        await asyncio.wait([step])
        assert not polls._is_wanted(job)
    async with events:
        step = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        events.publish(JobAccepted("b"))
        assert await step == JobAccepted("b")
    assert await _all(events) == []
    assert job.listeners == 0
