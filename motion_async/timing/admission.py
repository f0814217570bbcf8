"""Lets polls that are made beside the poll loop wait for their slots.

They wait for their turns in the session's pace, in the order of asking. It counts polls and lets them wait, and
nothing else: it must not make any, nor know of whom.
"""

from __future__ import annotations

import asyncio

from motion_async.timing.closing import Closing
from motion_async.timing.pace import Lane, Pace

__all__ = ["Admission"]


class Admission:
    """The way in for polls that are made beside the loop's: they share one lane of the session's pace."""

    def __init__(self, pace: Pace, closing: Closing) -> None:
        self._lane = Lane(pace)
        self._closing = closing
        self._loop = asyncio.get_running_loop()
        self._in_order = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until a poll may be sent, and count it; raise `SessionClosedError` if the session is left before."""
        async with self._in_order:
            try:
                while True:
                    self._closing.raise_if_begun("the poll had its turn")
                    if not (seconds := self._lane.wait(self._loop.time())):
                        return
                    await self._closing.pause(seconds)
            finally:
                self._lane.give_back()  # there is one if this poll is not sent
