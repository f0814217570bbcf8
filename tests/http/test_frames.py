"""Tests of `motion_async.http.frames`; what comes of it over a network stands in `tests/hostile/test_frames.py`."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.http.frames import FlawedAnswer, Heard, read_past_frame

OBJECT = b'{"job_id":"a","status":"queued"}'


def test_an_answer_without_a_flaw_is_read_as_it_is() -> None:
    """Status, headers by their names in small letters, and the object."""
    answer = b"HTTP/1.1 202 Accepted\r\nRetry-After: 7\r\nDATE:  now \r\n\r\n" + OBJECT
    assert read_past_frame(answer) == FlawedAnswer(202, {"retry-after": "7", "date": "now"}, OBJECT, is_whole=True)


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 202", b"HTTP/1.1 202 Accepted\r\n", b"HTTP/1.1 202 Accepted\r\nA: b\r\n", OBJECT],
    ids=["nothing", "half a line", "a line", "half a head", "no head"],
)
def test_without_a_status_and_the_end_of_the_head_there_is_nothing(data: bytes) -> None:
    """Who knows what it would have been."""
    assert read_past_frame(data) is None
    assert read_past_frame(b"HTTP/1.1 100 Continue\r\n\r\n" + data) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"20\r\n" + OBJECT + b"\r\n0\r\n\r\n", OBJECT),
        (b"10;a=b\r\n" + OBJECT[:16] + b"\r\n10 \r\n" + OBJECT[16:] + b"\r\nzz", OBJECT),
        (b"8\r\n" + OBJECT[:8] + b"\r\nfff\r\n" + OBJECT[8:20], OBJECT[:20]),
        (b"zz\r\n" + OBJECT, OBJECT),
        (b"20\r\n" + OBJECT[:5], OBJECT[:5]),
    ],
    ids=["whole", "broken after it", "cut short", "broken before it", "cut in the first"],
)
def test_chunks_are_put_together_as_far_as_they_are_right(body: bytes, expected: bytes) -> None:
    """What is not whole is given too: a person may make something of it."""
    found = read_past_frame(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert found is not None
    assert (found.body, found.is_whole) == (expected, expected == OBJECT)
    assert found.may_go_on == (expected != OBJECT)


def test_an_object_that_came_compressed_is_unpacked() -> None:
    """Whatever the length says of it."""
    packed = gzip.compress(OBJECT)
    found = read_past_frame(b"HTTP/1.1 202 OK\r\nContent-Length: 1\r\nContent-Encoding: gzip\r\n\r\n" + packed)
    assert found is not None
    assert (found.body, found.is_whole) == (OBJECT, True)


@given(st.binary(), st.sampled_from([b"", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"]))
def test_any_bytes_are_read_or_not(data: bytes, header: bytes) -> None:
    """None raise, and nothing is whole that the bytes do not hold."""
    read_past_frame(data)
    found = read_past_frame(b"HTTP/1.1 202 Accepted\r\n" + header + b"\r\n" + data)
    assert found is not None
    if found.is_whole and b"gzip" not in header and b"chunked" not in header:
        assert found.body in data


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X: y\r\n", b"1\r\n{\r\n", b"{", b"\n", b"f"])
def test_a_megabyte_of_anything_is_read_in_time_that_grows_with_its_length(piece: bytes) -> None:
    """Counted in steps of the interpreter, which a busy machine does not change."""

    def steps(data: bytes) -> int:
        import sys  # noqa: PLC0415

        count = 0

        def step(*_: Any) -> Any:
            nonlocal count
            count += 1
            return step

        before = sys.gettrace()
        sys.settrace(step)
        try:
            read_past_frame(data)
        finally:
            sys.settrace(before)
        return count

    head = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
    small, large = (steps(head + piece * (size // len(piece))) for size in (10_000, 100_000))
    assert large <= 12 * small + 100


class _Reader(asyncio.Protocol):
    def __init__(self) -> None:
        self.told: list[Any] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(data)


class _Transport(asyncio.Transport):
    protocol: Any = None
    is_closed = is_aborted = False

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


async def test_a_reader_closes_a_connection_for_itself_alone() -> None:
    """It hears of the end as of any other, once; what comes after that is kept all the same, up to the bound."""
    transport, reader, lost = _Transport(), _Reader(), []
    heard = Heard(100)
    connection = heard.listen(transport, reader, lost.append)
    assert transport.protocol is heard
    heard.data_received(b"one")
    connection.close()
    assert lost == []  # as of any other: not while it closes it
    await asyncio.sleep(0)
    heard.data_received(b"two")
    heard.connection_lost(None)
    assert (reader.told, lost, heard.data, transport.is_closed) == ([b"one"], [None], b"onetwo", False)
    for _ in range(300):
        heard.data_received(b"x" * 1_000)
    assert len(heard.data) == 262_144 + 100
    heard.end()
    assert transport.is_aborted


@pytest.mark.parametrize("end", ["whole", "lost", "time"])
async def test_the_rest_is_waited_for_until_it_is_there_or_cannot_come(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most a second, of which this test makes a moment."""
    monkeypatch.setattr("motion_async.http.frames._PATIENCE", 0.01 if end == "time" else 1_000)
    heard = Heard(1_000)
    heard.listen(_Transport(), _Reader(), lambda _: None)
    heard.data_received(b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\n" + OBJECT[:3])
    waiting = asyncio.ensure_future(heard.rest())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    if end == "whole":
        heard.data_received(OBJECT[3:])
    elif end == "lost":
        heard.connection_lost(None)
    await waiting


@pytest.mark.parametrize("body", [OBJECT, b"<html>", b"[]"])
async def test_what_cannot_become_an_id_any_more_is_not_waited_for(body: bytes) -> None:
    """It is over at once, and so is what has no answer yet, or is no success."""
    for status in (b"202 Accepted", b"402 No", None):
        heard = Heard(1_000)
        heard.listen(_Transport(), _Reader(), lambda _: None)
        if status is not None:
            heard.data_received(b"HTTP/1.1 " + status + b"\r\nContent-Length: 3\r\n\r\n" + body)
        await asyncio.wait_for(heard.rest(), 0.5)
