"""Sends creates and followups: each at most once, whatever happens to the network or to the caller.

A call goes out again only if the service provably did not take it. A caller who is cancelled while
bytes are under way does not take the answer with it: the exchange is finished, within a bound, and
the id is reported. Where a journal is kept, nothing leaves before it is written down, and nobody hears
of an id before that is. Polls are no business of this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import anyio
import attrs

from motion_async.contract.protocol import Answer, Call, is_passing, read_answer, unless_refused
from motion_async.errors import (
    FollowupNotAllowedError,
    LedgerError,
    MotionError,
    ServiceError,
    SessionClosedError,
    TransportError,
    UncertainError,
    UnexpectedResponseError,
)
from motion_async.events import Event, JobAccepted, SendAbandoned, SendDisturbed
from motion_async.http.cancelling import is_cancelled
from motion_async.http.transport import Exchange, Transport
from motion_async.jobs import JobState
from motion_async.sending.gate import HeldBack, Permit, SendGate
from motion_async.sending.journal import NotOursToSend, SendJournal
from motion_async.sending.submission import Submission
from motion_async.timing.closing import Closing

__all__ = ["Sender"]

_ATTEMPTS: Final = 8
_PATIENCE: Final = 90.0
"""So often, and for so many seconds, whoever is not patient tries what the service provably does not take."""

_FRESH: Final = 1.0
"""Seconds for which a look at a job counts before its followup is sent."""

_T = TypeVar("_T")
_log = logging.getLogger("motion_async")


class Sender:
    """Sends what costs credits, over one transport.

    Args:
        transport: carries the calls.
        gate: says when each may be tried.
        publish: told of what was accepted, disturbed or abandoned.
        paused: told of each refusal that asks for a pause, and the loop's time at which the call left.
        grace: seconds in which an exchange whose caller is gone may still finish.
        now: gives the time as an aware datetime.
        closing: ends every wait between two tries.
    """

    def __init__(
        self,
        transport: Transport,
        gate: SendGate,
        publish: Callable[[Event], None],
        *,
        paused: Callable[[MotionError, float], None],
        grace: float,
        now: Callable[[], datetime],
        closing: Closing,
    ) -> None:
        self._closing = closing
        self._transport = transport
        self._gate = gate
        self._publish = publish
        self._paused = paused
        self._grace = grace
        self._now = now
        self._under_way: dict[asyncio.Task[Any], Exchange] = {}

    async def send(self, submission: Submission[_T]) -> _T:
        """Send a create or a followup, again and again while the service provably does not take it.

        Args:
            submission: what to send; one that is not patient is tried up to eight times, and for 90 seconds.

        Returns:
            What `on_accepted` gave.

        Raises:
            UncertainError: if it was sent and the answer was lost.
            NotOursToSend: if the journal says so; nothing was sent then.
            MotionError: if it was refused, or could not be sent.
        """
        until = None if submission.is_patient else self._gate.clock() + _PATIENCE
        failures = 0
        was_disallowed = False
        while True:
            permit = self._gate.permit(submission)
            try:
                return await self._try(submission, permit, until)
            except HeldBack:
                continue  # it costs no try
            except MotionError as error:
                failures += 1
                may_repeat = _may_repeat(error, permit, was_disallowed=was_disallowed)
                is_over = until is not None and (failures >= _ATTEMPTS or self._gate.clock() >= until)
                if not may_repeat or is_over:
                    raise
                was_disallowed |= isinstance(error, FollowupNotAllowedError)
                pause = self._gate.delay(failures) if permit.next_wait is None else 0.0
                wait, failed = permit.next_wait or pause, max(permit.failures, failures)
                self._publish(SendDisturbed(submission.call.job_id, error, failed, wait))
            finally:
                self._gate.release(permit)
            if pause:
                await self._closing.pause(pause)

    async def _try(self, submission: Submission[_T], permit: Permit, until: float | None) -> _T:
        """Make one try: a look, the turn at the gate, one more look if the first is old by then, and the exchange."""
        submission.check()  # at once, too: a look that fails again and again must not outlast its batch
        looked_at = -math.inf
        if submission.before_try is not None:
            await submission.before_try()
            looked_at = self._gate.now()
        await self._gate.admit(permit, until=until)
        if submission.before_try is not None and permit.began_at - looked_at > _FRESH:
            await submission.before_try()
        return (await self._send_once(submission, permit))[1]

    async def _send_once(self, submission: Submission[_T], permit: Permit) -> tuple[JobState, _T]:
        """Make one exchange in a task of its own, which outlives the cancellation of its caller."""
        exchange = Exchange(permit.leave)
        work = self._exchange_and_record(submission, permit, exchange)
        task = asyncio.get_running_loop().create_task(work, name="motion_async.send")
        self._under_way[task] = exchange
        task.add_done_callback(self._under_way.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not is_cancelled():
                # By `aclose`, before its first step: it is not the caller who was cancelled.
                raise _session_left() from None
            task.add_done_callback(lambda done: self._report(submission.call, done))
            if not exchange.sent:
                task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task], timeout=self._grace)
            raise

    async def _exchange_and_record(
        self, submission: Submission[_T], permit: Permit, exchange: Exchange
    ) -> tuple[JobState, _T]:
        """Send once: a place, the note of it, the exchange, the note of that, the job.

        Before each of the first three it is looked whether it is still to be sent, as all before that may have taken
        long; the last look is when there is a connection, just before the first byte leaves.
        """
        call, journal = submission.call, submission.journal
        answered: JobState | MotionError | None = None
        try:
            # First of all a place, so that what waits for one stands in no journal as sent, and can still be held back.
            async with self._transport.places_to_send:
                permit.check()
                now = self._now()  # the caller's clock may raise, which it must not do between an answer and its id
                if journal is not None:
                    await self._record_intent(journal)
                try:
                    permit.check()
                    answered = await self._exchange(call, exchange, now)
                except (MotionError, HeldBack):
                    if journal is not None:
                        journal.released(None)
                    raise
            self._tell_of_answer(answered, submission, permit)
            accepted = await self._record_answer(answered, submission)
            self._publish(JobAccepted(accepted.job_id, followup=call.kind == "followup"))
            return accepted, submission.on_accepted(accepted)
        except (MotionError, NotOursToSend, HeldBack):
            raise
        except BaseException as error:  # the end of the program, or what the caller handed in raises
            failure = _record_interruption(submission, exchange, answered, error)
            if failure is None or not isinstance(error, Exception):
                raise
            raise failure from error

    def _tell_of_answer(self, answered: JobState | MotionError, submission: Submission[Any], permit: Permit) -> None:
        """Tell who is to know at once what came of a try: the gate, the polls, and who sends more of its kind."""
        permit.end(answered)
        if isinstance(answered, MotionError):
            if isinstance(answered, ServiceError) and answered.retry_after is not None:
                self._paused(answered, permit.left_at or permit.began_at)
            if permit.next_wait is None:
                submission.on_refused(answered)

    async def _exchange(self, call: Call, exchange: Exchange, now: datetime) -> JobState | MotionError:
        """Make one exchange, and give what it brought: what was accepted, or why not.

        What kept the first byte back is raised.
        """
        failure: MotionError
        try:
            answer = await self._transport.exchange(call, exchange)
        except MotionError as error:
            if error is exchange.kept_back:
                raise
            failure = error
        except asyncio.CancelledError:
            # Ended because nothing had left yet, or by `aclose` after the grace: only the latter is uncertain.
            if not exchange.sent:
                return _session_left()
            failure = TransportError("the session was left before the answer came")
        else:
            return _read(call, answer, now)
        if exchange.cut is None:
            return _as_send_error(call, failure)
        return _read(call, attrs.evolve(exchange.cut, flaw=failure), now)

    async def _record_intent(self, journal: SendJournal) -> None:
        """Have it kept that the request is about to be sent.

        A note is taken in as soon as it is made: a cancellation only ends the wait for it, and comes from a caller who
        left before anything was sent, or from `aclose`, when its grace is over.
        """
        try:
            if not await journal.begin():
                raise NotOursToSend
        except asyncio.CancelledError:
            journal.released(None)
            raise _session_left() from None

    async def _record_answer(self, answered: JobState | MotionError, submission: Submission[Any]) -> JobState:
        """Have it kept what an exchange brought, and give it, or raise it.

        That is told in any case: a ledger that cannot be written says so by itself.
        """
        journal = submission.journal
        if isinstance(answered, UncertainError):
            submission.on_uncertain()
        if journal is not None:
            if isinstance(answered, UncertainError):
                await _wait_until_kept(journal.unknown(answered))
            elif isinstance(answered, MotionError):
                await _wait_until_kept(journal.released(answered))
            else:
                await _wait_until_kept(journal.accepted(answered))
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


def _may_repeat(error: MotionError, permit: Permit, *, was_disallowed: bool) -> bool:
    """Whether a try that ended so may be made again."""
    if permit.next_wait is not None:
        return True  # the gate holds it back, because it was provably not taken
    if permit.left_at is None:
        # Its look at the job has failed, which makes a few tries itself: an answer that nobody can read stays so.
        return is_passing(error) and not isinstance(error, UnexpectedResponseError)
    # The job was seen completed just before: the part of the service that takes followups may be a moment behind.
    return isinstance(error, FollowupNotAllowedError) and not was_disallowed


def _record_interruption(
    submission: Submission[Any], exchange: Exchange, answered: JobState | MotionError | None, error: BaseException
) -> MotionError | None:
    """Tell what is known where something else than an answer ended an exchange, and have it noted.

    Nobody waits for the note: it is taken in, and written if anything still is.
    """
    call, journal = submission.call, submission.journal
    if isinstance(answered, JobState):
        _log.error("the service took a %s, and it could not be taken up: job %s", call.kind, answered.job_id)
        return None
    if not exchange.sent:
        if journal is not None:
            journal.released(None)
        return None
    failure = unless_refused(call, TransportError(f"{type(error).__name__} ended the exchange"))
    _log.error("%s", failure)
    if isinstance(failure, UncertainError):
        submission.on_uncertain()
        if journal is not None:
            journal.unknown(failure)
    return failure


def _read(call: Call, answer: Answer, now: datetime) -> JobState | MotionError:
    try:
        return read_answer(call, answer, now=now)
    except MotionError as error:
        return _as_send_error(call, error.with_traceback(None), answer.body)  # its frames have the whole answer


def _as_send_error(call: Call, error: MotionError, said: bytes = b"") -> MotionError:
    failure = unless_refused(call, error, said=said)
    if failure is not error:
        failure.__cause__ = error
    return failure


async def _wait_until_kept(note: Awaitable[None]) -> None:
    """Wait for a note to be kept, unless this task is being ended: it is made, and what it says is told in any case."""
    if is_cancelled():
        return
    with contextlib.suppress(asyncio.CancelledError, LedgerError):
        await note


def _session_left() -> SessionClosedError:
    return SessionClosedError("the call was given up before anything was sent")
