"""What a reader has not read yet: a queue of its own, from which the oldest goes when it is full.

So a slow reader slows nobody, and costs what it has not read, up to a bound. Nothing here knows what is read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Inbox"]

_Item = TypeVar("_Item")


class Inbox(Generic[_Item]):
    """The unread items of one reader, and the coroutines that sleep until there is more.

    At most `limit` items are kept; the oldest ones go first, and `dropped` counts them.
    """

    __slots__ = ("__weakref__", "_limit", "_sleepers", "_unread", "dropped", "is_closed")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._unread: deque[_Item] = deque()
        self._sleepers: set[asyncio.Future[None]] = set()
        self.dropped = 0
        self.is_closed = False

    def put(self, item: _Item) -> None:
        """Take an item in, and wake the readers that sleep."""
        self._unread.append(item)
        if len(self._unread) > self._limit:
            self._unread.popleft()
            self.dropped += 1
        self.wake()

    def take(self) -> _Item | None:
        """Give the oldest unread item, None if there is none."""
        return self._unread.popleft() if self._unread else None

    def wake(self) -> None:
        """Wake the readers that sleep, which then look again."""
        for future in self._sleepers:
            if not future.done():
                future.set_result(None)

    async def sleep(self) -> None:
        """Sleep until the next `wake`, for which there may be no item."""
        future = asyncio.get_running_loop().create_future()
        self._sleepers.add(future)
        try:
            await future
        finally:
            self._sleepers.discard(future)

    def close(self) -> None:
        """Take note that nothing more comes in, and wake the readers that sleep."""
        self.is_closed = True
        self.wake()
