"""One deadline for many blocks of code, at the price of one timer for all of them.

Every block has the same time, so they expire in the order in which they began: one timer looks at the
oldest alone, and a block costs an entry in a dict. It works like `asyncio.timeout`, which costs
a timer a block. Time in which this process did not run is not counted: what waits in a socket by then is read first.
"""

from __future__ import annotations

import asyncio
import contextvars
from types import TracebackType
from typing import Final

__all__ = ["Deadline", "Deadlines"]

_LOOK: Final = 1.0
"""Seconds between two looks at the oldest block; also what is left to read in after the process stood still."""
_LATE: Final = 0.5
"""Seconds by which a look comes late when the process stood still: a stopped one, a blocked loop, a paused machine."""


class Deadline:
    """A block of code that one task runs under the common deadline: `with Deadline(deadlines): …`, entered once.

    Raises `TimeoutError` when it has expired.
    """

    __slots__ = ("_cancelling", "_deadlines", "_task", "expired", "expires_at")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.expired = False

    def __enter__(self) -> None:
        loop = self._deadlines.loop
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        self.expires_at = loop.time() - self._deadlines.frozen + self._deadlines.seconds
        self._deadlines.running[self] = None
        if self._deadlines.timer is None:
            self._deadlines.look_later()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.expired:
            del self._deadlines.running[self]
        # As in `asyncio.timeout`: if somebody else has cancelled the task as well, that goes on as a cancellation.
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """End the block: its task gets a cancellation that becomes a `TimeoutError` at the block's end."""
        self.expired = True
        self._task.cancel()


class Deadlines:
    """Gives blocks of code the same time each.

    Attributes:
        seconds: that time.
        running: the blocks that are running, in the order in which they began; that is the order of their ends, too.
        frozen: the seconds in which the process was seen to stand still while blocks were running.
        timer: that of the next look at the oldest of them, None if none is set.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.loop = asyncio.get_running_loop()
        self.running: dict[Deadline, None] = {}
        self.frozen = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self._looks_at = 0.0
        self._has_waited = False
        # Of no block's, as one look sets the timer of the next: it would keep what the first block's caller holds.
        self._context = contextvars.Context()

    def look_later(self) -> None:
        """Set the timer for the next look; one block at least is running."""
        now, oldest = self.loop.time(), next(iter(self.running))
        # Often, as only a timer that comes late shows that the process stood still.
        self._looks_at = min(now + _LOOK, max(oldest.expires_at + self.frozen, now))
        self.timer = self.loop.call_at(self._looks_at, self._look, context=self._context)

    def close(self) -> None:
        """End every block that is still running, and stop the timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None  # so that a block which begins all the same sets a new one
        while self.running:
            self.running.popitem()[0].expire()

    def _look(self) -> None:
        """End the blocks whose time has passed."""
        self.timer = None
        now = self.loop.time()
        late = now - self._looks_at
        # Not twice in a row: a machine that is always late would never end anything.
        if late > _LATE and self.running and not self._has_waited:
            # What came meanwhile lies in the socket, and is read after this: a block has what it had, and a moment.
            self.frozen += late + min(_LOOK, self.seconds)
            self._has_waited = True
        else:
            self._has_waited = False
        while self.running:
            oldest = next(iter(self.running))
            if oldest.expires_at + self.frozen > now:
                self.look_later()
                return
            del self.running[oldest]
            oldest.expire()
