"""Videos as one bar in the colours of the six words, with what is left, what is in the way, and what needs a person.

It is as high with ten thousand videos as with ten, and fits any terminal. Nothing here decides when to render.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice, repeat
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.looks import STOPPING, about, clock_time, counted, label, one_line, rate, span
from motion_async.cli.output.output import View
from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.view.attention import Attention
from motion_async.cli.view.obstacles import Obstacles
from motion_async.cli.view.tally import Tally
from motion_async.cli.words import Word
from motion_async.errors import SessionClosedError
from motion_async.events import Event, JobAccepted, SessionStats
from motion_async.jobs import StatusChange
from motion_async.ledger import LedgerTrouble

__all__ = ["WorkView"]

_ALWAYS: Final = (Word.WAITING, Word.MAKING, Word.DONE)
"""Words that are shown also where there is nothing of them."""
_NOTE_LINES: Final = 2
"""So many lines are kept for what is in the way."""
_LOOK: Final = 1.0
"""Seconds between two looks at how a session stands."""
_NEWEST: Final = 5
"""So many of those that need a person are shown while it runs."""
_BLOCK: Final = "━"
_MARKS: Final = {
    Word.DONE: "#", Word.MAKING: "=", Word.NEEDS_YOU: "!", Word.UNCLEAR: "?", Word.FAILED: "x", Word.WAITING: ".",
}  # fmt: skip
"""What the bar is made of where there are no colours, in the order in which it is drawn."""


class WorkView(View):
    """A view of any number of videos.

    Args:
        title: what they are.
        tally: counts them, None until their number is told.
        stats: gives how the session stands that makes them, None where there is none.
        clock: gives seconds, never backwards.
    """

    def __init__(
        self,
        title: str,
        tally: Tally | None = None,
        *,
        stats: Callable[[], SessionStats] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.attention = Attention()
        self._title = title
        self._tally = tally
        self._clock = clock
        self._began = clock()
        self._checked = 0
        self._obstacles = Obstacles(clock=clock)
        self._stats = stats
        self._looked_at = float("-inf")
        self._answered_at: float | None = None
        self._stopping = False
        self._is_settled = False

    def check(self, lines: int) -> None:
        """Take in that so many lines of a file have been checked, before anything is sent."""
        self._checked = lines

    def begin(self, total: int, *, places: int | None, durations: Iterable[float] = ()) -> None:
        """Take in that so many videos are made from now on; see `Tally`."""
        self._began = self._clock()  # a person may have been asked something until now
        self._tally = Tally(total, places=places, now=self._began, durations=durations)

    def take_line(self, line: LineTaken) -> None:
        """Take in whose video is made."""
        self.attention.begin(line)

    def take(self, event: Event | LedgerTrouble) -> None:
        """Count a change, or keep the words of what is in the way; see `View.take`."""
        if isinstance(event, StatusChange):
            if self._tally is not None:
                self._tally.take(event, now=self._clock())
                self.attention.take(event)
            return
        if isinstance(event, JobAccepted):
            self.attention.accept(event)
        self._obstacles.take(event)

    def end(self, ended: RequestEnded) -> None:
        """Count a request that has ended."""
        if self._tally is not None:
            self._tally.end(ended)
            self.attention.end(ended)

    def stop(self) -> None:
        """Take in that a person wants the work to end early."""
        self._stopping = True

    def settle(self) -> None:
        """Show no more of what passes; see `View.settle`."""
        self._is_settled = True

    def words(self) -> str | None:
        """Say how it stands in one line; see `View.words`."""
        if self._tally is None:
            checked = (f"checked {self._checked:,} lines so far",) if self._checked else ()
            return "; ".join((*checked, *self._notes())) or None
        counts = ", ".join(f"{count:,} {word}" for word, count in self._tally.counts.items() if count)
        return "; ".join((f"{self._foot(self._tally)}: {counts or 'nothing yet'}", *self._notes()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it in the width that there is, always as high, until the last time."""
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(self._title, "bold", overflow="ellipsis"), Text(span(self._clock() - self._began), "dim"))
        yield head
        if self._tally is None:
            checked = (
                f"{counted(self._checked, 'line')} checked"
                if self._is_settled
                else f"checking line {self._checked + 1:,}"
            )
            yield Text(checked, "dim")
        else:
            yield _bar(self._tally.counts, options.max_width, has_colours=_has_colours(console))
            yield _counts(self._tally)
            yield Text(self._foot(self._tally), "dim", no_wrap=True, overflow="ellipsis")
        if self._is_settled:
            return
        notes = Text(one_line("; ".join(self._notes())), "yellow").wrap(console, options.max_width)
        yield from _padded(notes, _NOTE_LINES)
        shown = min(_NEWEST, max(options.size.height - _NOTE_LINES - 6, 0))
        yield from _padded([Text(it.words, it.word.colour) for it in self.attention.newest(shown)], shown)

    def _foot(self, tally: Tally) -> str:
        now, counts = self._clock(), tally.counts
        total = sum(counts.values())
        ended = total - counts[Word.WAITING] - counts[Word.MAKING] - counts[Word.NEEDS_YOU]
        parts = [f"{ended:,} of {total:,} ended"]
        each_second = tally.rate(now=now)
        if each_second is not None:
            parts.append(rate(each_second))
        heard = None if self._is_settled else self._silent_for()
        if not self._is_settled and not self._stopping and not self._obstacles.hold_up(silent_for=heard):
            left = tally.seconds_left(now=now)
            parts += [] if left is None else [f"{about(*left)} left"]
        if heard is not None:
            parts.append(f"heard {clock_time(heard)} ago")
        return " · ".join(parts)

    def _notes(self) -> Iterator[str]:
        if self._is_settled:
            return
        if self._stopping:
            yield STOPPING
        making = 0 if self._tally is None else self._tally.counts[Word.MAKING]
        yield from self._obstacles.words(silent_for=self._silent_for(), making=making)

    def _silent_for(self) -> float | None:
        """Give how long ago the service answered last, None where nobody knows."""
        now = self._clock()
        if self._stats is not None and now - self._looked_at >= _LOOK:
            # Not in each picture: a session counts all its jobs for its answer.
            self._looked_at = now
            silent_for = None
            with suppress(SessionClosedError):  # before it is opened, and after it is left
                silent_for = self._stats().silent_for
            self._answered_at = None if silent_for is None else now - silent_for
        return None if self._answered_at is None else now - self._answered_at


def _padded(lines: Iterable[Text], number: int) -> Iterator[Text]:
    """Give exactly so many lines, each cut at the end of the terminal's line."""
    for line in islice(chain(lines, repeat(Text())), number):
        line.no_wrap, line.overflow = True, "ellipsis"
        yield line


def _has_colours(console: Console) -> bool:
    """Whether one sort of mark can be told apart by its colour; plain letters alone show no such mark."""
    return console.color_system is not None and not console.no_color and console.encoding != "ascii"


def _bar(counts: Mapping[Word, int], width: int, *, has_colours: bool) -> Text:
    """Draw all videos as one line: each word has its share of it, and at least a mark."""
    total = max(sum(counts.values()), 1)
    line = Text(no_wrap=True, overflow="crop")
    drawn = [(word, counts[word]) for word in _MARKS if counts[word]] or [(Word.WAITING, 0)]
    # What is left of the width after each has its mark is shared out by numbers, up to the last column.
    room, upto, end = max(width - len(drawn), 0), 0, 0
    for word, count in drawn:
        upto += count
        begin, end = end, (room * upto) // total if word is not drawn[-1][0] else room
        line.append((_BLOCK if has_colours else _MARKS[word]) * (1 + end - begin), word.colour)
    return line


def _counts(tally: Tally) -> Text:
    """Say how many stand how, and beside it what the service calls those that it has."""
    line = Text(overflow="fold")
    for word, count in tally.counts.items():
        if count or word in _ALWAYS:
            line.append("   " if line else "").append(f"{count:,} ", word.colour).append(word, "" if count else "dim")
    statuses = ", ".join(f"{count:,} {label(status)}" for status, count in tally.by_status)
    return line.append(f"   ({statuses})", "dim") if statuses else line
