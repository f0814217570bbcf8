"""Lets polls that are made beside the poll loop wait for their slots.

They wait for their turns in the session's pace, in the order of asking. It counts polls and lets them wait, and
nothing else: it must not make any, nor know of whom.
"""

from __future__ import annotations

import asyncio

from motion_async.timing.closing import Closing
from motion_async.timing.pace import EARLY, Pace

__all__ = ["Admission"]


class Admission:
    """The way in for polls that are made beside the loop's: all wait for the session's one pace."""

    def __init__(self, pace: Pace, closing: Closing) -> None:
        self._pace = pace
        self._closing = closing
        self._loop = asyncio.get_running_loop()
        self._in_order = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until a poll may be sent, and count it; raise `SessionClosedError` if the session is left before."""
        async with self._in_order:
            # Reserved, not just waited for: the poll loop wakes first, and could take every slot as it opens.
            at = self._pace.reserve(self._loop.time())
            try:
                await self._until(at)
            except BaseException:
                self._pace.give_back(at)
                raise
        self._closing.raise_if_begun("the poll had its turn")
        self._pace.sent(self._loop.time())

    async def _until(self, at: float) -> None:
        """Wait until `at`, by the loop's time, and for the end of every pause, unless the session is left."""
        while (rest := max(at, self._pace.resumes_at) - self._loop.time()) > EARLY and not self._closing.begun.done():
            await self._closing.pause(rest)
