"""What an error means to whoever asked by HTTP: one table from error classes to problems (RFC 9457). Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from motion_async import errors
from motion_async.errors import MotionError

__all__ = ["Problem", "problem"]


@attrs.frozen
class Problem:
    """An error as an answer by HTTP, by RFC 9457.

    Args:
        status: the answer's status.
        title: the kind of problem, in a few words, always the same.
        detail: what happened and what to do, for whoever asked: nothing of keys, balances or settings.
        kind: the kind of problem, for programs: the error's class in small letters, such as `insufficient_credits`, and
            `uncertain` for creates and followups alike.
        headers: the answer's headers.
        extra: what goes along, such as `problems`, all that is wrong with a request.
        operator: what happened in the library's own words, for a log and not for visitors.
    """

    status: int
    title: str
    detail: str
    kind: str
    headers: Mapping[str, str]
    extra: Mapping[str, Any]
    operator: str

    def to_dict(self) -> dict[str, Any]:
        """Give the body of the answer, which can be written as JSON."""
        return {
            "type": f"urn:motion-async:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }


_LATER: Final = "Nothing was made, and nothing was paid; try again later."
_UNKNOWN: Final = "It may have been made and paid for. Do not send it again; whoever runs this site can find out."
_MEANINGS: Final[Mapping[type[MotionError], tuple[int, str, str]]] = {
    MotionError: (500, "Something went wrong", "Whoever runs this site can find out what."),
    errors.ConfigurationError: (500, "Something is not set up", "Whoever runs this site can mend it."),
    errors.SessionClosedError: (503, "Shutting down", _LATER),
    errors.InvalidRequestError: (422, "The request cannot be used", "Correct what is listed, and send it again."),
    errors.ServiceError: (502, "The service refused", "Whoever runs this site can find out why."),
    errors.AuthenticationError: (503, "Not available", _LATER),
    errors.InsufficientCreditsError: (503, "Not available", _LATER),
    errors.PermissionDeniedError: (503, "Not available", _LATER),
    errors.JobNotFoundError: (404, "No such video", "There is no video of that id."),
    errors.FollowupNotAllowedError: (409, "Not completed yet", "A video can be changed once it has completed."),
    errors.RateLimitedError: (429, "Too many requests", _LATER),
    errors.ServiceUnavailableError: (503, "Not available", "The service is in trouble; try again later."),
    errors.UnexpectedResponseError: (502, "The service's answer cannot be read", "Try again later."),
    errors.TransportError: (503, "Not available", "The service cannot be reached; try again later."),
    errors.ConnectFailedError: (503, "Not available", _LATER),
    # Never 502, 503 or 504: people, proxies and programs send again what was answered so.
    errors.UncertainError: (500, "The outcome is not known", _UNKNOWN),
    errors.NotSentError: (503, "Not available", _LATER),
    # Not 503: it may be paid for, and the same key gives its job.
    errors.SentElsewhereError: (409, "Being made", "It is being made now; ask for it again by the same key."),
    errors.DroppedError: (409, "Given up", "A person has given this request up."),
    errors.LedgerError: (503, "Not available", _LATER),
    errors.LedgerVersionError: (500, "Something is not set up", "Whoever runs this site can mend it."),
    errors.LedgerConflictError: (409, "Made already", "Another request was made under this key."),
    errors.LedgerAccountError: (500, "Something is not set up", "Whoever runs this site can mend it."),
    # Nor these: the video may be made, and it is paid for.
    errors.WaitTimeoutError: (500, "Not finished in time", "It goes on; ask for it again by its id."),
    errors.InputRequiredError: (409, "Waits for input", "The video waits for a person's input."),
    errors.JobFailedError: (422, "The video failed", "Change the request, and send it as a new one."),
}


def problem(error: MotionError) -> Problem:
    """Say what an error means to whoever asked by HTTP.

    Args:
        error: an error of the library's, or of a class made of one.

    Returns:
        The problem of its class, or of the nearest of its parents.
    """
    kind = next(kind for kind in type(error).__mro__ if kind in _MEANINGS)
    status, title, detail = _MEANINGS[kind]
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if (retry_after := getattr(error, "retry_after", None)) is not None and status in (429, 503):
        headers["Retry-After"] = str(math.ceil(retry_after))
    extra: dict[str, Any] = {} if error.job_id is None else {"job_id": error.job_id}
    if isinstance(error, errors.InvalidRequestError):
        extra["problems"] = [attrs.asdict(found) for found in error.problems]
    return Problem(status, title, detail, _name(kind), headers, extra, str(error))


def _name(kind: type[MotionError]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__.removesuffix("Error")).lower()
