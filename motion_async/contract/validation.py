"""Says everything that is wrong with a request before it is sent.

Each bound of the contract (section "Create Job") is checked, and what would surely fail on the
service's side: a URL that its servers cannot fetch, a signature that has already run out. All
problems are told at once, in the shape of the service's own 400 `details`. Nothing here reads a
clock or changes a request: the time is an argument.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from motion_async.canonical import canonical_text
from motion_async.contract.signed_urls import expiry
from motion_async.contract.urls import file_flaw, url_flaw
from motion_async.contract.youtube import id_flaw, video_flaw
from motion_async.errors import ConfigurationError, InvalidRequestError
from motion_async.jobs import (
    ATTACHMENT_TYPES,
    MAX_ATTACHMENT_NAME,
    MAX_ATTACHMENT_URL,
    MAX_ATTACHMENTS,
    MAX_PROMPT,
    Attachment,
    BatchRequest,
    VideoRequest,
    as_attachments,
)
from motion_async.problems import Problem
from motion_async.showing import is_blank

__all__ = [
    "MAX_ID",
    "MAX_JOB_ID",
    "as_request",
    "batch_problems",
    "check_batch_request",
    "check_job_id",
    "check_request",
    "earliest_expiry",
    "problems",
]

MAX_JOB_ID: Final = 512
"""Characters of a job id that are taken; the service's own are UUIDs of 36."""

MAX_ID: Final = 200
"""Characters of the id that a caller gives to a request of a batch."""

_Path = tuple[str | int, ...]


def check_request(request: VideoRequest, *, now: datetime) -> None:
    """Raise `InvalidRequestError` with every problem of a request that breaks the contract as of `now`."""
    found = problems(request, now=now)
    if found:
        raise InvalidRequestError(found)


def check_batch_request(given: BatchRequest, *, now: datetime) -> None:
    """Raise `InvalidRequestError` with every problem if a batch cannot send a request, or no ledger can keep it."""
    found = (*problems(given.request, now=now), *batch_problems(given))
    if found:
        raise InvalidRequestError(found)


def batch_problems(given: BatchRequest) -> Iterator[Problem]:
    """Give what is wrong with a request of a batch besides what is wrong with what it asks for."""
    for name in ("id", "follows"):
        value = getattr(given, name)
        if value is None:
            continue
        found = list(_text(value, (name,), minimum=1, maximum=MAX_ID))
        yield from found
        # Ids stand in files, tables and on command lines, where such characters get lost.
        if not found and (not value.isprintable() or value != value.strip()):
            yield Problem("invalid_string", "Must be printable, and neither begin nor end with a space", (name,))
    names = [canonical_text(name) for name in (given.id, given.follows) if isinstance(name, str)]
    if len(names) > len(set(names)):
        yield Problem("custom", "A request cannot follow itself", ("follows",))
    try:
        # The ledger keeps it as JSON: what cannot be written would be lost, and that after the video was paid for.
        json.dumps(given.metadata, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield Problem("custom", f"Cannot be written as JSON: {error}", ("metadata",))


def check_job_id(job_id: str) -> None:
    """Raise `InvalidRequestError` if something cannot be a job's id, so that it never becomes part of a URL.

    An id has 1 to 512 printable characters, and is not `.` or `..`, which lead to other paths.
    """
    found: Problem | None = None
    if not isinstance(job_id, str):
        found = _wrong_type("string", job_id, ("job_id",))
    elif not job_id.strip() or len(job_id) > MAX_JOB_ID:
        found = Problem("custom", f"A job id has 1 to {MAX_JOB_ID} characters", ("job_id",))
    elif job_id in (".", "..") or not job_id.isprintable():
        found = Problem("custom", f"{job_id!r} cannot be a job id", ("job_id",))
    if found:
        raise InvalidRequestError((found,))


def as_request(
    prompt: str | VideoRequest, style_reference_url: str | None, attachments: Iterable[Attachment | str]
) -> VideoRequest:
    """Give the one request that a caller's arguments stand for.

    A whole `VideoRequest` with something beside it is a `ConfigurationError`.
    """
    try:
        if not isinstance(prompt, VideoRequest):
            # The iterable may raise, which it must not do while the rest of a request is bare.
            attachments = as_attachments(attachments)
            return VideoRequest(prompt, style_reference_url=style_reference_url, attachments=attachments)
        if style_reference_url is None and attachments == ():
            return prompt
    finally:
        del prompt, style_reference_url, attachments  # a traceback with locals must not show signed URLs
    raise ConfigurationError("a whole request carries its own style reference and attachments; give one or the other")


def problems(request: VideoRequest, *, now: datetime) -> tuple[Problem, ...]:
    """List everything that is wrong with a request as of `now`, in the order of the fields."""
    if not isinstance(request, VideoRequest):
        return (_wrong_type("VideoRequest or a prompt", request, ()),)
    return tuple(_request_problems(request, now))


def _request_problems(request: VideoRequest, now: datetime) -> Iterator[Problem]:
    yield from _text(request.prompt, ("prompt",), minimum=1, maximum=MAX_PROMPT)
    if isinstance(request.prompt, str) and request.prompt and is_blank(request.prompt):
        details = {"minimum": 1, "type": "string", "inclusive": True}
        yield Problem("too_small", "String must contain something that can be seen", ("prompt",), details)
    if request.style_reference_url is not None:
        yield from _style_reference(request.style_reference_url)
    attachments = request.attachments
    if not isinstance(attachments, tuple):
        yield _wrong_type("a list of URLs or Attachments", attachments, ("attachments",))
        return
    if len(attachments) > MAX_ATTACHMENTS:
        yield Problem(
            # Word for word as the service says it, so that whoever shows problems has one shape to handle.
            "too_big",
            f"Array must contain at most {MAX_ATTACHMENTS} element(s)",
            ("attachments",),
            {"maximum": MAX_ATTACHMENTS, "type": "array", "inclusive": True},
        )
    for index, attachment in enumerate(attachments):
        path = ("attachments", index)
        if isinstance(attachment, Attachment):
            yield from _attachment(attachment, path, now)
        else:
            yield _wrong_type("a URL or Attachment(url=…)", attachment, path)


def _attachment(attachment: Attachment, path: _Path, now: datetime) -> Iterator[Problem]:
    url = attachment.url
    found = list(_text(url, (*path, "url"), minimum=1, maximum=MAX_ATTACHMENT_URL))
    yield from found or _public_url(url, (*path, "url"), now)
    if attachment.name is not None:
        yield from _text(attachment.name, (*path, "name"), maximum=MAX_ATTACHMENT_NAME)
    if attachment.type is not None and attachment.type not in ATTACHMENT_TYPES:
        options = " | ".join(f"'{option}'" for option in ATTACHMENT_TYPES)
        yield Problem(
            "invalid_enum_value",
            f"Invalid enum value. Expected {options}, received {attachment.type!r}",
            (*path, "type"),
            {"options": list(ATTACHMENT_TYPES)},
        )
    if attachment.content_type is not None:
        yield from _text(attachment.content_type, (*path, "content_type"))


def _wrong_type(expected: str, given: Any, path: _Path) -> Problem:
    received = "None" if given is None else type(given).__name__
    details = {"expected": expected, "received": received}
    return Problem("invalid_type", f"Expected {expected}, received {received}", path, details)


def _text(given: Any, path: _Path, *, minimum: int = 0, maximum: int | None = None) -> Iterator[Problem]:
    """Check a string and its length; a character is a code point, the reading that refuses least."""
    if not isinstance(given, str):
        yield _wrong_type("string", given, path)
        return
    if len(given) < minimum:
        message = f"String must contain at least {minimum} character(s)"
        yield Problem("too_small", message, path, {"minimum": minimum, "type": "string", "inclusive": True})
    if maximum is not None and len(given) > maximum:
        message = f"String must contain at most {maximum} character(s)"
        yield Problem("too_big", message, path, {"maximum": maximum, "type": "string", "inclusive": True})
    if not given.isascii() and any("\ud800" <= character <= "\udfff" for character in given):
        yield Problem("invalid_string", "Contains half of a surrogate pair, which is no text", path)


def _style_reference(url: Any) -> Iterator[Problem]:
    path = ("style_reference_url",)
    found = list(_text(url, path, minimum=1))
    if not found and (flaw := id_flaw(url)):
        found = [Problem("invalid_string", flaw, path, {"validation": "url"})]
    found = found or _url_problems(url, path)
    yield from found
    if not found and (flaw := video_flaw(url)):
        yield Problem("custom", flaw, path)


def earliest_expiry(request: VideoRequest) -> datetime | None:
    """Give the moment at which the first of a valid request's signed URLs runs out, None if none is known to."""
    ends = [expiry(attachment.url) for attachment in request.attachments]
    return min((end for end in ends if end is not None), default=None)


def _url_problems(url: str, path: _Path) -> list[Problem]:
    flaw = url_flaw(url)
    if flaw is None:
        return []
    return [Problem("invalid_string" if flaw.startswith("Invalid url") else "custom", flaw, path)]


def _public_url(url: str, path: _Path, now: datetime) -> Iterator[Problem]:
    found = _url_problems(url, path)
    yield from found
    if found:
        return
    if flaw := file_flaw(url):
        yield Problem("custom", flaw, path)
    end = expiry(url)
    if end is not None and end <= now:
        # A clock that is ahead would refuse what is valid: whoever reads this can tell.
        here = f"by the clock here it is {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        message = f"The URL's signature expired at {end:%Y-%m-%dT%H:%M:%SZ}; {here}; sign it again, or set that clock"
        yield Problem("custom", message, path, {"expired_at": end.isoformat()})
