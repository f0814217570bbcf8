"""Sockets that are counted where they are opened and closed: the other end hears late of an end."""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["Sockets"]


class Sockets:
    """Makes sockets for a connector, and counts those that are open.

    Attributes:
        made: how many it has made.
        most: how many of them have been open at one time.
    """

    def __init__(self) -> None:
        self.made = 0
        self.most = 0
        self._open: set[socket.socket] = set()

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
