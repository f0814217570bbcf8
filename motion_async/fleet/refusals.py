"""What the service says to one worker and means for all: each tells the others, and holds its own session back.

It must not send, poll or decide what is sent: pace and gate of the session do.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from motion_async.errors import InsufficientCreditsError, MotionError, RateLimitedError, ServiceError
from motion_async.events import PollDisturbed, SendDisturbed
from motion_async.fleet.connection import FleetConnection, News
from motion_async.session import MotionSession

__all__ = ["SharedRefusals"]

_WAVE: Final = 1.0
"""Seconds within which complaints of the service are taken for one: they are about calls that left together."""


class SharedRefusals:
    """The refusals that hold for all workers: a 429, a `Retry-After`, and a 402; `by` is this worker's name."""

    def __init__(self, connection: FleetConnection, motion: MotionSession, *, by: str) -> None:
        self._connection = connection
        self._motion = motion
        self._client = motion._open()  # noqa: SLF001  # a fleet's run is one of the session's
        self._by = by
        self._told_until: dict[str, float] = {}
        """By the kind of call the loop's time up to which the other workers know that the service wants fewer."""

    async def tell(self) -> None:
        """Tell the others of what this worker's session is refused, until the task is cancelled."""
        async with aclosing(self._motion.events(poll=False)) as events:
            async for event in events:
                if isinstance(event, SendDisturbed | PollDisturbed):
                    await self._tell_of(event.error, call="send" if isinstance(event, SendDisturbed) else "poll")

    async def _tell_of(self, error: MotionError, *, call: str) -> None:
        if isinstance(error, InsufficientCreditsError):
            await self._connection.notify(kind="credits", by=self._by)
        elif isinstance(error, ServiceError) and (isinstance(error, RateLimitedError) or error.retry_after):
            seconds = error.retry_after or 0.0
            until = asyncio.get_running_loop().time() + seconds
            if until >= self._told_until.get(call, until):  # else it is of a wave that the others have heard of
                self._told_until[call] = until + _WAVE
                await self._connection.notify(kind="slow", call=call, seconds=seconds, by=self._by)

    def hear(self, news: News) -> None:
        """Hold this worker's session back as another was told to wait; other news are none of its business."""
        if news.get("by") == self._by:
            return
        if news.get("kind") == "slow" and isinstance(news.get("seconds"), int | float):
            told = RateLimitedError("another worker was told to wait", 429, retry_after=float(news["seconds"]))
            if news.get("call") == "send":
                self._client.gate.close_for_pace(told)
            if news.get("call") != "send" or told.retry_after:
                # A wave of such news is of one time, and slows once, as a wave of complaints to one session does.
                self._client.polls.slow_down(told, sent_at=asyncio.get_running_loop().time() - _WAVE)
        elif news.get("kind") == "credits":
            self._client.gate.close_for_credits(InsufficientCreditsError("another worker was refused", 402))
