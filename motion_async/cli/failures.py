"""Exit statuses: one table of them, and one from error classes to the status of the command and to what to do next.

Pure. It must not print anything, nor know which command failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Self

from motion_async import errors
from motion_async.cli.commandline import watch_line
from motion_async.cli.looks import one_line, span
from motion_async.events import PollDisturbed, SendDisturbed
from motion_async.ledger import LedgerTrouble

__all__ = ["ExitStatus", "credits_words", "exit_status", "sentence", "trouble_words", "worst"]


class ExitStatus(IntEnum):
    """How the command ended, the worst first: a number, what that is called, and what it may come from.

    What the caller can correct comes before outcomes that are not known, and those before jobs that have failed.
    """

    INTERRUPTED = 130, "interrupted", "Ctrl-C, or a no to what was asked; stderr says how to go on"
    TERMINATED = 143, "terminated", "stderr says how to go on"
    HUNG_UP = 129, "hung up", "its terminal was closed, or the ssh to it is lost"
    OUTPUT_CLOSED = 141, "standard output was closed", "stderr says how to go on"
    WRONG_USE = (
        2,
        "wrong use",
        "arguments, key, base URL, a request that breaks the contract (400), a line of a batch that cannot be sent",
    )
    REFUSED = 3, "the service refused", "401, 402, 403, 404, 409, 429 to the end, other 4xx"
    UNREACHABLE = (
        4,
        "the outcome is not known",
        "no connection, 5xx, a lost answer, --timeout, --on-input skip, another run sends it; or no ledger can be used",
    )
    JOB_FAILED = 1, "a job failed"
    DONE = 0, "done"

    words: str
    comes_from: str

    def __new__(cls, value: int, words: str = "", comes_from: str = "") -> Self:
        """Make a row of the table."""
        status = int.__new__(cls, value)
        status._value_, status.words, status.comes_from = value, words, comes_from
        return status


_WORST_FIRST: Final = tuple(ExitStatus)

# The advice is left out where the library's own message ends with one.
_MEANING: Final[dict[type[errors.MotionError], tuple[ExitStatus, str]]] = {
    errors.MotionError: (ExitStatus.UNREACHABLE, ""),
    errors.ConfigurationError: (ExitStatus.WRONG_USE, ""),
    errors.InvalidRequestError: (ExitStatus.WRONG_USE, "correct it and run the command again"),
    errors.ServiceError: (ExitStatus.REFUSED, ""),
    errors.AuthenticationError: (ExitStatus.REFUSED, "`motion-async check` says where it came from"),
    errors.ServiceUnavailableError: (ExitStatus.UNREACHABLE, ""),
    errors.UnexpectedResponseError: (ExitStatus.UNREACHABLE, ""),
    errors.TransportError: (ExitStatus.UNREACHABLE, "check the network and the base URL, then try again"),
    errors.ConnectFailedError: (
        ExitStatus.UNREACHABLE,
        "nothing was sent; check the network and the base URL, then try again",
    ),
    errors.ConnectImpossibleError: (ExitStatus.UNREACHABLE, "nothing was sent"),
    errors.UncertainError: (ExitStatus.UNREACHABLE, ""),
    errors.NotSentError: (ExitStatus.REFUSED, ""),
    errors.SentElsewhereError: (ExitStatus.UNREACHABLE, ""),
    errors.LedgerError: (ExitStatus.UNREACHABLE, ""),
    errors.LedgerVersionError: (ExitStatus.WRONG_USE, ""),
    errors.LedgerConflictError: (ExitStatus.WRONG_USE, ""),
    errors.LedgerAccountError: (ExitStatus.WRONG_USE, ""),
    errors.WaitTimeoutError: (ExitStatus.UNREACHABLE, "wait on with: {watch}"),
    errors.InputRequiredError: (ExitStatus.UNREACHABLE, ""),
    errors.JobFailedError: (
        ExitStatus.JOB_FAILED,
        "change the prompt or the attachments and generate it anew",
    ),
}


def _meaning(error: errors.MotionError) -> tuple[ExitStatus, str]:
    return next(_MEANING[kind] for kind in type(error).__mro__ if kind in _MEANING)


def exit_status(error: errors.MotionError) -> ExitStatus:
    """Give the exit status that an error stands for."""
    return _meaning(error)[0]


def sentence(error: errors.MotionError) -> str:
    """Say in one line what happened and what to do next."""
    advice = _meaning(error)[1]
    if "{watch}" in advice:
        advice = advice.replace("{watch}", watch_line([error.job_id or ""]))
    said = one_line(str(error)).rstrip(".")
    return f"{said}; {advice}" if advice else said


def trouble_words(it: PollDisturbed | SendDisturbed | LedgerTrouble) -> str:
    """Say that something did not work, when it is tried again, and why it did not."""
    if isinstance(it, LedgerTrouble):
        return f"the ledger cannot be used now and is waited for ({span(it.waited)} so far): {it.reason}"
    if isinstance(it, PollDisturbed):
        what = "a poll failed, made again"
    else:
        what = f"a {'create' if it.job_id is None else 'followup'} was not taken, tried again"
    return f"{what} in {span(it.next_wait)}: {sentence(it.error)}"


def credits_words(error: errors.InsufficientCreditsError) -> str:
    """Say what a 402 means, with the numbers that came with it."""
    numbers = ""
    if error.current_balance is not None:
        numbers = f": the balance is {error.current_balance:,g}"
        if error.minimum_required_credits is not None:
            numbers += f", and a new video needs at least {error.minimum_required_credits:,g} in it"
    return f"not enough credits{numbers}; add some at https://motion.so"


def worst(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Give the one status of a command that had several jobs; `DONE` for none."""
    return min(statuses, key=_WORST_FIRST.index, default=ExitStatus.DONE)
