"""Every misbehaviour of a server, and what becomes of a create, a followup and a poll that meet it: one table.

Whatever comes back, the call ends with one of the library's errors or with what was really said about its job,
soon, with little memory, and with at most one POST.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest

from motion_async import (
    Backoff,
    ConnectionLostError,
    CreateUncertainError,
    ExchangeTimeoutError,
    FollowupUncertainError,
    InvalidRequestError,
    JobState,
    MotionError,
    MotionSession,
    PermissionDeniedError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Script, http, state
from tests.hostile.scripts import (
    OK,
    before_reading,
    body,
    bomb,
    drips,
    for_ever,
    huge,
    packed,
    redirects,
    says,
    says_and_hangs_up,
    says_and_resets,
    says_and_waits,
    with_field,
)

LIMIT: Final = 64 * 1024
"""Bytes of an answer that are read."""
MEMORY: Final = 16 * LIMIT
"""Bytes of memory that a call takes at most, the server's own included."""
SOON: Final = 5.0
"""Seconds in which everything is over that does not wait for a deadline: a bound, hundreds of times what it takes."""
LATE: Final = 0.1
"""Seconds for an exchange, where the table says that it runs out of time."""

_Kind = type[MotionError] | str | None


@attrs.frozen
class End:
    """How the three calls end: with an error of this very class, or with the job of this id; None for the usual one.

    Args:
        create: of a create.
        followup: of a followup.
        poll: of a poll.
        gets: how many GETs a poll makes. Four tries where the trouble may pass; where a connection ends before an
            answer begins, aiohttp asks once more within each.
    """

    create: _Kind
    followup: _Kind
    poll: _Kind
    gets: int


def _uncertain(poll: _Kind, *, gets: int = 4) -> End:
    return End(CreateUncertainError, FollowupUncertainError, poll, gets)


def _refused(kind: type[MotionError]) -> End:
    return End(kind, kind, kind, 1)


FINE: Final = End(None, None, None, 1)
GONE: Final = _uncertain(ConnectionLostError, gets=8)
LOST: Final = _uncertain(ConnectionLostError)
NO_TIME: Final = _uncertain(ExchangeTimeoutError)
UNREADABLE: Final = _uncertain(UnexpectedResponseError)
TAKEN_BUT_NO_STATE: Final = End(None, None, UnexpectedResponseError, 4)
TAKEN_BUT_LATE: Final = End(None, None, ExchangeTimeoutError, 4)
TAKEN_BUT_LOST: Final = End(None, None, ConnectionLostError, 4)
"""An id is all that a create's answer must hold; a poll's must be whole, and all of it readable."""


@attrs.frozen
class Row:
    """One misbehaviour.

    Args:
        name: what the server does.
        script: how it does it.
        end: what comes of it.
        memory: bytes that it may cost.
    """

    name: str
    script: Script
    end: End
    memory: int = attrs.field(default=MEMORY, kw_only=True)


_FINE: Final = http(state())
_HEAD: Final = _FINE[: _FINE.index(b"\r\n\r\n") + 4]
_ANNOUNCED: Final = OK + b"Content-Length: %d\r\n\r\n"
_CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
_GZIP: Final = b"Content-Encoding: gzip"
_DEEP: Final = 100_000

TABLE: Final = (
    # The connection ends.
    Row("reset before it reads", before_reading(says_and_resets()), GONE),
    Row("FIN before it reads", before_reading(says_and_hangs_up()), GONE),
    Row("reset after it has read", says_and_resets(), GONE),
    Row("FIN after it has read", says_and_hangs_up(), GONE),
    Row("reset in the middle of the head", says_and_resets(_HEAD[:30]), GONE),
    Row("FIN in the middle of the head", says_and_hangs_up(_HEAD[:30]), GONE),
    Row("reset in the middle of the body", says_and_resets(_FINE[:-20]), LOST),
    Row("FIN in the middle of the body", says_and_hangs_up(_FINE[:-20]), LOST),
    Row("reset after the answer", says_and_resets(_FINE), FINE),
    Row("FIN after the answer", says_and_hangs_up(_FINE), FINE),
    Row("a 503 cut short", says_and_hangs_up(http(b"{}", status=b"503 No")[:-1]), _uncertain(ServiceUnavailableError)),
    Row("a 400 cut short", says_and_hangs_up(http(b"{}", status=b"400 No")[:-1]), _refused(InvalidRequestError)),
    # It takes its time.
    Row("no answer at all", says_and_waits(), NO_TIME),
    Row("half a head and no more", says_and_waits(_HEAD[:30]), NO_TIME),
    Row("half a body and no more", says_and_waits(_FINE[:-20]), NO_TIME),
    Row("an answer that drips, in time", drips(_FINE, seconds=0), FINE),
    Row("an answer that drips, too slowly", drips(_FINE, seconds=0.01), NO_TIME),
    # Lengths.
    Row("a length too long", says_and_waits(_ANNOUNCED % 1_000 + state()), TAKEN_BUT_LATE),
    Row("a length too long, then FIN", says_and_hangs_up(_ANNOUNCED % 1_000 + state()), TAKEN_BUT_LOST),
    Row("a length too short", says(_ANNOUNCED % 100 + state()), TAKEN_BUT_NO_STATE),
    Row("a length of 0", says(_ANNOUNCED % 0 + state()), TAKEN_BUT_NO_STATE),
    Row("a negative length", says(OK + b"Content-Length: -5\r\n\r\n" + state()), TAKEN_BUT_NO_STATE),
    Row("a length that is no number", says(OK + b"Content-Length: many\r\n\r\n" + state()), TAKEN_BUT_NO_STATE),
    Row("a length with a sign", says(OK + b"Content-Length: +%d\r\n\r\n" % len(state()) + state()), TAKEN_BUT_NO_STATE),
    Row("a length of 10,000 digits", says(OK + b"Content-Length: " + b"9" * 10_000 + b"\r\n\r\n" + state()),
        TAKEN_BUT_NO_STATE),
    Row("two lengths", says(OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n" + state()), TAKEN_BUT_NO_STATE),
    Row("no length, then FIN", says_and_hangs_up(OK + b"\r\n" + state()), FINE),
    Row("no length, and it stays", says_and_waits(OK + b"\r\n" + state()), TAKEN_BUT_LATE),
    # Chunks.
    Row("chunks", says(_CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(state()), state())), FINE),
    Row("chunks of a byte", says(_CHUNKED + b"".join(b"1\r\n%c\r\n" % c for c in state()) + b"0\r\n\r\n"), FINE),
    Row("a chunk that is no chunk", says_and_waits(_CHUNKED + b"zz\r\n" + state()), TAKEN_BUT_NO_STATE),
    Row("a chunk of negative length", says_and_waits(_CHUNKED + b"-5\r\n" + state()), TAKEN_BUT_NO_STATE),
    Row("a chunk that is longer", says_and_waits(_CHUNKED + b"5\r\n" + state() + b"\r\n0\r\n\r\n"), TAKEN_BUT_NO_STATE),
    Row("chunks without an end", says_and_hangs_up(_CHUNKED + b"%x\r\n%s\r\n" % (len(state()), state())),
        TAKEN_BUT_LOST),
    Row("chunks cut short", says_and_hangs_up(_CHUNKED + b"%x\r\n%s" % (len(state()), state()[:50])), LOST),
    Row("chunks and a length", says(OK + b"Content-Length: 5\r\n" + _CHUNKED[len(OK) :] + b"5\r\n"), UNREADABLE),
    # More than an answer.
    Row("two answers at once", says(_FINE + http(state("completed", "other"))), FINE),
    Row("two answers, the other job's first", says(http(state(job_id="other")) + _FINE),
        End("other", FollowupUncertainError, UnexpectedResponseError, 4)),
    Row("an answer and garbage", says(_FINE + b"garbage\r\n\r\n"), TAKEN_BUT_NO_STATE),
    # Interim answers.
    Row("100 first", says(b"HTTP/1.1 100 Continue\r\n\r\n" + _FINE), FINE),
    Row("103 first", says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _FINE), FINE),
    Row("1xx a thousand times", says(b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000 + _FINE), FINE),
    Row("1xx for ever", for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), NO_TIME),
    Row("101", says_and_hangs_up(b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"), UNREADABLE),
    # Heads.
    Row("a header of 64 KiB", body(state(), b"X-Long: " + b"x" * 65_000), FINE),
    Row("a header of 66 KiB", body(state(), b"X-Long: " + b"x" * 67_584), TAKEN_BUT_NO_STATE),
    Row("240 KiB of headers", body(state(), *[b"X-Long: " + b"x" * 60_000] * 4), FINE),
    Row("64 KiB of headers", body(state(), *[b"X-Long: " + b"x" * 550] * 120), FINE),
    Row("1,000 headers", body(state(), *[b"X: y"] * 1_000), FINE),
    Row("1,100 headers", body(state(), *[b"X: y"] * 1_100), TAKEN_BUT_NO_STATE),
    Row("headers for ever", for_ever(OK, b"X-More: and more\r\n" * 100), UNREADABLE),
    Row("a header without end", for_ever(OK + b"X-Long: ", b"x" * 1_000), UNREADABLE),
    Row("a status line without end", for_ever(b"HTTP/1.1 200 ", b"x" * 1_000), UNREADABLE),
    # Bodies.
    Row("100 MB, announced", huge(_ANNOUNCED % (100 << 20), megabytes=100), UNREADABLE),
    Row("100 MB, in chunks", huge(_CHUNKED, megabytes=100, chunked=True), UNREADABLE),
    Row("100 MB, to the end", huge(OK + b"\r\n", megabytes=100), UNREADABLE),
    Row("100 MB after a 400", huge(b"HTTP/1.1 400 No\r\n\r\n", megabytes=100), _refused(InvalidRequestError)),
    Row("an empty body", body(b""), UNREADABLE),
    Row("204", says(b"HTTP/1.1 204 No Content\r\n\r\n"), UNREADABLE),
    Row("206", body(state(), status=b"206 Partial Content"), TAKEN_BUT_NO_STATE),
    # Encodings, of which none was asked for.
    Row("gzip", body(packed(state()), _GZIP), FINE),
    Row("a gzip bomb", body(bomb(50), _GZIP), UNREADABLE),
    Row("gzip cut short", body(packed(state())[:-12], _GZIP), UNREADABLE),
    Row("gzip that is none", body(state(), _GZIP), FINE),
    Row("gzip twice", body(packed(state(), times=2), b"Content-Encoding: gzip, gzip"), UNREADABLE),
    Row("gzip twice in two headers", body(packed(state(), times=2), _GZIP, _GZIP), UNREADABLE),
    Row("an encoding that is a charset", body(state(), b"Content-Encoding: utf-8"), FINE),
    Row("zstd", body(b"\x28\xb5\x2f\xfd" + state(), b"Content-Encoding: zstd"), UNREADABLE),
    Row("br", body(state(), b"Content-Encoding: br"), FINE),
    Row("identity", body(state(), b"Content-Encoding: identity"), FINE),
    Row("chunks of gzip", says(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"), UNREADABLE),
    # What is said.
    Row("another content type", body(state(), b"Content-Type: text/html"), FINE),
    Row("a page", body(b"<html>Hello</html>", b"Content-Type: application/json"), UNREADABLE),
    Row("invalid UTF-8", body(state(job_id="?").replace(b"?", b"\xff\xfe")), UNREADABLE),
    Row("a byte order mark", body(b"\xef\xbb\xbf" + state()), TAKEN_BUT_NO_STATE),
    Row("UTF-16", body(state().decode().encode("utf-16")), UNREADABLE),
    Row("JSON cut short", body(state()[:-1]), UNREADABLE),
    Row("JSON twice", body(state() * 2), UNREADABLE),
    Row("a list", body(b"[" + state() + b"]"), UNREADABLE),
    Row("null", body(b"null"), UNREADABLE),
    Row("no id", body(b'{"status":"queued"}'), UNREADABLE),
    Row("an id that is a number", body(with_field("job_id", b"5")), UNREADABLE),
    Row("a status that is a number", body(with_field("status", b"5")), TAKEN_BUT_NO_STATE),
    Row("a time that is none", body(with_field("updated_at", b'"soon"')), FINE),
    Row("a flag that is none", body(with_field("pending_user_input", b'"no"')), FINE),
    Row("an error that is an object", body(with_field("error", b'{"code":1}')), FINE),
    Row("lists 100,000 deep", body(b"[" * _DEEP + b"]" * _DEEP), UNREADABLE),
    Row("a field 20,000 deep", body(with_field("x", b"[" * 20_000 + b"]" * 20_000)), UNREADABLE),
    Row("objects 10,000 deep", body(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), UNREADABLE),
    Row("20,000 empty lists", body(with_field("x", b"[" + b"[]," * 20_000 + b"[]]")), FINE, memory=64 * LIMIT),
    Row("10,000 fields", body(with_field("x", b"1," + b",".join(b'"%d":1' % n for n in range(6_000)))), FINE,
        memory=64 * LIMIT),
    Row("the id twice, the right one last", body(b'{"job_id":"other",' + state()[1:]), FINE),
    Row("NaN", body(with_field("x", b"NaN")), UNREADABLE),
    Row("Infinity", body(with_field("x", b"-Infinity")), UNREADABLE),
    Row("10 ** 5000", body(with_field("x", b"1" + b"0" * 5_000)), UNREADABLE),
    Row("10 ** 4000", body(with_field("x", b"1" + b"0" * 4_000)), FINE),
    Row("a status of 10 ** 4000", body(with_field("status", b"1" + b"0" * 4_000)), TAKEN_BUT_NO_STATE),
    Row("1e999999", body(with_field("x", b"1e999999")), FINE),
    Row("half a pair of surrogates", body(with_field("error", rb'"\ud800"')), FINE),
    Row("NUL in an error", body(with_field("error", rb'"a\u0000b"')), FINE),
    # What is no HTTP/1.1.
    Row("HTTP/0.9", says_and_hangs_up(state()), UNREADABLE),
    Row("HTTP/1.0", says_and_hangs_up(b"HTTP/1.0 200 OK\r\n\r\n" + state()), FINE),
    Row("HTTP/2's preface", says_and_waits(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), UNREADABLE),
    Row("HTTP/2's settings", says_and_waits(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), UNREADABLE),
    Row("HTTP/9.9", says(b"HTTP/9.9 200 OK\r\nContent-Length: %d\r\n\r\n" % len(state()) + state()), UNREADABLE),
    Row("status 99", body(state(), status=b"099 What"), UNREADABLE),
    Row("status 999", body(state(), status=b"999 What"), UNREADABLE),
    Row("a status of words", says_and_waits(b"HTTP/1.1 OK\r\n\r\n"), UNREADABLE),
    Row("garbage", says_and_waits(b"\x16\x03\x01\x02\x00garbage\r\n\r\n"), UNREADABLE),
    Row("SSH", says_and_waits(b"SSH-2.0-OpenSSH_9.6\r\n"), UNREADABLE),
    # It sends the client away.
    *(
        Row(f"{status} {name}", redirects(status, location), UNREADABLE)
        for status in (301, 302, 303, 307, 308)
        for name, location in (
            ("elsewhere", "{elsewhere}/sessions"),
            ("to the same origin", f"/api/motion/sessions/{JOB}"),
            ("nowhere", None),
        )
    ),
    Row("302 to a name without a scheme", redirects(302, "//elsewhere.example/"), UNREADABLE),
    Row("300", redirects(300, "{elsewhere}"), UNREADABLE),
    Row("200 with a Location", redirects(200, "{elsewhere}"), FINE),
    Row("a Refresh elsewhere", body(state(), b"Refresh: 0; url=https://elsewhere.example/"), FINE),
    Row("403 and a Location", redirects(403, "{elsewhere}"), _refused(PermissionDeniedError)),
)  # fmt: skip

CALLS: Final[dict[str, Callable[[MotionSession], Any]]] = {
    "create": lambda motion: motion.create("A launch video"),
    "followup": lambda motion: motion.followup(JOB, "Faster"),
    "poll": lambda motion: motion.poll(JOB),
}


def test_the_table_names_each_row_once() -> None:
    """A row is known by its name."""
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_a_call_that_meets_it_ends_as_the_table_says(
    hostile: HostileServer, elsewhere: HostileServer, row: Row, call: str
) -> None:
    """The right error or none, soon, with little memory, with one POST at most, and nothing for another origin."""
    hostile.script, hostile.elsewhere = row.script, elsewhere.url
    if call == "followup":
        hostile.politely = http(state("completed"))
    is_late = row.end in (NO_TIME, TAKEN_BUT_LATE)
    session = MotionSession(
        KEY,
        base_url=hostile.url,
        backoff=Backoff(first=0, cap=0),
        max_answer_bytes=LIMIT,
        exchange_timeout=LATE if is_late else 4 * SOON,
        send_timeout=LATE if is_late else 4 * SOON,
    )
    ended: Any = None
    loop = asyncio.get_running_loop()
    async with session as motion:
        tracemalloc.start()
        began = loop.time()
        try:
            ended = await CALLS[call](motion)
        except MotionError as error:
            ended = error
        took = loop.time() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    await hostile.all_gone()

    expected = getattr(row.end, call)
    if expected is None or isinstance(expected, str):
        assert not isinstance(ended, MotionError), f"{ended!r} from {ended.__cause__!r}"
        assert (ended.job_id if isinstance(ended, JobState) else ended.id) == (expected or JOB)
    else:
        assert type(ended) is expected, f"{ended!r} from {getattr(ended, '__cause__', None)!r}"
        assert KEY not in f"{ended!r} {ended} {ended.__cause__!r}"
    assert took < SOON
    assert peak < row.memory
    # A connection that was made and not read counts: it may have carried the request.
    unread = getattr(row.script, "unasked", False)
    if call == "poll":
        assert row.end.gets == (hostile.connections if unread else len(hostile.gets))
        assert hostile.posts == []
    else:
        before = 1 if call == "followup" else 0
        assert len(hostile.gets) == before
        assert hostile.connections == before + 1
        assert len(hostile.posts) <= 1
        if not unread or call == "followup":
            assert len(hostile.posts) == 1
