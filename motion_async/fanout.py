"""Makes many videos: requests go in lazily, a limited number of jobs run, outcomes come out as they end.

A place of the limiter is held from just before a create until its job ends. Only a create under way
has a task of its own; a running job costs an entry of the poll loop and a future. This module must
not decide what is polled when, nor send anything itself; what is known of a request from earlier, and
where it is written down, comes with its `Intake`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Self

import anyio
import attrs

from motion_async.credits import Credits
from motion_async.errors import (
    AuthenticationError,
    ConfigurationError,
    InputRequiredError,
    InsufficientCreditsError,
    JobFailedError,
    LedgerError,
    MotionError,
    NotSentError,
    SessionClosedError,
    WaitTimeoutError,
)
from motion_async.intake import Intake
from motion_async.jobs import JobState, Outcome
from motion_async.recording import NotOursToSend
from motion_async.subscriptions import OnInput, result_of
from motion_async.turns import needs_input
from motion_async.watch import PollLoop
from motion_async.watched import Step, Watched

__all__ = ["MAX_UNREAD", "FanOut"]

MAX_UNREAD = 1_000
"""So many outcomes that nobody has read yet keep new requests from being started; so many followups, too, that wait."""


class _Item:
    """One request on its way; it is also the borrower that holds the place in the limiter."""

    __slots__ = ("at", "children", "holds_place", "index", "intake", "is_followed", "job", "news", "timer")

    def __init__(self, index: int, intake: Intake) -> None:
        self.index = index
        self.intake = intake
        self.job: Watched | None = None
        self.at = Step(None)
        self.news: asyncio.Future[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.holds_place = False
        self.is_followed = False
        self.children: list[_Item] = []


class FanOut(AsyncIterator[Outcome]):
    """The outcomes of many requests, each as it ends; see `MotionSession.generate_many`.

    Enter it with `async with`, then read it with `async for`. Leaving it early ends what it started
    here; jobs that the service has taken go on there.

    Args:
        send: sends one create or followup.
        take_up: gives the job of a request that has been taken earlier.
        polls: the session's loop.
        requests: what to make.
        limiter: whose places the jobs hold.
        job_timeout: seconds from a job's creation until it is given up, None for no end.
        on_input: what to do when a job waits for a person.
        credits: where creates wait for credits after a 402; when None, a 402 ends all new ones.
    """

    def __init__(
        self,
        send: Callable[[Intake], Awaitable[Watched]],
        take_up: Callable[[Intake], Watched],
        polls: PollLoop,
        requests: AsyncIterator[Intake],
        *,
        limiter: anyio.CapacityLimiter,
        job_timeout: float | None,
        on_input: OnInput,
        credits: Credits | None,  # noqa: A002  # the module's own word
    ) -> None:
        self._send = send
        self._take_up = take_up
        self._polls = polls
        self._requests = requests
        self._limiter = limiter
        self._job_timeout = job_timeout
        self._on_input = on_input
        self._credits = credits
        self._open: dict[_Item, None] = {}
        self._parents: dict[str, _Item] = {}
        self._parked = 0
        self._tasks: set[asyncio.Future[None]] = set()
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
            for item in self._open:
                self._drop(item)
            self._open.clear()
            self._exhausted = True
            self._end_if_done()

    async def __anext__(self) -> Outcome:
        if not self._entered:
            raise ConfigurationError("outcomes are read inside `async with motion.generate_many(…) as outcomes`")
        outcome = await self._unread.get()
        self._see_to_room()
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

    def _see_to_room(self) -> None:
        if self._unread.qsize() < MAX_UNREAD and self._parked < MAX_UNREAD:
            self._has_room.set()
        else:
            self._has_room.clear()

    # From a request to a job.

    async def _pull(self) -> None:
        """Take the requests one at a time, each when there is a place for it."""
        index = 0
        try:
            async for intake in self._requests:
                item = _Item(index, intake)
                index += 1
                await self._has_room.wait()
                self._open[item] = None
                await self._begin(item)
        except Exception as error:  # noqa: BLE001  # the caller's own iterable; its error is handed on when all is read
            self._source_error = error
        self._exhausted = True
        self._end_if_done()

    async def _begin(self, item: _Item) -> None:
        """Bring a request under way as far as what is known of it allows."""
        intake = item.intake
        if intake.settled is not None:
            state, error = intake.settled
            self._tell(item, state, error)
            return
        parent = None if intake.job_id else self._parents.get(intake.follows or "")
        if intake.key is not None:
            self._parents[intake.key] = item
        if parent is not None:
            parent.children.append(item)
            self._parked += 1
            self._see_to_room()
        elif intake.is_elsewhere or (intake.follows is not None and intake.job_id is None):
            self._start(self._begin_again(item), name="motion_async.again")
        elif intake.is_taken or not self._refuse_if_stopped(item):
            await self._limiter.acquire_on_behalf_of(item)
            item.holds_place = True
            if intake.is_taken:
                self._take_up_again(item)
            elif not self._refuse_if_stopped(item):
                self._start(self._create(item), name="motion_async.create")

    def _take_up_again(self, item: _Item) -> None:
        try:
            job = self._take_up(item.intake)
        except MotionError as error:
            self._finish(item, error=error)
        else:
            self._watch(item, job)

    async def _begin_again(self, item: _Item) -> None:
        """Begin anew with what is known of a request once nobody else sends it, or of the job that it follows up."""
        assert item.intake.again is not None  # noqa: S101  # whoever writes records gives it
        try:
            item.intake = await item.intake.again()
        except MotionError as error:
            self._finish(item, error=error)
        else:
            await self._begin(item)

    def _refuse_if_stopped(self, item: _Item) -> bool:
        if self._stopped_by is None:
            return False
        error = NotSentError(f"an earlier request ended all new ones: {self._stopped_by}")
        error.__cause__ = self._stopped_by
        self._finish(item, error=error)
        return True

    async def _create(self, item: _Item) -> None:
        def attempt() -> Awaitable[Watched]:
            return self._send(item.intake)

        try:
            job = await (attempt() if self._credits is None else self._credits.send(attempt))
        except NotOursToSend:
            self._give_place_back(item)
            await self._begin_again(item)
        except MotionError as error:
            if isinstance(error, _ENDS_ALL):
                self._stopped_by = self._stopped_by or error
            self._finish(item, error=error)
        else:
            self._watch(item, job)

    def _watch(self, item: _Item, job: Watched) -> None:
        item.job = job
        item.at = job.last
        try:
            self._polls.follow(job)
        except SessionClosedError as error:
            self._stopped_by = self._stopped_by or error
            self._finish(item, error=error)
            return
        item.is_followed = True
        if self._job_timeout is not None:
            self._give_up_after(item, self._job_timeout)
        self._look(item)

    def _give_up_after(self, item: _Item, seconds: float) -> None:
        def give_up() -> None:
            if item.job is not None and item.is_followed:
                status = item.job.state.status if item.job.state else None
                self._finish(item, error=WaitTimeoutError(item.job.job_id, timeout=seconds, status=status))

        item.timer = asyncio.get_running_loop().call_later(seconds, give_up)

    # From a job to an outcome.

    def _look(self, item: _Item) -> None:
        """See whether an item's job has ended, and sleep until its next news if it has not."""
        job = item.job
        if job is None or not item.is_followed:
            return
        end = self._read_on(item)
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

    def _read_on(self, item: _Item) -> JobState | None:
        """Read the changes of an item's job into its record, up to the next end, and give that."""
        step = item.at
        item.at, end = step.end()
        if item.intake.record is not None:
            while step is not item.at and step.next is not None:
                step = step.next
                if step.change is not None:
                    item.intake.record.changed(step.change)
        return end

    def _finish(self, item: _Item, *, state: JobState | None = None, error: MotionError | None = None) -> None:
        """Let go of what an item holds, and tell its outcome as soon as its end is written down."""
        self._drop(item)
        if item.job is None or item.intake.record is None:
            self._tell(item, state, error)
            return
        state = state or item.job.state
        kept = asyncio.ensure_future(item.intake.record.ended(state, error))

        def tell(done: asyncio.Future[None]) -> None:
            if not done.cancelled():
                done.exception()  # the ledger has told of it; the job is known there, and is polled again next time
            self._tell(item, state, error)

        kept.add_done_callback(tell)

    def _tell(self, item: _Item, state: JobState | None, error: MotionError | None) -> None:
        if item not in self._open:
            return  # the batch was left before the end was kept
        del self._open[item]
        intake = item.intake
        job_id = item.job.job_id if item.job is not None else intake.job_id if intake.is_taken else None
        state = state or (item.job.state if item.job is not None else None)
        outcome = Outcome(item.index, intake.request, job_id, state, error, key=intake.key, metadata=intake.metadata)
        self._unread.put_nowait(outcome)
        if intake.key is not None and self._parents.get(intake.key) is item:
            del self._parents[intake.key]
        for child in item.children:
            self._parked -= 1
            self._begin_child(child, job_id, outcome)
        self._see_to_room()
        self._end_if_done()

    def _begin_child(self, child: _Item, job_id: str | None, parent: Outcome) -> None:
        """Send a followup that has waited for its job to complete, or tell why it can't be sent."""
        if parent.ok:
            child.intake = attrs.evolve(child.intake, job_id=job_id)
            self._start(self._begin(child), name="motion_async.followup")
        else:
            self._finish(child, error=NotSentError(f"the request that it follows, {parent.key!r}, has not completed"))

    def _drop(self, item: _Item) -> None:
        """Let go of everything that an item holds."""
        self._give_place_back(item)
        if item.timer is not None:
            item.timer.cancel()
        if item.job is not None and item.is_followed:
            item.is_followed = False
            self._polls.unfollow(item.job)
            if item.news is not None:
                item.job.forget(item.news)

    def _give_place_back(self, item: _Item) -> None:
        if item.holds_place:
            item.holds_place = False
            self._limiter.release_on_behalf_of(item)

    def _end_if_done(self) -> None:
        if self._exhausted and not self._open:
            self._unread.put_nowait(None)


_ENDS_ALL = (AuthenticationError, InsufficientCreditsError, LedgerError, SessionClosedError)
"""After one of these every further create would end the same way."""
