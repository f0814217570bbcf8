"""A network between a worker and PostgreSQL that can stop carrying anything, without telling either of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from tests.sockets import end_server

__all__ = ["Proxy", "open_proxy"]


class Proxy:
    """Carries bytes between whoever connects to it and a database, or keeps them back.

    Attributes:
        url: of the database, over this.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.carries = asyncio.Event()
        self.carries.set()
        self.handlers: set[asyncio.Task[None]] = set()

    def swallow(self) -> None:
        """Carry nothing more; new connections are accepted, and hear nothing."""
        self.carries.clear()

    def deliver(self) -> None:
        """Carry what was kept back, as the senders would send it again."""
        self.carries.set()

    def cut(self) -> None:
        """Break every connection, and what was kept back is lost; new ones are carried."""
        for handler in self.handlers:
            handler.cancel()
        self.carries.set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self.handlers.add(handler)
        handler.add_done_callback(self.handlers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await self._connect()
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._carry(reader, there))
                    ways.create_task(self._carry(there_reader, writer))
            finally:
                there.close()
        except* OSError:
            pass  # one of them has gone, and so the other goes
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.target)
        if home := parse_qs(parts.query).get("host"):
            return await asyncio.open_unix_connection(f"{home[0]}/.s.PGSQL.5432")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await self.carries.wait()
            writer.write(data)
            await writer.drain()
        await self.carries.wait()
        raise ConnectionResetError("closed by its other end")


@asynccontextmanager
async def open_proxy(target: str) -> AsyncIterator[Proxy]:
    """Have a database reached over a proxy."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    parts = urlsplit(target)
    login = parts.netloc.rpartition("@")[0]
    proxy.url = f"postgresql://{login}@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"
    try:
        yield proxy
    finally:
        with suppress(OSError):
            await end_server(server, proxy.handlers)
