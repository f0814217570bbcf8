"""What is to be said of a batch when its run ends: how many ended how, what stood in the way, what to do next.

It keeps a bounded number of words, however many requests there are. It sends and reads nothing.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Final

from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.survey import Survey
from motion_async.cli.ends import End, status_of
from motion_async.cli.failures import ExitStatus, credits_words, sentence, worst
from motion_async.cli.happenings import BatchEnded, RequestEnded
from motion_async.cli.reporter import Reporter
from motion_async.errors import (
    AuthenticationError,
    InsufficientCreditsError,
    LedgerError,
    MotionError,
)
from motion_async.ledger import ItemState

__all__ = ["Conclusion"]

_TOLD: Final = 20
_NOTICED: Final = (End.FAILED, End.REJECTED, End.CHANGED, End.UNSEEN)
_STOPS: Final = (AuthenticationError, InsufficientCreditsError, LedgerError)


class Conclusion:
    """Gathers how a run went.

    Args:
        order: what was ordered.
    """

    def __init__(self, order: BatchOrder) -> None:
        self._order = order
        self._counts: Counter[End] = Counter()
        self._statuses: set[ExitStatus] = set()
        self._uncertain: list[str] = []
        self._noticed = 0
        self._stopped_by: MotionError | None = None
        self._survey = Survey(0, 0)
        self._running = 0
        self.is_stopped = False

    @property
    def status(self) -> ExitStatus:
        """The exit status of the run."""
        return ExitStatus.INTERRUPTED if self.is_stopped else worst(self._statuses)

    def begins(self, found: Survey) -> None:
        """Note what was found before anything is sent.

        Args:
            found: the survey.
        """
        self._survey = found

    def take(self, ended: RequestEnded, reporter: Reporter) -> None:
        """Note an outcome, and tell the first ones that went wrong at once.

        Args:
            ended: the outcome.
            reporter: told of it.
        """
        outcome, end = ended.outcome, ended.end
        self._counts[end] += 1
        self._statuses.add(status_of(outcome, end, skips_invalid=self._order.skip_invalid))
        if end is End.UNCERTAIN and len(self._uncertain) < _TOLD:
            self._uncertain.append(outcome.key or "")
        error = outcome.error
        if self._stopped_by is None and isinstance(error, _STOPS) and end is End.NOT_SENT:
            self._stopped_by = error
        if error is not None and end in _NOTICED:
            self._noticed += 1
            if self._noticed <= _TOLD:
                reporter.notice(f"line {ended.line}: {sentence(error)}")
            if self._noticed == _TOLD:
                reporter.notice("further ones are only counted; `motion-async ledger show` has them all")

    def counted(self, counts: Mapping[str, Mapping[ItemState, int]]) -> None:
        """Note what the ledger counts when the run has ended.

        Args:
            counts: the items of each batch by state.
        """
        self._running = counts.get(self._order.batch, {}).get(ItemState.SUBMITTED, 0)

    def tell(self, reporter: Reporter) -> None:
        """Tell how the run went, and what to do next.

        Args:
            reporter: told of it.
        """
        order, counts = self._order, self._counts
        reporter.tell(
            BatchEnded(
                batch=order.batch,
                ledger=order.ledger.shown,
                lines=self._survey.requests,
                counts={end.value: count for end, count in counts.items()},
                running=self._running,
                invalid=self._survey.invalid,
            )
        )
        reporter.say(self._how_it_went())
        if self._uncertain:
            reporter.say(self._what_is_uncertain())
        if self._stopped_by is not None:
            reporter.say(self._what_stopped_it(self._stopped_by))

    def _how_it_went(self) -> str:
        counts = self._counts
        parts = [f"{counts[End.COMPLETED]:,} of {self._survey.requests:,} completed"]
        parts += [
            f"{counts[end]:,} {end.value.replace('_', ' ')}"
            for end in End
            if counts[end] and end not in (End.COMPLETED, End.NOT_SENT)
        ]
        rest = self._survey.requests - counts.total() + counts[End.NOT_SENT]
        running = min(self._running, rest)
        if running:
            parts.append(f"{running:,} go on at the service")
        if rest > running:
            parts.append(f"{rest - running:,} not sent")
        if self._survey.invalid:
            parts.append(f"{self._survey.invalid:,} lines left out")
        return f"batch {self._order.batch}: {', '.join(parts)}"

    def _what_is_uncertain(self) -> str:
        order = self._order
        more = self._counts[End.UNCERTAIN] - len(self._uncertain)
        keys = ", ".join(self._uncertain) + (f" and {more:,} more" if more else "")
        settle = shlex.join(["motion-async", "ledger", "resolve", order.ledger.shown, self._uncertain[0]])
        name = shlex.join(["--batch", order.batch])
        return (
            f"may have been sent, and have no known job: {keys}; look at https://motion.so whether their videos are "
            f"there, then settle each, as with: {settle} {name} --job-id ID (or --send-again, or --drop)"
        )

    def _what_stopped_it(self, error: MotionError) -> str:
        again = f"go on with: {self._order.command}"
        if isinstance(error, InsufficientCreditsError):
            wait = "add --on-insufficient-credits wait to have it wait for them"
            return f"stopped sending, {credits_words(error)}, then {again} ({wait})"
        return f"stopped sending, {sentence(error)}; then {again}"
