"""The bytes of the contract's bodies to values and back.

It knows the shapes of the contract's bodies and nothing of HTTP. Whatever cannot be read is a
`WireError` that says what is wrong and where; no other exception comes out of any bytes.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from codecs import BOM_UTF8
from typing import Any, Final, NoReturn

import attrs

from motion_async.canonical import canonical_job_id
from motion_async.codec import ShapeError, read_plain_state, write_plain_request
from motion_async.contract.details import read_problems, read_reason
from motion_async.contract.media import guess_types
from motion_async.jobs import Attachment, JobState, JobStatus, VideoRequest
from motion_async.problems import Problem
from motion_async.showing import shown_value

__all__ = [
    "ErrorBody",
    "WireError",
    "encode_request",
    "first_object",
    "inflate",
    "read_accepted",
    "read_error",
    "read_state",
]


class WireError(ValueError):
    """Some bytes cannot be read, for the reason that the message gives; it stays inside the library."""


@attrs.frozen
class ErrorBody:
    """The body of an error answer (section "Errors"), every field None where it is not as documented.

    Args:
        error: the short name or sentence that every error has.
        code: the finer name of a 402.
        message: a sentence for people.
        status: the job's status, of a 409.
        minimum_required_credits: of a 402.
        current_balance: of a 402.
        problems: the first `details` of a 400.
        more_problems: how many there were besides.
    """

    error: str | None = None
    code: str | None = None
    message: str | None = None
    status: str | None = None
    minimum_required_credits: float | None = None
    current_balance: float | None = None
    problems: tuple[Problem, ...] = ()
    more_problems: int = 0


def _unknown_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python takes for numbers and JSON does not have."""
    raise WireError(f"{name} is no JSON")


def _number(text: str) -> float | str:
    """Read a number; one beyond the range of a float stays text, as it could not be written as JSON again."""
    number = float(text)
    return number if math.isfinite(number) else text


# One decoder for all answers: making one costs as much as reading a small answer.
_decode: Final = json.JSONDecoder(parse_float=_number, parse_constant=_unknown_constant).raw_decode

_ESCAPES: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""The escapes of JSON one by one; the group is half of a surrogate pair alone, which no file, log or socket takes."""
_REPLACEMENT: Final = "\ufffd"


def encode_request(request: VideoRequest) -> bytes:
    """Write the body of a create or a followup (section "Create Job"), without what is neither given nor known."""
    if request.attachments:
        request = attrs.evolve(request, attachments=map(_with_types, request.attachments))
    return json.dumps(write_plain_request(request), ensure_ascii=False, separators=(",", ":")).encode()


def _with_types(attachment: Attachment) -> Attachment:
    content_type, kind = guess_types(attachment)
    return attrs.evolve(attachment, content_type=content_type, type=kind)


def read_state(body: bytes, *, asked: str | None = None) -> JobState:
    """Read the answer to a poll (section "Poll Job Endpoint"), or raise a `WireError`.

    That is for what is no JSON, or has an id or a status that is missing or of another type.
    """
    given = _read_object(body)
    job_id = given.get("job_id")
    if job_id is not None:
        # One string for all states of a job: thousands of states may be held at a time.
        given["job_id"] = asked if job_id == asked else canonical_job_id(job_id)
    try:
        return read_plain_state(given)
    except ShapeError as error:
        raise WireError(str(error)) from None


def read_accepted(body: bytes) -> JobState:
    """Read the answer to a create or a followup: the id and the first status; `status_url` is not trusted.

    Raises a `WireError` if it does not hold an id.
    """
    given = _read_object(body.removeprefix(BOM_UTF8))  # which is no part of the JSON, and must not cost the id
    job_id, status = given.get("job_id"), given.get("status")
    # With half of a surrogate pair replaced, it is not the id that the service gave.
    if not isinstance(job_id, str) or not job_id or _REPLACEMENT in job_id:
        raise WireError(f"job_id: expected a string, not {shown_value(job_id)}")
    # Without a readable status the id still counts: losing that would be the greater harm, and polls find the status.
    known = JobStatus(status) if isinstance(status, str) and status else JobStatus.QUEUED
    if known.is_terminal and not known.is_documented:
        known = JobStatus.QUEUED  # such as `success`: it is the call that went well, and the job has not begun
    return JobState(canonical_job_id(job_id), known)


def read_error(body: bytes) -> ErrorBody | None:
    """Read the body of an error answer as far as it is as documented; None if it is none, such as a proxy's page."""
    try:
        given = _read_object(body)
    except WireError:
        return None
    problems, more_problems = read_problems(given)
    return ErrorBody(
        **{name: _if_text(given.get(name)) for name in ("error", "code", "status")},
        message=read_reason(given),
        minimum_required_credits=_if_number(given.get("minimum_required_credits")),
        current_balance=_if_number(given.get("current_balance")),
        problems=problems,
        more_problems=more_problems,
    )


def inflate(body: bytes, encoding: str | None, *, limit: int, may_be_cut: bool = False) -> bytes:
    """Undo a `Content-Encoding` that was not asked for, up to `limit` bytes; an object that is readable needs that not.

    Raises a `WireError` for another one than gzip or deflate, for damaged bytes, and for too many of them.
    """
    if not encoding or encoding.lower() == "identity":
        return body
    # zlib's numbers: 15 for the greatest window, 16 more for gzip's own frame.
    window = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    # Such as `utf-8`, or a proxy's word for what it has unpacked itself: nothing compressed begins like an object.
    if body[:1] == b"{" and len(body) <= limit and first_object(body) is not None:
        return body
    if window is None:
        raise WireError(f"content encoding {encoding!r:.60} was not asked for")
    inflater = zlib.decompressobj(window)
    try:
        # One byte more than may come out tells "too long" from "just fits", and a bomb makes no more than that.
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise WireError(f"damaged {encoding} body: {error}") from None
    if len(plain) > limit:
        raise WireError(f"more than {limit} bytes when decompressed")
    if not inflater.eof and not may_be_cut:
        raise WireError(f"{encoding} body cut short")
    return plain


def first_object(body: bytes) -> bytes | None:
    """Give the JSON object that some bytes begin with, whatever follows it; None if there is no whole one."""
    # What follows the object may be no UTF-8, and comes back byte for byte below.
    text = body.decode(errors="surrogateescape").lstrip()
    if not text.startswith("{"):
        return None
    try:
        _, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    return text[:end].encode(errors="surrogateescape")


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode().strip()
        if "\\ud" in text or "\\uD" in text:
            # Most answers have no such escape, and the pattern would look at each escape of a large one.
            text = _ESCAPES.sub(lambda escape: _REPLACEMENT if escape[1] else escape[0], text)
        given, end = _decode(text)
    except RecursionError:
        raise WireError("nested too deeply") from None
    except WireError:
        raise
    except ValueError as error:  # not UTF-8, not JSON, or a number of too many digits
        raise WireError(f"no JSON: {error}") from None
    if end != len(text):
        raise WireError("no JSON: something follows it")
    if not isinstance(given, dict):
        raise WireError(f"expected an object, not {shown_value(given)}")
    return given


def _if_text(given: Any) -> str | None:
    return given if isinstance(given, str) else None


def _if_number(given: Any) -> float | None:
    return given if isinstance(given, int | float) and not isinstance(given, bool) else None
