"""Virtual time: it runs at a chosen speed, stands still, or is stepped by hand.

Pure but for the clock that is handed in. It knows nothing of jobs, and it never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["VirtualClock"]

_LAST_MOMENT: Final = 253_000_000_000.0
"""In the year 9987: what comes much later has no timestamp."""


class VirtualClock:
    """The moment as the sandbox sees it.

    Args:
        start: the first moment, in virtual seconds since the epoch, from 0 to the year 9987.
        speed: virtual seconds a real second, 0 to 1e6; at 0 only `advance` moves the time.
        clock: gives real seconds, from any beginning, never backwards.

    Raises:
        ValueError: a number is out of its bounds.
    """

    def __init__(self, *, start: float, speed: float, clock: Callable[[], float]) -> None:
        if not 0 <= start <= _LAST_MOMENT:
            raise ValueError(f"start must be from 0 to {_LAST_MOMENT:g} seconds since the epoch, not {start}")
        if not 0 <= speed <= 1e6:
            raise ValueError(f"speed must be from 0 to 1e6, not {speed}")
        self.speed = speed
        self._moment = start
        self._clock = clock
        self._running_since: float | None = None

    @property
    def now(self) -> float:
        """The moment, in virtual seconds since the epoch."""
        if self._running_since is None:
            return self._moment
        return min(self._moment + (self._clock() - self._running_since) * self.speed, _LAST_MOMENT)

    def start(self) -> None:
        """Let the time run from where it stands."""
        self._running_since = self._clock()

    def stop(self) -> None:
        """Let the time stand still."""
        self._moment = self.now
        self._running_since = None

    def advance(self, seconds: float) -> None:
        """Step forward, whether the time runs or stands.

        Args:
            seconds: how far, in virtual seconds, 0 or more, not past the year 9987.

        Raises:
            ValueError: the step is out of its bounds.
        """
        if not 0 <= seconds <= _LAST_MOMENT - self.now:
            raise ValueError(f"seconds must be 0 or more and end before the year 9988, not {seconds}")
        self._moment += seconds
