"""A loop whose time jumps to the next timer: hours pass in no time, and a loop that nothing can wake any more says so.

It has no sockets and no threads. Beside looptime, which many tests use, it does one step of the loop where that does
dozens, so it is for tests of days.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

__all__ = ["VirtualLoop"]


class _Jump(selectors.SelectSelector):
    """Moves the loop's time on instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left that could wake the loop: somebody waits for ever")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._clock_resolution = 1e-6  # coarser than what a float of some days can tell apart

    def time(self) -> float:
        """Give the seconds since the beginning."""
        return self._jump.now
