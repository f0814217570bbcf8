"""The gate that all creates and followups of a session pass: when each may be tried, and tried again.

While the service takes them they leave in the pace that was found so far. After a 429, or when no connection can be
made, one at a time probes whether it takes them again, and all others are held back; after a 402 the same holds for
those that wait for credits. Being held back costs no try. How long the wait after a refusal is, `timing.backoff` says;
whether one may be sent again at all, `contract.protocol` does. It must not send anything, nor know what is sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import attrs

from motion_async.contract.protocol import may_send_again
from motion_async.errors import (
    ConnectFailedError,
    ConnectImpossibleError,
    InsufficientCreditsError,
    MotionError,
    NotSentError,
    RateLimitedError,
    ServiceError,
)
from motion_async.jobs import JobState
from motion_async.options import check_choice
from motion_async.sending.submission import Submission
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing
from motion_async.timing.pace import EARLY, Pace, SendPace

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
    """Give an `on_insufficient_credits` back, or raise a `ConfigurationError` if it is neither `stop` nor `wait`."""
    return check_choice("on_insufficient_credits", given, "stop", "wait")


_SENT: Final = "the call could be sent"

_log = logging.getLogger(__package__)


class HeldBack(Exception):  # noqa: N818  # it is no error: the send waits for its next turn
    """A send must not leave just now, although its turn had come; it stays inside the library."""


@attrs.define(eq=False)
class _Barrier:
    """Holds sends back after a refusal: one of them at a time probes whether the refusal still stands."""

    refusal: MotionError | None = None
    failures: int = 0
    closed_at: float = -math.inf
    probes_at: float = -math.inf
    prober: Permit | None = None

    @property
    def is_closed(self) -> bool:
        return self.failures > 0

    def close(self, refusal: MotionError, *, now: float, wait: float) -> None:
        if not self.is_closed:
            self.closed_at = now
        self.failures += 1
        self.refusal = refusal
        # Never sooner than was promised before: a short Retry-After does not cut a long one short.
        self.probes_at = max(self.probes_at, now + wait)

    def open(self) -> None:
        self.failures = 0
        self.probes_at = -math.inf


@attrs.define(eq=False)
class Permit:
    """The permit for one try of a send, from its turn at the gate to what came of it.

    Args:
        submission: what is to be sent.
        barriers: what may hold it back.
        until: until when the gate's `clock` it may be held back, infinity for ever.
        began_at: the loop's time at which its turn came.
        has_waited: whether it had to wait for that.
        left_at: the loop's time at which its first byte left, None if none has.
        next_wait: seconds until the next try of those that the gate holds back, if it holds back this one.
        failures: how many tries in a row the service has refused so.
    """

    submission: Submission[Any]
    barriers: tuple[_Barrier, ...]
    until: float
    began_at: float = 0.0
    has_waited: bool = False
    left_at: float | None = None
    next_wait: float | None = None
    failures: int = 0


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
        self.waiting = 0
        """How many sends wait for their turn."""

    def clock(self) -> float:
        """Give the loop's time less all pauses that the service has asked for: they use up nobody's patience."""
        return self._loop.time() - self._polls_pace.paused

    def permit(self, submission: Submission[Any], *, until: float = math.inf) -> Permit:
        """Give a permit for one try of a send: `admit` begins it, `release` ends it."""
        return Permit(submission, (self._service, self._credits)[: 1 + submission.waits_for_credits], until)

    async def admit(self, permit: Permit) -> None:
        """Wait in the order of asking until a try may begin, or until the `clock` shows the permit's `until`.

        Raises `SessionClosedError` if the session is left, what `submission.check` raises, or, at `until`, the refusal
        that held the send back.
        """
        # One turn at a time: only the send at the front of its queue watches the barriers, and the order holds.
        queue = self._queues[permit.submission.waits_for_credits]
        asked_at = self._loop.time()
        self.waiting += 1
        try:
            await self._come_to_front(queue, permit)
            try:
                await self._watch_barriers(permit)
            finally:
                queue.release()
        finally:
            self.waiting -= 1
        permit.began_at = self._loop.time()
        permit.has_waited = permit.began_at - asked_at > EARLY
        for barrier in permit.barriers:
            if barrier.is_closed:
                barrier.prober = permit
        self._pace.sent(permit.began_at)

    async def _watch_barriers(self, permit: Permit) -> None:
        """Wait, at the front of a queue, until nothing holds a send back any more."""
        while True:
            self._closing.raise_if_begun(_SENT)
            permit.submission.check()
            if (rest := self._seconds_to_wait(permit)) <= EARLY:
                return
            left = permit.until - self.clock()
            if left <= 0:
                raise self._patience_error(permit.submission)
            # `_changed` wakes it when the probe has an answer, so an infinite wait here has no timer at all.
            soon = min(rest, left)
            await asyncio.wait(
                [self._closing.begun, self._changed],
                timeout=None if soon == math.inf else soon,
                return_when=asyncio.FIRST_COMPLETED,
            )

    async def _come_to_front(self, queue: asyncio.Lock, permit: Permit) -> None:
        # A timer goes by the loop's time, patience by `clock`, which stands still in pauses: so the timer may be early.
        while (left := permit.until - self.clock()) < math.inf:
            try:
                async with asyncio.timeout(left):
                    await queue.acquire()
            except TimeoutError:
                if permit.until <= self.clock():
                    raise self._patience_error(permit.submission) from None
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
                # Another send probes for all: what comes of that decides, and wakes this one.
                if barrier.prober is not None:
                    return math.inf
                at = max(at, barrier.probes_at)
        return at - self._loop.time()

    def _patience_error(self, submission: Submission[Any]) -> MotionError:
        """Give the error of a send that was held back for too long: the kind of refusal that held it back."""
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

    def check(self, permit: Permit) -> None:
        """Raise if a try that has begun must not go on: `HeldBack` if it may later, else what keeps it back."""
        self._closing.raise_if_begun(_SENT)
        if self._polls_pace.resumes_at > self._loop.time() + EARLY:
            raise HeldBack
        for barrier in permit.barriers:
            if barrier.is_closed and barrier.prober is not permit:
                raise HeldBack  # a refusal has come since
        permit.submission.check()

    def leave(self, permit: Permit) -> None:
        """Check once more just before the first byte of a try leaves, and note when it does."""
        self.check(permit)
        journal = permit.submission.journal
        if journal is not None and not journal.still_owned():
            # The ledger's lock was lost while this waited: another process may take the intent for a dead owner's.
            raise HeldBack  # the intent is to be written once more, before another try
        permit.left_at = self._loop.time()

    def judge(self, permit: Permit, answered: JobState | MotionError) -> None:
        """Open or close the gate after what came of a try.

        What left before a refusal says nothing about the time after it.
        """
        now = self._loop.time()
        left_at = permit.began_at if permit.left_at is None else permit.left_at
        # While it is closed only the probe says anything: the others left before the refusal, or in the same moment.
        is_probe = self._service.prober is permit
        is_news = is_probe if self._service.is_closed else left_at > self._service.closed_at
        if isinstance(answered, MotionError) and may_send_again(answered):
            wait = max(self._service.probes_at - now, 0.0)
            if is_news:
                wait = self._close_after(answered, now)
            permit.next_wait, permit.failures = wait, max(self._service.failures, 1)
        # A refusal of this one request, too, shows that the service takes calls again. Where no connection will ever be
        # made, each send finds that out at once, and to wait helps none.
        elif isinstance(answered, JobState | ServiceError | ConnectImpossibleError):
            if is_news:
                if self._service.is_closed:
                    _log.info("the service answers sends again; tries that had failed: %d", self._service.failures)
                self._service.open()
            self._judge_credits(permit, answered, left_at=left_at, now=now)
            if is_news and isinstance(answered, JobState):
                self._pace.taken(now, has_waited=permit.has_waited)
        elif is_probe:  # nobody knows whether it was taken: the next one finds out, a little later
            self._service.probes_at = now + self.delay(self._service.failures)
        self.release(permit)
        self.recheck()

    def _judge_credits(self, permit: Permit, answered: JobState | MotionError, *, left_at: float, now: float) -> None:
        if isinstance(answered, InsufficientCreditsError):
            self._credits.close(answered, now=now, wait=CREDITS_INTERVAL)
            # Who did not ask to wait for credits gets the 402 as an error, and is not held back by later ones.
            if self._credits in permit.barriers:
                permit.next_wait, permit.failures = CREDITS_INTERVAL, self._credits.failures
        elif isinstance(answered, JobState) and left_at > self._credits.closed_at:
            self._credits.open()

    def close_for_credits(self, refusal: InsufficientCreditsError) -> None:
        """Hold back those that wait for credits, as another process was refused for want of them."""
        self._credits.close(refusal, now=self._loop.time(), wait=CREDITS_INTERVAL)
        self.recheck()

    def close_for_pace(self, refusal: RateLimitedError) -> None:
        """Hold all back until one of them is tried, as another process was refused for sending too fast."""
        if not self._service.is_closed:  # else the probe finds out more
            self._close_after(refusal, self._loop.time())
            self.recheck()

    def _close_after(self, refusal: MotionError, now: float) -> float:
        """Close for all, and give the seconds until one of them probes."""
        retry_after = None
        if not self._service.is_closed:
            extra = {"job_id": refusal.job_id, "http_status": getattr(refusal, "http_status", None)}
            _log.warning("sends are held back, and one at a time is tried: %s", refusal, extra=extra)
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
        probed = [barrier for barrier in permit.barriers if barrier.prober is permit]
        for barrier in probed:
            barrier.prober = None
        if probed:
            self.recheck()

    def recheck(self) -> None:
        """Wake all that wait at the gate, so that each asks again whether it is still to be sent."""
        # The new future first: whoever is woken may wait again at once, and must not find one that is done.
        changed, self._changed = self._changed, self._loop.create_future()
        changed.set_result(None)
