"""How the requests of a batch end: one table from outcomes to a few kinds of end, with a word for each.

Pure. It must not print anything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from motion_async import errors
from motion_async.cli.failures import ExitStatus, exit_status
from motion_async.jobs import Outcome

__all__ = ["End", "end_of", "status_of"]


class End(StrEnum):
    """How a request of a batch came out of this run."""

    COMPLETED = "completed"
    """Its video is finished."""
    FAILED = "failed"
    """Its job failed."""
    REJECTED = "rejected"
    """Its content was refused, here or by the service."""
    CHANGED = "changed"
    """It was sent with another content than its line has now."""
    UNCERTAIN = "uncertain"
    """It may have been sent, and no id is known."""
    RUNNING = "running"
    """Its job goes on, and is not waited for any longer."""
    UNSEEN = "unseen"
    """Its job is known and could not be watched to its end."""
    NOT_SENT = "not_sent"
    """Nothing was sent."""
    DROPPED = "dropped"
    """A person gave it up."""


_ENDS: Final[dict[type[errors.MotionError], End]] = {
    errors.JobFailedError: End.FAILED,
    errors.InvalidRequestError: End.REJECTED,
    errors.LedgerConflictError: End.CHANGED,
    errors.UncertainError: End.UNCERTAIN,
    errors.WaitTimeoutError: End.RUNNING,
    errors.InputRequiredError: End.RUNNING,
    errors.NotSentError: End.NOT_SENT,
    errors.DroppedError: End.DROPPED,
}


def end_of(outcome: Outcome) -> End:
    """Give how a request ended.

    Args:
        outcome: its outcome.
    """
    if outcome.error is None:
        return End.COMPLETED
    for kind in type(outcome.error).__mro__:
        if kind in _ENDS:
            return _ENDS[kind]
    return End.NOT_SENT if outcome.job_id is None else End.UNSEEN


def status_of(outcome: Outcome, end: End, *, skips_invalid: bool) -> ExitStatus:
    """Give the exit status that an outcome stands for.

    Args:
        outcome: the outcome.
        end: how it ended.
        skips_invalid: whether a person has said that lines which cannot be sent are no failure.
    """
    error = outcome.error
    if error is None or end is End.DROPPED:
        return ExitStatus.DONE
    if skips_invalid and isinstance(error, errors.InvalidRequestError) and error.http_status is None:
        return ExitStatus.DONE
    if isinstance(error, errors.NotSentError) and error.__cause__ is None:
        return ExitStatus.JOB_FAILED  # the one that it follows has no video: nobody refused anything
    return exit_status(error)
