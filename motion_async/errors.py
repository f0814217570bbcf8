"""Every error of the library, as one tree.

    MotionError
    ├── ConfigurationError              a setting (key, base URL, option) cannot be used
    │   └── WrongLoopError                  used in another event loop, thread or process, or under trio
    ├── SessionClosedError              the session was not entered, or has been left
    ├── InvalidRequestError             the request breaks the contract; found here, or answered as 400 or 422
    ├── ServiceError                    the service answered with an error status
    │   ├── AuthenticationError             401
    │   ├── InsufficientCreditsError        402
    │   ├── PermissionDeniedError           403
    │   ├── JobNotFoundError                404
    │   ├── FollowupNotAllowedError         409
    │   ├── RateLimitedError                429
    │   └── ServiceUnavailableError         408, 425, 5xx
    ├── UnexpectedResponseError         an answer came and cannot be read as the contract says
    ├── TransportError                  no answer came
    │   ├── ConnectFailedError              no connection was made: nothing was sent
    │   │   └── ConnectImpossibleError          nor will one be, until somebody does something
    │   ├── ConnectionLostError             the connection ended in the middle of the exchange
    │   └── ExchangeTimeoutError            the exchange took longer than it may
    ├── UncertainError                  something that costs credits was sent, and its answer was lost
    │   ├── CreateUncertainError            a job may exist whose id nobody knows
    │   └── FollowupUncertainError          a job of known id may have a new turn
    ├── NotSentError                    generate_many stopped before it came to this request
    │   └── DroppedError                    a person gave it up, in the ledger
    ├── LedgerError                     the ledger cannot be opened, read or written
    │   ├── LedgerVersionError              a newer version of the library has written it
    │   └── LedgerConflictError             what was asked of an item does not go with where it stands
    ├── WaitTimeoutError                the caller's deadline passed; the job goes on
    ├── InputRequiredError              the job waits for a person, and the caller asked to be told
    └── JobFailedError                  the job ended as failed

Each error says what happened, to which job, and what to do next, and has an attribute for each part that its class
takes: so it can be kept and sent elsewhere. No error may hold the API key or the query of a signed URL, so every text
passes through `redaction`. In its message what others wrote is visible and bounded, by `showing`; its attributes have
the texts as they came. Beside that this module knows nothing of the package but `Problem`, the data of one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from motion_async.portable import PortableError
from motion_async.problems import MAX_PROBLEMS, Problem
from motion_async.redaction import redacted
from motion_async.showing import shown, shown_list

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConnectFailedError",
    "ConnectImpossibleError",
    "ConnectionLostError",
    "CreateUncertainError",
    "DroppedError",
    "ExchangeTimeoutError",
    "FollowupNotAllowedError",
    "FollowupUncertainError",
    "InputRequiredError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "JobFailedError",
    "JobNotFoundError",
    "LedgerConflictError",
    "LedgerError",
    "LedgerVersionError",
    "MotionError",
    "NotSentError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ServiceError",
    "ServiceUnavailableError",
    "SessionClosedError",
    "TransportError",
    "UncertainError",
    "UnexpectedResponseError",
    "WaitTimeoutError",
    "WrongLoopError",
]


class MotionError(PortableError):
    """The root of the tree: everything this library raises on purpose.

    Args:
        message: what happened, to which job, and what to do next.
        job_id: the job it happened to, where one is known.
    """

    def __init__(self, message: str, job_id: str | None = None) -> None:
        super().__init__(redacted(message))
        self.job_id = job_id


class ConfigurationError(MotionError):
    """A setting cannot be used: the key, the base URL, or an option out of its bounds."""


class WrongLoopError(ConfigurationError):
    """Something was used in another event loop, thread or process than the one it was opened in, or under trio."""


class SessionClosedError(MotionError):
    """The session was used before it was entered, or after it was left."""


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
        self, message: str, http_status: int, code: str | None = None, detail: str | None = None,
        retry_after: float | None = None, job_id: str | None = None,
        minimum_required_credits: float | None = None, current_balance: float | None = None,
    ) -> None:  # fmt: skip  # what comes before its own is as above
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
        self, message: str, http_status: int, code: str | None = None, detail: str | None = None,
        retry_after: float | None = None, job_id: str | None = None, status: str | None = None,
    ) -> None:  # fmt: skip  # what comes before its own is as above
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


class NotSentError(MotionError):
    """A batch did not come to this request: nothing was sent, nothing was paid.

    Args:
        reason: why; the error that stood in the way, if there was one, is the `__cause__`.
        advice: what to do next.
    """

    def __init__(self, reason: str, advice: str = "clear that up, then send it again") -> None:
        super().__init__(f"not sent: {shown(reason)}; {advice}")
        self.reason = redacted(reason)
        self.advice = advice


class DroppedError(NotSentError):
    """A person has given this request up in the ledger: nothing more is sent for it.

    Args:
        batch: its batch.
        key: its key within that.
    """

    def __init__(self, batch: str, key: str) -> None:
        reason = f"item {key!r} of batch {batch!r} was dropped by a person"
        super().__init__(reason, advice="give it another id to have it made after all")
        self.batch = batch
        self.key = key


class LedgerError(MotionError):
    """The ledger cannot be opened, read or written.

    Args:
        message: what happened, to which ledger or item, and what to do next.
        job_ids: the ids that were to be written and are not on disk, each as batch, key and job id.
    """

    def __init__(self, message: str, job_ids: Iterable[Iterable[str]] = (), job_id: str | None = None) -> None:
        super().__init__(message, job_id)
        self.job_ids = tuple(map(tuple, job_ids))


class LedgerVersionError(LedgerError):
    """A newer version of the library has written the ledger: this one would misread it, so it stays untouched.

    Args:
        found: the version of the ledger.
        known: the newest version that this library knows.
    """

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the ledger has version {found}, and this motion-async knows versions up to {known}; upgrade motion-async"
        )
        self.found = found
        self.known = known


class LedgerConflictError(LedgerError):
    """What was asked of an item does not go with the state in which it stands.

    Args:
        message: what was asked, and what stands against it.
        batch: the item's batch.
        key: the item's key.
        state: the state in which it stands.
        job_id: the job of the item, where one is known.
    """

    def __init__(self, message: str, batch: str, key: str, state: str, job_id: str | None = None) -> None:
        super().__init__(message, job_id=job_id)
        self.batch = batch
        self.key = key
        self.state = state


class WaitTimeoutError(MotionError):
    """The caller's deadline passed before the job ended; the job itself goes on.

    Args:
        job_id: the job that was waited for.
        timeout: the deadline in seconds.
        status: the last status that was seen, if any.
        failures: so many polls of it, the last ones, had failed in a row.
        retry_after: seconds for which the service went on to want no calls, where it had asked for a pause.
    """

    def __init__(
        self, job_id: str, timeout: float, status: str | None, failures: int = 0, retry_after: float | None = None
    ) -> None:
        seen = f"last seen: {shown(status)}" if status else "nothing of it was seen"
        advice = "it goes on, and can be waited for again by its id"
        if retry_after is not None:
            seen += f"; by its Retry-After the service wants no call for another {retry_after:.0f} s"
        elif failures:
            seen += f", and its last {f'{failures} polls' if failures > 1 else 'poll'} failed"
            advice = "the session's events say why; check network and base URL, and wait for it again by its id"
        super().__init__(f"job {job_id} did not end within {timeout:g} s ({seen}); {advice}", job_id=job_id)
        self.timeout = timeout
        self.status = status
        self.failures = failures
        self.retry_after = retry_after


class InputRequiredError(MotionError):
    """The job waits for a person's input, and the caller asked to be told instead of waiting on."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"job {job_id} waits for input; give it at https://motion.so, then wait for the job again",
            job_id=job_id,
        )


class JobFailedError(MotionError):
    """The job ended as failed.

    Args:
        job_id: the job.
        error: the service's own words, where it gave any.
    """

    def __init__(self, job_id: str, error: str | None) -> None:
        reason = shown(error or "the service gave no reason").rstrip(".")
        super().__init__(f"job {job_id} failed: {reason}; it can't be followed up: create a new one", job_id=job_id)
        self.error = redacted(error)
