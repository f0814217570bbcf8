"""The end of a session, as something that whoever waits inside it can wait for as well.

It must not end anything itself.
"""

from __future__ import annotations

import asyncio

from motion_async.errors import SessionClosedError

__all__ = ["Closing"]


class Closing:
    """Says whether a session is being left.

    Attributes:
        begun: a future that is done once it is.
    """

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Wake whoever waits; a second call does nothing."""
        if not self.begun.done():
            self.begun.set_result(None)

    async def pause(self, seconds: float) -> None:
        """Sleep for so long, unless the session is left."""
        await asyncio.wait([self.begun], timeout=seconds)

    def raise_if_begun(self, before: str) -> None:
        """Raise if the session is being left.

        Args:
            before: what it was left before, in words.

        Raises:
            SessionClosedError: if it is.
        """
        if self.begun.done():
            raise SessionClosedError(f"the session was left before {before}")
