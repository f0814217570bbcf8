"""Decides when a 404, 401 or 403 to a poll is believed of a job that the service has taken.

A part of the service that has not heard of the job yet, or of the key, answers 404, 401 or 403 for a moment. Pure: time
is an argument, and nothing here decides when a job is polled again.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

from motion_async.errors import AuthenticationError, JobNotFoundError, MotionError, PermissionDeniedError

__all__ = ["NO_REFUSALS", "Refusals", "denies_job"]

_FEWEST: Final = 3
_STANDS: Final = 60.0
"""So many refusals in a row, over so many seconds at least, are believed."""


def denies_job(error: MotionError) -> bool:
    """Whether the service says that it does not know a job, or not for this key: a 404, 401 or 403."""
    return isinstance(error, JobNotFoundError | AuthenticationError | PermissionDeniedError)


@attrs.frozen
class Refusals:
    """How many refusals of a job's polls have come in a row, and since when.

    Another failure in between neither counts nor ends the row; an answer about the job ends it.
    """

    answers: int = 0
    since: float = math.inf

    def and_one(self, *, now: float) -> Refusals:
        """Give the row with one more refusal."""
        return Refusals(self.answers + 1, min(self.since, now))

    def are_believed(self, *, now: float) -> bool:
        """Whether they have stood for long enough to outweigh the service's 202."""
        return self.answers >= _FEWEST and now - self.since >= _STANDS


NO_REFUSALS: Final = Refusals()
"""What all jobs share that the service has taken, and whose polls it answers."""
