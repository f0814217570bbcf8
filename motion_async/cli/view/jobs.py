"""Jobs as a table, a row a job: for as many as a person names on a command line.

While it changes it must fit the terminal; jobs that are too many for that are counted
until they have ended. Nothing here decides when to render.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import attrs
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.failures import sentence, trouble_words
from motion_async.cli.looks import label, one_line, span
from motion_async.cli.output.output import View
from motion_async.cli.view.tally import Tally
from motion_async.cli.view.work import WorkView
from motion_async.cli.words import Word, word_of_state
from motion_async.errors import MotionError
from motion_async.events import Event, JobAccepted, PollDisturbed, SendDisturbed, SessionStats
from motion_async.jobs import JobState, StatusChange
from motion_async.ledger import LedgerTrouble
from motion_async.showing import shown

__all__ = ["JobTable"]

_WIDE: Final = 80
_FRAME_LINES: Final = 2
_REST: Final = 24
"""Columns that status and time take beside the id."""
_A_POLL: Final = 2.0
"""Seconds that a poll may take before it is known how it went."""


@attrs.define
class _Row:
    began: float
    word: Word | None = None
    status: str = ""
    updated_at: datetime | None = None
    ended: float | None = None
    note: str = ""
    trouble: str = ""
    trouble_ends: float = 0.0


class JobTable(View):
    """A view of some jobs: id, state, a time, and what is to be said of them.

    Args:
        job_ids: the jobs that are known from the beginning, in order.
        follows: whether the time is how long they have been followed, instead of when they last changed.
        stats: gives how the session stands that makes them, None where that is not told.
        clock: gives seconds, never backwards.
    """

    def __init__(
        self,
        job_ids: Iterable[str] = (),
        *,
        follows: bool = True,
        stats: Callable[[], SessionStats] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._follows = follows
        self._clock = clock
        began = clock()
        self._rows = {job_id: _Row(began) for job_id in job_ids}
        self._waiting = "waiting for the service …"
        tally = Tally(len(self._rows) or None, places=None, now=began)
        self._many = WorkView("", tally, stats=stats, clock=clock)
        self._is_settled = False

    def take(self, event: Event | LedgerTrouble) -> None:
        """Bring the row of the job up to date; see `View.take`."""
        self._many.take(event)
        match event:
            case JobAccepted():
                self._rows[event.job_id] = _Row(self._clock())
            case StatusChange():
                self.take_state(event.state)
            case PollDisturbed():
                # No event tells that polls work again, so the words go when the next one would have failed.
                row = self._row(event.job_id)
                row.trouble = f"asked again in {span(event.next_wait)}: {type(event.error).__name__}"
                row.trouble_ends = self._clock() + event.next_wait + _A_POLL
            case SendDisturbed():
                self._waiting = trouble_words(event)
            case _:
                pass

    def take_state(self, state: JobState) -> None:
        """Show how a job stands; see `View.take_state`."""
        row = self._row(state.job_id)
        row.word = word_of_state(state)
        row.status = label(state.status)
        row.updated_at = state.updated_at
        row.note = one_line(shown(state.error or ""))
        if row.word is Word.NEEDS_YOU:
            row.note = "answer at motion.so"
        row.ended = self._clock() if state.has_ended else None

    def fail(self, error: MotionError, job_id: str | None) -> None:
        """Show that a job is not followed any more, and why; see `View.fail`."""
        if job_id is not None:
            row = self._row(job_id)
            row.ended = row.trouble_ends = self._clock()
            row.note = row.note or sentence(error)

    def settle(self) -> None:
        """Show every row from now on; see `View.settle`."""
        self._is_settled = True

    def words(self) -> str | None:
        """Say how the one job stands, or how many of several do; None before the first news; see `View.words`."""
        known = [(job_id, row.word) for job_id, row in self._rows.items() if row.word is not None]
        if len(self._rows) > 1 and known:
            return self._many.words()
        return next((f"job {one_line(job_id)}: {word}" for job_id, word in known), None)

    def _row(self, job_id: str) -> _Row:
        return self._rows.setdefault(job_id, _Row(self._clock()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table, or counts while it would not fit."""
        # A live picture that is higher than the terminal scrolls at each frame, and leaves a trail of itself.
        if not self._is_settled and len(self._rows) + _FRAME_LINES > console.height:
            yield self._many if self._follows else Text(f"asked for {len(self._rows)} jobs …", "dim")
            return
        if not self._rows:
            if not self._is_settled:
                yield Text(self._waiting, "dim")
            return
        is_wide = options.max_width >= _WIDE
        gap = 2 if is_wide else 1
        longest = max(map(len, self._rows))
        table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("job", width=max(min(longest, options.max_width - _REST), _REST), overflow="fold")
        table.add_column("state", no_wrap=True)
        if is_wide or self._follows:
            name = "time" if self._follows else "changed (UTC)"
            table.add_column(name, no_wrap=True, justify="right", style="dim")
        if is_wide:
            table.add_column("", style="dim")
        for job_id, row in self._rows.items():
            words = row.trouble if self._clock() < row.trouble_ends else row.note or row.status
            note = Text(words, no_wrap=True, overflow="ellipsis")
            cells = (Text(one_line(job_id)), _state(row), Text(self._time(row)), note)
            table.add_row(*cells[: len(table.columns)])
        yield table

    def _time(self, row: _Row) -> str:
        if self._follows:
            minutes, seconds = divmod(int((row.ended or self._clock()) - row.began), 60)
            return f"{minutes}:{seconds:02d}"
        return "" if row.updated_at is None else f"{row.updated_at.astimezone(UTC):%d %b %H:%M}"


def _state(row: _Row) -> Text:
    if row.word is not None:
        return Text(row.word, row.word.colour)
    return Text("…", "dim") if row.ended is None else Text("error", "red")
