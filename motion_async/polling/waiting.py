"""Waits for the end of one job, as `Job.wait` does: up to a deadline, and with an error for every other end.

It observes the job while the loop polls it. Nothing here polls; it tells the loop what to poll.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from motion_async.errors import InputRequiredError, JobFailedError, WaitTimeoutError
from motion_async.jobs import JobState, JobStatus, StatusChange
from motion_async.options import check_choice, check_number
from motion_async.polling.freshness import needs_input
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob

__all__ = [
    "OnInput",
    "Waiter",
    "check_on_input",
    "check_timeout",
    "end_of",
    "failure_of",
    "result_of",
    "timed_out",
    "wait_for_end",
]

OnInput: TypeAlias = Literal["wait", "raise"]
"""What to do when a job waits for a person: wait on, or raise `InputRequiredError`."""


def check_timeout(timeout: float | None, *, name: str = "timeout") -> float | None:
    """Give a timeout back if it is None or seconds of at least 0, else raise a `ConfigurationError`."""
    return None if timeout is None else check_number(name, timeout, low=0)


def check_on_input(on_input: OnInput) -> OnInput:
    """Give an `on_input` back, or raise a `ConfigurationError` if it is neither `wait` nor `raise`."""
    return check_choice("on_input", on_input, "wait", "raise")


def result_of(state: JobState) -> JobState:
    """Give the state of a completed job back, or raise a `JobFailedError` for that of a failed one."""
    if state.end == JobStatus.FAILED:
        raise JobFailedError(state.job_id, error=failure_of(state))
    return state


def failure_of(state: JobState) -> str | None:
    """Give why a job failed, in the service's words or else by its status, None if it says no more than `failed`."""
    return state.error or (None if state.status.is_documented else f"the service calls it {state.status}")


def end_of(state: JobState) -> tuple[JobState, JobFailedError | None]:
    """Give a terminal state, and the error that stands for it if it is that of a failed job."""
    try:
        return result_of(state), None
    except JobFailedError as error:
        return state, error


async def wait_for_end(polls: PollLoop, job: TrackedJob, *, timeout: float | None, on_input: OnInput) -> JobState:
    """Wait until a job completes, for `timeout` seconds at most; see `Job.wait`, also for what it raises."""
    polls.home.check()
    if job.state is not None and job.has_ended:
        return result_of(job.state)
    polls.follow(job)
    waiter = Waiter()
    job.subscribe(waiter)
    try:
        async with asyncio.timeout(timeout):
            while waiter.end is None:
                job.raise_if_watch_ended()
                if on_input == "raise" and job.state is not None and needs_input(job.state):
                    raise InputRequiredError(job.job_id)
                await waiter.news()
    except TimeoutError:
        if waiter.end is None:
            # Not if the end came in the very step of the deadline: then there is a result to give.
            raise timed_out(polls, job, timeout) from None
    finally:
        job.unsubscribe(waiter)
        polls.unfollow(job)
    return result_of(waiter.end)


class Waiter:
    """Observes a job for one coroutine that waits for its end, and keeps the first end that comes."""

    __slots__ = ("_news", "end")

    def __init__(self) -> None:
        self.end: JobState | None = None
        self._news: asyncio.Future[None] | None = None

    def notify(self, change: StatusChange | None) -> None:
        """Keep the first end, and wake the coroutine."""
        if change is not None and change.is_end and self.end is None:
            self.end = change.state
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """Give a future that is done when there is news."""
        # Made before anything is awaited, so that no news falls between a look at the job and the wait.
        self._news = asyncio.get_running_loop().create_future()
        return self._news


def timed_out(polls: PollLoop, job: TrackedJob, timeout: float | None) -> WaitTimeoutError:
    """Give the error for a deadline of so many seconds that has passed."""
    status = job.current.status if job.current else None
    return WaitTimeoutError(
        job.job_id, timeout=timeout or 0.0, status=status, failures=job.failures, retry_after=polls.rest_of_pause()
    )
