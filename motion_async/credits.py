"""Waits for credits: after a 402, one create at a time is tried again, until one is taken.

It sends nothing itself, and does not know what is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias, TypeVar

from motion_async.errors import InsufficientCreditsError
from motion_async.events import Event, SendDisturbed
from motion_async.options import check_choice

__all__ = ["CREDITS_INTERVAL", "Credits", "OnInsufficientCredits", "check_on_insufficient_credits"]

OnInsufficientCredits: TypeAlias = Literal["stop", "wait"]
"""What to do after a 402: create nothing more, or try one create again and again until one is taken."""

CREDITS_INTERVAL: Final = 60.0
"""Seconds between two tries while credits are waited for."""

_T = TypeVar("_T")


class _HeldBackError(Exception):
    """An attempt came to the point of being sent when credits were already waited for."""


def check_on_insufficient_credits(given: OnInsufficientCredits) -> OnInsufficientCredits:
    """Give an `on_insufficient_credits` back if it is one.

    Args:
        given: what the caller handed in.

    Raises:
        ConfigurationError: if it is neither `stop` nor `wait`.
    """
    return check_choice("on_insufficient_credits", given, "stop", "wait")


class Credits:
    """Lets sends through while there are credits, and holds them back while there are none.

    Args:
        publish: told of each 402 after which credits are waited for.
    """

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._refusals = 0
        self._one_tries = asyncio.Lock()
        self._over = asyncio.Event()

    def give_up(self) -> None:
        """Wait for credits no longer: whoever waits makes its attempt at once, one after the other."""
        self._over.set()

    async def send(self, attempt: Callable[[Callable[[], None]], Awaitable[_T]]) -> _T:
        """Send something as soon as there are credits for it.

        Args:
            attempt: sends it, and raises an `InsufficientCreditsError` if there are not enough. It is given what to
                call just before it sends, as credits may have run out while it waited for that.

        Returns:
            What the attempt that was not refused gave.
        """
        if not self._refusals:
            try:
                return await attempt(self._hold_back)
            except InsufficientCreditsError as error:
                self._missing(error)
            except _HeldBackError:
                pass  # it is not sent, and waits for its turn like those that come later
        async with self._one_tries:
            while True:
                if self._refusals:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(CREDITS_INTERVAL):
                            await self._over.wait()
                try:
                    taken = await attempt(lambda: None)
                except InsufficientCreditsError as error:
                    self._missing(error)
                else:
                    self._refusals = 0
                    return taken

    def _hold_back(self) -> None:
        if self._refusals:
            raise _HeldBackError

    def _missing(self, error: InsufficientCreditsError) -> None:
        self._refusals += 1
        self._publish(SendDisturbed(None, error, self._refusals, CREDITS_INTERVAL))
