"""A service that a test writes as a function, reached without a socket: for whole sessions on virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from motion_async import MotionSession

__all__ = ["Answer", "Script", "scripted_session"]

Answer = tuple[int, dict[str, str], dict[str, Any]]
"""The status, headers and fields of an answer."""
Script = Callable[[str, str, dict[str, Any]], Awaitable[Answer]]
"""Gives the answer to a method, the last part of a path, and a body; it may take its time, on the loop's own clock."""


class _Connection(asyncio.Transport):
    """The client's end of a connection: what is written to it is answered as the script says."""

    def __init__(self, protocol: asyncio.Protocol, script: Script) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._script = script
        self._unread = b""
        self._answering: asyncio.Task[None] | None = None
        self._is_closing = False

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._unread += data
        head, end, body = self._unread.partition(b"\r\n\r\n")
        if end and (head.startswith(b"GET ") or body.endswith(b"}")):
            self._unread = b""
            method, path, *_ = head.decode().split(" ", 2)
            asked = self._script(method, path.removeprefix("/api/motion/sessions").strip("/"), json.loads(body or "{}"))
            self._answering = self._loop.create_task(self._answer(asked))

    async def _answer(self, asked: Awaitable[Answer]) -> None:
        status, headers, fields = await asked
        body = json.dumps(fields).encode()
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *map(": ".join, headers.items()), "", ""]
        self._protocol.data_received("\r\n".join(lines).encode() + body)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            if self._answering is not None:
                self._answering.cancel()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        """Do nothing: an answer is one piece, and short."""

    def resume_reading(self) -> None:
        """Do nothing; see `pause_reading`."""


class _Connector(aiohttp.BaseConnector):
    def __init__(self, script: Script) -> None:
        super().__init__(limit=0)
        self._script = script

    async def _create_connection(self, *_args: Any, **_options: Any) -> ResponseHandler:
        protocol = ResponseHandler(self._loop)
        protocol.connection_made(_Connection(protocol, self._script))
        return protocol


@asynccontextmanager
async def scripted_session(script: Script, **options: Any) -> AsyncIterator[MotionSession]:
    """Open a session whose service is a function of the test's."""
    async with (
        aiohttp.ClientSession(connector=_Connector(script)) as connections,
        MotionSession(
            "motion_key", base_url="http://127.0.0.1/api/motion", client_session=connections, **options
        ) as made,
    ):
        yield made
