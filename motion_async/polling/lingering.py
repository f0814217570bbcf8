"""Tells once of a job that stays in an undocumented status; which names are ends, `jobs` knows.

Such a status ends nothing; one that stays for long may mean anything, so it is told of once. Time is an argument; a
job in a documented status costs a look and no memory.
"""

from __future__ import annotations

import logging
import math
from typing import Final
from weakref import WeakKeyDictionary

from motion_async.events import StatusUndocumented
from motion_async.jobs import JobState
from motion_async.polling.tracked import TrackedJob
from motion_async.showing import shown

__all__ = ["UndocumentedStatuses"]

_STANDS: Final = 600.0
"""Seconds after which a status is told of."""
_MOST_LOGGED: Final = 100
"""So many statuses are logged: a service that puts a number into each would fill the log, and the memory."""

_log = logging.getLogger(__package__)


class UndocumentedStatuses:
    """The jobs of one session that stand in such a status."""

    def __init__(self) -> None:
        # The status and the loop's time since which it stands; infinity once it has been told of.
        self._standing: WeakKeyDictionary[TrackedJob, tuple[str, float]] = WeakKeyDictionary()
        self._logged: set[str] = set()

    def note(self, job: TrackedJob, seen: JobState, *, now: float) -> StatusUndocumented | None:
        """Take note of what a poll has shown, and give what is to be told of it, if anything is."""
        if seen.status.meaning is not None or seen.has_ended:
            if self._standing:
                self._standing.pop(job, None)
            return None
        status, since = self._standing.get(job, (None, now))
        if status != seen.status:
            self._standing[job] = (seen.status, now)
        elif now - since >= _STANDS:
            self._standing[job] = (seen.status, math.inf)
            self._log(job.job_id, seen.status)
            return StatusUndocumented(job.job_id, seen.status, now - since)
        return None

    def _log(self, job_id: str, status: str) -> None:
        """Warn once of each status, as it is the service's and not the job's."""
        if status not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(status)
            _log.warning(
                "job %s has been %r for ten minutes, a status that the documentation does not name; it is watched on, "
                "and of other jobs with this status only the events tell",
                job_id, shown(status),
            )  # fmt: skip
