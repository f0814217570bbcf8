"""A reader of what happens to some jobs, from each one's present state until all have ended, as a browser's stream is.

It is filled by the session's events, and has its jobs polled while a step waits. Nothing here polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from types import TracebackType
from typing import Final, Protocol, Self

import attrs

from motion_async.events import Event, EventsDropped, WatchEnded
from motion_async.jobs import StatusChange
from motion_async.polling.inbox import Inbox
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import timed_out

__all__ = ["Watch"]

_MAX_UNREAD: Final = 10_000
"""So many of the newest events are kept for a reader that does not read them; an `EventsDropped` tells of the rest."""
_LINGER: Final = 1.0
"""Seconds for which jobs are polled on between two steps: to begin and end that at each of many events costs more."""


class _Hub(Protocol):
    """Who tells a watch what happens, see `motion_async.polling.streams`."""

    def fill(self, watch: Watch, job_ids: Iterable[str]) -> None: ...

    def empty(self, watch: Watch, job_ids: Iterable[str]) -> None: ...


class Watch(AsyncIterator[Event]):
    """What happens to some jobs; see `MotionSession.watch`.

    Args:
        polls: the session's loop.
        hub: fills this with the events of its jobs, from the first step on.
        jobs: the jobs.
        after: the tokens of changes that the reader has seen.
        timeout: seconds from the first step on, None for no deadline.
    """

    def __init__(
        self,
        polls: PollLoop,
        hub: _Hub,
        jobs: Iterable[TrackedJob],
        *,
        after: Collection[str],
        timeout: float | None,
    ) -> None:
        self._polls = polls
        self._hub = hub
        self._open = {job.job_id: job for job in jobs}
        self._job_ids = tuple(self._open)
        self._after = frozenset(after)
        self._timeout = timeout
        self._deadline: float | None = None
        self._unread: Inbox[Event] = Inbox(limit=_MAX_UNREAD)
        self._followed: dict[str, TrackedJob] = {}
        self._letting_go: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._is_interrupted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __anext__(self) -> Event:
        self._polls.home.check()
        if not self._has_begun:
            self._begin()
        while True:
            if dropped := self._unread.take_dropped():
                return EventsDropped(dropped)
            if (event := self._unread.take()) is not None:
                return event
            if not self._open or self._unread.is_closed:
                open_jobs, self._open = self._open, {}
                self.close()
                if self._is_interrupted and open_jobs:
                    raise next(iter(open_jobs.values())).closed_error()
                raise StopAsyncIteration
            await self._wait()

    def _begin(self) -> None:
        """Take in each job's present state, as far as it is known, and hear of all that comes from here on."""
        self._has_begun = True
        if self._timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        self._hub.fill(self, self._job_ids)
        for job in list(self._open.values()):
            if job.current is not None and job.change is not None:
                self.publish(attrs.evolve(job.change, previous=None, state=job.current))

    def publish(self, event: Event) -> None:
        """Take in an event of one of the jobs; a change that the reader has seen is none."""
        if not (isinstance(event, StatusChange) and event.previous is None and event.token in self._after):
            self._unread.put(event)
        if isinstance(event, WatchEnded) or (isinstance(event, StatusChange) and event.is_end):
            self._open.pop(event.job_id, None)
            if (job := self._followed.pop(event.job_id, None)) is not None:
                self._polls.unfollow(job)
            self._unread.wake()  # also of an end that is not told again: there may be nothing more to come

    async def _wait(self) -> None:
        """Have the jobs that have not ended polled until there is an event."""
        self._keep_following()
        if self._has_news:  # to begin may have told of something at once
            return
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._unread.news()
        except TimeoutError:
            if self._has_news:
                return  # it came in the very step of the deadline
            job = next(iter(self._open.values()))
            self.close()
            raise timed_out(self._polls, job, self._timeout) from None
        except asyncio.CancelledError:
            self._let_go()  # at once: whoever reads may be gone for good
            raise
        self._letting_go = asyncio.get_running_loop().call_later(_LINGER, self._let_go)

    @property
    def _has_news(self) -> bool:
        """Whether a step has something to tell, or that there is nothing more to come."""
        return not self._unread.is_empty or not self._open

    def _keep_following(self) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        for job_id, job in list(self._open.items()):
            if job_id not in self._followed:
                self._polls.follow(job)
                self._followed[job_id] = job

    def _let_go(self) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        while self._followed:
            self._polls.unfollow(self._followed.popitem()[1])

    def interrupt(self) -> None:
        """Close it because the session is left: the step after what is unread tells of that."""
        self._is_interrupted = True
        self.close()

    def close(self) -> None:
        """Take no further event in; what is unread can still be read."""
        self._let_go()
        self._hub.empty(self, self._job_ids)
        self._unread.close()

    async def aclose(self) -> None:
        """Do the same as `close`; leaving `async with` does it, too."""
        self.close()
