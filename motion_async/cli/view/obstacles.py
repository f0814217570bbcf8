"""What stands in the way of the work, in words, for as long as it lasts: the service, its pace, credits, the ledger.

It prints nothing, and knows of no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from motion_async.cli.failures import credits_words, trouble_words
from motion_async.cli.looks import clock_time, label, span
from motion_async.cli.output.troubles import is_worth_saying
from motion_async.errors import InsufficientCreditsError, TransportError
from motion_async.events import Event, JobAccepted, PollDisturbed, SendDisturbed, SessionSlowed, StatusUndocumented
from motion_async.ledger import LedgerTrouble

__all__ = ["Obstacles"]

_LASTS: Final = 5.0
"""Seconds for which words stand where nothing tells that it is over; a ledger is tried more often."""
_QUIET: Final = 10.0
"""Seconds without an answer, from which on they are said in the place of the last error."""


class Obstacles:
    """Keeps what stands in the way; `clock` gives seconds that never go backwards."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._credits = ""
        self._credits_again = 0.0
        self._disturbed = ""
        self._is_silent = False
        self._disturbed_at = 0.0
        self._disturbed_until = 0.0
        self._passing = ""
        self._passes_at = 0.0

    def hold_up(self, *, silent_for: float | None) -> bool:
        """Whether nobody knows when it goes on: for want of credits, or as no answer comes."""
        return bool(self._credits) or (self._is_silent and self._is_disturbed(silent_for, self._clock()))

    def take(self, event: Event | LedgerTrouble) -> None:
        """Keep the words of what is in the way, and drop those of what no longer is."""
        now = self._clock()
        match event:
            case JobAccepted():
                self._credits = ""
            case SendDisturbed(error=InsufficientCreditsError() as error):
                self._credits = credits_words(error)
                self._credits_again = now + event.next_wait
            case SendDisturbed() | PollDisturbed():
                self._disturbed = trouble_words(event)
                self._is_silent = isinstance(event.error, TransportError)
                self._disturbed_at = now
                self._disturbed_until = now + event.next_wait + _LASTS
            case SessionSlowed():
                slow = f"the service asked for fewer calls: {event.polls_per_second:.1f} polls a second now"
                self._say(slow, now + max(event.pause, _LASTS))
            case StatusUndocumented():
                self._say(f"a job stands in a status that is not documented: {label(event.status)}", now + _LASTS)
            case LedgerTrouble() if is_worth_saying(event):
                self._say(trouble_words(event), now + _LASTS)
            case _:
                pass

    def words(self, *, silent_for: float | None, making: int) -> Iterator[str]:
        """Say what is in the way now, the worst first.

        `silent_for` is how long ago its last good answer came, None where nobody knows; `making` videos go on there.
        """
        now = self._clock()
        if self._credits:
            again = f"next try in {span(max(self._credits_again - now, 0.0))}"
            yield f"{self._credits}; {again}, what runs goes on"
        if self._is_disturbed(silent_for, now):
            yield self._disturbance(now - self._disturbed_at if silent_for is None else silent_for, making)
        if now < self._passes_at:
            yield self._passing

    def _disturbance(self, seconds: float, making: int) -> str:
        """Say what the last error was, or, where it is that no answer came, for how long that is so."""
        if not self._is_silent or seconds < _QUIET:
            return self._disturbed
        going_on = f"; {making:,} videos go on there, nothing is lost" if making else ""
        return f"the service has not answered for {clock_time(seconds)}{going_on}"

    def _is_disturbed(self, silent_for: float | None, now: float) -> bool:
        if not self._disturbed:
            return False
        return now < self._disturbed_until if silent_for is None else silent_for >= now - self._disturbed_at

    def _say(self, words: str, until: float) -> None:
        self._passing = words
        self._passes_at = until
