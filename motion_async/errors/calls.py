"""What one call to the service can end with: refusals, answers that cannot be read, none at all, and doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from motion_async.errors.root import MotionError
from motion_async.problems import MAX_PROBLEMS, Problem
from motion_async.redaction import redacted
from motion_async.showing import shown, shown_list

__all__ = [
    "AuthenticationError",
    "ConnectFailedError",
    "ConnectImpossibleError",
    "ConnectionLostError",
    "CreateUncertainError",
    "ExchangeTimeoutError",
    "FollowupNotAllowedError",
    "FollowupUncertainError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "JobNotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ServiceError",
    "ServiceUnavailableError",
    "TransportError",
    "UncertainError",
    "UnexpectedResponseError",
]


class InvalidRequestError(MotionError):
    """The request breaks the contract: found before it was sent, or answered as 400 or 422.

    Args:
        problems: what is wrong, all of it up to 50 things, not the first one only.
        http_status: 400 or 422 when the service said so, None when it was found before sending.
        problem_count: how many things there were, where `problems` has not all of them.
    """

    def __init__(
        self,
        problems: Iterable[Problem | Mapping[str, Any]],
        job_id: str | None = None,
        http_status: int | None = None,
        problem_count: int | None = None,
    ) -> None:
        given = tuple(problem if isinstance(problem, Problem) else Problem(**problem) for problem in problems)
        self.problems = given[:MAX_PROBLEMS]
        self.problem_count = len(given) if problem_count is None else problem_count
        self.http_status = http_status
        found = shown_list(map(str, self.problems), self.problem_count) or "the service named no details"
        who = f"the service refused the request ({http_status})" if http_status else "the request was not sent"
        about = f" (job {job_id})" if job_id else ""
        super().__init__(f"{who}{about}: {found}", job_id)


class ServiceError(MotionError):
    """The service answered with an error status.

    Args:
        message: what happened and what to do next.
        http_status: the status of the answer.
        code: the answer's `code`, else its `error`, where it was JSON.
        detail: the answer's own sentence, or the beginning of a page that is not JSON.
        retry_after: seconds that the answer asked to wait, where it did.
        job_id: the job that was asked about, if any.
    """

    def __init__(
        self,
        message: str,
        http_status: int,
        code: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, job_id)
        self.http_status = http_status
        self.code = redacted(code)
        self.detail = redacted(detail)
        self.retry_after = retry_after


class AuthenticationError(ServiceError):
    """401: the key is missing, unknown or withdrawn."""


class InsufficientCreditsError(ServiceError):
    """402: the balance does not cover another video (section "Errors").

    Args:
        minimum_required_credits: what the service asks for, where it said so.
        current_balance: what the account has, where it said so.
    """

    def __init__(
        self,
        message: str,
        http_status: int,
        code: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        job_id: str | None = None,
        minimum_required_credits: float | None = None,
        current_balance: float | None = None,
    ) -> None:
        super().__init__(message, http_status, code, detail, retry_after, job_id)
        self.minimum_required_credits = minimum_required_credits
        self.current_balance = current_balance


class PermissionDeniedError(ServiceError):
    """403: the key is known, and may not do this."""


class JobNotFoundError(ServiceError):
    """404: no such job, or it belongs to another owner: the service does not tell them apart."""


class FollowupNotAllowedError(ServiceError):
    """409: a followup to a job that is not completed (section "Create Followup Endpoint").

    The same is raised, and nothing sent, when the poll before a followup finds that the job is not completed.

    Args:
        status: the status that the job has, where the service said so.
    """

    def __init__(
        self,
        message: str,
        http_status: int,
        code: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
        job_id: str | None = None,
        status: str | None = None,
    ) -> None:
        super().__init__(message, http_status, code, detail, retry_after, job_id)
        self.status = redacted(status)


class RateLimitedError(ServiceError):
    """429: too many calls; the request was not taken."""


class ServiceUnavailableError(ServiceError):
    """408, 425 or 5xx: the service, or something before it, is in trouble."""


class UnexpectedResponseError(MotionError):
    """An answer came, and it cannot be read as the contract says.

    Args:
        reason: what is wrong with it.
        http_status: the status of the answer, where there was one.
        job_id: the job that was asked about, if any.
    """

    def __init__(self, reason: str, http_status: int | None = None, job_id: str | None = None) -> None:
        about = f" about job {job_id}" if job_id else ""
        status = f" (HTTP {http_status})" if http_status else ""
        super().__init__(
            f"the service's answer{about}{status} cannot be read: {shown(reason)}; "
            "check that the base URL is Mosaic Motion's and that no proxy stands in between",
            job_id=job_id,
        )
        self.reason = redacted(reason)
        self.http_status = http_status


class TransportError(MotionError):
    """No answer came."""


class ConnectFailedError(TransportError):
    """No connection was made, so nothing was sent."""


class ConnectImpossibleError(ConnectFailedError):
    """Nor will any be made, until somebody mends a certificate, a proxy, a host's name or a version of TLS."""


class ConnectionLostError(TransportError):
    """The connection ended in the middle of the exchange."""


class ExchangeTimeoutError(TransportError):
    """The exchange took longer than it may."""


class UncertainError(MotionError):
    """Something that costs credits was sent, and whether the service took it can't be known."""


class CreateUncertainError(UncertainError):
    """A create was sent and its answer was lost: a job may exist whose id nobody knows.

    It is never sent again by itself. The API has no list call, so only the Motion frontend can
    tell whether the video was made. `__cause__` is what happened to the answer.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the create was sent and its answer was lost ({shown(reason)}), so a job may exist and have been "
            "paid for; look at https://motion.so before you send it again"
        )
        self.reason = redacted(reason)


class FollowupUncertainError(UncertainError):
    """A followup was sent and its answer was lost: the job may have a new turn.

    Unlike a lost create it can be cleared up: poll the job; if it is not `completed`, or its
    `completed_at` has changed, the followup was taken. `__cause__` is what happened to the answer.
    """

    def __init__(self, reason: str, job_id: str) -> None:
        super().__init__(
            f"the followup to job {job_id} was sent and its answer was lost ({shown(reason)}); poll the job: "
            "if it is running again, or completed at a new time, the followup was taken",
            job_id=job_id,
        )
        self.reason = redacted(reason)
