"""Makes many videos: requests go in lazily, a limited number of jobs run, outcomes come out as they end.

A place of the limiter is held from just before a create until its job ends. Only a create under way
has a task of its own; a running job costs an entry of the poll loop and a future. This module must
not decide what is polled when, nor send anything itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self, TypeAlias

import anyio

from motion_async.errors import (
    AuthenticationError,
    ConfigurationError,
    InputRequiredError,
    InsufficientCreditsError,
    JobFailedError,
    MotionError,
    NotSentError,
    SessionClosedError,
    WaitTimeoutError,
)
from motion_async.jobs import JobState, Outcome, VideoRequest
from motion_async.subscriptions import OnInput, result_of
from motion_async.turns import needs_input
from motion_async.watch import PollLoop
from motion_async.watched import Step, Watched

__all__ = ["MAX_UNREAD", "FanOut", "Requests"]

MAX_UNREAD = 1_000
"""So many outcomes that nobody has read yet keep new requests from being started."""

Requests: TypeAlias = Iterable[VideoRequest | str] | AsyncIterable[VideoRequest | str]


class _Item:
    """One request on its way; it is also the borrower that holds the place in the limiter."""

    __slots__ = ("at", "holds_place", "index", "job", "news", "request", "timer")

    def __init__(self, index: int, request: VideoRequest) -> None:
        self.index = index
        self.request = request
        self.job: Watched | None = None
        self.at = Step(None)
        self.news: asyncio.Future[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.holds_place = True


class FanOut(AsyncIterator[Outcome]):
    """The outcomes of many requests, each as it ends; see `MotionSession.generate_many`.

    Enter it with `async with`, then read it with `async for`. Leaving it early ends what it started
    here; jobs that the service has taken go on there.

    Args:
        create: creates one job.
        polls: the session's loop.
        requests: what to make.
        limiter: whose places the jobs hold.
        job_timeout: seconds from a job's creation until it is given up, None for no end.
        on_input: what to do when a job waits for a person.
    """

    def __init__(
        self,
        create: Callable[[VideoRequest], Awaitable[Watched]],
        polls: PollLoop,
        requests: Requests,
        *,
        limiter: anyio.CapacityLimiter,
        job_timeout: float | None,
        on_input: OnInput,
    ) -> None:
        self._create = create
        self._polls = polls
        self._requests = requests
        self._limiter = limiter
        self._job_timeout = job_timeout
        self._on_input = on_input
        self._active: set[_Item] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unread: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._stopped_by: MotionError | None = None
        self._exhausted = False
        self._source_error: Exception | None = None
        self._entered = False

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("outcomes can be entered once; call generate_many again")
        self._entered = True
        self._start(self._pull(), name="motion_async.fanout")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for item in list(self._active):
                self._drop(item)
            self._exhausted = True
            self._end_if_done()

    async def __anext__(self) -> Outcome:
        if not self._entered:
            raise ConfigurationError("outcomes are read inside `async with motion.generate_many(…) as outcomes`")
        outcome = await self._unread.get()
        if self._unread.qsize() < MAX_UNREAD:
            self._has_room.set()
        if outcome is not None:
            return outcome
        self._unread.put_nowait(None)  # for the next reader, or the next step
        if self._source_error is not None:
            error, self._source_error = self._source_error, None
            raise error
        raise StopAsyncIteration

    def _start(self, work: Awaitable[None], *, name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # From a request to a job.

    async def _pull(self) -> None:
        """Take the requests one at a time, each when there is a place for it."""
        index = 0
        try:
            async for request in _each(self._requests):
                item = _Item(index, VideoRequest(request) if isinstance(request, str) else request)
                index += 1
                await self._has_room.wait()
                if self._stopped_by is None:
                    await self._limiter.acquire_on_behalf_of(item)
                    self._active.add(item)
                    if self._stopped_by is None:
                        self._start(self._send(item), name="motion_async.create")
                        continue
                self._finish(item, error=_not_sent(self._stopped_by))
        except Exception as error:  # noqa: BLE001  # the caller's own iterable; its error is handed on when all is read
            self._source_error = error
        self._exhausted = True
        self._end_if_done()

    async def _send(self, item: _Item) -> None:
        try:
            item.job = await self._create(item.request)
            item.at = item.job.last
            self._polls.follow(item.job)
        except MotionError as error:
            if isinstance(error, AuthenticationError | InsufficientCreditsError | SessionClosedError):
                self._stopped_by = self._stopped_by or error
            self._finish(item, error=error)
            return
        if self._job_timeout is not None:
            self._give_up_after(item, self._job_timeout)
        self._look(item)

    def _give_up_after(self, item: _Item, seconds: float) -> None:
        def give_up() -> None:
            if item.job is not None:
                status = item.job.state.status if item.job.state else None
                self._finish(item, error=WaitTimeoutError(item.job.job_id, timeout=seconds, status=status))

        item.timer = asyncio.get_running_loop().call_later(seconds, give_up)

    # From a job to an outcome.

    def _look(self, item: _Item) -> None:
        """See whether an item's job has ended, and sleep until its next news if it has not."""
        job = item.job
        if job is None or item not in self._active:
            return
        item.at, end = item.at.end()
        if end is None and job.has_ended:
            end = job.state  # it had ended before there was anything to read on from
        if end is not None:
            try:
                self._finish(item, state=result_of(end))
            except JobFailedError as error:
                self._finish(item, state=end, error=error)
        elif job.error is not None:
            if isinstance(job.error, AuthenticationError):
                self._stopped_by = self._stopped_by or job.error
            self._finish(item, error=job.error)
        elif job.state is not None and needs_input(job.state) and self._on_input == "raise":
            self._finish(item, error=InputRequiredError(job.job_id))
        else:
            if job.state is not None and needs_input(job.state):
                self._give_place_back(item)
            item.news = job.news()
            item.news.add_done_callback(lambda _: self._look(item))

    def _finish(self, item: _Item, *, state: JobState | None = None, error: MotionError | None = None) -> None:
        self._drop(item)
        job_id = None
        if item.job is not None:
            job_id, state = item.job.job_id, state or item.job.state
        self._unread.put_nowait(Outcome(item.index, item.request, job_id, state, error))
        if self._unread.qsize() >= MAX_UNREAD:
            self._has_room.clear()
        self._end_if_done()

    def _drop(self, item: _Item) -> None:
        """Let go of everything that an item holds."""
        if item not in self._active:
            return
        self._active.discard(item)
        self._give_place_back(item)
        if item.timer is not None:
            item.timer.cancel()
        if item.job is not None:
            self._polls.unfollow(item.job)
            if item.news is not None:
                item.job.forget(item.news)

    def _give_place_back(self, item: _Item) -> None:
        if item.holds_place:
            item.holds_place = False
            self._limiter.release_on_behalf_of(item)

    def _end_if_done(self) -> None:
        if self._exhausted and not self._active:
            self._unread.put_nowait(None)


def _not_sent(cause: MotionError | None) -> NotSentError:
    error = NotSentError(str(cause))
    error.__cause__ = cause
    return error


async def _each(requests: Requests) -> AsyncIterator[VideoRequest | str]:
    """Iterate over either kind of iterable."""
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
