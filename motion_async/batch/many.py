"""`generate_many` and `resume` of a session: checks their options, and puts a batch together.

It must not send, watch or write anything itself; the batch itself is `runner`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from motion_async.batch.durations import PastDurations
from motion_async.batch.item import job_limiter
from motion_async.batch.requests import Intake, Requests, intakes, kind_of_single
from motion_async.batch.resume import LedgerBatch
from motion_async.batch.runner import FanOut
from motion_async.errors import ConfigurationError
from motion_async.ledger import Account, Ledger
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import OnInput, check_on_input, check_timeout
from motion_async.sending.gate import OnInsufficientCredits, check_on_insufficient_credits
from motion_async.timing.learned import LearnedSchedule
from motion_async.timing.schedule import Schedule, check_schedule

if TYPE_CHECKING:
    from motion_async.client import Client

__all__ = ["BatchCalls"]

_URGENCY: Final = 2.7
_DEFAULT_BATCH: Final = "batch"


class BatchCalls(ABC):
    """The calls of a `MotionSession` for many requests."""

    _ledger: Ledger | None
    _now: Callable[[], datetime]
    _past_durations: PastDurations
    _batch_schedule: Schedule | None

    @abstractmethod
    def _open(self) -> Client:
        """Give the open session's client, or raise a `SessionClosedError`."""

    @property
    @abstractmethod
    def account(self) -> Account:
        """The session's service and key, by which a ledger knows whose a batch is."""

    def generate_many(
        self,
        requests: Requests,
        *,
        max_active: int = 20,
        limiter: anyio.CapacityLimiter | None = None,
        schedule: Schedule | None = None,
        job_timeout: float | None = None,
        on_input: OnInput = "wait",
        on_insufficient_credits: OnInsufficientCredits = "stop",
        ledger: Ledger | None = None,
        batch: str | None = None,
    ) -> FanOut:
        """Make many videos, a limited number at a time, and give each outcome as it ends.

        Use it as `async with motion.generate_many(requests) as outcomes: async for outcome in outcomes: …`.
        One bad request is one bad outcome. While no connection can be made, or the answer is a 429, one create at a
        time is tried without end, and events tell of it. The first 401, 402 or `ConnectImpossibleError` ends new ones;
        what runs goes on, and the rest comes out as `NotSentError`. When 1,000 outcomes wait to be read, nothing new is
        started, nor when the block is left early; jobs that the service has taken go on, their ids in log or ledger.

        With a ledger, what is sent is on disk before, and the same call goes on where an earlier one ended: what has
        ended comes out, what runs is taken up, the rest is sent, and what may have been sent is an `UncertainError`.
        What another process is sending just then comes out as a `SentElsewhereError`: many machines share a batch by
        `motion_async.fleet`. With another service or key than the batch was begun with, reading raises a
        `LedgerAccountError`.

        Args:
            requests: any iterable or async iterable of requests or prompts, pulled one at a time; with a ledger,
                100 of a plain iterable at a time. With a `BatchRequest` each can carry an id of yours.
            max_active: the most jobs at one time, 1 to 1,000,000; not used when a limiter is given.
            limiter: places to share with other batches. A job that waits for a person gives its place back.
            schedule: how long these jobs are left alone between polls. When None the session's, if it was given one;
                else a `LearnedSchedule` that all its batches teach: ends are noticed as early, with fewer polls.
            job_timeout: seconds for which a job is watched, at least 0; None for no end.
            on_input: when a job waits for a person: `wait` on, or `raise`, which makes it an outcome.
            on_insufficient_credits: after a 402 `stop` creating, or `wait`: try one a minute until one is taken.
            ledger: an open ledger, where each request is written down; open it before the session, and close it after.
                When None, the session's, if it has one and a batch is named.
            batch: the batch's name in the ledger, 1 to 512 printable characters; `batch` when None.

        Returns:
            What gives the outcomes, in the order in which the jobs end.

        Raises:
            ConfigurationError: for an option out of bounds, or a batch without a ledger.
            SessionClosedError: if the session is not open.
        """
        if (kind := kind_of_single(requests)) is not None:
            del requests  # a traceback with locals must not show signed URLs
            raise ConfigurationError(f"requests must be an iterable of requests, not {kind}; put a single in a list")
        if ledger is None and batch is not None:
            ledger = self._ledger_for(batch)
        schedule = self._find_schedule(schedule)
        name = _DEFAULT_BATCH if batch is None else batch
        entering = intakes if ledger is None else self._kept_batch(ledger, name, schedule=schedule).intakes
        return self._fan_out(
            entering(requests),
            schedule=schedule,
            max_active=max_active,
            limiter=limiter,
            job_timeout=job_timeout,
            on_input=on_input,
            on_insufficient_credits=on_insufficient_credits,
        )

    def resume(
        self,
        batch: str,
        *,
        max_active: int = 20,
        limiter: anyio.CapacityLimiter | None = None,
        schedule: Schedule | None = None,
        job_timeout: float | None = None,
        on_input: OnInput = "wait",
        on_insufficient_credits: OnInsufficientCredits = "stop",
        ledger: Ledger | None = None,
    ) -> FanOut:
        """Go on with a batch from its ledger alone: what runs is watched, what is planned is sent.

        Use it as `generate_many` is used. What is in doubt comes out as an `UncertainError`; what has ended does not
        come out again. A single create that had no key and was not sent is not sent by this either.

        Args:
            batch: the batch's name in the ledger.
            max_active: see `generate_many`.
            limiter: see `generate_many`.
            schedule: see `generate_many`.
            job_timeout: see `generate_many`.
            on_input: see `generate_many`.
            on_insufficient_credits: see `generate_many`.
            ledger: an open ledger; the session's when None.

        Returns:
            What gives the outcomes, in the order in which the jobs end. Reading raises a `ConfigurationError` if the
            ledger has no such batch.

        Raises:
            ConfigurationError: for an option out of bounds, or if there is no ledger.
            SessionClosedError: if the session is not open.
        """
        schedule = self._find_schedule(schedule)
        kept = self._kept_batch(self._ledger_for(batch) if ledger is None else ledger, batch, schedule=schedule)
        return self._fan_out(
            kept.open_intakes(),
            schedule=schedule,
            max_active=max_active,
            limiter=limiter,
            job_timeout=job_timeout,
            on_input=on_input,
            on_insufficient_credits=on_insufficient_credits,
        )

    def _take_from(
        self, intakes: AsyncGenerator[Intake], *, here: int, check: Callable[[], None], schedule: Schedule
    ) -> FanOut:
        """Make what a queue hands out, `here` at a time; `check` raises if one must not be sent any more."""
        return self._fan_out(
            intakes,
            schedule=schedule,
            max_active=here,
            limiter=None,
            job_timeout=None,
            on_input="raise",
            on_insufficient_credits="wait",
            check=check,
        )

    def _ledger_for(self, batch: str) -> Ledger:
        if self._ledger is None:
            raise ConfigurationError(f"batch {batch!r:.80} needs a ledger: pass ledger= here or to the session")
        return self._ledger

    def _find_schedule(self, given: Schedule | None) -> Schedule:
        """Give the schedule of a batch: the caller's, the session's, or one that all batches of the session teach."""
        if given is None:
            given = self._batch_schedule = self._batch_schedule or LearnedSchedule(urgency=_URGENCY)
        return check_schedule(given)

    def _fan_out(
        self,
        requests: AsyncGenerator[Intake],
        *,
        schedule: Schedule,
        max_active: int,
        limiter: anyio.CapacityLimiter | None,
        job_timeout: float | None,
        on_input: OnInput,
        on_insufficient_credits: OnInsufficientCredits,
        check: Callable[[], None] | None = None,
    ) -> FanOut:
        """Put a run together; with a `check` it is one of those that share a queue."""
        places = job_limiter(limiter, max_active)
        calls = self._open()
        waits = check_on_insufficient_credits(on_insufficient_credits) == "wait"
        send = partial(calls.send_in_batch, schedule=schedule, waits_for_credits=waits)
        return FanOut(
            send if check is None else _also_checked(send, check),
            partial(calls.take_up, schedule=schedule),
            calls.polls,
            requests,
            limiter=places,
            job_timeout=check_timeout(job_timeout, name="job_timeout"),
            on_input=check_on_input(on_input),
            recheck=calls.gate.recheck,
            is_shared=check is not None,
        )

    def _kept_batch(self, ledger: Ledger, name: str, *, schedule: Schedule) -> LedgerBatch:
        """Give a batch of a ledger, whose durations come first for a schedule that learns."""
        lesson: Any = partial(self._past_durations.give, schedule, ledger)
        return LedgerBatch(
            ledger,
            name,
            account=self.account,
            poll=self._open().poll_once,
            now=self._now,
            lesson=lesson,
        )


def _also_checked(send: Callable[..., Awaitable[TrackedJob]], check: Callable[[], None]) -> Any:
    """Have one more check asked wherever the run's own is: what either refuses is not sent."""

    async def send_checked(intake: Intake, check_run: Callable[[], None], on_refused: Any) -> TrackedJob:
        def check_both() -> None:
            check_run()
            check()

        return await send(intake, check_both, on_refused)

    return send_checked
