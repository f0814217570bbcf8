"""One request of a batch on its way: what it holds, and how it lets go of it.

It holds a place of the limiter, its job's place in the poll loop, a timer, and the end that it has seen; and the loop's
time up to which it waits for whoever else is sending it. It must not decide what happens next, nor tell anyone of it:
that is the runner's.
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
    """Give the places that the jobs of a batch hold.

    Args:
        limiter: the caller's own, None for places of this batch alone.
        max_active: so many these are then, 1 to 1,000,000.

    Raises:
        ConfigurationError: if either cannot be used.
    """
    if limiter is None:
        return anyio.CapacityLimiter(check_whole_number("max_active", max_active, low=1, high=1_000_000))
    if not isinstance(limiter, anyio.CapacityLimiter):
        raise ConfigurationError(f"limiter must be an anyio.CapacityLimiter, not {type(limiter).__name__}")
    return limiter


class BatchItem:
    """A request from its intake to its outcome; it is also the borrower that holds the place in the limiter.

    Args:
        index: the request's place among the requests, from 0.
        intake: the request, with what is known of it.
    """

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
        "until",
    )

    def __init__(self, index: int, intake: Intake) -> None:
        self.index = index
        self.intake = intake
        self.job: TrackedJob | None = None
        self.end: JobState | None = None
        self._on_news: Callable[[BatchItem], None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.until: float | None = None
        self.holds_place = False
        self.is_followed = False
        self.is_parked = False

    @property
    def state(self) -> JobState | None:
        """The newest state of the job, unless it is the end of a turn before this request's."""
        return None if self.job is None else self.job.current

    def follow(self, job: TrackedJob, polls: PollLoop, on_news: Callable[[BatchItem], None]) -> None:
        """Have a job polled, and hear of its changes from here on.

        Args:
            job: the job.
            polls: the session's loop.
            on_news: called with this, in a step of its own, after there was news.
        """
        self.job = job
        self._on_news = on_news
        polls.follow(job)
        job.subscribe(self)
        self.is_followed = True

    def notify(self, change: StatusChange | None) -> None:
        """Write a change down, and keep the first end; what comes after that is another request's."""
        if self.end is not None or self._on_news is None:
            return
        if change is not None:
            if self.intake.journal is not None:
                self.intake.journal.changed(change)
            if change.current.is_terminal:
                self.end = change.state
        asyncio.get_running_loop().call_soon(self._on_news, self)

    def give_place_back(self, limiter: anyio.CapacityLimiter) -> None:
        """Let another request have the place, if this one holds one.

        Args:
            limiter: whose place it is.
        """
        if self.holds_place:
            self.holds_place = False
            limiter.release_on_behalf_of(self)

    def let_go(self, polls: PollLoop, limiter: anyio.CapacityLimiter) -> None:
        """Let go of everything; a second call does nothing.

        Args:
            polls: the session's loop.
            limiter: whose place it holds.
        """
        self.give_place_back(limiter)
        if self.timer is not None:
            self.timer.cancel()
        if self.job is not None and self.is_followed:
            self.is_followed = False
            self._on_news = None
            self.job.unsubscribe(self)
            polls.unfollow(self.job)
