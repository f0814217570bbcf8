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
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import attrs

from motion_async.contract.protocol import Answer, Call, is_passing, read_answer, uncertain_unless_refused
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
from motion_async.sending.journal import SEND_TASK, NotOursToSend, SendJournal
from motion_async.sending.submission import Submission
from motion_async.showing import shown
from motion_async.timing.closing import Closing

__all__ = ["Sender"]

_ATTEMPTS: Final = 8
_PATIENCE: Final = 90.0
"""Tries, and seconds for all of them, of a submission that is not patient and that the service does not take."""

_FRESH: Final = 1.0
"""Seconds for which a look at a job counts before its followup is sent."""

_T = TypeVar("_T")
_log = logging.getLogger(__package__)


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
        """Send a create or a followup, again while the service provably does not take it; give what `on_accepted` gave.

        One that is not patient is tried 8 times within 90 seconds. Raises `UncertainError` if it was sent and the
        answer was lost, `NotOursToSend` if the journal says so, any other `MotionError` if it was refused or could not
        be sent.
        """
        until = math.inf if submission.is_patient else self._gate.clock() + _PATIENCE
        failures = 0
        was_disallowed = False
        while True:
            permit = self._gate.permit(submission, until=until)
            try:
                return await self._try(submission, permit)
            except HeldBack:
                continue  # it costs no try
            except MotionError as error:
                failures += 1
                may_repeat = _may_repeat(error, permit, was_disallowed=was_disallowed)
                is_over = until < math.inf and (failures >= _ATTEMPTS or self._gate.clock() >= until)
                if not may_repeat or is_over:
                    raise
                was_disallowed |= isinstance(error, FollowupNotAllowedError)
                pause = self._gate.delay(failures) if permit.next_wait is None else 0.0
                wait, failed = permit.next_wait or pause, max(permit.failures, failures)
                extra = {"call": submission.call.kind, "job_id": submission.call.job_id, "attempt": failures}
                _log.debug("a try failed: %s", error, extra=extra)
                self._publish(SendDisturbed(submission.call.job_id, error, failed, wait))
            finally:
                # However the try ended: a probe that is never released would hold back every other send for good.
                self._gate.release(permit)
            if pause:
                await self._closing.pause(pause)

    async def _try(self, submission: Submission[_T], permit: Permit) -> _T:
        """Make one try: `before_try`, the turn at the gate, `before_try` again if that took long, and the exchange."""
        looked_at = -math.inf
        if submission.before_try is not None:
            submission.check()  # before it, too: a look that fails again and again must not outlast its batch
            await submission.before_try()
            looked_at = asyncio.get_running_loop().time()
        await self._gate.admit(permit)
        if submission.before_try is not None and permit.began_at - looked_at > _FRESH:
            await submission.before_try()
        return (await self._send_once(submission, permit))[1]

    async def _send_once(self, submission: Submission[_T], permit: Permit) -> tuple[JobState, _T]:
        """Make one exchange in a task of its own, which outlives the cancellation of its caller."""
        exchange = Exchange(partial(self._gate.leave, permit), self._grace)
        work = self._exchange_and_record(submission, permit, exchange)
        task = asyncio.get_running_loop().create_task(work, name=SEND_TASK)
        self._under_way[task] = exchange
        task.add_done_callback(self._under_way.pop)
        try:
            # Cancelling the caller must not cancel the exchange: its answer may be the id of a job that is paid for.
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not is_cancelled():
                # By `aclose`, before its first step: it is not the caller who was cancelled.
                raise _session_left() from None
            # Before the wait: what comes after the grace is told as well.
            task.add_done_callback(lambda done: self._report(submission.call, done))
            if not exchange.sent:
                # Nothing has left, so the service cannot have taken it: there is nothing to wait for.
                task.cancel()
            # asyncio cancels once; an anyio scope of the caller's cancels at each await, this one too without the
            # shield.
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task], timeout=self._grace)
            raise

    async def _exchange_and_record(
        self, submission: Submission[_T], permit: Permit, exchange: Exchange
    ) -> tuple[JobState, _T]:
        """Send once: a place, the note of the intent, the exchange, the note of the answer, the job.

        Each of these may take long, so before the first three the submission is asked whether it is still to be sent;
        the last time is when there is a connection, just before the first byte leaves.
        """
        call, journal = submission.call, submission.journal
        answered: JobState | MotionError | None = None
        try:
            # First of all a place, so that what waits for one stands in no journal as sent, and can still be held back.
            async with self._transport.places_to_send:
                self._gate.check(permit)
                now = self._now()  # the caller's clock may raise, which it must not do between an answer and its id
                if journal is not None:
                    await self._record_intent(journal)
                try:
                    if journal is not None:
                        self._gate.check(permit)  # again: while the intent was written, another may have been refused
                    answered = await self._exchange(submission, exchange, now)
                except (MotionError, HeldBack):
                    if journal is not None:
                        journal.released(None)
                    raise
            self._tell_of_answer(answered, submission, permit)
            # The gate has heard by now: after a 429 no other send may leave while a slow disk writes.
            accepted = await self._record_answer(answered, submission)
            known_by = {"key": submission.key, "metadata": submission.metadata}
            self._publish(JobAccepted(accepted.job_id, followup=call.kind == "followup", **known_by))
            return accepted, submission.on_accepted(accepted)
        except (MotionError, NotOursToSend, HeldBack):
            raise
        except BaseException as error:  # the end of the program, or what the caller handed in raises
            failure = _record_interruption(submission, exchange, answered, error)
            if failure is None or not isinstance(error, Exception):
                raise
            raise failure from error

    def _tell_of_answer(self, answered: JobState | MotionError, submission: Submission[Any], permit: Permit) -> None:
        """Tell the gate, the polls and the batch at once what came of a try."""
        self._gate.judge(permit, answered)
        if isinstance(answered, MotionError):
            if isinstance(answered, ServiceError) and answered.retry_after is not None:
                self._paused(answered, permit.left_at or permit.began_at)
            if permit.next_wait is None:
                submission.on_refused(answered)

    async def _exchange(self, submission: Submission[Any], exchange: Exchange, now: datetime) -> JobState | MotionError:
        """Make one exchange, and give what was accepted, or why not; raise only what kept the first byte back."""
        call = submission.call
        failure: MotionError
        try:
            answer = await self._transport.exchange(call, exchange)
        except MotionError as error:
            # Nothing left: it is the gate's or the caller's word, and says nothing about the service.
            if error is exchange.kept_back:
                raise
            failure = error
        except asyncio.CancelledError:
            # Ended because nothing had left yet, or by `aclose` after the grace: only the latter is uncertain.
            if not exchange.sent:
                return _session_left()
            failure = TransportError("the session was left before the answer came")
        else:
            submission.on_answer(answer.status)
            return _read(call, answer, now)
        # Otherwise a part of the answer came before its connection or its frame broke, and the id may be in it.
        if exchange.cut is None:
            return _as_send_error(call, failure)
        return _read(call, attrs.evolve(exchange.cut, flaw=failure), now)

    async def _record_intent(self, journal: SendJournal) -> None:
        """Have the journal keep that the request is about to be sent, or raise `NotOursToSend`.

        The journal takes a note in as soon as it is made, so a cancellation only ends the wait for it. It comes from a
        caller who left before anything was sent, or from `aclose`, when its grace is over.
        """
        try:
            if not await journal.begin():
                raise NotOursToSend
        except asyncio.CancelledError:
            journal.released(None)
            raise _session_left() from None

    async def _record_answer(self, answered: JobState | MotionError, submission: Submission[Any]) -> JobState:
        """Have the journal keep what an exchange brought, then give it or raise it.

        The caller hears of it in any case: a ledger that cannot be written reports that itself.
        """
        journal = submission.journal
        if isinstance(answered, UncertainError):
            # Before anything is awaited: polls that come in meanwhile must not take the old end for the new one.
            submission.on_uncertain()
            extra = {"job_id": submission.call.job_id, "call": submission.call.kind}
            known_by = "" if submission.key is None else f" of the key {shown(submission.key)}"
            _log.info("nobody knows whether the service took a %s%s", submission.call.kind, known_by, extra=extra)
        if journal is not None:
            if isinstance(answered, UncertainError):
                await _wait_until_kept(journal.unknown(answered))
            elif isinstance(answered, MotionError):
                await _wait_until_kept(journal.released(answered))
            else:
                await _wait_until_kept(journal.accepted(answered))
        if isinstance(answered, MotionError):
            raise answered
        extra = {"job_id": answered.job_id, "call": submission.call.kind}
        _log.info("the service took a request: job %s", answered.job_id, extra=extra)
        return answered

    def _report(self, call: Call, task: asyncio.Task[tuple[JobState, _T]]) -> None:
        """Tell what became of an exchange whose caller was cancelled."""
        if task.cancelled():
            return  # before its first step: nothing was sent
        error = task.exception()
        if error is None:
            job_id = task.result()[0].job_id
            extra = {"job_id": job_id, "call": call.kind}
            _log.warning(
                "the caller of a %s was cancelled; the service took it: job %s", call.kind, job_id, extra=extra
            )
            self._publish(SendAbandoned(job_id, None))
        elif isinstance(error, MotionError):
            # A doubt may have cost credits; what was provably not taken has cost nothing.
            level = logging.WARNING if isinstance(error, UncertainError) else logging.DEBUG
            words = "the caller of a %s was cancelled, and: %s"
            _log.log(level, words, call.kind, error, extra={"job_id": error.job_id, "call": call.kind})
            self._publish(SendAbandoned(call.job_id, error))

    def count_under_way(self) -> int:
        """Count the sends whose answer is waited for."""
        return len(self._under_way)

    async def aclose(self) -> None:
        """End all sends: what may have reached the service gets the grace to finish, the rest ends at once."""
        # What has sent nothing ends first; the rest may finish within the grace, and is uncertain after it.
        for task, exchange in self._under_way.items():
            if not exchange.sent:
                task.cancel()
        try:
            await self._wait_for_answers()
        finally:
            for task, exchange in self._under_way.items():
                exchange.grace = 0.0  # it has had its time
                task.cancel()
        if self._under_way:
            await asyncio.wait(list(self._under_way))

    async def _wait_for_answers(self) -> None:
        """Wait until all exchanges have ended, for the grace at most, and only then let a cancellation through.

        A second Ctrl-C, or an `asyncio.run` that ends, cancels whoever leaves the session as well.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._grace
        cancelled: asyncio.CancelledError | None = None
        while self._under_way and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait(list(self._under_way), timeout=left)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled


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
    """Note in the journal, and give, what is known where something else than an answer ended an exchange.

    Nobody waits for the note: the journal takes it in, and writes it if anything still is written.
    """
    call, journal = submission.call, submission.journal
    if isinstance(answered, JobState):
        _log.error("the service took a %s, and it could not be taken up: job %s", call.kind, answered.job_id)
        return None
    if not exchange.sent:
        if journal is not None:
            journal.released(None)
        return None
    failure = uncertain_unless_refused(call, TransportError(f"{type(error).__name__} ended the exchange"))
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
    failure = uncertain_unless_refused(call, error, said=said)
    if failure is not error:
        failure.__cause__ = error
    return failure


async def _wait_until_kept(note: Awaitable[None]) -> None:
    """Wait until the journal has kept a note, unless this task is being ended: the note is made in any case."""
    if is_cancelled():
        return
    with contextlib.suppress(asyncio.CancelledError, LedgerError):
        await note


def _session_left() -> SessionClosedError:
    return SessionClosedError("the call was given up before anything was sent")
