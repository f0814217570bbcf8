"""The ways to follow one job: wait for its end, read its transitions.

Both observe the job while the loop polls it. A slow reader loses no transition and slows nobody: it has an inbox of its
own, from which the oldest goes when it is full. Nothing here polls; it tells the loop what to poll.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Generic, Literal, Self, TypeAlias, TypeVar

import attrs

from motion_async.errors import InputRequiredError, JobFailedError, WaitTimeoutError
from motion_async.jobs import JobState, JobStatus, StatusChange
from motion_async.options import check_choice, check_number
from motion_async.polling.freshness import needs_input
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob

__all__ = [
    "Inbox",
    "OnInput",
    "Transitions",
    "Waiter",
    "check_on_input",
    "check_timeout",
    "end_of",
    "result_of",
    "timed_out",
    "wait_for_end",
]

_Item = TypeVar("_Item")

OnInput: TypeAlias = Literal["wait", "raise"]
"""What to do when a job waits for a person: wait on, or raise `InputRequiredError`."""
_MAX_UNREAD: Final = 1_000
"""So many of a job's newest changes are kept for a reader that does not read them."""


def check_timeout(timeout: float | None, *, name: str = "timeout") -> float | None:
    """Give a timeout back if it is None or seconds of at least 0, else raise a `ConfigurationError`."""
    return None if timeout is None else check_number(name, timeout, low=0)


def check_on_input(on_input: OnInput) -> OnInput:
    """Give an `on_input` back, or raise a `ConfigurationError` if it is neither `wait` nor `raise`."""
    return check_choice("on_input", on_input, "wait", "raise")


def result_of(state: JobState) -> JobState:
    """Give the state of a completed job back, or raise a `JobFailedError` for that of a failed one."""
    if state.status == JobStatus.FAILED:
        raise JobFailedError(state.job_id, error=state.error)
    return state


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
            raise timed_out(job, timeout) from None
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
        if change is not None and change.current.is_terminal and self.end is None:
            self.end = change.state
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """Give a future that is done when there is news."""
        # Made before anything is awaited, so that no news falls between a look at the job and the wait.
        self._news = asyncio.get_running_loop().create_future()
        return self._news


def timed_out(job: TrackedJob, timeout: float | None) -> WaitTimeoutError:
    """Give the error for a deadline of so many seconds that has passed."""
    status = job.current.status if job.current else None
    return WaitTimeoutError(job.job_id, timeout=timeout or 0.0, status=status, failures=job.failures)


class Inbox(Generic[_Item]):
    """The unread items of one reader, and the coroutines that sleep until there is more.

    At most `limit` items are kept; the oldest ones go first.
    """

    __slots__ = ("__weakref__", "_dropped", "_limit", "_sleepers", "_unread", "is_closed")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._unread: deque[_Item] = deque()
        self._sleepers: set[asyncio.Future[None]] = set()
        self._dropped = 0
        self.is_closed = False

    def put(self, item: _Item) -> None:
        """Take an item in, and wake the readers that sleep."""
        self._unread.append(item)
        if len(self._unread) > self._limit:
            self._unread.popleft()
            self._dropped += 1
        self.wake()

    def take(self) -> _Item | None:
        """Give the oldest unread item, None if there is none."""
        return self._unread.popleft() if self._unread else None

    def take_dropped(self) -> int:
        """Give how many items have gone unread since this was called last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def wake(self) -> None:
        """Wake the readers that sleep, which then look again."""
        for future in self._sleepers:
            if not future.done():
                future.set_result(None)

    async def sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sleep in the running `loop` until the next `wake`, for which there may be no item."""
        future = loop.create_future()
        self._sleepers.add(future)
        try:
            await future
        finally:
            self._sleepers.discard(future)

    def close(self) -> None:
        """Take note that nothing more comes in, and wake the readers that sleep."""
        self.is_closed = True
        self.wake()


class Transitions(AsyncIterator[StatusChange]):
    """The changes of one job in order, from its current state until it ends; see `Job.transitions`.

    The job is polled while a step waits. What is seen between two steps, because others follow the job, is kept for the
    next one, so a step that is cancelled loses nothing.

    Args:
        polls: the session's loop.
        job: the job.
        timeout: seconds from the first step on, None for no deadline.
    """

    def __init__(self, polls: PollLoop, job: TrackedJob, *, timeout: float | None) -> None:
        self._polls = polls
        self._job = job
        self._timeout = timeout
        self._deadline: float | None = None
        self._unread: Inbox[StatusChange] = Inbox(limit=_MAX_UNREAD)
        self._observer: _WeakObserver | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> StatusChange:
        self._polls.home.check()
        if self._unread.is_closed:
            raise StopAsyncIteration
        change = self._begin() if self._observer is None else self._read()
        if change is None:
            # A scope only with a deadline: many readers without one are all woken at once.
            change = await (self._wait() if self._deadline is None else self._wait_until(self._deadline))
        if change.current.is_terminal:
            self._end()
        return change

    def _begin(self) -> StatusChange | None:
        """Give the current state as the first change if it is known, and of the job's newest turn."""
        if self._timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        # The second argument is a weakref's callback: a reader that is dropped is unsubscribed at once.
        self._observer = _WeakObserver(self._unread, self._job.unsubscribe)
        self._job.subscribe(self._observer)
        state, change = self._job.current, self._job.change
        return None if state is None or change is None else attrs.evolve(change, previous=None, state=state)

    def _read(self) -> StatusChange | None:
        """Give the next change that has been seen; raise the error that ended the watch if there is none."""
        change = self._unread.take()
        if change is None and self._job.error is not None:
            self._end()
            self._job.raise_if_watch_ended()
        return change

    async def _wait_until(self, deadline: float) -> StatusChange:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._wait()
        except TimeoutError:
            self._end()
            raise timed_out(self._job, self._timeout) from None

    async def _wait(self) -> StatusChange:
        """Follow the job until there is a change."""
        self._polls.follow(self._job)
        try:
            while (change := self._read()) is None:
                if self._unread.is_closed:
                    raise StopAsyncIteration  # by `aclose`, while this slept
                await self._unread.sleep(self._polls.home.loop)
        finally:
            self._polls.unfollow(self._job)
        return change

    def _end(self) -> None:
        self._unread.close()
        if self._observer is not None:
            self._job.unsubscribe(self._observer)

    async def aclose(self) -> None:
        """End: a step that waits ends, and the job goes on by itself; leaving `async with` does the same."""
        self._end()


class _WeakObserver(weakref.ref[Inbox[StatusChange]]):
    """Fills the inbox of a reader, and holds it weakly: a reader that is dropped need not be closed."""

    __slots__ = ()

    def notify(self, change: StatusChange | None) -> None:
        if (unread := self()) is not None:
            unread.wake() if change is None else unread.put(change)
