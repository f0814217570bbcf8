"""The one function that every fuzzer calls: any bytes as an answer, read in every way in which the client reads.

The first three bytes choose the call, the HTTP status and the headers; the rest is the body. It raises if anything
but a value or one of the library's own errors comes out, or a value that a program could not log, store or pickle.
It must not know which fuzzer calls it.
"""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from motion_async.contract.protocol import (
    Answer,
    create_call,
    followup_call,
    poll_call,
    read_answer,
    uncertain_unless_refused,
)
from motion_async.contract.wire import WireError, inflate, read_accepted, read_error, read_state
from motion_async.errors import ConnectionLostError, MotionError, UnexpectedResponseError
from motion_async.jobs import JobState, VideoRequest
from motion_async.redaction import Eraser

__all__ = ["CALLS", "ENCODINGS", "LIMIT", "RETRY_AFTERS", "STATUSES", "as_input", "read_anything"]

NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
LIMIT = 1 << 16
ERASER = Eraser("motion_" + "k" * 20)
JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
CALLS = (
    poll_call(JOB),
    create_call(VideoRequest("a video"), now=NOW),
    followup_call(JOB, VideoRequest("a video"), now=NOW),
)
STATUSES = (200, 202, 204, 302, 400, 401, 402, 403, 404, 408, 409, 418, 425, 429, 500, 502, 503, 700)
ENCODINGS = (None, "identity", "gzip", "deflate", "x-gzip", "br", "gzip, gzip")
RETRY_AFTERS = (None, "2", "-1", "1e9", "Tue, 28 Apr 2026 23:05:00 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "٣", "soon")


def as_input(
    body: bytes, *, call: int = 0, status: int = 200, encoding: str | None = None, flawed: bool = False
) -> bytes:
    """Give the input that stands for an answer."""
    headers = ENCODINGS.index(encoding) + len(ENCODINGS) * flawed
    return bytes([call, STATUSES.index(status), headers]) + body


def read_anything(data: bytes) -> None:
    """Read some bytes in every way; raise if they come out as anything but a value or an error of the library."""
    choices, body = data[:3].ljust(3, b"\0"), data[3:]
    call = CALLS[choices[0] % len(CALLS)]
    status = STATUSES[choices[1] % len(STATUSES)]
    flaws, encoding = divmod(choices[2], len(ENCODINGS))
    flaw: MotionError | None = ConnectionLostError("lost", job_id=call.job_id) if flaws % 2 else None
    retry_after = RETRY_AFTERS[choices[0] // len(CALLS) % len(RETRY_AFTERS)]
    for read in (read_state, read_accepted, read_error):
        _unless_unreadable(lambda read=read: read(body))
    for name in ("gzip", "deflate"):
        plain = _unless_unreadable(lambda name=name: inflate(body, name, limit=LIMIT))
        assert plain is None or len(plain) <= LIMIT
    try:
        body = inflate(body, ENCODINGS[encoding], limit=LIMIT)
    except WireError as error:
        body, flaw = b"", flaw or UnexpectedResponseError(str(error), http_status=status, job_id=call.job_id)
    try:
        answer = Answer(status, ERASER.erase_json(body), retry_after, flaw)
        found: JobState | MotionError = read_answer(call, answer, now=NOW)
    except MotionError as error:
        found = uncertain_unless_refused(call, error) if call.body is not None else error
    _check(found)
    if isinstance(found, JobState):
        assert 200 <= status < 300
        assert call.job_id in (None, found.job_id)
        assert call.body is not None or status == 200


def _unless_unreadable(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except WireError as error:
        str(error).encode()
        return None


def _check(found: JobState | MotionError) -> None:
    """Do with a value or an error what programs do: log it, pickle it, write it down, compare its times."""
    f"{found} {found!r}".encode()
    if isinstance(found, MotionError):
        assert len(str(found)) < 4 * LIMIT
        again = pickle.loads(pickle.dumps(found))
        assert (type(again), str(again)) == (type(found), str(found))
        if isinstance(found, UnexpectedResponseError):
            assert len(found.reason) < 2_000
        return
    assert pickle.loads(pickle.dumps(found)) == found
    json.dumps(dict(found.extra))
    for text in (found.job_id, found.status, found.error or ""):
        text.encode()
    for at in (found.created_at, found.updated_at, found.completed_at):
        if at is not None:
            at.astimezone(UTC).isoformat()
            assert at - NOW is not None


def compressed(body: bytes) -> bytes:
    """Give some bytes as gzip."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()
