"""One request of a batch on its way: what it holds at the limiter and the poll loop, and how it gives that back.

It holds a place of the limiter, its job's place in the poll loop, a timer, and the end that it has seen. It must not
decide what happens next, nor tell anyone of it: that is the runner's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

from motion_async.batch.requests import Intake
from motion_async.errors import ConfigurationError
from motion_async.jobs import JobState, StatusChange
from motion_async.options import check_whole_number
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob

__all__ = ["BatchItem", "job_limiter"]


def job_limiter(limiter: anyio.CapacityLimiter | None, max_active: int) -> anyio.CapacityLimiter:
    """Give the limiter for the jobs of a batch: the caller's own, or a new one with `max_active` places.

    `ConfigurationError` if it is no limiter, or `max_active` is not 1 to 1,000,000.
    """
    if limiter is None:
        return anyio.CapacityLimiter(check_whole_number("max_active", max_active, low=1, high=1_000_000))
    if not isinstance(limiter, anyio.CapacityLimiter):
        raise ConfigurationError(f"limiter must be an anyio.CapacityLimiter, not {type(limiter).__name__}")
    return limiter


class BatchItem:
    """The request at `index` (from 0) from its intake to its outcome; it borrows its place from the limiter itself."""

    __slots__ = (
        "_on_news",
        "end",
        "holds_place",
        "index",
        "intake",
        "is_followed",
        "is_parked",
        "job",
        "timer",
    )

    def __init__(self, index: int, intake: Intake) -> None:
        self.index = index
        self.intake = intake
        self.job: TrackedJob | None = None
        self.end: JobState | None = None
        # None as well once the runner has let go: changes that come after that are not this item's to tell.
        self._on_news: Callable[[BatchItem], None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.holds_place = False
        self.is_followed = False
        # Parked means: it waits for something else than a place, and holds none.
        self.is_parked = False

    @property
    def state(self) -> JobState | None:
        """The newest state of the job, None where that is still the end of the turn before this request's."""
        return None if self.job is None else self.job.current

    def follow(self, job: TrackedJob, polls: PollLoop, on_news: Callable[[BatchItem], None]) -> None:
        """Have a job polled, and have `on_news` called with this item after each change."""
        self.job = job
        self._on_news = on_news
        polls.follow(job)
        job.subscribe(self)
        self.is_followed = True

    def notify(self, change: StatusChange | None) -> None:
        """Write a change to the journal, and keep the first end: a later one belongs to another request's turn."""
        if self.end is not None or self._on_news is None:
            return
        if change is not None:
            if self.intake.journal is not None:
                self.intake.journal.changed(change)
            if change.is_end:
                self.end = change.state
        # In a later step: this one is the poll loop's, in the middle of telling all who observe the job.
        asyncio.get_running_loop().call_soon(self._on_news, self)

    def give_place_back(self, limiter: anyio.CapacityLimiter) -> None:
        """Give the item's place back to the limiter, if it holds one."""
        if self.holds_place:
            self.holds_place = False
            limiter.release_on_behalf_of(self)

    def let_go(self, polls: PollLoop, limiter: anyio.CapacityLimiter) -> None:
        """Give back all that the item holds; a second call does nothing."""
        self.give_place_back(limiter)
        if self.timer is not None:
            self.timer.cancel()
        if self.job is not None and self.is_followed:
            self.is_followed = False
            self._on_news = None
            self.job.unsubscribe(self)
            polls.unfollow(self.job)
