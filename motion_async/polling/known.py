"""The watched jobs of a session: one object a job, for as long as anyone holds it, or longer after a followup."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from motion_async.canonical import canonical_job_id
from motion_async.polling.tracked import TrackedJob

__all__ = ["KnownJobs"]

_MOST_REMEMBERED: Final = 4_096
"""So many jobs with a followup are kept in mind, the latest ones, whether anyone holds them or not."""


class KnownJobs:
    """Gives the one object of each job; `make` makes it when the job is not known."""

    def __init__(self, make: Callable[[str], TrackedJob]) -> None:
        self._make = make
        # Weakly, so that a session which has made a million jobs keeps those that somebody still follows.
        self._held: WeakValueDictionary[str, TrackedJob] = WeakValueDictionary()
        self._remembered: OrderedDict[str, TrackedJob] = OrderedDict()

    def get(self, job_id: str) -> TrackedJob:
        """Give the object of a job, the same one for everyone; `make` refuses an id that cannot be one."""
        job_id = canonical_job_id(job_id)
        # An id that cannot be hashed, such as a list, would raise here, and not in the words of the validation.
        job = self._held.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            job = self._held[job_id] = self._make(job_id)
        return job

    def all(self) -> list[TrackedJob]:
        """Give every job that anyone holds."""
        return list(self._held.values())

    def remember(self, job: TrackedJob) -> None:
        """Keep a job with a followup, held or not: the end that the followup found must not count for its turn."""
        self._remembered[job.job_id] = job
        self._remembered.move_to_end(job.job_id)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
