"""Counts a demonstration's jobs by the statuses that the service gives them, and how long they stay in each."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from motion_async.cli.looks import STATUSES
from motion_async.jobs import JobStatus, StatusChange

__all__ = ["StatusTally"]


class StatusTally:
    """Counts jobs by documented statuses: those of a sandbox have no others."""

    def __init__(self) -> None:
        self._now: Counter[JobStatus] = Counter()
        self.passed: Counter[JobStatus] = Counter()
        """How often a job came to each."""
        self._entered: dict[str, tuple[JobStatus, datetime]] = {}
        self._left: Counter[JobStatus] = Counter()
        self._seconds: defaultdict[JobStatus, float] = defaultdict(float)

    def take(self, change: StatusChange) -> None:
        """Count one change; one that a session tells anew, as it does of a job it had let go, counts once."""
        status, at = self._entered.get(change.job_id, (None, change.observed_at))
        if status == change.current:
            return
        if status is not None:
            self._now[status] -= 1
            self._left[status] += 1
            self._seconds[status] += (change.observed_at - at).total_seconds()
        self._now[change.current] += 1
        self.passed[change.current] += 1
        self._entered[change.job_id] = (change.current, change.observed_at)

    def mean_seconds(self, status: JobStatus) -> float | None:
        """Give how many seconds jobs stayed in a status on average, None if none has left it."""
        left = self._left[status]
        return self._seconds[status] / left if left else None

    def by_status(self) -> list[tuple[JobStatus, int]]:
        """Give how many jobs are in each status now, in the order in which a job passes through them."""
        return [(status, self._now[status]) for status in STATUSES]
