"""Tests of `motion_async.batch.item`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import anyio

from motion_async.batch.item import BatchItem
from motion_async.batch.requests import Intake
from motion_async.jobs import JobState, JobStatus, StatusChange, VideoRequest
from motion_async.polling.tracked import TrackedJob
from motion_async.timing.schedule import GrowingSchedule

NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
REQUEST = VideoRequest("A launch video")


class Polls:
    """Counts who follows what."""

    def __init__(self) -> None:
        self.followers = 0

    def follow(self, _job: TrackedJob) -> None:
        self.followers += 1

    def unfollow(self, _job: TrackedJob) -> None:
        self.followers -= 1


class Written:
    """A record that keeps the changes."""

    def __init__(self) -> None:
        self.changes: list[str] = []

    def changed(self, change: StatusChange) -> None:
        self.changes.append(str(change.current))


def watched(*statuses: str) -> TrackedJob:
    """Give a job that has come through some statuses."""
    job = TrackedJob("j", began_at=0, schedule=GrowingSchedule())
    tell(job, *statuses)
    return job


def tell(job: TrackedJob, *statuses: str) -> None:
    for name in statuses:
        status = JobStatus(name)
        job.notify(StatusChange("j", None, status, JobState("j", status), NOW))


async def test_it_lets_go_of_all_that_it_holds_and_of_nothing_twice() -> None:
    """A place, a watch, a timer and a future: what somebody else holds by now is left alone."""
    polls: Any = Polls()
    limiter = anyio.CapacityLimiter(1)
    item, job = BatchItem(0, Intake(REQUEST)), watched("queued")
    await limiter.acquire_on_behalf_of(item)
    item.holds_place = True
    item.follow(job, polls, lambda _: None)
    item.timer = asyncio.get_running_loop().call_later(3_600, lambda: None)
    assert (limiter.borrowed_tokens, polls.followers) == (1, 1)
    item.let_go(polls, limiter)
    assert (limiter.borrowed_tokens, polls.followers, job.observers) == (0, 0, None)
    assert item.timer.cancelled()
    await limiter.acquire_on_behalf_of("another")
    item.let_go(polls, limiter)
    assert (limiter.borrowed_tokens, polls.followers) == (1, 0)


async def test_it_gives_its_place_back_and_goes_on_watching() -> None:
    """As a job that waits for a person keeps no other one from being made."""
    polls: Any = Polls()
    limiter = anyio.CapacityLimiter(1)
    item = BatchItem(0, Intake(REQUEST))
    await limiter.acquire_on_behalf_of(item)
    item.holds_place = True
    item.follow(watched(), polls, lambda _: None)
    item.give_place_back(limiter)
    item.give_place_back(limiter)
    assert (limiter.borrowed_tokens, polls.followers) == (0, 1)


async def test_it_hears_from_where_it_began_up_to_the_first_end_and_writes_down_each_change_once() -> None:
    """What came before it followed the job, and what comes after its end, is another one's."""
    polls: Any = Polls()
    record: Any = Written()
    item, job, looks = BatchItem(0, Intake(REQUEST, journal=record)), watched("queued", "completed"), list[BatchItem]()
    item.follow(job, polls, looks.append)
    tell(job, "queued", "running")
    assert (item.end, record.changes, looks) == (None, ["queued", "running"], [])
    await asyncio.sleep(0)
    assert looks == [item] * 2  # in a step of its own, as work may start then
    tell(job, "completed", "queued", "failed")
    assert item.end is not None
    assert item.end.status == JobStatus.COMPLETED
    assert record.changes == ["queued", "running", "completed"]


async def test_it_hears_of_news_that_is_no_change() -> None:
    """Such as the end of the watch, or a person who is waited for."""
    polls: Any = Polls()
    item, job, looks = BatchItem(0, Intake(REQUEST)), watched(), list[BatchItem]()
    item.follow(job, polls, looks.append)
    job.notify()
    await asyncio.sleep(0)
    assert (looks, item.end) == ([item], None)


async def test_without_a_record_it_hears_as_well() -> None:
    """Most batches have no ledger."""
    polls: Any = Polls()
    item, job = BatchItem(0, Intake(REQUEST)), watched()
    item.follow(job, polls, lambda _: None)
    tell(job, "running", "completed")
    assert item.end is not None
    assert item.end.status == JobStatus.COMPLETED
