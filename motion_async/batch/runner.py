"""Runs a batch: pulls requests, begins each when there is a place, and hands out outcomes as jobs end.

A place of the limiter is held from just before a create until its job ends. Only what is about to be
sent has a task of its own; a running job costs an entry of the poll loop and a future. This module must
not decide what is polled when, nor send anything itself; what is known of a request from earlier, and
where it is written down, comes with its `Intake`.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio
import attrs

from motion_async.batch import unsent
from motion_async.batch.followups import FollowupQueue
from motion_async.batch.item import BatchItem
from motion_async.batch.requests import Intake
from motion_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectImpossibleError,
    FollowupNotAllowedError,
    InputRequiredError,
    InsufficientCreditsError,
    JobFailedError,
    LedgerError,
    MotionError,
    NotSentError,
    PermissionDeniedError,
    SentElsewhereError,
    SessionClosedError,
    WaitTimeoutError,
)
from motion_async.http.cancelling import is_cancelled
from motion_async.jobs import JobState, Outcome
from motion_async.polling.freshness import needs_input
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import OnInput, end_of, timed_out, wait_for_end
from motion_async.sending.journal import NotOursToSend

__all__ = ["MAX_UNREAD", "FanOut"]

MAX_UNREAD = 1_000
"""So many outcomes that nobody has read yet keep new requests from being pulled; so many, too, that wait for others."""

_log = logging.getLogger(__package__)


class FanOut(AsyncIterator[Outcome]):
    """The outcomes of many requests, each as it ends; see `MotionSession.generate_many`.

    Enter it with `async with`, then read it with `async for`. Leaving it early ends what it started
    here; jobs that the service has taken go on there, and are named in the log unless a ledger has them.

    Args:
        send: sends one create or followup. It is also given a function that raises if the request must not be sent
            any more, and one that it tells of a refusal at once.
        take_up: gives the job of a request that has been taken earlier.
        polls: the session's loop.
        requests: what to make.
        limiter: whose places the jobs hold.
        job_timeout: seconds in which each job is watched; None for no end.
        on_input: what to do when a job waits for a person.
        recheck: makes every request that waits at the gate ask again whether it is still to be sent.
        is_shared: whether a job that is let go of here is watched on by others: then no turn of a job is ever lost.
    """

    def __init__(
        self,
        send: Callable[[Intake, Callable[[], None], Callable[[MotionError], None]], Awaitable[TrackedJob]],
        take_up: Callable[[Intake], TrackedJob],
        polls: PollLoop,
        requests: AsyncGenerator[Intake],
        *,
        limiter: anyio.CapacityLimiter,
        job_timeout: float | None,
        on_input: OnInput,
        recheck: Callable[[], None],
        is_shared: bool = False,
    ) -> None:
        self._send = send
        self._take_up = take_up
        self._polls = polls
        self._requests = requests
        self._limiter = limiter
        self._job_timeout = job_timeout
        self._on_input = on_input
        self._recheck = recheck
        self._is_shared = is_shared
        self._open: dict[BatchItem, None] = {}
        self._followups: FollowupQueue[BatchItem] = FollowupQueue()
        self._parked = 0
        self._tasks: set[asyncio.Future[None]] = set()
        self._unread: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._unheard: dict[str, None] = {}
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._stopped_by: MotionError | None = None
        self._exhausted = False
        self._source_error: Exception | None = None
        self._entered = False
        self._was_left = False

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("outcomes can be entered once; call generate_many again")
        self._polls.home.check()
        self._entered = True
        self._start(self._pull_requests(), name="motion_async.fanout")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._was_left = True
        left = list(self._open)
        self._open.clear()  # first, so that nothing that ends meanwhile starts what follows it
        for task in self._tasks:
            task.cancel()
        with anyio.CancelScope(shield=True):  # a scope of the caller's that is cancelled would end each await at once
            try:
                if self._tasks:
                    await asyncio.wait(self._tasks)
            finally:
                going_on = [item.job.job_id for item in left if item.job is not None and item.intake.journal is None]
                for item in left:
                    self._drop(item)
                for what, jobs in (("go on", going_on), ("have ended, of which nobody has heard", self._unheard)):
                    if jobs:
                        _log.warning("a batch was left; jobs that %s: %s", what, ", ".join(jobs))
                self._exhausted = True
                self._end_if_done()
            await self._requests.aclose()

    async def __anext__(self) -> Outcome:
        if not self._entered:
            raise ConfigurationError("outcomes are read inside `async with motion.generate_many(…) as outcomes`")
        self._polls.home.check()
        outcome = await self._unread.get()
        self._update_room()
        if outcome is not None:
            self._unheard.pop(outcome.job_id or "", None)
            return outcome
        self._unread.put_nowait(None)  # for the next reader, or the next step
        if self._source_error is not None:
            error, self._source_error = self._source_error, None
            raise error
        raise StopAsyncIteration

    def let_go(self, index: int) -> bool:
        """Leave a job that is watched to another process, and say whether it was: no outcome of it comes out here."""
        left = [item for item in self._open if item.index == index and item.job is not None]
        for item in left:
            del self._open[item]
            self._drop(item)
            self._followups.leave(item, key=item.intake.key)
            self._pass_turn(item, ())  # whoever is next finds the job at work, and outlasts that
        self._end_if_done()
        return bool(left)

    def _start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        # asyncio holds its tasks weakly: without this set one could vanish in the middle of a create.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_guarded(self, step: Callable[[BatchItem], Awaitable[None]], item: BatchItem) -> None:
        """Make an outcome of whatever a step raises, as a reader waits for the outcome of each request."""
        try:
            await step(item)
        except (Exception, asyncio.CancelledError) as error:  # a clock or a ledger of the caller's may raise anything
            # Other cancellations are strays of a hook, a clock or an iterable, and failures like any other.
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            if isinstance(error, MotionError):
                failure = error
            else:
                failure = MotionError(f"the request could not be brought on its way: {error!r:.200}")
                failure.__cause__ = error
            self._stop_after(failure)
            self._finish(item, error=failure)

    def _update_room(self) -> None:
        if self._unread.qsize() < MAX_UNREAD and self._parked < MAX_UNREAD:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _set_parked(self, item: BatchItem, *, is_parked: bool) -> None:
        """Count an item among those that wait for something else than their turn in the pull."""
        self._parked += is_parked - item.is_parked
        item.is_parked = is_parked
        self._update_room()

    def _stop_after(self, error: MotionError) -> None:
        """End new creates if an error holds for all of them, before another one can leave in its place."""
        if isinstance(error, _ENDS_ALL):
            self._stop(error)

    def _stop(self, error: MotionError) -> None:
        self._stopped_by = self._stopped_by or error
        self._recheck()

    # From a request to a job.

    async def _pull_requests(self) -> None:
        """Take the requests one at a time, each when there is a place for it."""
        index = 0
        try:
            async for intake in self._requests:
                item = BatchItem(index, intake)
                index += 1
                await self._has_room.wait()
                if self._was_left:
                    break  # though the cancellation did not come here: the caller's iterable has taken it
                self._open[item] = None
                await self._run_guarded(self._begin, item)
        except Exception as error:  # noqa: BLE001  # the caller's own iterable; its error is handed on when all is read
            self._source_error = error
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            self._source_error = MotionError("the iterable of requests let out a CancelledError, though nobody left")
        self._exhausted = True
        self._end_if_done()

    async def _begin(self, item: BatchItem) -> None:
        """Take a request as far as what is known of it allows.

        One of these happens: its outcome is known and handed out; its parent is under way here, and it waits for the
        parent's end; another followup of its job is under way, and it waits for its turn; its job exists and is
        watched; or it is sent. Of a parent that is not under way here the ledger is asked first, once.
        """
        intake = item.intake
        if intake.settled is not None:
            state, error = intake.settled
            self._finish(item, state=state, error=error)
            return
        needs_parent = intake.follows is not None and intake.job_id is None and intake.parent_job_id is None
        if self._followups.enter(item, key=intake.key, follows=intake.follows if needs_parent else None):
            self._set_parked(item, is_parked=True)
        elif needs_parent:
            assert intake.look is not None  # noqa: S101  # nothing is followed without a ledger
            item.intake = await intake.look()
            await self._begin(item)
        elif intake.job_id is None and self._stopped_by is not None:
            self._finish(item, error=unsent.stopped_by(self._stopped_by))
        elif self._queue_for_turn(item):
            self._set_parked(item, is_parked=True)
        else:
            # Last of all, as a request that waits for anything else must not hold a place that another job could have.
            await self._limiter.acquire_on_behalf_of(item)
            item.holds_place = True
            self._set_parked(item, is_parked=False)
            if item not in self._open:
                self._drop(item)  # the batch was left in this very moment
            elif intake.job_id is not None:
                self._watch_job(item, self._take_up(intake))
            else:
                self._start(self._run_guarded(self._create, item), name="motion_async.create")

    def _queue_for_turn(self, item: BatchItem) -> bool:
        has_begun, job_id = item.intake.job_id is not None, item.intake.followed_job_id
        if job_id is None:
            return False
        if self._followups.is_blocked(job_id) and not has_begun:
            raise unsent.behind_lost_turn()
        return self._followups.take_turn(item, job_id, has_begun=has_begun)

    async def _create(self, item: BatchItem) -> None:
        def check() -> None:
            if self._stopped_by is not None:
                raise unsent.stopped_by(self._stopped_by)

        check()  # at once, too: a followup polls before it is sent
        parent_id = item.intake.parent_job_id
        parent = None if parent_id is None else self._polls.job(parent_id)  # held, so that what a look finds is known
        try:
            job = await self._send(item.intake, check, self._stop_after)
        except (NotOursToSend, FollowupNotAllowedError) as error:  # another process may have sent it just now
            item.give_place_back(self._limiter)
            if item.intake.look is None:
                raise
            item.intake = found = await item.intake.look()
            is_open = found.job_id is None and found.settled is None
            if not is_open or isinstance(error, NotOursToSend):
                await self._begin(item)
            elif self._queue_for_turn(item):
                self._set_parked(item, is_parked=True)
            elif parent is not None and parent.state is not None and not parent.has_ended:
                await self._outlast(item, parent)
            else:
                raise
        else:
            self._watch_job(item, job)

    async def _outlast(self, item: BatchItem, job: TrackedJob) -> None:
        """Wait for the end of a followup that this batch does not know: its answer was lost, or others sent it."""
        self._set_parked(item, is_parked=True)
        try:
            await wait_for_end(self._polls, job, timeout=self._job_timeout, on_input="wait")
        except JobFailedError:
            pass  # the next look finds that, too
        except WaitTimeoutError:
            raise unsent.behind_turn(job.job_id, self._job_timeout) from None
        await self._begin(item)

    def _watch_job(self, item: BatchItem, job: TrackedJob) -> None:
        item.follow(job, self._polls, self._check_job)
        if self._job_timeout is not None:
            item.timer = asyncio.get_running_loop().call_later(self._job_timeout, self._time_out, item)
        self._check_job(item)

    def _time_out(self, item: BatchItem) -> None:
        if item.job is not None and item.is_followed:
            self._finish(item, error=timed_out(self._polls, item.job, self._job_timeout))

    # From a job to an outcome.

    def _check_job(self, item: BatchItem) -> None:
        """Hand out an item's outcome if its job or the watch of it has ended."""
        job = item.job
        if job is None or not item.is_followed:
            return
        end = item.end
        if end is None and job.has_ended:
            end = job.state  # it had ended before there was anything to hear
        if end is not None:
            state, error = end_of(end)
            self._finish(item, state=state, error=error)
        elif job.error is not None:
            # Of a poll a 403, too: what cannot be watched with this key is not to be paid for.
            if isinstance(job.error, (*_ENDS_ALL, PermissionDeniedError)):
                self._stop(job.error)
            self._finish(item, error=job.error)
        elif job.state is not None and needs_input(job.state) and self._on_input == "raise":
            self._finish(item, error=InputRequiredError(job.job_id))
        elif job.state is not None and needs_input(job.state):
            item.give_place_back(self._limiter)

    def _finish(self, item: BatchItem, *, state: JobState | None = None, error: MotionError | None = None) -> None:
        """Let go of what an item holds, and hand out its outcome as soon as the journal has kept its end."""
        self._drop(item)
        if item.job is None or item.intake.journal is None:
            self._hand_out(item, state, error)
            return
        state = state or item.state
        kept = asyncio.ensure_future(item.intake.journal.ended(state, error))

        def tell(done: asyncio.Future[JobState | None]) -> None:
            # If it could not be kept, the ledger has told of it; the job is known there, and is polled again next time.
            stands = None if done.cancelled() or done.exception() is not None else done.result()
            # The journal's end counts: another process may have seen this turn's, and this one only a later turn's.
            self._hand_out(item, *((state, error) if stands is None else end_of(stands)))

        kept.add_done_callback(tell)

    def _hand_out(self, item: BatchItem, state: JobState | None, error: MotionError | None) -> None:
        if item not in self._open:
            return  # the batch was left before the end was kept
        del self._open[item]
        intake, job = item.intake, item.job
        job_id = intake.job_id if job is None else job.job_id
        state = state or item.state
        outcome = Outcome(item.index, intake.request, job_id, state, error, key=intake.key, metadata=intake.metadata)
        self._unread.put_nowait(outcome)
        if job_id is not None and intake.journal is None:
            # Without a ledger only this process knows the id: if nobody reads the outcome, the log names the job.
            self._unheard[job_id] = None
        self._begin_followups(item, outcome)
        self._update_room()
        self._end_if_done()

    def _begin_followups(self, item: BatchItem, outcome: Outcome) -> None:
        """Send the followups that have waited for an end, or tell why they can't be sent."""
        children = self._followups.leave(item, key=outcome.key)
        if not outcome.ok:
            self._finish_soon(children, unsent.without_parent(outcome))
            children = []
            has_ended = outcome.state is not None and outcome.state.has_ended
            is_unwatched = isinstance(outcome.error, SentElsewhereError) or (item.job is not None and not has_ended)
            if is_unwatched and not self._is_shared and (job_id := item.intake.followed_job_id) is not None:
                # The turn may still run at the service: nobody knows what a further followup would change.
                self._finish_soon(self._followups.block_turns(job_id), unsent.behind_lost_turn())
        for child in children:
            child.intake = attrs.evolve(child.intake, parent_job_id=outcome.job_id, parent_end=outcome.state)
        self._pass_turn(item, children)

    def _pass_turn(self, item: BatchItem, children: Sequence[BatchItem]) -> None:
        for child in self._followups.pass_turn(item, children):
            self._start(self._run_guarded(self._begin, child), name="motion_async.followup")

    def _finish_soon(self, items: Iterable[BatchItem], error: NotSentError) -> None:
        """Finish items that are not sent, in later steps of the loop: further followups may hang on each of them."""
        for item in items:
            asyncio.get_running_loop().call_soon(partial(self._finish, item, error=copy.copy(error)))

    def _drop(self, item: BatchItem) -> None:
        """Let go of everything that an item holds."""
        self._set_parked(item, is_parked=False)
        item.let_go(self._polls, self._limiter)

    def _end_if_done(self) -> None:
        if self._exhausted and not self._open:
            self._unread.put_nowait(None)


_ENDS_ALL = (AuthenticationError, ConnectImpossibleError, InsufficientCreditsError, LedgerError, SessionClosedError)
"""After one of these every further create would end the same way."""
