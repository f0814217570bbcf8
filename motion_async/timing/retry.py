"""Tries a poll by hand again, while the trouble may pass.

Creates and followups are tried again by `sending.sender`, watched jobs by `polling.loop`. It knows nothing of what is
called; whether an error may pass is asked of a function handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from motion_async.errors import MotionError, ServiceError
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing

__all__ = ["Retries"]

_T = TypeVar("_T")


class Retries:
    """Tries the calls of a session again.

    `failed` is told of each failure, and of the loop's time at which the try began; `closing` ends every wait.
    """

    def __init__(
        self,
        *,
        backoff: Backoff,
        random: Callable[[], float],
        failed: Callable[[MotionError, float], None],
        closing: Closing,
    ) -> None:
        self._backoff = backoff
        self._random = random
        self._failed = failed
        self._closing = closing

    async def run(
        self,
        attempt: Callable[[], Awaitable[_T]],
        *,
        may_repeat: Callable[[MotionError], bool],
        attempts: int,
    ) -> _T:
        """Try until it succeeds, and give the result, or raise the error of the last try that may be made."""
        failures = 0
        while True:
            began_at = asyncio.get_running_loop().time()
            try:
                return await attempt()
            except MotionError as error:
                failures += 1
                # Of the last failure, too: a 429 slows the whole session, whether this call is made again or not.
                self._failed(error, began_at)
                if not may_repeat(error) or failures >= attempts:
                    raise
                retry_after = error.retry_after if isinstance(error, ServiceError) else None
                delay = self._backoff.delay(failures, u=self._random(), retry_after=retry_after)
            await self._closing.pause(delay)
            self._closing.raise_if_begun("the call could be made again; nothing came of it")
