"""The inbox of one reader of changes or events: a slow reader fills its own, and slows nobody.

It keeps the newest items up to a limit; the oldest go first, and are counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Inbox"]

_Item = TypeVar("_Item")


class Inbox(Generic[_Item]):
    """The unread items of one reader, and the coroutines that sleep until there is more.

    At most `limit` items are kept; the oldest ones go first.
    """

    __slots__ = ("__weakref__", "_dropped", "_limit", "_sleepers", "_unread", "is_closed")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._unread: deque[_Item] = deque()
        self._sleepers: list[asyncio.Future[None]] = []
        self._dropped = 0
        self.is_closed = False

    def put(self, item: _Item) -> None:
        """Take an item in, and wake the readers that sleep."""
        self._unread.append(item)
        if len(self._unread) > self._limit:
            self._unread.popleft()
            self._dropped += 1
        self.wake()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is unread."""
        return not self._unread and not self._dropped

    def take(self) -> _Item | None:
        """Give the oldest unread item, None if there is none."""
        return self._unread.popleft() if self._unread else None

    def take_dropped(self) -> int:
        """Give how many items have gone unread since this was called last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def wake(self) -> None:
        """Wake the readers that sleep, which then look again."""
        sleepers, self._sleepers = self._sleepers, []
        for future in sleepers:
            if not future.done():
                future.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """Give a future that is done at the next `wake`, for which there may be no item."""
        future = asyncio.get_running_loop().create_future()
        if self._sleepers:
            # Steps that were cancelled while nothing came: nobody reads those futures any more.
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper.done()]
        self._sleepers.append(future)
        return future

    def close(self) -> None:
        """Take note that nothing more comes in, and wake the readers that sleep."""
        self.is_closed = True
        self.wake()
