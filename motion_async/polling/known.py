"""The watched jobs of a session: one object a job, for as long as anyone holds it, or longer after a followup."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from motion_async.polling.tracked import TrackedJob

__all__ = ["KnownJobs"]

_MOST_REMEMBERED: Final = 4_096
"""So many jobs with a followup are kept in mind, the latest ones, whether anyone holds them or not."""


class KnownJobs:
    """Gives what is known of each job.

    Args:
        make: makes the object of a job that is not known yet.
    """

    def __init__(self, make: Callable[[str], TrackedJob]) -> None:
        self._make = make
        self._held: WeakValueDictionary[str, TrackedJob] = WeakValueDictionary()
        self._remembered: OrderedDict[str, TrackedJob] = OrderedDict()

    def get(self, job_id: str) -> TrackedJob:
        """Give what is known of a job, the same object for everyone; an id that cannot be one is refused."""
        job = self._held.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            job = self._held[job_id] = self._make(job_id)
        return job

    def all(self) -> list[TrackedJob]:
        """Give every job that anyone holds."""
        return list(self._held.values())

    def remember(self, job: TrackedJob) -> None:
        """Keep what stood before a followup, although nobody may hold the job until it is waited for."""
        self._remembered[job.job_id] = job
        self._remembered.move_to_end(job.job_id)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
