"""Sockets to their end: those of a client, counted where they open and close, and those that a server accepts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from typing import Any

__all__ = ["Sockets", "end_server"]


async def end_server(server: asyncio.Server, handlers: Collection[asyncio.Task[None]]) -> None:
    """Close a server and end its handlers, of which each closes its connection when it ends.

    No loop closes the socket of a connection that it has accepted and whose handler never began. So what has connected
    comes to its handler first: what came before the server was closed, and what was accepted in that very moment.
    """
    await _let_handlers_begin()
    server.close()
    await _let_handlers_begin()
    ending = list(handlers)
    for handler in ending:
        handler.cancel()
    if ending:
        await asyncio.wait(ending)
    await server.wait_closed()


async def _let_handlers_begin() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Sockets:
    """Makes sockets for a connector, and counts those that are open.

    Attributes:
        made: how many it has made.
        most: how many of them have been open at one time.
        now: how many of them are open.
    """

    def __init__(self) -> None:
        self.made = 0
        self.most = 0
        self._open: set[socket.socket] = set()

    @property
    def now(self) -> int:
        return len(self._open)

    def __call__(self, address: Any) -> socket.socket:
        is_open = self._open

        class Counted(socket.socket):
            def close(self) -> None:
                is_open.discard(self)
                super().close()

        family, kind, protocol, *_ = address
        made = Counted(family, kind, protocol)
        is_open.add(made)
        self.made += 1
        self.most = max(self.most, len(is_open))
        return made
