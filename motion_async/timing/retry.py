"""Makes a call again, where it may be made again: how long to leave alone what has failed, and a loop of tries.

It knows nothing of what is called; whether an error may pass is asked of a function handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from motion_async.errors import ConfigurationError, MotionError, ServiceError
from motion_async.options import check_number
from motion_async.timing.closing import Closing

__all__ = ["Backoff", "Retries", "check_backoff"]

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Backoff:
    """How long to leave alone what has just failed: exponential, with half of it random.

    Args:
        first: seconds after the first failure at most, at least 0.
        cap: seconds after any failure at most, at least `first`; only a Retry-After makes it longer.

    Raises:
        ConfigurationError: for a value out of its bounds.
    """

    first: float = 1.0
    cap: float = 30.0

    def __attrs_post_init__(self) -> None:
        check_number("first", self.first, low=0)
        check_number("cap", self.cap, low=self.first)

    def delay(self, failures: int, *, u: float, retry_after: float | None = None) -> float:
        """Give the seconds until the next try.

        Args:
            failures: how many tries have failed in a row, at least 1.
            u: a random number from 0 to 1.
            retry_after: seconds that the service asked for; it is never undercut.

        Raises:
            ConfigurationError: if the random number is none from 0 to 1.
        """
        u = check_number("what random gives", u, low=0, high=1)
        # Cut at 32, long past any cap, as a float overflows at 1,024.
        longest = min(self.first * 2.0 ** min(failures - 1, 32), self.cap)
        return max(longest * (0.5 + 0.5 * u), retry_after or 0.0)


def check_backoff(backoff: Backoff) -> Backoff:
    """Give a backoff back, or raise a `ConfigurationError` if it is none."""
    if not isinstance(backoff, Backoff):
        raise ConfigurationError(f"backoff must be a Backoff, not {backoff!r:.80}")
    return backoff


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
