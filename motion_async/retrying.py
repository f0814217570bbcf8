"""Makes a call again, where it may be made again: the one loop of tries for all calls but the poll loop's.

It knows nothing of what is called; whether an error may pass is asked of a function handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from motion_async.errors import MotionError, ServiceError, SessionClosedError
from motion_async.pacing import Backoff

__all__ = ["Retries"]

_T = TypeVar("_T")


class Retries:
    """How the calls of a session are tried again.

    Args:
        backoff: how long to wait before the next try.
        random: gives a number from 0 to 1.
        failed: told of each failure and the loop's time at which the try began.
    """

    def __init__(
        self, *, backoff: Backoff, random: Callable[[], float], failed: Callable[[MotionError, float], None]
    ) -> None:
        self._backoff = backoff
        self._random = random
        self._failed = failed
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        """Try nothing again any more, and tell whoever waits to."""
        if not self._over.done():
            self._over.set_result(None)

    async def run(
        self,
        attempt: Callable[[], Awaitable[_T]],
        *,
        may_repeat: Callable[[MotionError], bool],
        attempts: int,
        repeating: Callable[[MotionError, int, float], None] | None = None,
    ) -> _T:
        """Try until it succeeds, fails for good, or has failed often enough.

        Args:
            attempt: makes one try.
            may_repeat: whether a try that ended so may be made again.
            attempts: the most tries, at least 1.
            repeating: told before each wait: the error, how many tries have failed, and the seconds to the next.

        Returns:
            What the try that succeeded gave.

        Raises:
            MotionError: the last try's.
        """
        failures = 0
        while True:
            began_at = asyncio.get_running_loop().time()
            try:
                return await attempt()
            except MotionError as error:
                failures += 1
                self._failed(error, began_at)
                if not may_repeat(error) or failures >= attempts:
                    raise
                retry_after = error.retry_after if isinstance(error, ServiceError) else None
                delay = self._backoff.delay(failures, u=self._random(), retry_after=retry_after)
                if repeating is not None:
                    repeating(error, failures, delay)
            await asyncio.wait([self._over], timeout=delay)
            if self._over.done():
                raise SessionClosedError("the session was left before the call could be made again; nothing came of it")
