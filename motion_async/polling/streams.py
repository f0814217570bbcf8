"""Streams of every event of a session, with an inbox for each reader; and where the readers of some jobs are filled.

A slow reader slows nobody, and hears of what it has missed. Nothing here polls; it tells the loop what to poll.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet, finalize

from motion_async.events import Event, EventsDropped, WatchEnded
from motion_async.jobs import StatusChange
from motion_async.polling.inbox import Inbox
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.watch import Watch

__all__ = ["EventHub", "EventStream"]

_MAX_ENDS: Final = 10_000
"""Of so many jobs it is known which end the streams have told last."""


class EventStream(AsyncIterator[Event]):
    """Every event of a session, from the moment this is made; see `MotionSession.events`.

    The jobs that it covers are polled until they end, while a step waits.

    Args:
        polls: the session's loop.
        limit: how many unread events are kept; the oldest ones go first, and an `EventsDropped` says so.
        covers: whether it covers any job, or hears of those alone that others have polled.
    """

    def __init__(self, polls: PollLoop, *, limit: int, covers: bool = True) -> None:
        self._polls = polls
        self._covers = covers
        self._covered: dict[str, TrackedJob] = {}
        self._unread: Inbox[Event] = Inbox(limit=limit)

    def cover(self, job: TrackedJob) -> None:
        """Have a job polled for this stream, unless it has ended.

        Args:
            job: the job.
        """
        if self._covers and not self._unread.is_closed and not job.has_ended and job.job_id not in self._covered:
            self._covered[job.job_id] = job
            self._polls.cover(job)

    def publish(self, event: Event, *, is_news: bool = True) -> None:
        """Take an event in.

        Args:
            event: what happened.
            is_news: whether a reader is to hear of it.
        """
        if self._unread.is_closed:
            return
        if is_news:
            self._unread.put(event)
        if isinstance(event, WatchEnded) or (isinstance(event, StatusChange) and event.is_end):
            self._uncover(event.job_id)

    async def __anext__(self) -> Event:
        self._polls.home.check()
        while True:
            if dropped := self._unread.take_dropped():
                return EventsDropped(dropped)
            if (event := self._unread.take()) is not None:
                return event
            if self._unread.is_closed:
                raise StopAsyncIteration
            await self._wait()

    async def _wait(self) -> None:
        if not self._covers:
            await self._unread.news()
            return
        # Only while a step waits: a stream that is held and not read must cost no polls.
        self._polls.listen()
        try:
            if self._unread.is_empty:  # to listen may have told of something at once
                await self._unread.news()
        finally:
            self._polls.unlisten()

    def close(self) -> None:
        """Take no further event in; what is unread can still be read."""
        for job_id in list(self._covered):
            self._uncover(job_id)
        self._unread.close()

    async def aclose(self) -> None:
        """Do the same as `close`; leaving `async with` does it, too."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _uncover(self, job_id: str) -> None:
        job = self._covered.pop(job_id, None)
        if job is not None:
            self._polls.uncover(job)


class EventHub:
    """The open event streams of one session; a stream that nobody holds any more is forgotten."""

    def __init__(self) -> None:
        self._streams: WeakSet[EventStream] = WeakSet()
        self._ends: dict[str, tuple[object, ...]] = {}
        self._watches: dict[str, WeakSet[Watch]] = {}

    def fill(self, watch: Watch, job_ids: Iterable[str]) -> None:
        """Give a watch the events of some jobs from now on, until it is emptied or nobody holds it any more."""
        # First of all, as what is made first is called last when a watch is dropped: after the sets have lost it.
        finalize(watch, self._forget, tuple(job_ids))
        for job_id in job_ids:
            self._watches.setdefault(job_id, WeakSet()).add(watch)

    def empty(self, watch: Watch, job_ids: Iterable[str]) -> None:
        """Take back `fill`."""
        for job_id in job_ids:
            watches = self._watches.get(job_id)
            if watches is not None:
                watches.discard(watch)
        self._forget(job_ids)

    def _forget(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            if not self._watches.get(job_id, True):
                del self._watches[job_id]

    def open(self, polls: PollLoop, *, limit: int, covers: bool) -> EventStream:
        """Give a new stream that covers every job the session knows, if any; `limit` as in `EventStream`."""
        stream = EventStream(polls, limit=limit, covers=covers)
        self._streams.add(stream)
        for job in polls.jobs():
            stream.cover(job)
        return stream

    def cover(self, job: TrackedJob) -> None:
        """Have a job polled for every open stream."""
        for stream in self._streams:
            stream.cover(job)

    def publish(self, event: Event) -> None:
        """Give an event to every open stream; one that repeats an end that was told before is no news to them."""
        if self._streams:
            is_news = not self._is_known_end(event)
            for stream in self._streams:
                stream.publish(event, is_news=is_news)
        if self._watches and (job_id := getattr(event, "job_id", None)) in self._watches:
            for watch in tuple(self._watches[job_id]):
                watch.publish(event)

    def _is_known_end(self, event: Event) -> bool:
        """Whether a change tells an end that was told already: the session had forgotten the job in between."""
        if not isinstance(event, StatusChange) or not event.is_end:
            return False
        end = (event.current, event.state.updated_at, event.state.completed_at)
        # Taken out and put in again, so that the first one is always the one that was told longest ago.
        known = self._ends.pop(event.job_id, None)
        self._ends[event.job_id] = end
        if len(self._ends) > _MAX_ENDS:
            del self._ends[next(iter(self._ends))]
        return event.previous is None and known == end

    def close(self) -> None:
        """Close every stream; what is unread can still be read."""
        for stream in list(self._streams):
            stream.close()
        for watch in {watch for watches in self._watches.values() for watch in watches}:
            watch.interrupt()
