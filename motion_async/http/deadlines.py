"""One deadline for many blocks of code, at the price of one timer for all of them.

Every block has the same time, so they expire in the order in which they began: the timer is set for
the oldest alone, and a block costs an entry in a dict. It works like `asyncio.timeout`, which costs
a timer a block.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Deadlines"]


class _Block:
    """A block of code that one task runs under the common deadline."""

    __slots__ = ("_cancelling", "_deadlines", "_task", "expired", "expires_at")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self.expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task(self._deadlines.loop)
        if task is None:
            raise RuntimeError("a deadline needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        self.expires_at = self._deadlines.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.expired:
            self._deadlines.end(self)
        # As in `asyncio.timeout`: if somebody else has cancelled the task as well, that goes on as a cancellation.
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """End the block: its task gets a cancellation that becomes a `TimeoutError` at the block's end."""
        self.expired = True
        self._task.cancel()


class Deadlines:
    """Gives blocks of code the same time each; `with deadlines.block(): …` raises `TimeoutError` after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.loop = asyncio.get_running_loop()
        self._blocks: dict[_Block, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def block(self) -> _Block:
        """Give a context manager for one block, entered once, inside a task."""
        return _Block(self)

    def begin(self, block: _Block) -> float:
        """Take a block in, and say when it expires; for `_Block` alone."""
        expires_at = self.loop.time() + self._seconds
        self._blocks[block] = None
        if self._timer is None:
            self._timer = self.loop.call_at(expires_at, self._sweep)
        return expires_at

    def end(self, block: _Block) -> None:
        """Let a block go; for `_Block` alone."""
        del self._blocks[block]

    def close(self) -> None:
        """End every block that is still running, and stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # so that a block which begins all the same sets a new one
        while self._blocks:
            self._blocks.popitem()[0].expire()

    def _sweep(self) -> None:
        self._timer = None
        now = self.loop.time()
        while self._blocks:
            # A dict keeps the order in which blocks began, and with one time for all that is the order of their ends.
            oldest = next(iter(self._blocks))
            if oldest.expires_at > now:
                self._timer = self.loop.call_at(oldest.expires_at, self._sweep)
                return
            del self._blocks[oldest]
            oldest.expire()
