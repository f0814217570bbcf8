"""Any number of jobs as bars by state: a bar a status, not a bar a job.

`Tally` counts what the events tell, `StateBars` renders it. An event costs the same however many jobs there
are, and a rendering only as much as there are statuses. Nothing here decides when to render.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.happenings import Happening
from motion_async.cli.looks import STATUSES, label, rate, span, style
from motion_async.jobs import JobStatus, StatusChange

__all__ = ["StateBars", "Tally"]

_MAX_UNKNOWN: Final = 4
_OTHER: Final = JobStatus("other")
_LONGEST: Final = 40
_MOST_KINDS: Final = 1_000
"""So many kinds of status are counted apart."""


class Tally:
    """Counts jobs by status, and how long they stayed in each."""

    def __init__(self) -> None:
        self.now: Counter[JobStatus] = Counter()
        self.passed: Counter[JobStatus] = Counter()
        self._entered: dict[str, tuple[JobStatus, datetime]] = {}
        self._ended: set[str] = set()
        self._left: Counter[JobStatus] = Counter()
        self._seconds: defaultdict[JobStatus, float] = defaultdict(float)

    def take(self, change: StatusChange) -> None:
        """Count one change; one that a session tells anew, as it does of a job it had let go, counts once."""
        (self._ended.add if change.is_end else self._ended.discard)(change.job_id)
        status, at = self._entered.get(change.job_id, (None, change.observed_at))
        current = self._kind_of(change.current)
        if status == current:
            return
        if status is not None:
            self.now[status] -= 1
            self._left[status] += 1
            self._seconds[status] += (change.observed_at - at).total_seconds()
        self.now[current] += 1
        self.passed[current] += 1
        self._entered[change.job_id] = (current, change.observed_at)

    def _kind_of(self, status: JobStatus) -> JobStatus:
        """Give what a status is counted as, so that ever new and long ones fill no memory."""
        if status.is_documented:
            return status
        short = JobStatus(status[:_LONGEST])
        return short if short in self.passed or len(self.passed) < _MOST_KINDS else _OTHER

    def mean_seconds(self, status: JobStatus) -> float | None:
        """Give how many seconds jobs stayed in a status on average, None if none has left it."""
        left = self._left[status]
        return self._seconds[status] / left if left else None

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return len(self._entered)

    @property
    def ended(self) -> int:
        """How many of them have ended."""
        return len(self._ended)

    def by_status(self) -> list[tuple[JobStatus, int]]:
        """Give the jobs of each status: the documented ones in order, before the ends what else appeared."""
        unknown = [(status, count) for status, count in self.now.items() if not status.is_documented and count]
        if len(unknown) > _MAX_UNKNOWN:
            unknown.sort(key=lambda item: -item[1])
            rest = sum(count for _, count in unknown[_MAX_UNKNOWN - 1 :])
            unknown = [*unknown[: _MAX_UNKNOWN - 1], (_OTHER, rest)]
        known = [(status, self.now[status]) for status in STATUSES]
        return [*known[:-2], *unknown, *known[-2:]]


class StateBars:
    """A view of any number of jobs: a bar a status, in proportion to how many jobs have it.

    Args:
        title: what the jobs are.
        tally: counts the jobs.
        total: how many jobs there will be, None where that is not known.
        clock: gives seconds, never backwards.
    """

    def __init__(
        self,
        title: str,
        tally: Tally,
        *,
        total: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._tally = tally
        self._total = total
        self._clock = clock
        self._began = clock()

    def tell(self, happening: Happening) -> None:
        """Count it if it is a change; see `View.tell`."""
        if isinstance(happening, StatusChange):
            self._tally.take(happening)

    def settle(self) -> None:
        """Change nothing: the last picture is as large as any; see `View.settle`."""

    def words(self) -> str | None:
        """Say nothing: where no picture is shown, each event is told; see `View.words`."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the bars in the width that there is."""
        tally = self._tally
        total = max(self._total or 0, tally.jobs)
        seconds = self._clock() - self._began
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(self._title, "bold", overflow="ellipsis"), Text(span(seconds), "dim"))
        yield head

        bars = Table.grid(expand=True, padding=(0, 1))
        bars.add_column(no_wrap=True)
        bars.add_column(ratio=1)
        bars.add_column(justify="right", no_wrap=True, min_width=len(str(total)))
        bars.add_column(justify="right", no_wrap=True, min_width=5)
        rows = [(label(status), style(status), count) for status, count in tally.by_status()]
        if self._total is not None:
            rows.insert(0, ("not started", "bright_black", total - tally.jobs))
        for name, colour, count in rows:
            share = f"{count / total:.0%}" if count else ""
            dim = "" if count else "dim"
            bar = Bar(size=max(total, 1), begin=0, end=count, color=colour)
            bars.add_row(Text(name, dim or colour), bar, Text(str(count), dim), Text(share, "bright_black"))
        yield bars

        each_second = tally.ended / seconds if seconds > 0 else 0.0
        yield Text(f"{tally.ended} of {total} done · {rate(each_second)}", "dim", no_wrap=True)
