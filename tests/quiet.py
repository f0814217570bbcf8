"""A poll loop whose own polls bring no news, for tests that tell it by hand what was seen, and what hears of that."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from motion_async import Backoff, GrowingSchedule, JobNotFoundError, JobState, JobStatus, StatusChange
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.timing.pace import Pace

__all__ = ["START", "Heard", "quiet_loop", "state", "unanswered"]

START = datetime(2026, 4, 28, tzinfo=UTC)


class Heard:
    """Observes a job, and keeps what it hears."""

    def __init__(self, job: TrackedJob) -> None:
        self.job = job
        self.news: list[StatusChange | None] = []
        job.subscribe(self)

    def notify(self, change: StatusChange | None) -> None:
        self.news.append(change)


async def unanswered(_: str) -> JobState:
    """Poll for ever."""
    return await asyncio.get_running_loop().create_future()


def quiet_loop() -> PollLoop:
    """Give a loop that polls too late to matter, and finds nothing then."""

    async def poll(job_id: str) -> JobState:
        raise JobNotFoundError("polled, though nobody should", http_status=404, job_id=job_id)

    return PollLoop(
        poll,
        lambda _: None,
        schedule=GrowingSchedule(first=10_000, cap=10_000),
        pace=Pace(1_000),
        backoff=Backoff(),
        max_in_flight=1,
        now=lambda: START,
        random=lambda: 0.5,
    )


def state(status: str, minute: int = 1, **fields: Any) -> JobState:
    """Give a state of job `a` whose last change was so many minutes after the start."""
    at = START + timedelta(minutes=minute)
    return JobState("a", JobStatus(status), START, at, at if status == "completed" else None, **fields)
