"""Counts jobs by the statuses that the service gives them, and how long they stay in each.

A change costs the same however many jobs there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Final

from motion_async.cli.looks import STATUSES
from motion_async.jobs import JobStatus, StatusChange

__all__ = ["StatusTally"]

_MAX_UNKNOWN: Final = 4
_OTHER: Final = JobStatus("other")
_LONGEST: Final = 40
_MOST_KINDS: Final = 1_000
"""So many kinds of status are counted apart."""


class StatusTally:
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
