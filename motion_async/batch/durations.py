"""What schedules that learn have been told by ledgers: what each has seen end, once each.

It reads a ledger and teaches; what ends in this session a schedule learns from the poll loop, and not from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from motion_async.timing.learned import LearningSchedule
from motion_async.timing.schedule import Schedule

if TYPE_CHECKING:
    from motion_async.ledger import Ledger

__all__ = ["PastDurations"]


class PastDurations:
    """The durations of one session."""

    def __init__(self) -> None:
        self._given: WeakKeyDictionary[Ledger, list[LearningSchedule]] = WeakKeyDictionary()

    async def give(self, schedule: Schedule, ledger: Ledger) -> None:
        """Let a schedule that learns do so from what a ledger has seen end, if it has not yet.

        Args:
            schedule: any.
            ledger: an open ledger.

        Raises:
            LedgerError: if the ledger cannot be read; the lesson can be given again.
        """
        if not isinstance(schedule, LearningSchedule):
            return
        taught = self._given.setdefault(ledger, [])
        if any(one is schedule for one in taught):  # by what they are, not what they say
            return
        taught.append(schedule)
        try:
            durations = await ledger.durations()
        except BaseException:
            taught.remove(schedule)  # another batch may have better luck
            raise
        for seconds, turn in durations:
            schedule.finished(0.0, seconds, turn, duration=seconds)
