"""A reader of one job's changes, in order, as `Job.transitions` gives it.

It has an inbox of its own, which the job fills while it is polled. It tells the loop what to poll, and polls nothing.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import attrs

from motion_async.jobs import StatusChange
from motion_async.polling.inbox import Inbox
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import timed_out

__all__ = ["Transitions"]

_MAX_UNREAD: Final = 1_000
"""So many of a job's newest changes are kept for a reader that does not read them."""


class Transitions(AsyncIterator[StatusChange]):
    """The changes of one job in order, from its current state until it ends; see `Job.transitions`.

    The job is polled while a step waits. What is seen between two steps, because others follow the job, is kept for the
    next one, so a step that is cancelled loses nothing.

    Args:
        polls: the session's loop.
        job: the job.
        timeout: seconds from the first step on, None for no deadline.
        after: the token of the change that the reader has seen last, None if it has seen none.
    """

    def __init__(self, polls: PollLoop, job: TrackedJob, *, timeout: float | None, after: str | None = None) -> None:
        self._polls = polls
        self._after = after
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
        change = self._begin() if self._observer is None else self._unread.take()
        while True:
            if change is None:
                # A scope only with a deadline: many readers without one are all woken at once.
                change = await (self._wait() if self._deadline is None else self._wait_until(self._deadline))
            if change.is_end:
                self._end()
            if change.previous is not None or change.token != self._after:
                return change
            if change.is_end:
                raise StopAsyncIteration  # the reader has seen it, in this process or another
            change = None

    def _begin(self) -> StatusChange | None:
        """Give the current state as the first change if it is known, and of the job's newest turn."""
        if self._timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        # The second argument is a weakref's callback: a reader that is dropped is unsubscribed at once.
        self._observer = _WeakObserver(self._unread, self._job.unsubscribe)
        self._job.subscribe(self._observer)
        state, change = self._job.current, self._job.change
        return None if state is None or change is None else attrs.evolve(change, previous=None, state=state)

    async def _wait_until(self, deadline: float) -> StatusChange:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._wait()
        except TimeoutError:
            self._end()
            raise timed_out(self._polls, self._job, self._timeout) from None

    async def _wait(self) -> StatusChange:
        """Follow the job until there is a change."""
        self._raise_if_watch_ended()  # before the job is followed, which begins another watch
        self._polls.follow(self._job)
        try:
            while (change := self._unread.take()) is None:
                self._raise_if_watch_ended()
                if self._unread.is_closed:
                    raise StopAsyncIteration  # by `aclose`, while this slept
                await self._unread.news()
        finally:
            self._polls.unfollow(self._job)
        return change

    def _raise_if_watch_ended(self) -> None:
        """Raise the error that ended the watch, once all that was seen before has been read."""
        if self._job.error is not None:
            self._end()
            self._job.raise_if_watch_ended()

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

    # A weak reference has the hash of what it refers to, which is gone when this is to be unsubscribed.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def notify(self, change: StatusChange | None) -> None:
        if (unread := self()) is not None:
            unread.wake() if change is None else unread.put(change)
