"""The gate that all creates and followups of a session pass: when each of them may be tried.

While the service takes them they leave in the pace that was found so far. After a 429, or when no connection can be
made, one at a time probes whether it takes them again, and all others are held back; after a 402 the same holds for
those that wait for credits. Being held back costs no try. It must not send anything, nor know what is sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from motion_async.errors import (
    ConnectFailedError,
    InsufficientCreditsError,
    MotionError,
    NotSentError,
    RateLimitedError,
    ServiceError,
)
from motion_async.jobs import JobState
from motion_async.options import check_choice
from motion_async.sending.submission import Submission
from motion_async.timing.closing import Closing
from motion_async.timing.pace import EARLY, Pace, SendPace
from motion_async.timing.retry import Backoff

__all__ = [
    "CREDITS_INTERVAL",
    "HeldBack",
    "OnInsufficientCredits",
    "Permit",
    "SendGate",
    "check_on_insufficient_credits",
]

OnInsufficientCredits: TypeAlias = Literal["stop", "wait"]
"""What to do after a 402: create nothing more, or try one create again and again until one is taken."""

CREDITS_INTERVAL: Final = 60.0
"""Seconds between two tries while credits are waited for."""


def check_on_insufficient_credits(given: OnInsufficientCredits) -> OnInsufficientCredits:
    """Give an `on_insufficient_credits` back if it is one.

    Args:
        given: what the caller handed in.

    Raises:
        ConfigurationError: if it is neither `stop` nor `wait`.
    """
    return check_choice("on_insufficient_credits", given, "stop", "wait")


_SENT: Final = "the call could be sent"

_log = logging.getLogger("motion_async")


class HeldBack(Exception):  # noqa: N818  # it is no error: the send waits for its next turn
    """A send came to the point of leaving when it must not leave any more. It stays inside the library."""


class _Barrier:
    """What holds sends back after a refusal: one of them at a time may probe whether it still stands."""

    __slots__ = ("closed_at", "failures", "prober", "probes_at", "refusal")

    def __init__(self) -> None:
        self.refusal: MotionError | None = None
        self.failures = 0
        self.closed_at = -math.inf
        self.probes_at = -math.inf
        self.prober: Permit | None = None

    @property
    def is_closed(self) -> bool:
        return self.failures > 0

    def holds_back(self, permit: Permit) -> bool:
        return self.is_closed and self.prober is not permit

    def close(self, refusal: MotionError, *, now: float, wait: float) -> None:
        if not self.is_closed:
            self.closed_at = now
        self.failures += 1
        self.refusal = refusal
        self.probes_at = max(self.probes_at, now + wait)

    def open(self) -> None:
        self.failures = 0
        self.probes_at = -math.inf


class Permit:
    """The permit for one try of a send, from its turn at the gate to what came of it.

    Attributes:
        left_at: the loop's time at which its first byte left, None if none has.
        next_wait: seconds until the next try of those that the gate holds back, if it holds back this one.
        failures: how many tries in a row the service has refused so.
    """

    __slots__ = ("_gate", "barriers", "began_at", "failures", "has_waited", "left_at", "next_wait", "submission")

    def __init__(self, gate: SendGate, submission: Submission[Any], barriers: tuple[_Barrier, ...]) -> None:
        self._gate = gate
        self.submission = submission
        self.barriers = barriers
        self.began_at = 0.0
        self.has_waited = False
        self.left_at: float | None = None
        self.next_wait: float | None = None
        self.failures = 0

    def begin(self, now: float, *, has_waited: bool) -> None:
        """Begin the try: where sends are held back, this one probes."""
        self.began_at = now
        self.has_waited = has_waited
        for barrier in self.barriers:
            if barrier.is_closed:
                barrier.prober = self

    def check(self) -> None:
        """Raise if the send must not leave now: `HeldBack` if it may later, else the error that keeps it back."""
        self._gate.check(self)
        self.submission.check()

    def leave(self) -> None:
        """Do the same just before its first byte leaves, and note that it does."""
        self.check()
        if self.submission.journal is not None and not self.submission.journal.still_owned():
            raise HeldBack  # it is to be written down anew
        self.left_at = self._gate.now()

    def hold_back(self, wait: float, *, failures: int) -> None:
        """Note that the send was not taken, and waits at the gate for its next turn."""
        self.next_wait = wait
        self.failures = failures

    def end(self, answered: JobState | MotionError) -> None:
        """Tell the gate what came of it."""
        self._gate.judge(self, answered)


class SendGate:
    """Lets sends through, each at its turn.

    Args:
        pace: of the session's polls; its pauses hold for sends, too.
        backoff: how long to wait before the next probe.
        random: gives a number from 0 to 1.
        closing: ends every wait, and lets nobody through any more.
    """

    def __init__(self, pace: Pace, *, backoff: Backoff, random: Callable[[], float], closing: Closing) -> None:
        self._polls_pace = pace
        self._pace = SendPace()
        self._backoff = backoff
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._service = _Barrier()
        self._credits = _Barrier()
        # In the order of asking; those that wait for credits hold up nobody who does not.
        self._queues = (asyncio.Lock(), asyncio.Lock())
        self._closing = closing
        self._changed: asyncio.Future[None] = self._loop.create_future()

    def now(self) -> float:
        """Give the loop's time."""
        return self._loop.time()

    def clock(self) -> float:
        """Give the time by which patience is measured: it stands still while the service asks for a pause."""
        return self.now() - self._polls_pace.paused

    def permit(self, submission: Submission[Any]) -> Permit:
        """Give a permit for one try of a send: `admit` begins it, `release` ends it."""
        return Permit(self, submission, (self._service, self._credits)[: 1 + submission.waits_for_credits])

    async def admit(self, permit: Permit, *, until: float | None) -> None:
        """Wait until a try may begin, in the order of asking.

        Args:
            permit: what it is given.
            until: when it is given up, by the `clock`; None for never.

        Raises:
            SessionClosedError: if the session is left before.
            MotionError: what `submission.check` raises, or the refusal that it was held back by up to the end.
        """
        submission = permit.submission
        queue = self._queues[submission.waits_for_credits]
        asked_at = self.now()
        await self._come_to_front(queue, submission, until)
        try:
            while (rest := self._seconds_to_wait(permit)) > EARLY:
                self._raise_if_not_wanted(submission)
                left = self._time_left(until)
                if left <= 0:
                    raise self._patience_error(submission)
                soon = min(rest, left)
                await asyncio.wait(
                    [self._closing.begun, self._changed],
                    timeout=None if soon == math.inf else soon,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            self._raise_if_not_wanted(submission)
        finally:
            queue.release()
        now = self.now()
        permit.begin(now, has_waited=now - asked_at > EARLY)
        self._pace.sent(now)

    async def _come_to_front(self, queue: asyncio.Lock, submission: Submission[Any], until: float | None) -> None:
        while queue.locked() and (left := self._time_left(until)) < math.inf:
            try:
                async with asyncio.timeout(left):
                    await queue.acquire()
            except TimeoutError:
                if self._time_left(until) <= 0:
                    raise self._patience_error(submission) from None
            else:
                return
        await queue.acquire()

    def _seconds_to_wait(self, permit: Permit) -> float:
        """Give the seconds until a try may begin, as far as is known now."""
        at = max(self._polls_pace.resumes_at, self._pace.opens_at)
        if self._service.is_closed:
            at = self._polls_pace.resumes_at  # a probe finds out more the sooner it leaves
        for barrier in permit.barriers:
            if barrier.is_closed:
                if barrier.prober is not None:
                    return math.inf
                at = max(at, barrier.probes_at)
        return at - self.now()

    def _time_left(self, until: float | None) -> float:
        return math.inf if until is None else until - self.clock()

    def _patience_error(self, submission: Submission[Any]) -> MotionError:
        """Give the error of a send that was held back for too long: as the refusal that held it back."""
        refusal, job_id = self._service.refusal, submission.call.job_id
        about = f" to job {job_id}" if job_id else ""
        why = f"the {submission.call.kind}{about} was not sent, as those before it are refused: {refusal}"
        if isinstance(refusal, RateLimitedError):
            return RateLimitedError(
                why,
                http_status=refusal.http_status,
                code=refusal.code,
                detail=refusal.detail,
                retry_after=refusal.retry_after,
                job_id=job_id,
            )
        if isinstance(refusal, ConnectFailedError):
            return ConnectFailedError(why, job_id=job_id)
        return NotSentError("too many others wait to be sent", advice="send fewer at a time, or in a batch")

    def _raise_if_not_wanted(self, submission: Submission[Any]) -> None:
        self._closing.raise_if_begun(_SENT)
        submission.check()

    def check(self, permit: Permit) -> None:
        """Raise if a try that has begun must not go on: a refusal or a pause has come since, or the session's end."""
        self._closing.raise_if_begun(_SENT)
        if self._polls_pace.resumes_at > self.now() + EARLY or any(one.holds_back(permit) for one in permit.barriers):
            raise HeldBack

    def judge(self, permit: Permit, answered: JobState | MotionError) -> None:
        """Take into account what came of a try.

        What left before a refusal says nothing about the time after that.
        """
        now = self.now()
        left_at = permit.began_at if permit.left_at is None else permit.left_at
        is_probe = self._service.prober is permit
        is_news = is_probe if self._service.is_closed else left_at > self._service.closed_at
        if isinstance(answered, RateLimitedError | ConnectFailedError):
            wait = max(self._service.probes_at - now, 0.0)
            if is_news:
                wait = self._close_after(answered, now)
            permit.hold_back(wait, failures=max(self._service.failures, 1))
        elif isinstance(answered, JobState | ServiceError):
            if is_news:
                self._service.open()
            self._judge_credits(permit, answered, left_at=left_at, now=now)
            if is_news and isinstance(answered, JobState):
                self._pace.taken(now, has_waited=permit.has_waited)
        elif is_probe:  # nobody knows whether it was taken: the next one finds out, a little later
            self._service.probes_at = now + self.delay(self._service.failures)
        self.release(permit)

    def _judge_credits(self, permit: Permit, answered: JobState | ServiceError, *, left_at: float, now: float) -> None:
        if isinstance(answered, InsufficientCreditsError):
            self._credits.close(answered, now=now, wait=CREDITS_INTERVAL)
            if self._credits in permit.barriers:
                permit.hold_back(CREDITS_INTERVAL, failures=self._credits.failures)
        elif isinstance(answered, JobState) and left_at > self._credits.closed_at:
            self._credits.open()

    def _close_after(self, refusal: RateLimitedError | ConnectFailedError, now: float) -> float:
        """Close for all, and give the seconds until one of them probes."""
        retry_after = None
        if isinstance(refusal, RateLimitedError):
            self._pace.refused(now)
            retry_after = refusal.retry_after
        else:
            self._pace.interrupted()
        wait = self.delay(self._service.failures + 1, retry_after=retry_after)
        self._service.close(refusal, now=now, wait=wait)
        return wait

    def delay(self, failures: int, *, retry_after: float | None = None) -> float:
        """Give the seconds until what has failed so often in a row may be tried again."""
        try:
            return self._backoff.delay(failures, u=self._random(), retry_after=retry_after)
        except Exception:  # noqa: BLE001  # of the caller's, and it must not take the place of an answer
            _log.exception("the random number for the next try of a send could not be had; the longest wait is taken")
            return self._backoff.delay(failures, u=1.0, retry_after=retry_after)

    def release(self, permit: Permit) -> None:
        """End a try: if it was a probe and nothing came of it, another send probes."""
        for barrier in permit.barriers:
            if barrier.prober is permit:
                barrier.prober = None
        self.recheck()

    def recheck(self) -> None:
        """Have those that wait ask again whether they are still to be sent."""
        changed, self._changed = self._changed, self._loop.create_future()
        changed.set_result(None)
