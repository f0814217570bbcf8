"""Sends creates and followups: each at most once, whatever happens to the network or to the caller.

A call goes out again only if the service provably did not take it. A caller who is cancelled while
bytes are under way does not take the answer with it: the exchange is finished, within a bound, and
the id is reported. Where a record is kept, nothing leaves before it is written down, and nobody hears
of an id before that is. Polls are no business of this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import anyio
import attrs

from motion_async.cancelling import is_cancelled
from motion_async.errors import LedgerError, MotionError, SessionClosedError, TransportError, UncertainError
from motion_async.events import Event, JobAccepted, SendAbandoned, SendDisturbed
from motion_async.jobs import JobState
from motion_async.protocol import Answer, Call, may_send_again, read_answer, unless_refused
from motion_async.recording import NotOursToSend, Record
from motion_async.retrying import Retries
from motion_async.transport import Exchange, Transport

__all__ = ["Sender"]

_ATTEMPTS = 8
"""So often a create or followup that the service provably did not take goes out at most."""

_T = TypeVar("_T")
_log = logging.getLogger("motion_async")


class Sender:
    """Sends what costs credits, over one transport.

    Args:
        transport: carries the calls.
        publish: told of what was accepted, disturbed or abandoned.
        retries: how calls are tried again.
        resumed: waits for the end of a pause that the service has asked for.
        grace: seconds in which an exchange whose caller is gone may still finish.
        now: gives the time as an aware datetime.
    """

    def __init__(
        self,
        transport: Transport,
        publish: Callable[[Event], None],
        retries: Retries,
        *,
        resumed: Callable[[], Awaitable[None]],
        grace: float,
        now: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._resumed = resumed
        self._publish = publish
        self._retries = retries
        self._grace = grace
        self._now = now
        self._under_way: dict[asyncio.Task[Any], Exchange] = {}

    async def send(
        self,
        call: Call,
        take: Callable[[JobState], _T],
        *,
        record: Record | None = None,
        check: Callable[[], None] | None = None,
        again: Callable[[], Awaitable[object]] | None = None,
    ) -> _T:
        """Send a create or a followup, and take the service's answer.

        Args:
            call: what to send.
            take: given the job's id and first status as soon as they are known, even if the caller is gone.
            record: where it is written down before each try, and what came of it after.
            check: raises if it is not to be sent any more; asked before each try, when there is a connection for it.
            again: awaited before each try but the first; raises if there is to be none.

        Returns:
            What `take` gave.

        Raises:
            UncertainError: if it was sent and the answer was lost.
            NotOursToSend: if the record says so; nothing was sent then.
            MotionError: if it was refused, or could not be sent.
        """

        def repeating(error: MotionError, failures: int, next_wait: float) -> None:
            self._publish(SendDisturbed(call.job_id, error, failures, next_wait))

        tries = 0

        async def attempt() -> tuple[JobState, _T]:
            nonlocal tries
            tries += 1
            if tries > 1 and again is not None:
                await again()
            return await self._send_once(call, take, record, check)

        _, taken = await self._retries.run(
            attempt,
            may_repeat=may_send_again,
            attempts=_ATTEMPTS,
            repeating=repeating,
        )
        return taken

    async def _send_once(
        self, call: Call, take: Callable[[JobState], _T], record: Record | None, check: Callable[[], None] | None
    ) -> tuple[JobState, _T]:
        """Make one exchange in a task of its own, which outlives the cancellation of its caller."""
        exchange = Exchange() if record is None else Exchange(record.holds)
        work = self._exchange_and_take(call, exchange, take, record, check)
        task = asyncio.get_running_loop().create_task(work, name="motion_async.send")
        self._under_way[task] = exchange
        task.add_done_callback(self._under_way.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not is_cancelled():
                raise _left() from None  # by `aclose`, before its first step; it is not the caller who was cancelled
            task.add_done_callback(lambda done: self._report(call, done))
            if not exchange.sent:
                task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task], timeout=self._grace)
            raise

    async def _exchange_and_take(
        self,
        call: Call,
        exchange: Exchange,
        take: Callable[[JobState], _T],
        record: Record | None,
        check: Callable[[], None] | None,
    ) -> tuple[JobState, _T]:
        answered: JobState | MotionError | None = None
        try:
            # First of all a place, so that what waits for one stands in no record as sent, and can still be held back.
            async with self._transport.places_to_send:
                await self._may_go(check)
                now = self._now()  # the caller's clock may raise, which it must not do between an answer and its id
                if record is not None:
                    await self._note_the_intent(record)
                    try:
                        await self._may_go(check)  # once more, as the note may have taken long
                    except MotionError:
                        record.not_taken(None)
                        raise
                answered = await self._answered(call, exchange, now)
            accepted = await self._noted(answered, record)
            self._publish(JobAccepted(accepted.job_id, followup=call.kind == "followup"))
            return accepted, take(accepted)
        except (MotionError, NotOursToSend):
            raise
        except BaseException as error:  # the end of the program, or what the caller handed in raises
            failure = _cut_short(call, exchange, answered, error, record)
            if failure is None or not isinstance(error, Exception):
                raise
            raise failure from error

    async def _answered(self, call: Call, exchange: Exchange, now: datetime) -> JobState | MotionError:
        """Make one exchange, and give what it brought: what was accepted, or why not."""
        failure: MotionError
        try:
            answer = await self._transport.exchange(call, exchange)
        except MotionError as error:
            failure = error
        except asyncio.CancelledError:
            # Ended because nothing had left yet, or by `aclose` after the grace: only the latter is uncertain.
            if not exchange.sent:
                return _left()
            failure = TransportError("the session was left before the answer came")
        else:
            return _meaning(call, answer, now)
        if exchange.cut is None:
            return _told(call, failure)
        return _meaning(call, attrs.evolve(exchange.cut, flaw=failure), now)

    async def _may_go(self, check: Callable[[], None] | None) -> None:
        """Wait for the end of a pause, and raise if a request is not to be sent any more."""
        await self._resumed()
        if check is not None:
            check()

    async def _note_the_intent(self, record: Record) -> None:
        """Have it kept that the request is about to be sent.

        A note is taken in as soon as it is made: a cancellation only ends the wait for it, and comes from a caller who
        left before anything was sent, or from `aclose`, when its grace is over.
        """
        try:
            if not await record.sending():
                raise NotOursToSend
        except asyncio.CancelledError:
            record.not_taken(None)
            raise _left() from None

    async def _noted(self, answered: JobState | MotionError, record: Record | None) -> JobState:
        """Have it kept what an exchange brought, and give it, or raise it.

        That is told in any case: a ledger that cannot be written says so by itself.
        """
        if record is not None:
            if isinstance(answered, UncertainError):
                await _kept(record.lost(answered))
            elif isinstance(answered, MotionError):
                await _kept(record.not_taken(answered))
            else:
                await _kept(record.taken(answered))
        if isinstance(answered, MotionError):
            raise answered
        _log.info("the service took a request: job %s", answered.job_id)
        return answered

    def _report(self, call: Call, task: asyncio.Task[tuple[JobState, _T]]) -> None:
        """Tell what became of an exchange whose caller was cancelled."""
        if task.cancelled():
            return  # before its first step: nothing was sent
        error = task.exception()
        if error is None:
            job_id = task.result()[0].job_id
            _log.warning("the caller of a %s was cancelled; the service took it: job %s", call.kind, job_id)
            self._publish(SendAbandoned(job_id, None))
        elif isinstance(error, MotionError):
            level = logging.WARNING if isinstance(error, UncertainError) else logging.DEBUG
            _log.log(level, "the caller of a %s was cancelled, and: %s", call.kind, error)
            self._publish(SendAbandoned(call.job_id, error))

    async def aclose(self) -> None:
        """End what is under way: what may have reached the service gets the grace to finish, the rest is ended."""
        for task, exchange in self._under_way.items():
            if not exchange.sent:
                task.cancel()
        try:
            if self._under_way:
                await asyncio.wait(list(self._under_way), timeout=self._grace)
        finally:
            for task in self._under_way:
                task.cancel()
        if self._under_way:
            await asyncio.wait(list(self._under_way))


def _cut_short(
    call: Call,
    exchange: Exchange,
    answered: JobState | MotionError | None,
    error: BaseException,
    record: Record | None,
) -> MotionError | None:
    """Tell what is known where something else than an answer ended an exchange, and have it noted.

    Nobody waits for the note: it is taken in, and written if anything still is.
    """
    if isinstance(answered, JobState):
        _log.error("the service took a %s, and it could not be taken up: job %s", call.kind, answered.job_id)
        return None
    if not exchange.sent:
        if record is not None:
            record.not_taken(None)
        return None
    failure = unless_refused(call, TransportError(f"{type(error).__name__} ended the exchange"))
    _log.error("%s", failure)
    if record is not None and isinstance(failure, UncertainError):
        record.lost(failure)
    return failure


def _meaning(call: Call, answer: Answer, now: datetime) -> JobState | MotionError:
    try:
        return read_answer(call, answer, now=now)
    except MotionError as error:
        return _told(call, error.with_traceback(None), answer.body)  # its frames have the whole answer


def _told(call: Call, error: MotionError, said: bytes = b"") -> MotionError:
    failure = unless_refused(call, error, said=said)
    if failure is not error:
        failure.__cause__ = error
    return failure


async def _kept(note: Awaitable[None]) -> None:
    """Wait for a note to be kept, unless this task is being ended: it is made, and what it says is told in any case."""
    if is_cancelled():
        return
    with contextlib.suppress(asyncio.CancelledError, LedgerError):
        await note


def _left() -> SessionClosedError:
    return SessionClosedError("the call was given up before anything was sent")
