"""Counts a batch: what has ended, what runs, how fast, and how long the rest may take.

An event costs the same however many requests there are, and memory grows with the jobs that run, not with those that
have ended. Pure: the time is an argument.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from motion_async.cli.ends import End
from motion_async.jobs import JobStatus, StatusChange

__all__ = ["BatchTally"]

_FEWEST: Final = 3
"""Ends before which nothing is said of how long the rest will take."""
_MOST: Final = 1_000


class BatchTally:
    """Counts the `total` requests of one batch, of which `max_active` run at a time, from the second `now` on.

    All times are in seconds on the same clock.
    """

    def __init__(self, total: int, *, max_active: int, now: float) -> None:
        self.total = total
        self.ended: Counter[End] = Counter()
        self._active: dict[str, JobStatus] = {}
        self._running: set[str] = set()
        self._now_in: Counter[JobStatus] = Counter()
        # Jobs that began together end together, so less than two rounds of them would tell a wrong rate.
        self._recent: deque[float] = deque([now], maxlen=min(max(2 * max_active, 50), _MOST) + 1)
        self._worked = 0

    def change(self, change: StatusChange) -> None:
        """Count a change of a job."""
        self._leave(change.job_id)
        if not change.is_end:
            self._running.add(change.job_id)
            self._active[change.job_id] = change.current
            self._now_in[change.current] += 1

    def end(self, end: End, *, job_id: str | None, now: float) -> None:
        """Count an end; one of a job that this run has seen going on counts for the rate."""
        self.ended[end] += 1
        if job_id is not None and job_id in self._running:
            self._running.discard(job_id)
            self._leave(job_id)
            self._worked += 1
            self._recent.append(now)

    @property
    def done(self) -> int:
        """How many have ended, one way or another; what was not sent has not begun."""
        return self.ended.total() - self.ended[End.NOT_SENT]

    @property
    def active(self) -> int:
        """How many jobs run as far as this run knows."""
        return len(self._active)

    def by_status(self) -> list[tuple[JobStatus, int]]:
        """Give how many jobs run in each status, the documented ones first."""
        found = [(status, count) for status, count in self._now_in.items() if count]
        return sorted(found, key=lambda pair: (not pair[0].is_documented, pair[0]))

    def rate(self, *, now: float) -> float | None:
        """Give how many end in a second, None while too few have."""
        seconds = now - self._recent[0]
        return (len(self._recent) - 1) / seconds if self._worked >= _FEWEST and seconds > 0 else None

    def seconds_left(self, *, now: float) -> float | None:
        """Estimate how long the rest takes at the rate of late, None while too few have ended."""
        rate = self.rate(now=now)
        return (self.total - self.done) / rate if rate else None

    def _leave(self, job_id: str | None) -> None:
        status = self._active.pop(job_id or "", None)
        if status is not None:
            self._now_in[status] -= 1
