"""A server of bare bytes that does whatever a script says, and keeps count of what reached it.

It must not be polite: aiohttp's own server would never send most of this. A script is called once for each request
that was read, or, if it is `unasked`, once for each connection before anything is read from it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.sockets import end_server
from tests.waiting import until

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
KEY = "motion_secret_key_of_the_tests"
STATE = (
    b'{"job_id":"%s","status":"%s","created_at":"2026-04-28T23:01:04.198Z","updated_at":"2026-04-28T23:01:23.695Z",'
    b'"completed_at":%s,"error":null,"pending_user_input":false}'
)


def state(status: str = "running", job_id: str = JOB) -> bytes:
    """Give a whole state, which is a good answer to each of the three calls."""
    completed_at = b'"2026-04-28T23:05:00Z"' if status == "completed" else b"null"
    return STATE % (job_id.encode(), status.encode(), completed_at)


def http(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Give an answer that is as it should be."""
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


class Peer:
    """The client's end of one connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, elsewhere: str = "") -> None:
        self.reader = reader
        self.writer = writer
        self.elsewhere = elsewhere

    async def say(self, *pieces: bytes) -> None:
        """Write each piece, as far as the client is still there."""
        for piece in pieces:
            if self.writer.is_closing():
                raise ConnectionResetError
            self.writer.write(piece)
            await self.writer.drain()

    def hang_up(self) -> None:
        """End the connection in order (FIN)."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection at once (RST)."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_gone(self) -> None:
        """Say nothing more, and wait until the client leaves."""
        while await self.reader.read(65_536):
            pass


Script = Callable[[Peer], Awaitable[None]]


def unasked(script: Script) -> Script:
    """Mark a script that acts before it has read anything."""
    script.unasked = True  # type: ignore[attr-defined]
    return script


class HostileServer:
    """Reads requests, counts them, and lets a script answer.

    Attributes:
        requests: every request whose head was read, as far as it was read.
        connections: how many connections were made.
        open: how many of them are open now.
        script: what is done with a request that is not answered by `politely`.
        politely: the answer to a GET, so that a followup comes to its POST; None to let the script answer.
        elsewhere: the URL of another origin, for scripts that send clients there.
    """

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.script: Script = Peer.until_gone
        self.politely: bytes | None = None
        self.url = ""
        self.elsewhere = ""
        self.peers: list[Peer] = []
        self.handlers: set[asyncio.Task[None]] = set()

    @property
    def posts(self) -> list[bytes]:
        return [request for request in self.requests if request.startswith(b"POST ")]

    @property
    def gets(self) -> list[bytes]:
        return [request for request in self.requests if request.startswith(b"GET ")]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(Peer(reader, writer, self.elsewhere)))
        self.handlers.add(task)
        task.add_done_callback(self.handlers.discard)

    async def _serve(self, peer: Peer) -> None:
        self.connections += 1
        self.open += 1
        self.peers.append(peer)
        try:
            if getattr(self.script, "unasked", False) and self.politely is None:
                await self.script(peer)
            while True:
                head = await peer.reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests[-1] += await peer.reader.readexactly(length)
                if self.politely is not None and head.startswith(b"GET "):
                    await peer.say(self.politely)
                else:
                    await self.script(peer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the client has gone, which is often the point
        finally:
            self.open -= 1
            self.peers.remove(peer)
            peer.writer.close()

    async def all_gone(self) -> None:
        """Wait until the last connection has ended, and fail if one stays."""
        await until(lambda: not self.open, every=0.001)


@asynccontextmanager
async def hostile_server(context: ssl.SSLContext | None = None) -> AsyncIterator[HostileServer]:
    """Serve on loopback; the script is the test's to set.

    Args:
        context: the server's side of TLS, None for plain HTTP.
    """
    made = HostileServer()
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0, ssl=context)
    made.url = f"http{'s' if context else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/motion"
    try:
        yield made
    finally:
        await end_server(server, made.handlers)
