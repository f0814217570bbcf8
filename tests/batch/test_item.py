"""Tests of `motion_async.batch.item`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import anyio

from motion_async.batch.item import Errand
from motion_async.batch.requests import Intake
from motion_async.jobs import JobState, JobStatus, StatusChange, VideoRequest
from motion_async.polling.tracked import Watched
from motion_async.timing.schedule import GrowingSchedule

NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
REQUEST = VideoRequest("A launch video")


class Polls:
    """Counts who follows what."""

    def __init__(self) -> None:
        self.followers = 0

    def follow(self, _job: Watched) -> None:
        self.followers += 1

    def unfollow(self, _job: Watched) -> None:
        self.followers -= 1


class Written:
    """A record that keeps the changes."""

    def __init__(self) -> None:
        self.changes: list[str] = []

    def changed(self, change: StatusChange) -> None:
        self.changes.append(str(change.current))


def watched(*statuses: str) -> Watched:
    """Give a job that has come through some statuses."""
    job = Watched("j", began_at=0, schedule=GrowingSchedule())
    tell(job, *statuses)
    return job


def tell(job: Watched, *statuses: str) -> None:
    for name in statuses:
        status = JobStatus(name)
        job.add(StatusChange("j", None, status, JobState("j", status), NOW))


async def test_it_lets_go_of_all_that_it_holds_and_of_nothing_twice() -> None:
    """A place, a watch, a timer and a future: what somebody else holds by now is left alone."""
    polls: Any = Polls()
    limiter = anyio.CapacityLimiter(1)
    errand, job = Errand(0, Intake(REQUEST)), watched("queued")
    await limiter.acquire_on_behalf_of(errand)
    errand.holds_place = True
    errand.follow(job, polls)
    errand.news = job.news()
    errand.timer = asyncio.get_running_loop().call_later(3_600, lambda: None)
    assert (limiter.borrowed_tokens, polls.followers) == (1, 1)
    errand.let_go(polls, limiter)
    assert (limiter.borrowed_tokens, polls.followers, job.waiting) == (0, 0, None)
    assert errand.timer.cancelled()
    await limiter.acquire_on_behalf_of("another")
    errand.let_go(polls, limiter)
    assert (limiter.borrowed_tokens, polls.followers) == (1, 0)


async def test_it_gives_its_place_back_and_goes_on_watching() -> None:
    """As a job that waits for a person keeps no other one from being made."""
    polls: Any = Polls()
    limiter = anyio.CapacityLimiter(1)
    errand = Errand(0, Intake(REQUEST))
    await limiter.acquire_on_behalf_of(errand)
    errand.holds_place = True
    errand.follow(watched(), polls)
    errand.give_place_back(limiter)
    errand.give_place_back(limiter)
    assert (limiter.borrowed_tokens, polls.followers) == (0, 1)


async def test_it_reads_from_where_it_began_and_writes_down_each_change_once() -> None:
    """What came before it followed the job is another one's, and at each end it stops."""
    polls: Any = Polls()
    record: Any = Written()
    errand, job = Errand(0, Intake(REQUEST, record=record)), watched("queued", "completed")
    errand.follow(job, polls)
    assert (errand.read_on(), record.changes) == (None, [])
    tell(job, "queued", "running")
    assert (errand.read_on(), record.changes) == (None, ["queued", "running"])
    tell(job, "completed", "queued", "failed")
    ends = [errand.read_on(), errand.read_on()]
    assert [end and str(end.status) for end in ends] == ["completed", "failed"]
    assert record.changes == ["queued", "running", "completed", "queued", "failed"]
    assert errand.read_on() is None


async def test_without_a_record_it_reads_as_well() -> None:
    """Most batches have no ledger."""
    polls: Any = Polls()
    errand, job = Errand(0, Intake(REQUEST)), watched()
    errand.follow(job, polls)
    tell(job, "running", "completed")
    end = errand.read_on()
    assert end is not None
    assert end.status == JobStatus.COMPLETED
