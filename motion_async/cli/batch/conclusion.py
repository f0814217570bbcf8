"""What is to be said of a batch when its run ends: how many ended how, what stood in the way, what to do next.

It keeps a bounded number of words, however many requests there are. It sends and reads nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from motion_async.cli.batch.doubts import TOLD, Doubts
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.survey import Survey
from motion_async.cli.commandline import command_line
from motion_async.cli.ends import status_of
from motion_async.cli.failures import ExitStatus, credits_words, exit_status, sentence, worst
from motion_async.cli.looks import counted, span
from motion_async.cli.output.output import Output
from motion_async.cli.progress import RequestEnded
from motion_async.cli.view.attention import Attention
from motion_async.cli.words import END_OF_STATE, End, Word
from motion_async.errors import (
    AuthenticationError,
    ConnectImpossibleError,
    InsufficientCreditsError,
    JobNotFoundError,
    LedgerError,
    MotionError,
)
from motion_async.ledger import ItemState

__all__ = ["Conclusion"]

_LISTED: Final = 100
"""So many of the videos that need a person are told of one by one."""
_STOPS: Final = (AuthenticationError, ConnectImpossibleError, InsufficientCreditsError, LedgerError)


class Conclusion:
    """Gathers how a run went, but for what needs a person, which is gathered in `attention` while it runs.

    `has_begun` says that there is something to tell, `is_stopped` that somebody has ended the run early.
    """

    def __init__(self, order: BatchOrder, attention: Attention, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._order = order
        self._clock = clock
        self._began = 0.0
        self._attention = attention
        self._counts: Counter[End] = Counter()
        self._statuses: set[ExitStatus] = set()
        self._uncertain: list[str] = []
        self._doubts = Doubts()
        self._unknown = 0
        self._stopped_by: MotionError | None = None
        self._survey = Survey(0, 0)
        self._told = bytearray()
        """A byte for each line that is not 0 once it has an outcome."""
        self._rest: Mapping[ItemState, int] | None = None
        self._errors: list[MotionError] = []
        self.has_begun = False
        self.is_stopped = False

    @property
    def status(self) -> ExitStatus:
        """The exit status of the run."""
        return ExitStatus.INTERRUPTED if self.is_stopped else worst((*self._statuses, *map(exit_status, self._errors)))

    def begins(self, found: Survey) -> None:
        """Note what was found before anything is sent."""
        self._survey = found
        self._began = self._clock()
        self.has_begun = True

    @contextmanager
    def notes(self) -> Iterator[None]:
        """Note an error that ends a block, to be told at the end; before the run has begun let it pass."""
        try:
            yield
        except MotionError as error:
            if not self.has_begun:
                raise
            self._errors.append(error)

    def take(self, ended: RequestEnded) -> None:
        """Note an outcome."""
        outcome, end = ended.outcome, ended.end
        self._counts[end] += 1
        self._told.extend(bytes(max(ended.line + 1 - len(self._told), 0)))
        self._told[ended.line] = 1
        self._statuses.add(status_of(outcome, end, skips_invalid=self._order.skip_invalid))
        if end is End.UNCERTAIN and len(self._uncertain) < TOLD:
            self._uncertain.append(outcome.key or "")
        error = outcome.error
        # Many of these mean another account or another service, and not that so many jobs are gone.
        self._unknown += isinstance(error, JobNotFoundError)
        if self._stopped_by is None and isinstance(error, _STOPS) and end is End.NOT_SENT:
            self._stopped_by = error

    def has_told(self, line: int) -> bool:
        """Whether a line, counted from 1, has an outcome of this run."""
        return line < len(self._told) and bool(self._told[line])

    def counted(self, rest: Mapping[ItemState, int], doubts: Doubts) -> None:
        """Note in which states the lines are that have no outcome, and what is in doubt, when the run has ended."""
        self._doubts = doubts
        self._rest = rest

    def tell(self, output: Output) -> None:
        """Tell how the run went, and what to do next."""
        order, counts = self._order, self._standing()
        for error in self._errors:
            output.error(error)
        output.show_batch(
            batch=order.batch,
            ledger=order.ledger.shown,
            lines=self._survey.requests,
            counts=self._in_words(counts),
            running=counts[End.RUNNING] + counts[End.INPUT],
            invalid=self._survey.invalid,
        )
        self._tell_concerns(output)
        output.say(self._how_it_went(counts))
        if order.is_for_fleet and self.is_stopped:
            output.say("the workers go on with what is enqueued; `motion-async fleet cancel` gives up what is not sent")
        if uncertain := self._doubts.uncertain or self._uncertain:
            output.say(self._what_is_uncertain(uncertain, counts[End.UNCERTAIN]))
        if elsewhere := self._doubts.elsewhere:
            keys = _list_of(elsewhere[:TOLD], len(elsewhere))
            output.say(f"being sent by another run of the batch at this moment: {keys}")
        if self._unknown:
            output.say(
                f"the service does not know {self._unknown:,} of the jobs that it took: is it the service, and the key "
                "the one, that the batch was begun with? They stand in the ledger as they were"
            )
        if counts[End.FAILED] and order.command:
            output.say("what has failed stays so, until a run with --retry-failed makes it anew, and pays for it")
        if self._stopped_by is not None:
            output.say(self._what_stopped_it(self._stopped_by))
        lost = [at for error in self._errors if isinstance(error, LedgerError) for at in error.job_ids]
        if lost:
            output.say(self._what_is_lost(*lost[0]))
        is_said = self._stopped_by is not None or self.is_stopped  # already, or when the command ends
        if (self._errors or counts[End.RUNNING] or counts[End.INPUT]) and order.command and not is_said:
            output.say(f"go on with: {order.command}")

    def _tell_concerns(self, output: Output) -> None:
        """Tell of each video that needs a person."""
        concerns = self._attention.all
        for concern in concerns[:_LISTED]:
            output.say(concern.words)
        if more := len(concerns) + self._attention.unkept - _LISTED if len(concerns) > _LISTED else 0:
            output.say(f"and {more:,} more; see them all with: {self._show()}")

    def _standing(self) -> Counter[End]:
        """Count all lines; one without an outcome of this run stands as the ledger has it, if that is known."""
        counts = self._counts.copy()
        if self._rest is None:
            return counts
        for state, number in self._rest.items():
            counts[END_OF_STATE[state]] += number
        # What nobody sends any more, and was noted by nobody: this run has ended in the middle of it.
        lost = max(self._rest.get(ItemState.INTENT, 0) - len(self._doubts.elsewhere), 0)
        counts.update({End.RUNNING: -lost, End.UNCERTAIN: lost})
        counts[End.NOT_SENT] += self._survey.requests - counts.total()
        return +counts

    def _in_words(self, counts: Mapping[End, int]) -> Counter[Word]:
        """Count all lines by how they stand, as far as their ends tell, and what is known besides."""
        words: Counter[Word] = Counter()
        for end, count in counts.items():
            words[end.word] += count
        waits = min(self._attention.jobs_that_wait, words[Word.MAKING])  # to the ledger such a job goes on
        words.update({Word.MAKING: -waits, Word.NEEDS_YOU: waits})
        return +words

    def _how_it_went(self, counts: Counter[End]) -> str:
        words = self._in_words(counts)
        parts = [f"{words[Word.DONE]:,} of {self._survey.requests:,} done"]
        parts += [f"{words[word]:,} {word}" for word in Word if words[word] and word is not Word.DONE]
        if words[Word.WAITING] and self._order.limit is not None:
            parts.append("the rest is left for a later run, by --limit")
        unknown = self._survey.requests - counts.total()
        if unknown > 0:
            parts.append(f"{unknown:,} not known, as the ledger could not be read")
        if self._survey.invalid:
            parts.append(f"{counted(self._survey.invalid, 'line')} left out")
        took = span(self._clock() - self._began)
        return f"batch {self._order.batch}: {', '.join(parts)}; took {took}, its ledger is {self._order.ledger.shown}"

    def _show(self) -> str:
        order = self._order
        options = {"--batch": order.batch, "--limit": "0"}
        return command_line("ledger", "show", options=options, names=[("LEDGER", order.ledger.pasted)])

    def _what_is_uncertain(self, first: Sequence[str], number: int) -> str:
        order = self._order
        keys = _list_of(first, number)
        settle = order.ledger.resolve_line(order.batch, first[0])
        return (
            f"may have been sent, and have no known job: {keys}; look at https://motion.so whether their videos are "
            f"there, then settle each (--send-again or --drop in place of --job-id), as with: {settle}"
        )

    def _what_is_lost(self, batch: str, key: str, job_id: str) -> str:
        resolve = self._order.ledger.resolve_line(batch, key, job_id)
        return f"give the ledger each id that it does not have, as with: {resolve}"

    def _what_stopped_it(self, error: MotionError) -> str:
        again = f"go on with: {self._order.command}"
        if isinstance(error, InsufficientCreditsError):
            wait = "add --on-insufficient-credits wait to have it wait for them"
            return f"stopped sending, {credits_words(error)}, then {again} ({wait})"
        return f"stopped sending, {sentence(error)}; then {again}"


def _list_of(first: Sequence[str], number: int) -> str:
    more = max(number - len(first), 0)
    return ", ".join(first) + (f" and {more:,} more" if more else "")
