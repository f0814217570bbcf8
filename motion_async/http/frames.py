"""Reads an answer to a create past a flawed HTTP frame, out of the bytes as they came.

A wrong length, a broken chunk or a bad header makes a parser forget what it has read, and the id of a job that was
paid for may be in that. This is for answers to creates and followups alone: a poll can be asked again, and whatever
is flawed in its answer is not believed. It must not judge what an answer means.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from motion_async.contract.wire import WireError, first_object, inflate

__all__ = ["MOST_OF_A_HEAD", "FlawedAnswer", "Heard", "read_past_frame"]

MOST_OF_A_HEAD: Final = 262_144
"""Bytes of the head of an answer that are read: proxies and cookies make them long."""
_PATIENCE: Final = 1.0
"""Seconds in which the rest of an answer comes when its frame was broken, or at an end before it was."""


class Heard(asyncio.Protocol):
    """Stands between a connection and its reader, and keeps in `data` a head and up to `limit` bytes of a body.

    To the connection it is the reader, and to the reader it is the connection: what the reader closes is this alone,
    and the connection stays open until `end`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit + MOST_OF_A_HEAD
        self._connection: asyncio.Transport | None = None
        self._reader: asyncio.Protocol | None = None
        self._lost: Callable[[Exception | None], None] = lambda _: None
        self._is_over = False
        self._wake: Callable[[], None] = lambda: None
        self.data = bytearray()

    def listen(
        self, connection: asyncio.Transport, reader: asyncio.Protocol, lost: Callable[[Exception | None], None]
    ) -> Any:
        """Take the reader's place at its connection, and give it this in the place of the connection.

        The reader hears all that it would have heard, and by `lost` that nothing more comes.
        """
        self._connection, self._reader, self._lost = connection, reader, lost
        # Only data and the loss of the connection come by here; all else goes straight to the reader.
        self.pause_writing = reader.pause_writing  # type: ignore[method-assign]
        self.resume_writing = reader.resume_writing  # type: ignore[method-assign]
        self.eof_received = reader.eof_received  # type: ignore[method-assign]
        connection.set_protocol(self)
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None:
        """Let the reader hear nothing more, as it wants to close the connection."""
        # In a later step: aiohttp may close from inside `data_received`, and must not lose its connection in there.
        asyncio.get_running_loop().call_soon(self._dismiss)

    abort = close

    def data_received(self, data: bytes) -> None:
        """Keep what has come before the reader gets it, who may forget it."""
        self.data += data[: self._limit - len(self.data)]
        self._wake()
        if self._reader is not None:
            self._reader.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more comes."""
        self._is_over = True
        self._wake()
        self._dismiss(exc)

    def _dismiss(self, exc: Exception | None = None) -> None:
        """Have the reader hear nothing more, and tell it so."""
        if self._reader is not None:
            self._reader = None
            self._lost(exc)

    async def rest(self, seconds: float = _PATIENCE, *, from_nothing: bool = False) -> None:
        """Wait for the rest of an answer that its reader is done with; `from_nothing` also while nothing has come."""
        self._dismiss()
        over = asyncio.get_running_loop().time() + seconds
        news = asyncio.Event()
        self._wake = news.set
        while not self._is_over:
            found = read_past_frame(self.data)
            if (not from_nothing) if found is None else not found.may_go_on:
                return
            news.clear()
            try:
                async with asyncio.timeout_at(over):
                    await news.wait()
            except TimeoutError:
                return

    def end(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.abort()  # not `close`, which over TLS waits for the other side's farewell


@attrs.frozen
class FlawedAnswer:
    """What can be read of an answer without believing its frame.

    Args:
        status: the HTTP status.
        headers: as far as they can be read, by their names in small letters.
        body: the object that stands in the body if it is whole, else what has come.
        is_whole: whether it is.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def may_go_on(self) -> bool:
        """Whether the service may have taken the job, and its id is still to come."""
        return 200 <= self.status < 300 and not self.is_whole and self.body.lstrip()[:1] in (b"", b"{")


_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_NO_JSON: Final = re.compile(rb"[^\n{\[]*\n")
"""A line in front of the body that may have been meant for the size of a chunk."""


def read_past_frame(data: bytes | bytearray) -> FlawedAnswer | None:
    """Read an answer as far as it has come, whatever its lengths and chunks say.

    None if there is no status, or no end of the head.
    """
    at = 0
    while (line := _STATUS_LINE.match(data, at)) and (blank := _BLANK_LINE.search(data, line.end() - 1)):
        at = blank.end()
        status = int(line[1])
        if not 100 <= status < 200:  # an interim answer has only a head
            headers = _headers(bytes(data[line.end() : blank.start()]))
            found = list(_bodies(bytes(data[at:]), headers))
            whole = next(filter(None, map(first_object, found)), None)
            return FlawedAnswer(status, headers, found[0] if whole is None else whole, whole is not None)
    return None


def _headers(lines: bytes) -> dict[str, str]:
    fields = (line.partition(":") for line in lines.decode("latin-1").splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in fields}


def _bodies(rest: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Give what the body may be, the likeliest first: by its chunks, as it came, and without its first line."""
    ways = [rest]
    if "chunked" in headers.get("transfer-encoding", ""):
        ways.insert(0, _without_chunks(rest))
    if (line := _NO_JSON.match(rest)) is not None:
        ways.append(rest[line.end() :])
    for body in ways:
        try:
            limit = max(len(rest), MOST_OF_A_HEAD)
            yield inflate(body, headers.get("content-encoding"), limit=limit, may_be_cut=True)
        except WireError:
            yield body


def _without_chunks(rest: bytes) -> bytes:
    body, at = bytearray(), 0
    while (line := _CHUNK_SIZE.match(rest, at)) is not None and (size := int(line[1], 16)):
        at = line.end() + size
        body += rest[line.end() : at]
        if rest[at : at + 2] != b"\r\n":
            break
        at += 2
    return bytes(body)
