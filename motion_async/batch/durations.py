"""Teaches schedules that learn from the jobs that ledgers saw end: each schedule from each ledger, once.

It reads a ledger and teaches; what ends in this session a schedule learns from the poll loop, and not from here.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from motion_async.ledger import Ledger
from motion_async.timing.learned import LearningSchedule, learns
from motion_async.timing.schedule import Schedule

__all__ = ["PastDurations"]


class PastDurations:
    """Teaches a schedule that learns from the jobs that a ledger saw end: each ledger once a session."""

    def __init__(self) -> None:
        # By weak keys, so that a session keeps no ledger in memory that its caller has let go of.
        self._given: WeakKeyDictionary[Ledger, list[LearningSchedule]] = WeakKeyDictionary()

    async def give(self, schedule: Schedule, ledger: Ledger) -> None:
        """Teach a schedule, if it is one that learns, what a ledger has seen end, unless it knows that already.

        After a `LedgerError` the next call tries again.
        """
        if not learns(schedule):
            return
        taught = self._given.setdefault(ledger, [])
        if any(one is schedule for one in taught):  # not `in`: two schedules that compare equal learn apart
            return
        # Before the await: two batches that begin together must not teach the same jobs twice.
        taught.append(schedule)
        try:
            durations = await ledger.durations()
        except BaseException:
            taught.remove(schedule)  # another batch may have better luck
            raise
        for seconds, turn in durations:
            # From age 0 in one stretch: a ledger keeps how long a job took, not the polls in between.
            schedule.finished(0.0, seconds, turn, duration=seconds)
