"""Answers whose frame is flawed: the id of what was paid for is believed if its JSON came whole, and nothing else is.

Whatever is wrong, and however the network cuts it: in one piece, head and body apart, or in bits. aiohttp has two
parsers, which see these in ways of their own; the last test runs all others with the one that is not in use here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp.http_parser import HttpResponseParser

from motion_async import CreateUncertainError, FollowupUncertainError, MotionError
from tests.hostile.hostile_server import JOB, HostileServer, Peer, http, state
from tests.hostile.stepping import ended, session

ACCEPTED: Final = b'{"job_id":"%s","status":"queued","status_url":"/api/motion/sessions/%s"}' % (
    JOB.encode(),
    JOB.encode(),
)
BITS: Final = 7
"""Bytes: many an answer is in pieces then, and none is cut where its parts meet."""


def _announced(length: int, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 202 Accepted", b"Content-Length: %d" % length, *headers, b"", b""])


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_CHUNKED: Final = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
_INTERIM: Final = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

Frame = Callable[[bytes], tuple[bytes, bytes]]
"""Gives the head and the body of an answer with some JSON in it."""

BROKEN: Final[dict[str, Frame]] = {
    "a chunk line that is none after the JSON": lambda given: (_CHUNKED, _chunk(given) + b"zz\r\n"),
    "a chunk line that is none before it": lambda given: (_CHUNKED, b"zz\r\n" + given + b"\r\n0\r\n\r\n"),
    "a chunk of negative length": lambda given: (_CHUNKED, b"-5\r\n" + given),
    "a chunk that is longer than it says": lambda given: (_CHUNKED, b"5\r\n" + given + b"\r\n0\r\n\r\n"),
    "a chunk that is shorter than it says": lambda given: (_CHUNKED, b"fff\r\n" + given + b"\r\n0\r\n\r\n"),
    "two chunks and a line that is none": lambda given: (_CHUNKED, _chunk(given[:9]) + _chunk(given[9:]) + b"?\r\n"),
    "a chunk without an end": lambda given: (_CHUNKED, b"%x\r\n%s0\r\n\r\n" % (len(given), given)),
    "no last chunk": lambda given: (_CHUNKED, _chunk(given)),
    "trailers that are none": lambda given: (_CHUNKED, _chunk(given) + b"0\r\nno trailer\x00 at all\r\n\r\n"),
    "a length that is too long": lambda given: (_announced(len(given) + 500), given),
    "a negative length": lambda given: (_announced(-5), given),
    "two lengths": lambda given: (_announced(5, b"Content-Length: 9"), given),
    "chunks and a length": lambda given: (_announced(5, b"Transfer-Encoding: chunked"), _chunk(given) + b"0\r\n\r\n"),
    "a bad header that comes late": lambda given: (_announced(len(given), b"X-Good: yes", b"bad header\x00"), given),
    "too many headers": lambda given: (_announced(len(given), *[b"X: y"] * 1_100), given),
    "a header of 70 KiB": lambda given: (_announced(len(given), b"X-Long: " + b"x" * 70_000), given),
    "an interim answer, and a bad header": lambda given: (_INTERIM + _announced(len(given), b"bad\x00"), given),
}
"""Their frame is not whole, so a poll that meets it must not believe a word."""
PAST: Final[dict[str, Frame]] = {
    "garbage after it": lambda given: (_announced(len(given)), given + b"garbage\r\n\r\n"),
    "another answer after it": lambda given: (_announced(len(given)), given + http(state("completed", "other"))),
    "a length that is too short": lambda given: (_announced(len(given) // 2), given),
    "a length of 0": lambda given: (_announced(0), given),
    "an encoding that nobody knows": lambda given: (_announced(len(given), b"Content-Encoding: br"), given),
    "an encoding that it has not": lambda given: (_announced(len(given), b"Content-Encoding: gzip"), given),
}
"""Their frame ends in order; what the JSON is goes beyond it, or stops before."""
FLAWS: Final = BROKEN | PAST
PROMISING: Final = {"no last chunk", "a chunk that is shorter than it says", "a length that is too long"}
PIECES: Final[dict[str, Callable[[bytes, bytes], list[bytes]]]] = {
    "at once": lambda head, body: [head + body],
    "head and body": lambda head, body: [head, body],
    "in bits": lambda head, body: [head, *(body[at : at + BITS] for at in range(0, len(body), BITS))],
}
ENDS: Final[dict[str, Callable[[Peer], None]]] = {
    "stays": lambda _: None,
    "FIN": Peer.hang_up,
    "RST": Peer.reset,
}


def answering(pieces: list[bytes], end: Callable[[Peer], None]) -> Callable[[Peer], Any]:
    """Give a script that says each piece in a packet of its own."""

    async def script(peer: Peer) -> None:
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(0.001)
            await peer.say(piece)
        await asyncio.sleep(0.01)  # so that a reset overtakes nothing that was said
        end(peer)
        await peer.until_gone()

    return script


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("flaw", FLAWS)
async def test_an_id_that_came_whole_is_known_whatever_is_wrong_around_it(
    hostile: HostileServer, flaw: str, pieces: str, end: str
) -> None:
    """Of a create and of a followup, long before the deadline, and no connection is left."""
    hostile.script = answering(PIECES[pieces](*FLAWS[flaw](ACCEPTED)), ENDS[end])
    hostile.politely = http(state("completed"))
    # What is promised is waited for until the deadline, as long as the connection is there.
    async with session(
        hostile,
        exchange_timeout=0.3 if end == "stays" and flaw in PROMISING else 1_000,
        send_timeout=0.3 if end == "stays" and flaw in PROMISING else 1_000,
    ) as motion:
        async with asyncio.timeout(60):
            assert (await motion.create("A launch video")).id == JOB
            assert (await motion.followup(JOB, "Faster")).id == JOB
    assert len(hostile.posts) == 2
    await hostile.all_gone()


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("flaw", FLAWS)
async def test_json_that_is_not_whole_is_never_believed(hostile: HostileServer, flaw: str, pieces: str) -> None:
    """Although the id stands in it: an error's message, or a longer id, may begin like this."""
    hostile.politely = http(state("completed"))
    async with session(hostile) as motion:
        for length in (len(ACCEPTED) - 1, ACCEPTED.index(b'"status"'), ACCEPTED.index(JOB.encode()) + 20, 9):
            hostile.script = answering(PIECES[pieces](*FLAWS[flaw](ACCEPTED[:length])), Peer.hang_up)
            assert type(await ended(motion.create("A launch video"))) is CreateUncertainError
            assert type(await ended(motion.followup(JOB, "Faster"))) is FollowupUncertainError
    assert len(hostile.posts) == 8


INSIDE: Final = {
    "a list": b'[{"job_id":"%s","status":"queued"}' % JOB.encode(),
    "another object": b'{"jobs":{"job_id":"%s","status":"queued"}' % JOB.encode(),
    "a text": b'"{\\"job_id\\":\\"%s\\"}' % JOB.encode(),
}


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("flaw", FLAWS)
async def test_what_stands_inside_of_something_else_is_not_believed(
    hostile: HostileServer, flaw: str, inside: str
) -> None:
    """A whole object within one that is cut, or in anything else, is not the answer."""
    hostile.script = answering(PIECES["at once"](*FLAWS[flaw](INSIDE[inside])), Peer.hang_up)
    async with session(hostile) as motion:
        assert type(await ended(motion.create("A launch video"))) is CreateUncertainError


@pytest.mark.parametrize("status", ["429 Slow", "402 No", "400 Bad", "401 Who", "503 Busy", "302 There", "099 What"])
@pytest.mark.parametrize("flaw", ["a bad header that comes late", "too many headers"])
async def test_a_head_that_is_flawed_refuses_nothing(hostile: HostileServer, flaw: str, status: str) -> None:
    """To take it for a refusal might be to send again what was taken."""
    head, body = FLAWS[flaw](ACCEPTED)
    hostile.script = answering([head.replace(b"202 Accepted", status.encode()) + body], Peer.hang_up)
    async with session(hostile) as motion:
        assert type(await ended(motion.create("A launch video"))) is CreateUncertainError
    assert len(hostile.posts) == 1


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("flaw", BROKEN)
async def test_a_polls_answer_whose_frame_is_broken_is_not_believed(
    hostile: HostileServer, flaw: str, pieces: str
) -> None:
    """It is asked for again, and at once: a frame that breaks late does not hold it up until the deadline."""

    def frame(given: bytes) -> list[bytes]:
        head, body = BROKEN[flaw](given)
        return PIECES[pieces](head.replace(b"202 Accepted", b"200 OK"), body)

    hostile.script = answering(frame(state("completed")), Peer.hang_up)
    async with session(hostile, exchange_timeout=1_000, send_timeout=1_000) as motion, asyncio.timeout(60):
        assert isinstance(await ended(motion.poll(JOB)), MotionError)
    assert len(hostile.gets) >= 4


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_callers_own_connections_lose_no_id_either(hostile: HostileServer, flaw: str) -> None:
    """They have another kind of reader, which knows nothing of all this."""
    hostile.script = answering(PIECES["head and body"](*FLAWS[flaw](ACCEPTED)), Peer.hang_up)
    async with aiohttp.ClientSession() as mine, session(hostile, client_session=mine) as motion:
        assert (await motion.create("A launch video")).id == JOB
    await hostile.all_gone()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif("motion_other_parser" in os.environ, reason="this is the other one")
def test_both_parsers_are_seen_through() -> None:
    """Aiohttp's own in C and in Python; whichever is not in use here is tried by a run of its own."""
    assert HttpResponseParser.__module__ == "aiohttp._http_parser"
    check = (
        "import sys, aiohttp.http_parser, pytest;"
        "assert aiohttp.http_parser.HttpResponseParser.__module__ == 'aiohttp.http_parser';"
    )
    environment = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1", "motion_other_parser": "1"}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-c", check + "sys.exit(pytest.main(sys.argv[1:]))", *options, str(Path(__file__))],
        cwd=Path(__file__).parent.parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
