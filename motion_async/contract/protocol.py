"""The service's calls, what its answers mean, and which calls may be made again.

An order becomes a `Call`, an `Answer` a value or an error. Pure: no I/O, no clock, no aiohttp. The table `_MEANING` is
the specification of the error statuses. It decides which calls may be made again (`may_send_again`, `is_passing`), but
not when: that is left to `sending.gate` and `polling.loop`, and the headers to `http.transport`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import attrs

from motion_async import errors
from motion_async.contract.validation import check_job_id, check_request
from motion_async.contract.wire import ErrorBody, WireError, encode_request, read_accepted, read_error, read_state
from motion_async.errors import MotionError
from motion_async.jobs import JobState, VideoRequest
from motion_async.problems import Problem
from motion_async.showing import shown

__all__ = [
    "Answer",
    "Call",
    "create_call",
    "followup_call",
    "is_passing",
    "may_send_again",
    "poll_call",
    "read_answer",
    "uncertain_unless_refused",
]

_SHOWN_OF_ID: Final = 600
_NUL: Final = b"\0"
"""Taken out of what is shown of a page in UTF-16, where it would keep a key from being known as one."""
_MAX_RETRY_AFTER: Final = 3_600.0
"""Seconds: a longer wait than this is not believed."""


@attrs.frozen
class Call:
    """One call to the service, ready to travel.

    Args:
        kind: which of the three endpoints.
        path: the path below the base URL, already escaped.
        body: the JSON of a create or a followup, None for a poll.
        job_id: the job of a followup or a poll.
    """

    kind: Literal["create", "followup", "poll"]
    path: str
    body: bytes | None = attrs.field(default=None, repr=False)
    job_id: str | None = None


@attrs.frozen
class Answer:
    """What came back, as far as the protocol looks at it.

    Args:
        status: the HTTP status.
        body: the body, or what was read of it, as it was before it was compressed if it was.
        retry_after: the header of that name.
        flaw: why the body is not whole, None if it is.
        date: the header of that name: the service's own time, against which a Retry-After date is held.
    """

    status: int
    body: bytes = attrs.field(repr=False)  # here and below: what the service echoes may be a secret
    retry_after: str | None = attrs.field(default=None, repr=False)
    flaw: MotionError | None = None
    date: str | None = None


def create_call(request: VideoRequest, *, now: datetime) -> Call:
    """Make the call that creates a job (section "Create Job"), or raise `InvalidRequestError` with every problem.

    Signed URLs are held against `now`.
    """
    check_request(request, now=now)
    return Call("create", "/sessions", encode_request(request))


def followup_call(job_id: str, request: VideoRequest, *, now: datetime) -> Call:
    """Make the call that gives a completed job a new turn (section "Create Followup Endpoint").

    Raises `InvalidRequestError` with every problem of the request, or of the id.
    """
    check_job_id(job_id)
    check_request(request, now=now)
    return Call("followup", f"/sessions/{_segment(job_id)}/followups", encode_request(request), job_id)


def poll_call(job_id: str) -> Call:
    """Make the call that asks for a job's state (section "Poll Job Endpoint").

    The id is one that `check_job_id` has passed: a watched job's is not checked again at each poll.
    """
    return Call("poll", f"/sessions/{_segment(job_id)}", None, job_id)


def _segment(job_id: str) -> str:
    """Escape an id so that whatever stands in it stays one segment of the path."""
    return job_id if job_id.isascii() and job_id.replace("-", "").isalnum() else quote(job_id, safe="")


def read_answer(call: Call, answer: Answer, *, now: datetime) -> JobState:
    """Give the state that an answer tells, after a create or a followup just the id and first status.

    Raises the error that the service's refusal stands for, or `UnexpectedResponseError` for what cannot be read. A
    Retry-After date is held against `now` only if the answer has no date itself.
    """
    meaning = _interpret(call, answer, now)
    del answer  # a traceback keeps what its frames hold, and unread events keep tracebacks
    if isinstance(meaning, MotionError):
        raise meaning  # out here, where no local and no other exception holds what the body echoes
    return meaning


def _interpret(call: Call, answer: Answer, now: datetime) -> JobState | MotionError:
    if not 200 <= answer.status < 300:
        return _error(call, answer, now)
    is_poll = call.kind == "poll"
    # A poll costs nothing and can be made again, so a flawed answer to one need not be believed.
    if is_poll and answer.flaw is not None:
        return answer.flaw
    try:
        if not is_poll:
            # Any 2xx, not the documented 202 alone: a proxy may change that, and the job is paid for.
            state = _read_accepted(answer.body)
        elif answer.status == 200:
            state = read_state(answer.body, asked=call.job_id)
        else:
            raise WireError("the answer to a poll is a 200")
    except WireError as error:
        if answer.flaw is not None:
            return answer.flaw
        reason = str(error)
        if not is_poll:
            # A person may find the id of a paid job where no program may look for it.
            reason += f"; it begins {answer.body[:120].replace(_NUL, b'')!r}"
    else:
        if call.job_id is None or call.job_id == state.job_id:
            return state
        # Bytes left on a kept-alive connection, or a proxy's mix-up: nothing of it may be believed.
        reason = f"it is about job {state.job_id!r:.80}"
    return errors.UnexpectedResponseError(reason, http_status=answer.status, job_id=call.job_id)


def _read_accepted(body: bytes) -> JobState:
    accepted = read_accepted(body)
    try:
        check_job_id(accepted.job_id)
    except errors.InvalidRequestError:
        raise WireError(f"the job was taken as {accepted.job_id!r:.600}, which cannot be a job id") from None
    return accepted


_MEANING: Final[dict[int, tuple[type[errors.ServiceError], str]]] = {
    401: (errors.AuthenticationError, "the service does not know the API key; check MOTION_API_KEY"),
    402: (errors.InsufficientCreditsError, "not enough credits; add some or enable auto top-ups at https://motion.so"),
    403: (errors.PermissionDeniedError, "the API key may not do this; check its account at https://motion.so"),
    404: (errors.JobNotFoundError, "no such job for this key; check the id, and that the key is its owner's"),
    408: (errors.ServiceUnavailableError, "the service gave up waiting for the request; try again later"),
    409: (errors.FollowupNotAllowedError, "only a completed job can be followed up; wait for it to complete"),
    425: (errors.ServiceUnavailableError, "the service did not want the request yet; try again later"),
    429: (errors.RateLimitedError, "too many calls; send fewer at a time, or later"),
}
_SAYS_NOTHING: Final = (b"{}", b"[]", b"null", b'""')
_TROUBLE: Final = (errors.ServiceUnavailableError, "the service is in trouble; try again later")
_UNNAMED: Final = (errors.ServiceError, "the service refused, in a way its documentation does not name")


def _error(call: Call, answer: Answer, now: datetime) -> MotionError:
    """Give the error that a status stands for, with the data its body carries."""
    status = answer.status
    if not 400 <= status < 600:
        what = "a redirect, which is never followed" if 300 <= status < 400 else "no status of the documentation"
        return errors.UnexpectedResponseError(what, http_status=status, job_id=call.job_id)
    words = " ".join(answer.body[:200].replace(_NUL, b"").decode(errors="replace").split())
    said = read_error(answer.body) or ErrorBody(message=words or None)
    if status in (400, 422):
        shape = "" if answer.body.strip() in _SAYS_NOTHING else words  # JSON of a shape that nobody knows
        found = said.problems or (Problem("unknown", said.message or said.error or shape or "no details"),)
        number = len(found) + said.more_problems
        return errors.InvalidRequestError(found, job_id=call.job_id, http_status=status, problem_count=number)
    kind, advice = _MEANING.get(status, _TROUBLE if status >= 500 else _UNNAMED)
    if kind in (errors.JobNotFoundError, errors.FollowupNotAllowedError) and call.job_id is None:
        # A create names no job that could be missing or at work, so these words are hardly the service's own.
        kind, advice = errors.ServiceError, "the service refused the create; check the base URL"
    detail = said.message or said.error
    words = f", {shown(detail).rstrip('.')}" if detail else ""
    about = f" (job {call.job_id})" if call.job_id else ""
    return kind(
        f"{call.kind} refused{about}: HTTP {status}{words}; {advice}",
        http_status=status,
        code=said.code or said.error,
        detail=detail,
        retry_after=_retry_after(answer.retry_after, answer.date, now),
        job_id=call.job_id,
        **_read_data(kind, said),
    )


def _read_data(kind: type[MotionError], said: ErrorBody) -> dict[str, Any]:
    if kind is errors.InsufficientCreditsError:
        return {
            "minimum_required_credits": said.minimum_required_credits,
            "current_balance": said.current_balance,
        }
    return {"status": said.status} if kind is errors.FollowupNotAllowedError else {}


def _retry_after(header: str | None, date: str | None, now: datetime) -> float | None:
    """Read Retry-After, in seconds or as a date; None where it says nothing that can be believed.

    A date is held against the answer's own, for the caller's clock may be off, and an hour of that would be a pause.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        seconds = float(header)
    else:
        until = _read_date(header)
        if until is None:
            return None
        seconds = (until - (_read_date(date) or now)) / timedelta(seconds=1)
    return max(seconds, 0.0) if seconds <= _MAX_RETRY_AFTER else None


def _read_date(date: str | None) -> datetime | None:
    """Read a date of HTTP; one that names no time zone means UTC."""
    try:
        moment = parsedate_to_datetime(date)  # type: ignore[arg-type]  # None is none, and raises like what is none
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def may_send_again(error: MotionError) -> bool:
    """Whether a create or followup that ended so was provably not taken, and may be now: no connection, or a 429."""
    return isinstance(error, errors.ConnectFailedError | errors.RateLimitedError) and is_passing(error)


def is_passing(error: MotionError) -> bool:
    """Whether a poll that ended so may be made again, because the trouble may pass by itself."""
    return not isinstance(error, errors.ConnectImpossibleError) and isinstance(
        error,
        errors.TransportError
        | errors.RateLimitedError
        | errors.ServiceUnavailableError
        | errors.UnexpectedResponseError,
    )


def uncertain_unless_refused(call: Call, error: MotionError, *, said: bytes = b"") -> MotionError:
    """Give the error for the caller of a create or followup: `error` if the service refused or nothing was sent.

    Else it is an `UncertainError`, which shows what `said`, the answer's body, tells of a job.
    """
    # A 5xx, a lost connection or an unreadable answer may come after the job was made, and proves nothing.
    if may_send_again(error) or not is_passing(error) or _is_too_early(error):
        return error
    reason = _words_of(error)
    if (at := said.find(b"job_id")) >= 0:  # what a program must not believe a person can still make use of
        reason += f"; the answer has {said[at : at + _SHOWN_OF_ID].replace(_NUL, b'')!r}"
    if call.job_id is None:
        return errors.CreateUncertainError(reason)
    return errors.FollowupUncertainError(reason, job_id=call.job_id)


def _words_of(error: MotionError) -> str:
    if isinstance(error, errors.ServiceError):
        return f"HTTP {error.http_status}"
    return error.reason if isinstance(error, errors.UnexpectedResponseError) else str(error)


def _is_too_early(error: MotionError) -> bool:
    """Whether the service said 425, which means that it has not processed the request (RFC 8470)."""
    return isinstance(error, errors.ServiceUnavailableError) and error.http_status == 425
