"""Tests of `motion_async.contract.protocol`."""

import json
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_async import errors
from motion_async.contract.protocol import (
    Answer,
    Call,
    create_call,
    followup_call,
    is_passing,
    may_send_again,
    poll_call,
    read_answer,
    uncertain_unless_refused,
)
from motion_async.contract.validation import check_job_id
from motion_async.errors import MotionError
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.problems import Problem

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
REQUEST = VideoRequest("Create a 15 second product launch video for a new AI calendar app.")

# The same examples in every run: a test must not pass by luck.
EXACT = settings(derandomize=True, database=None, deadline=None)

CREATE = create_call(REQUEST, now=NOW)
FOLLOWUP = followup_call(JOB, REQUEST, now=NOW)
POLL = poll_call(JOB)
CALLS = {"create": CREATE, "followup": FOLLOWUP, "poll": POLL}

# The documentation's own answers.
ACCEPTED = {"job_id": JOB, "status": "queued", "status_url": f"/api/motion/sessions/{JOB}"}
POLLED = {
    "job_id": JOB,
    "status": "running",
    "created_at": "2026-04-28T23:01:04.198Z",
    "updated_at": "2026-04-28T23:01:23.695Z",
    "completed_at": None,
    "error": None,
    "pending_user_input": False,
}
HTML = b"<!doctype html>\n<html>\n  <title>502 Bad Gateway</title>\n</html>\n"


def answer(status: int, body: Any = b"", **further: Any) -> Answer:
    """An answer whose body is bytes, or else the JSON of a value."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, raw, **further)


def error_of(call: Call, given: Answer) -> MotionError:
    with pytest.raises(MotionError) as caught:
        read_answer(call, given, now=NOW)
    return caught.value


def service_error_of(call: Call, given: Answer) -> errors.ServiceError:
    error = error_of(call, given)
    assert isinstance(error, errors.ServiceError)
    return error


def name_of(value: object) -> str | None:
    if isinstance(value, type):
        return value.__name__
    return type(value).__name__ if isinstance(value, Exception) else None


def test_the_three_calls_are_the_contracts() -> None:
    """Each endpoint of the documentation has its path, and a body where it takes one."""
    assert (CREATE.kind, CREATE.path, CREATE.job_id) == ("create", "/sessions", None)
    assert (FOLLOWUP.kind, FOLLOWUP.path, FOLLOWUP.job_id) == ("followup", f"/sessions/{JOB}/followups", JOB)
    assert Call("poll", f"/sessions/{JOB}", None, JOB) == POLL
    expected = {"prompt": "Create a 15 second product launch video for a new AI calendar app."}
    assert [json.loads(call.body or b"") for call in (CREATE, FOLLOWUP)] == [expected] * 2


def test_a_calls_repr_does_not_show_its_body() -> None:
    """What is shown of a call tells no signed URL of its attachments."""
    request = VideoRequest("p", attachments=["https://a.example.com/x.png?sig=SECRET"])
    assert "SECRET" not in repr(create_call(request, now=NOW))


@pytest.mark.parametrize("request_", [VideoRequest(""), None], ids=["no prompt", "no request"])
def test_an_invalid_request_becomes_no_call(request_: Any) -> None:
    """What breaks the contract is told instead of being sent."""
    with pytest.raises(errors.InvalidRequestError):
        create_call(request_, now=NOW)
    with pytest.raises(errors.InvalidRequestError):
        followup_call(JOB, request_, now=NOW)


def test_an_expired_signature_becomes_no_call() -> None:
    """The time that is handed in is the one that signatures are held against."""
    request = VideoRequest("p", attachments=[f"https://a.example.com/x?Signature=a&Expires={NOW.timestamp():.0f}"])
    with pytest.raises(errors.InvalidRequestError, match="signature expired"):
        create_call(request, now=NOW)
    assert create_call(request, now=NOW - timedelta(seconds=1)).body


@pytest.mark.parametrize("job_id", ["", "..", ".", "a\nb", "j" * 513, None], ids=lambda given: repr(given)[:20])
def test_what_cannot_be_an_id_becomes_no_call(job_id: Any) -> None:
    """What can't be a job's id never becomes part of a path."""
    with pytest.raises(errors.InvalidRequestError):
        followup_call(job_id, REQUEST, now=NOW)


@pytest.mark.parametrize(
    ("job_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("../../keys", "..%2F..%2Fkeys"),
        ("j?x=1#y", "j%3Fx%3D1%23y"),
        ("%2e%2e", "%252e%252e"),
        ("a b", "a%20b"),
        ("a\\b;c:d@e", "a%5Cb%3Bc%3Ad%40e"),
        ("ü", "%C3%BC"),
        ("A-Z_0.9~", "A-Z_0.9~"),
    ],
)
def test_an_id_is_one_segment_of_the_path(job_id: str, segment: str) -> None:
    """Whatever stands in an id, it stays one segment."""
    assert poll_call(job_id).path == f"/sessions/{segment}"
    assert followup_call(job_id, REQUEST, now=NOW).path == f"/sessions/{segment}/followups"


@EXACT
@given(job_id=st.text(min_size=1, max_size=600))
def test_any_id_is_one_segment_or_refused(job_id: str) -> None:
    """Any text is an id that comes out of its path as it went in, or is refused before a call is made."""
    try:
        check_job_id(job_id)
    except errors.InvalidRequestError:
        return
    call = poll_call(job_id)
    empty, sessions, segment = call.path.split("/")
    assert (empty, sessions, unquote(segment)) == ("", "sessions", job_id)
    assert segment not in (".", "..")
    assert not set("?#\\ \n") & set(segment)
    assert segment.isascii()


@pytest.mark.parametrize("call", [CREATE, FOLLOWUP], ids=["create", "followup"])
@pytest.mark.parametrize("status", [202, 200, 201])
def test_an_accepted_job_is_read(call: Call, status: int) -> None:
    """The documentation's 202 gives the id and the first status; another 2xx loses no id either."""
    assert read_answer(call, answer(status, ACCEPTED), now=NOW) == JobState(JOB, JobStatus.QUEUED)


def test_a_poll_is_read() -> None:
    """The documentation's 200 gives the state."""
    state = read_answer(POLL, answer(200, POLLED), now=NOW)
    assert (state.job_id, state.status) == (JOB, JobStatus.RUNNING)
    assert state.created_at == datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC)
    assert state.pending_user_input is False


def test_an_unknown_status_is_read() -> None:
    """A status that the documentation does not name is a state like any other."""
    assert read_answer(POLL, answer(200, {**POLLED, "status": "rendering"}), now=NOW).status == "rendering"


@pytest.mark.parametrize("call", [FOLLOWUP, POLL], ids=["followup", "poll"])
def test_an_answer_about_another_job_is_not_believed(call: Call) -> None:
    """A readable answer about another job is an error that names both jobs."""
    body = {**POLLED, "job_id": "another-job"}
    error = error_of(call, answer(200, body))
    assert isinstance(error, errors.UnexpectedResponseError)
    assert (error.job_id, error.http_status) == (JOB, 200)
    assert "another-job" in str(error)
    assert JOB in str(error)


UNREADABLE: dict[str, Answer] = {
    "html": answer(200, HTML),
    "nothing": answer(200),
    "array": answer(200, []),
    "no id": answer(200, {"status": "running"}),
    "id is a number": answer(200, {**POLLED, "job_id": 5}),
    "cut short": answer(200, json.dumps(POLLED).encode()[:-1]),
    "nested too deeply": answer(200, b"[" * 100_000),
    "nan": answer(200, b'{"job_id": NaN}'),
    "not UTF-8": answer(200, b'{"job_id": "\xff"}'),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("given", UNREADABLE.values(), ids=UNREADABLE)
def test_a_success_that_cannot_be_read_is_told(call: Call, given: Answer) -> None:
    """A 2xx that is not as the contract says is an error with the status and the job."""
    error = error_of(call, given)
    assert isinstance(error, errors.UnexpectedResponseError)
    assert (error.http_status, error.job_id) == (200, call.job_id)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_only_a_200_answers_a_poll(status: int) -> None:
    """A state is believed from a 200 alone."""
    assert isinstance(error_of(POLL, answer(status, POLLED)), errors.UnexpectedResponseError)


@pytest.mark.parametrize("job_id", ["..", "a\nb", "j" * 513, " "], ids=lambda given: repr(given)[:10])
def test_an_id_that_cannot_be_used_is_told_whole(job_id: str) -> None:
    """If the service names a job that can't be polled, the error at least tells its id."""
    error = error_of(CREATE, answer(202, {**ACCEPTED, "job_id": job_id}))
    assert isinstance(error, errors.UnexpectedResponseError)
    assert repr(job_id) in error.reason


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_success_that_breaks_off_is_its_flaw(call: Call) -> None:
    """Of a body that broke off in the middle, the error is what broke it off."""
    flaw = errors.ConnectionLostError("the connection ended", job_id=call.job_id)
    assert error_of(call, answer(200, b'{"job_id": "405d', flaw=flaw)) is flaw


def test_a_flawed_frame_around_a_whole_body_loses_no_id() -> None:
    """An id that can be read is kept, however the connection ended after it; a poll is rather made again."""
    flaw = errors.ConnectionLostError("the connection ended", job_id=JOB)
    assert read_answer(CREATE, answer(202, ACCEPTED, flaw=flaw), now=NOW).job_id == JOB
    assert error_of(POLL, answer(200, POLLED, flaw=flaw)) is flaw


def test_an_accepted_create_that_cannot_be_read_shows_how_it_begins() -> None:
    """What a person may still read an id from stands in the error."""
    error = error_of(CREATE, answer(202, b'{"job_id": "405d47cf", '))
    assert isinstance(error, errors.UnexpectedResponseError)
    assert '{"job_id": "405d47cf", ' in error.reason


def test_an_error_status_counts_although_its_body_is_not_whole() -> None:
    """A 429 is a 429, even if the connection broke off in the middle of its page."""
    flaw = errors.ConnectionLostError("the connection ended")
    error = service_error_of(CREATE, answer(429, HTML[:10], flaw=flaw, retry_after="7"))
    assert isinstance(error, errors.RateLimitedError)
    assert error.retry_after == 7


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_400_tells_every_problem(call: Call) -> None:
    """The documentation's 400 becomes the problems that it lists."""
    details = {
        "code": "too_big",
        "maximum": 10,
        "type": "array",
        "inclusive": True,
        "message": "Array must contain at most 10 element(s)",
        "path": ["attachments"],
    }
    body = {"error": "Invalid request", "details": [details, {"code": "custom", "message": "m", "path": []}]}
    error = error_of(call, answer(400, body))
    assert isinstance(error, errors.InvalidRequestError)
    assert error.problems == (
        Problem(
            "too_big",
            "Array must contain at most 10 element(s)",
            ("attachments",),
            {"maximum": 10, "type": "array", "inclusive": True},
        ),
        Problem("custom", "m"),
    )
    assert (error.http_status, error.job_id) == (400, call.job_id)
    assert "attachments: Array must contain at most 10 element(s)" in str(error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "Invalid request"}, "Invalid request"),
        ({"error": "invalid", "message": "The prompt is empty", "details": []}, "The prompt is empty"),
        (HTML, "<!doctype html> <html> <title>502 Bad Gateway</title> </html>"),
        (b"", "no details"),
        ({}, "no details"),
    ],
    ids=["error", "message", "page", "nothing", "empty object"],
)
def test_400_without_details_is_one_problem(body: Any, message: str) -> None:
    """Of a 400 in another shape at least its own words are told."""
    error = error_of(CREATE, answer(400, body))
    assert isinstance(error, errors.InvalidRequestError)
    assert error.problems == (Problem("unknown", message),)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": "Invalid request", "details": ["prompt is empty", "too many"]}, "prompt is empty; too many"),
        ({"error": "Invalid request", "details": "prompt is empty"}, "prompt is empty"),
        (
            {"details": {"formErrors": ["Not now"], "fieldErrors": {"prompt": ["Required", "Empty"]}}},
            "Not now; prompt: Required; prompt: Empty",
        ),
        ({"error": {"formErrors": [], "fieldErrors": {"prompt": ["Required"]}}}, "prompt: Required"),
        (
            {"details": {"_errors": [], "attachments": {"0": {"url": {"_errors": ["Invalid url"]}}}}},
            "attachments[0].url: Invalid url",
        ),
        (
            {"details": {"errors": [], "properties": {"attachments": {"items": [{"errors": ["Bad"]}]}}}},
            "attachments[0]: Bad",
        ),
        (
            {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]},
            "prompt: field required",
        ),
        ({"errors": {"prompt": ["can't be blank"]}}, "prompt: can't be blank"),
        ({"errors": [{"message": "m", "path": ["prompt"]}]}, "prompt: m"),
        ({"issues": [{"code": "custom", "message": "m", "path": "prompt"}]}, "prompt: m"),
        ({"error": {"message": "The prompt is empty", "code": "invalid_prompt"}}, "The prompt is empty"),
        ({"title": "Bad Request", "detail": "The prompt is empty"}, "The prompt is empty"),
        ({"reason": "The prompt is empty"}, "The prompt is empty"),
        ({"why": "the prompt is empty"}, '{"why": "the prompt is empty"}'),
        (["the prompt is empty"], '["the prompt is empty"]'),
        ("the prompt is empty", "the prompt is empty"),
    ],
    ids=str,
)
def test_the_reason_of_a_refusal_is_told_in_whatever_shape_it_comes(status: int, body: Any, told: str) -> None:
    """The message and the problems have what is wrong, and where, as far as the answer says so."""
    error = error_of(CREATE, answer(status, body))
    assert isinstance(error, errors.InvalidRequestError)
    assert error.http_status == status
    assert str(error).startswith(f"the service refused the request ({status}): ")
    assert told in str(error)
    assert told == "; ".join(map(str, error.problems)) or told in error.problems[0].message


def test_401_says_which_setting_to_check() -> None:
    """The documentation's 401 is an authentication error with its own words and the next step."""
    error = service_error_of(POLL, answer(401, {"error": "Mosaic Motion API key authentication required"}))
    assert type(error) is errors.AuthenticationError
    assert error.code == error.detail == "Mosaic Motion API key authentication required"
    assert "check MOTION_API_KEY" in str(error)


def test_402_tells_the_balance() -> None:
    """The documentation's 402 gives every field that it names."""
    body = {
        "error": "insufficient_credits",
        "code": "insufficient_credits_minimum_kickoff_balance",
        "message": "Starting a new Mosaic Motion session requires at least 300 credits in your balance.",
        "minimum_required_credits": 300,
        "current_balance": 0,
    }
    error = service_error_of(CREATE, answer(402, body))
    assert type(error) is errors.InsufficientCreditsError
    assert vars(error) == {
        "message": str(error),
        "job_id": None,
        "http_status": 402,
        "code": "insufficient_credits_minimum_kickoff_balance",
        "detail": "Starting a new Mosaic Motion session requires at least 300 credits in your balance.",
        "retry_after": None,
        "minimum_required_credits": 300,
        "current_balance": 0,
    }
    assert "https://motion.so" in str(error)
    assert "at least 300 credits" in str(error)


@pytest.mark.parametrize("call", [FOLLOWUP, POLL], ids=["followup", "poll"])
def test_404_names_the_job(call: Call) -> None:
    """The documentation's 404 is about the job that was asked for."""
    error = service_error_of(call, answer(404, {"error": "Job not found"}))
    assert type(error) is errors.JobNotFoundError
    assert (error.job_id, error.code) == (JOB, "Job not found")
    assert JOB in str(error)


def test_409_tells_the_jobs_status() -> None:
    """The documentation's 409 gives the status that the job has."""
    body = {
        "error": "followup_requires_completed_job",
        "message": "Followups can only be created for completed Mosaic Motion jobs.",
        "status": "running",
    }
    error = service_error_of(FOLLOWUP, answer(409, body))
    assert type(error) is errors.FollowupNotAllowedError
    assert (error.status, error.code, error.job_id) == ("running", "followup_requires_completed_job", JOB)
    assert error.detail == "Followups can only be created for completed Mosaic Motion jobs."


@pytest.mark.parametrize("status", [404, 409])
def test_a_create_has_no_job_that_could_be_missing(status: int) -> None:
    """A 404 or 409 to a create says that the base URL is wrong, not that a job is."""
    error = service_error_of(CREATE, answer(status, HTML))
    assert type(error) is errors.ServiceError
    assert "check the base URL" in str(error)


NAMED = {
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditsError,
    403: errors.PermissionDeniedError,
    404: errors.JobNotFoundError,
    408: errors.ServiceUnavailableError,
    409: errors.FollowupNotAllowedError,
    425: errors.ServiceUnavailableError,
    429: errors.RateLimitedError,
    **dict.fromkeys([500, 501, 502, 503, 504, 520, 529, 599], errors.ServiceUnavailableError),
    **dict.fromkeys([405, 410, 413, 418, 426, 451, 499], errors.ServiceError),
}
BODIES: dict[str, Any] = {
    "page": HTML,
    "nothing": b"",
    "json": {"error": "trouble"},
    "another shape": {"error": {"code": 5}, "details": 7},
    "array": [1],
    "not text": bytes(range(128, 256)),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("status", "kind"), NAMED.items(), ids=str)
def test_each_status_has_its_error_whatever_its_body(status: int, kind: type[MotionError], body: Any) -> None:
    """The status decides which error it is; the body can only add to it, and the job is named."""
    error = service_error_of(FOLLOWUP, answer(status, body))
    assert type(error) is kind
    assert (error.http_status, error.job_id) == (status, JOB)
    assert f"HTTP {status}" in str(error)
    assert JOB in str(error)
    assert len(str(error).splitlines()) == 1
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_a_pages_beginning_is_told() -> None:
    """Of a page from a proxy its beginning is kept, in one line."""
    error = service_error_of(POLL, answer(502, HTML + b"x" * 100_000))
    assert error.detail is not None
    assert error.detail.startswith("<!doctype html> <html> <title>502 Bad Gateway</title>")
    assert len(error.detail) <= 200
    assert error.code is None


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("status", [100, 101, 199, 300, 301, 302, 304, 307, 308, 399, 600, 999, 0, -1])
def test_another_status_is_unexpected(call: Call, status: int) -> None:
    """A redirect is never followed, and a status outside HTTP's own errors says nothing."""
    error = error_of(call, answer(status, POLLED))
    assert isinstance(error, errors.UnexpectedResponseError)
    assert (error.http_status, error.job_id) == (status, call.job_id)
    assert ("redirect" in str(error)) == (300 <= status < 400)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3_600.0),
        ("3601", None),
        ("9" * 5_000, None),
        ("-5", None),
        ("1.5", None),
        ("nan", None),
        ("inf", None),
        ("²", None),
        ("", None),
        ("soon", None),
        ("\x00", None),
        ("Tue, 28 Apr 2026 23:01:34 GMT", 30.0),
        ("Tue, 28 Apr 2026 23:01:34 -0000", 30.0),
        ("Tue, 28 Apr 2026 16:01:34 -0700", 30.0),
        ("Tuesday, 28-Apr-26 23:01:34 GMT", 30.0),
        ("Tue, 28 Apr 2026 23:01:04 GMT", 0.0),
        ("Tue, 28 Apr 2026 23:00:00 GMT", 0.0),
        ("Wed, 29 Apr 2026 00:01:04 GMT", 3_600.0),
        ("Wed, 29 Apr 2026 00:01:05 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Tue, 32 Apr 2026 23:01:34 GMT", None),
        ("Tue, 28 Apr 2026 23:01:34 +99999999", None),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_where_it_can_be_believed(status: int, header: str | None, seconds: float | None) -> None:
    """Seconds or a date give a wait of at most an hour; whatever else is there says nothing."""
    assert service_error_of(POLL, answer(status, b"", retry_after=header)).retry_after == seconds


ECHOES: dict[str, Any] = {
    "a page": "<p>{}</p>",
    "error": {"error": "{}"},
    "code": {"code": "{}"},
    "message": {"message": "{}"},
    "status": {"status": "{}"},
    "a problem's message": {"details": [{"message": "{}"}]},
    "a problem's code": {"details": [{"code": "{}"}]},
    "a problem's path": {"details": [{"path": ["{}"]}]},
    "a problem's further field": {"details": [{"received": "{}"}]},
    "deep in a problem": {"details": [{"unionErrors": [{"issues": ["{}"]}]}]},
    "a problem of another shape": {"details": ["{}"]},
}


@pytest.mark.parametrize("status", [400, 402, 409, 500])
@pytest.mark.parametrize("body", ECHOES.values(), ids=ECHOES)
def test_what_the_service_echoes_is_no_leak(status: int, body: Any) -> None:
    """A signed URL that an error answer repeats, wherever it does, is in no part of the error."""
    sent = json.dumps(body).replace("{}", "https://a.example.com/x.png?X-Amz-Signature=SECRET").encode()
    error = error_of(FOLLOWUP, answer(status, sent if isinstance(body, dict) else sent.strip(b'"')))
    assert "SECRET" not in f"{error} {error!r} {vars(error)!r}"
    assert b"SECRET" not in pickle.dumps(error)


@pytest.mark.parametrize("depth", [10, 300, 450, 600, 900])
@pytest.mark.parametrize("inside", [("[", "]"), ('{"errors": ', "}"), ('{"prompt": ', "}")], ids=str)
def test_deep_details_without_a_message_are_one_problem(depth: int, inside: tuple[str, str]) -> None:
    """A 400 whose details are nested as deep as JSON can be read, and say nothing, is an error that can be pickled."""
    body = '{"details": ' + inside[0] * depth + "1" + inside[1] * depth + "}"
    error = error_of(CREATE, answer(400, body.encode()))
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


@pytest.mark.parametrize("depth", [10, 300, 450, 600, 900])
def test_deep_details_make_an_error_that_travels(depth: int) -> None:
    """A 400 whose details are nested as deep as JSON can be read is an error that can be pickled."""
    deep = b"[" * depth + b"]" * depth
    error = error_of(CREATE, answer(400, b'{"details": [{"message": "m", "unionErrors": ' + deep + b"}]}"))
    assert isinstance(error, errors.InvalidRequestError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def refusal(kind: type[errors.ServiceError], status: int) -> errors.ServiceError:
    return kind("refused", http_status=status)


# How an exchange ended; whether the call may go out again, a poll may, the service may have taken it.
ENDS: dict[str, tuple[MotionError, bool, bool, bool]] = {
    "no connection": (errors.ConnectFailedError("x"), True, True, False),
    "no connection ever": (errors.ConnectImpossibleError("x"), False, False, False),
    "connection lost": (errors.ConnectionLostError("x"), False, True, True),
    "timeout": (errors.ExchangeTimeoutError("x"), False, True, True),
    "no answer": (errors.TransportError("x"), False, True, True),
    "unreadable": (errors.UnexpectedResponseError("x", http_status=200), False, True, True),
    "400": (errors.InvalidRequestError((), http_status=400), False, False, False),
    "401": (refusal(errors.AuthenticationError, 401), False, False, False),
    "402": (refusal(errors.InsufficientCreditsError, 402), False, False, False),
    "403": (refusal(errors.PermissionDeniedError, 403), False, False, False),
    "404": (refusal(errors.JobNotFoundError, 404), False, False, False),
    "409": (refusal(errors.FollowupNotAllowedError, 409), False, False, False),
    "422": (refusal(errors.ServiceError, 422), False, False, False),
    "408": (refusal(errors.ServiceUnavailableError, 408), False, True, True),
    "425": (refusal(errors.ServiceUnavailableError, 425), False, True, False),
    "429": (refusal(errors.RateLimitedError, 429), True, True, False),
    "500": (refusal(errors.ServiceUnavailableError, 500), False, True, True),
    "502": (refusal(errors.ServiceUnavailableError, 502), False, True, True),
    "503": (refusal(errors.ServiceUnavailableError, 503), False, True, True),
    "session closed": (errors.SessionClosedError("x"), False, False, False),
}


@pytest.mark.parametrize(("error", "again", "passing", "uncertain"), ENDS.values(), ids=ENDS)
def test_what_may_go_out_again(error: MotionError, again: bool, passing: bool, uncertain: bool) -> None:
    """A create goes out again only if it was provably not taken; a poll after all trouble that may pass."""
    assert may_send_again(error) is again
    assert is_passing(error) is passing


@pytest.mark.parametrize(("error", "again", "passing", "uncertain"), ENDS.values(), ids=ENDS)
def test_refused_is_told_from_uncertain(error: MotionError, again: bool, passing: bool, uncertain: bool) -> None:
    """A refusal stays what it is; what may have been taken is uncertain, of a followup with its job."""
    if not uncertain:
        assert uncertain_unless_refused(CREATE, error) is error
        assert uncertain_unless_refused(FOLLOWUP, error) is error
        return
    create, followup = uncertain_unless_refused(CREATE, error), uncertain_unless_refused(FOLLOWUP, error)
    assert type(create) is errors.CreateUncertainError
    assert type(followup) is errors.FollowupUncertainError
    assert (create.job_id, followup.job_id) == (None, JOB)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.UnexpectedResponseError("no JSON", http_status=202), "no JSON"),
        (refusal(errors.ServiceUnavailableError, 502), "HTTP 502"),
        (errors.ExchangeTimeoutError("it took longer than 30 s"), "it took longer than 30 s"),
    ],
    ids=name_of,
)
def test_an_uncertain_end_says_why(error: MotionError, reason: str) -> None:
    """The reason of an uncertain end is short: what happened to the answer."""
    uncertain = uncertain_unless_refused(CREATE, error)
    assert isinstance(uncertain, errors.CreateUncertainError)
    assert uncertain.reason == reason
    assert reason in str(uncertain)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("status", [200, 302, 400, 403, 503])
def test_no_frame_of_an_error_keeps_the_answer(call: Call, status: int) -> None:
    """Events and outcomes keep errors, and an answer may be a megabyte."""
    error: BaseException | None = error_of(call, answer(status, b"x" * 100_000))
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "motion_async" in frame.f_code.co_filename:
                assert not [name for name, value in frame.f_locals.items() if isinstance(value, Answer | bytes)]
        error = error.__cause__


ANSWERS = st.builds(
    Answer,
    status=st.integers(100, 600),
    body=st.binary() | st.sampled_from([json.dumps(body).encode() for body in (POLLED, ACCEPTED)]),
    retry_after=st.none() | st.text() | st.integers().map(str),
)


@EXACT
@given(call=st.sampled_from([CREATE, FOLLOWUP, POLL]), given=ANSWERS)
def test_no_answer_raises_anything_else(call: Call, given: Answer) -> None:
    """Any answer is a state of the job that was asked for, or an error of the library that can travel."""
    try:
        assert read_answer(call, given, now=NOW).job_id == JOB
    except MotionError as caught:
        error = caught
    else:
        return
    assert error.job_id == call.job_id
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    assert isinstance(uncertain_unless_refused(call, error), MotionError)


def test_the_id_that_an_unreadable_answer_has_is_in_the_words() -> None:
    """A program must not believe it, and a person can still make use of it."""
    error = uncertain_unless_refused(
        CREATE, errors.UnexpectedResponseError("no JSON", http_status=202), said=b'{"job_id":"job-7"'
    )
    assert isinstance(error, errors.CreateUncertainError)
    assert "the answer has" in str(error)
    assert "job-7" in str(error)
