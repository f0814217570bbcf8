"""Decides which troubles are said in words: the first of a kind that is worth a sentence, and not each attempt.

It prints nothing, and decides for one listener.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from motion_async.cli.failures import trouble_words
from motion_async.events import Event, PollDisturbed, SendDisturbed
from motion_async.ledger import LedgerTrouble

__all__ = ["TroubleWords", "is_worth_saying"]

_AGAIN: Final = 60.0
"""Seconds between two sentences on one kind of trouble: each failure is told, and the first ones come fast."""
_WORTH_SAYING: Final = 1.0
"""Seconds of trouble with the ledger before it is said: two processes on one file wait for each other all the time."""


def is_worth_saying(trouble: LedgerTrouble) -> bool:
    """Whether the ledger is waited for longer than is usual."""
    return trouble.waited >= _WORTH_SAYING


class TroubleWords:
    """Gives the words for trouble every so often; `clock` gives seconds that never go backwards."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Apart by kinds: one trouble must not hush up another.
        self._next: dict[tuple[type, type | None], float] = {}

    def due(self, event: Event | LedgerTrouble) -> str | None:
        """Give what is to be said now of something that happened, None if nothing is."""
        if not isinstance(event, PollDisturbed | SendDisturbed | LedgerTrouble):
            return None
        if isinstance(event, LedgerTrouble) and not is_worth_saying(event):
            return None
        kind = type(event), None if isinstance(event, LedgerTrouble) else type(event.error)
        now = self._clock()
        if now < self._next.get(kind, now):
            return None
        self._next[kind] = now + _AGAIN
        return trouble_words(event)
