"""A batch as bars by state, with its rate, the time that is left, and what stands in its way in plain words.

It counts through `BatchTally`, and fits any terminal however many requests there are. Nothing here decides when to
render.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.batch.tally import BatchTally
from motion_async.cli.colours import END_COLOURS
from motion_async.cli.ends import End
from motion_async.cli.failures import credits_words, trouble_words
from motion_async.cli.happenings import BatchBegins, Happening, LinesChecked, RequestEnded, Stopping
from motion_async.cli.looks import STOPPING, about, label, one_line, rate, span, style
from motion_async.cli.troubles import is_worth_saying
from motion_async.errors import InsufficientCreditsError
from motion_async.events import JobAccepted, PollDisturbed, SendDisturbed, SessionSlowed, StatusUndocumented
from motion_async.jobs import StatusChange
from motion_async.ledger import LedgerTrouble

__all__ = ["BatchView"]

_TROUBLE_LASTS: Final = 5.0
"""Seconds for which words on a trouble stand: nothing tells that it is over, and the ledger is tried more often."""
_ALWAYS: Final = (End.COMPLETED, End.FAILED)


class BatchView:
    """A view of a batch.

    Args:
        title: what is shown.
        clock: gives seconds, never backwards.
    """

    def __init__(self, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._began = clock()
        self._checked = 0
        self._tally: BatchTally | None = None
        self._trouble = ""
        self._trouble_ends = 0.0
        self._credits = ""
        self._credits_again = 0.0
        self._stopping = False
        self._is_settled = False

    def tell(self, happening: Happening) -> None:
        """Count it, or keep the words of it; see `View.tell`."""
        now = self._clock()
        match happening:
            case LinesChecked():
                self._checked = happening.count
            case BatchBegins():
                self._tally = BatchTally(happening.total, max_active=happening.max_active, now=now)
            case StatusChange() if self._tally is not None:
                self._tally.change(happening)
            case RequestEnded() if self._tally is not None:
                self._tally.end(happening.end, job_id=happening.outcome.job_id, now=now)
            case Stopping():
                self._stopping = True
            case _:
                self._note(happening, now)

    def _note(self, happening: Happening, now: float) -> None:
        match happening:
            case JobAccepted():
                self._credits = ""
            case SendDisturbed(error=InsufficientCreditsError() as error):
                self._credits = credits_words(error)
                self._credits_again = now + happening.next_wait
            case SendDisturbed() | PollDisturbed():
                self._say(trouble_words(happening))
            case SessionSlowed():
                self._say(f"the service asked for fewer calls: {happening.polls_per_second:.1f} polls a second now")
            case StatusUndocumented():
                self._say(f"a job stands in a status that is not documented: {label(happening.status)}")
            case LedgerTrouble() if is_worth_saying(happening):
                self._say(trouble_words(happening))
            case _:
                pass

    def settle(self) -> None:
        """Show no more of what passes; see `View.settle`."""
        self._is_settled = True

    def words(self) -> str | None:
        """Say how it stands in one line; see `View.words`."""
        if self._tally is None:
            checked = (f"checked {self._checked:,} lines so far",) if self._checked else ()
            return "; ".join((*checked, *self._notes())) or None
        counts = [f"{count:,} {_word(end)}" for end, count in self._tally.ended.items()]
        counts += [f"{count:,} {label(status)}" for status, count in self._tally.by_status()]
        return "; ".join((f"{self._foot(self._tally)}: {', '.join(counts) or 'nothing yet'}", *self._notes()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it in the width that there is."""
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(self._title, "bold", overflow="ellipsis"), Text(span(self._clock() - self._began), "dim"))
        yield head
        if self._tally is None:
            checked = f"{self._checked:,} lines checked" if self._is_settled else f"checking line {self._checked + 1:,}"
            yield Text(checked, "dim")
        else:
            yield _bars(self._tally)
            yield Text(self._foot(self._tally), "dim", no_wrap=True, overflow="ellipsis")
        for note in self._notes():
            yield Text(one_line(note), "yellow")

    def _foot(self, tally: BatchTally) -> str:
        now = self._clock()
        parts = [f"{tally.done:,} of {tally.total:,} done"]
        each_second = tally.rate(now=now)
        if each_second is not None:
            parts.append(rate(each_second))
        if not self._is_settled and not self._stopping and not self._credits and tally.done < tally.total:
            parts.append(_time_left(tally, now))
        return " · ".join(parts)

    def _notes(self) -> Iterator[str]:
        if self._is_settled:
            return
        now = self._clock()
        if self._stopping:
            yield STOPPING
        if self._credits:
            yield f"{self._credits}; next try in {span(max(self._credits_again - now, 0.0))}, what runs goes on"
        if now < self._trouble_ends:
            yield self._trouble

    def _say(self, words: str) -> None:
        self._trouble = words
        self._trouble_ends = self._clock() + _TROUBLE_LASTS


def _bars(tally: BatchTally) -> Table:
    total = max(tally.total, 1)
    running = [(label(status), style(status), count) for status, count in tally.by_status()]
    ended = [
        (_word(end), END_COLOURS[end], tally.ended[end])
        for end in End
        if (tally.ended[end] and end is not End.NOT_SENT) or end in _ALWAYS
    ]
    waiting = max(tally.total - tally.done - tally.active, 0)
    bars = Table.grid(expand=True, padding=(0, 1))
    bars.add_column(no_wrap=True)
    bars.add_column(ratio=1)
    bars.add_column(justify="right", no_wrap=True, min_width=len(f"{total:,}"))
    bars.add_column(justify="right", no_wrap=True, min_width=5)
    for name, colour, count in (("to do", "bright_black", waiting), *running, *ended):
        dim = "" if count else "dim"
        bar = Bar(size=total, begin=0, end=count, color=colour)
        share = f"{count / total:.0%}" if count else ""
        bars.add_row(Text(name, dim or colour), bar, Text(f"{count:,}", dim), Text(share, "bright_black"))
    return bars


def _time_left(tally: BatchTally, now: float) -> str:
    rest = tally.total - tally.done
    if rest <= tally.active:  # what is left is as long as the longest of them, which no rate tells
        return "the last one runs" if rest == 1 else f"the last {rest:,} run"
    left = tally.seconds_left(now=now)
    return "the time left is known after a few more" if left is None else f"{about(left)} left"


def _word(end: End) -> str:
    return end.value.replace("_", " ")
