"""How the requests of a batch end: one table of a few kinds, and which outcomes and item states are of each.

Pure. It must not print anything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from motion_async import errors
from motion_async.cli.failures import ExitStatus, exit_status
from motion_async.jobs import Outcome
from motion_async.ledger import ItemState

__all__ = ["END_OF_STATE", "MEANINGS", "End", "Meaning", "end_of", "status_of"]


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
    INPUT = "input"
    """Its job waits for a person, and that is not waited for."""
    RUNNING = "running"
    """Its job goes on, or another run is sending it, and that is not waited for any longer."""
    UNSEEN = "unseen"
    """Its job is known and could not be watched to its end."""
    NOT_SENT = "not_sent"
    """Nothing was sent."""
    DROPPED = "dropped"
    """A person gave it up."""


@attrs.frozen(kw_only=True)
class Meaning:
    """What an end stands for.

    Args:
        states: the states of an item that count as it, if its run has not come to the item.
        errors: the errors of an outcome that mean it.
        planned: what a dry run calls a line whose item is in one of those states.
    """

    states: tuple[ItemState, ...] = ()
    errors: tuple[type[errors.MotionError], ...] = ()
    planned: str


MEANINGS: Final[dict[End, Meaning]] = {
    End.RUNNING: Meaning(
        states=(ItemState.SUBMITTED,),
        errors=(errors.WaitTimeoutError, errors.SentElsewhereError),
        planned="take_up",
    ),
    End.INPUT: Meaning(errors=(errors.InputRequiredError,), planned="take_up"),
    End.UNCERTAIN: Meaning(
        # An intent may be under way in another process: to tell the two apart would write to the ledger.
        states=(ItemState.INTENT, ItemState.UNCERTAIN),
        errors=(errors.UncertainError,),
        planned="uncertain",
    ),
    End.COMPLETED: Meaning(states=(ItemState.COMPLETED,), planned="completed"),
    End.FAILED: Meaning(states=(ItemState.FAILED,), errors=(errors.JobFailedError,), planned="failed"),
    End.REJECTED: Meaning(states=(ItemState.REJECTED,), errors=(errors.InvalidRequestError,), planned="rejected"),
    End.DROPPED: Meaning(states=(ItemState.DROPPED,), errors=(errors.DroppedError,), planned="dropped"),
    End.CHANGED: Meaning(errors=(errors.LedgerConflictError,), planned="changed"),
    End.UNSEEN: Meaning(planned="take_up"),
    End.NOT_SENT: Meaning(states=(ItemState.PLANNED,), errors=(errors.NotSentError,), planned="send"),
}
"""What the command makes of ends, states and errors; in which of the six words it is told stands in `words`."""
END_OF_STATE: Final = {state: end for end, meaning in MEANINGS.items() for state in meaning.states}
_END_OF_ERROR: Final = {kind: end for end, meaning in MEANINGS.items() for kind in meaning.errors}


def end_of(outcome: Outcome) -> End:
    """Give how a request ended, as its outcome tells."""
    if outcome.error is None:
        return End.COMPLETED
    # By the class that is nearest: most errors mean what their parent means.
    for kind in type(outcome.error).__mro__:
        if kind in _END_OF_ERROR:
            return _END_OF_ERROR[kind]
    return End.NOT_SENT if outcome.job_id is None else End.UNSEEN


def status_of(outcome: Outcome, end: End, *, skips_invalid: bool) -> ExitStatus:
    """Give the exit status of an outcome; with `skips_invalid`, a line that was refused before it was sent is none."""
    error = outcome.error
    if error is None or end is End.DROPPED:
        return ExitStatus.DONE
    if skips_invalid and isinstance(error, errors.InvalidRequestError) and error.http_status is None:
        return ExitStatus.DONE
    if end is End.NOT_SENT and isinstance(error, errors.NotSentError) and error.__cause__ is None:
        return ExitStatus.JOB_FAILED  # the one that it follows has no video: nobody refused anything
    return exit_status(error)
