"""One request of a batch on its way: what it holds, and how it lets go of it.

It holds a place of the limiter, its job's place in the poll loop, a timer, and the point up to which it has read the
job's changes; and the loop's time up to which it waits for whoever else is sending it. It must not decide what happens
next, nor tell anyone of it: that is the fan-out's.
"""

from __future__ import annotations

import asyncio

import anyio

from motion_async.batch.requests import Intake
from motion_async.errors import ConfigurationError
from motion_async.jobs import JobState
from motion_async.options import check_whole_number
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import Step, Watched

__all__ = ["Errand", "places"]


def places(limiter: anyio.CapacityLimiter | None, max_active: int) -> anyio.CapacityLimiter:
    """Give the places that errands hold.

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


class Errand:
    """A request from its intake to its outcome; it is also the borrower that holds the place in the limiter.

    Args:
        index: the request's place among the requests, from 0.
        intake: the request, with what is known of it.
    """

    __slots__ = ("at", "holds_place", "index", "intake", "is_followed", "is_parked", "job", "news", "timer", "until")

    def __init__(self, index: int, intake: Intake) -> None:
        self.index = index
        self.intake = intake
        self.job: Watched | None = None
        self.at = Step(None)
        self.news: asyncio.Future[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.until: float | None = None
        self.holds_place = False
        self.is_followed = False
        self.is_parked = False

    @property
    def state(self) -> JobState | None:
        """The newest state of the job, unless it is the end of a turn before this request's."""
        return None if self.job is None else self.job.current

    def follow(self, job: Watched, polls: PollLoop) -> None:
        """Have a job polled, and read its changes from here on.

        Args:
            job: the job.
            polls: the session's loop.
        """
        self.job = job
        self.at = job.last
        polls.follow(job)
        self.is_followed = True

    def read_on(self) -> JobState | None:
        """Read the changes of the job into the record, up to the next end, and give that."""
        step = self.at
        self.at, end = step.end()
        if self.intake.record is not None:
            while step is not self.at and step.next is not None:
                step = step.next
                if step.change is not None:
                    self.intake.record.changed(step.change)
        return end

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
            polls.unfollow(self.job)
            if self.news is not None:
                self.job.forget(self.news)
