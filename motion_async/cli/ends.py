"""How the outcome of a request is to be taken: as which end, and as which exit status.

Pure. It must not print anything.
"""

from __future__ import annotations

from typing import Final

from motion_async import errors
from motion_async.cli.failures import ExitStatus, exit_status
from motion_async.cli.words import End
from motion_async.jobs import Outcome

__all__ = ["end_of", "status_of"]

_END_OF_ERROR: Final = {kind: end for end in End for kind in end.causes}


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
