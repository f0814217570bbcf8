"""The end of a session, as something that every wait inside it can wait for as well.

It must not end anything itself.
"""

from __future__ import annotations

import asyncio

from motion_async.errors import SessionClosedError

__all__ = ["Closing"]


class Closing:
    """Says whether a session is being left: `begun` is a future that is done once it is."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Wake all that wait; a second call does nothing."""
        if not self.begun.done():
            self.begun.set_result(None)

    async def pause(self, seconds: float) -> None:
        """Sleep for so long, unless the session is left."""
        # `wait` neither raises nor cancels the future at the timeout, which all others wait for as well.
        await asyncio.wait([self.begun], timeout=seconds)

    def raise_if_begun(self, before: str) -> None:
        """Raise a `SessionClosedError` if the session is being left; `before` says in words before what."""
        if self.begun.done():
            raise SessionClosedError(f"the session was left before {before}")
