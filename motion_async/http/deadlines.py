"""One deadline for many blocks of code, at the price of one timer for all of them.

Every block has the same time, so they expire in the order in which they began: the timer is set for
the oldest alone, and a block costs an entry in a dict. It works like `asyncio.timeout`, which costs
a timer a block.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Deadline", "Deadlines"]


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
        self.expires_at = loop.time() + self._deadlines.seconds
        self._deadlines.running[self] = None
        if not self._deadlines.is_set:
            self._deadlines.set_timer(self.expires_at)

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
        is_set: whether the timer is set, for the oldest of them.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.loop = asyncio.get_running_loop()
        self.running: dict[Deadline, None] = {}
        self.is_set = False
        self._timer: asyncio.TimerHandle | None = None

    def set_timer(self, at: float) -> None:
        """Have the blocks looked at when the oldest expires; for `Deadline` alone."""
        self.is_set = True
        self._timer = self.loop.call_at(at, self._sweep)

    def close(self) -> None:
        """End every block that is still running, and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self.is_set = False  # so that a block which begins all the same sets a new one
        while self.running:
            self.running.popitem()[0].expire()

    def _sweep(self) -> None:
        self.is_set = False
        now = self.loop.time()
        while self.running:
            oldest = next(iter(self.running))
            if oldest.expires_at > now:
                self.set_timer(oldest.expires_at)
                return
            del self.running[oldest]
            oldest.expire()
