"""Tests of `motion_async.batch.durations`: what a schedule is told of what ledgers have seen end."""

from __future__ import annotations

import gc
import weakref

import pytest

from motion_async import LearnedSchedule, LedgerError
from motion_async.batch.durations import PastDurations

DURATIONS = [(900.0, 0)] * 50 + [(100.0, 0)] * 50
AGES = range(0, 1_000, 20)


class Told:
    """In the place of a ledger: what it gives, one after the other."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def durations(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_schedule_learns_once_from_each_ledger_and_most_from_the_newest() -> None:
    """Another ledger is another lesson, and so is the same ledger for another schedule."""
    first, second = Told(DURATIONS, DURATIONS), Told(DURATIONS)
    durations, taught, other, expected = PastDurations(), *(LearnedSchedule(memory=10) for _ in range(3))
    for ledger, schedule in ((first, taught), (first, taught), (second, taught), (first, other)):
        await durations.give(schedule, ledger)  # type: ignore[arg-type]
    assert first.answers == second.answers == []
    for seconds, turn in DURATIONS * 2:
        expected.finished(0.0, seconds, turn, duration=seconds)
    assert [taught.wait(age, 0) for age in AGES] == [expected.wait(age, 0) for age in AGES]


async def test_a_ledger_that_nobody_uses_any_more_is_let_go() -> None:
    """A session that makes one batch after the other outlives their ledgers."""
    durations, ledger = PastDurations(), Told(DURATIONS)
    await durations.give(LearnedSchedule(), ledger)  # type: ignore[arg-type]
    remembered = weakref.ref(ledger)
    del ledger
    gc.collect()
    assert remembered() is None


async def test_a_lesson_that_could_not_be_read_is_given_later() -> None:
    """Whoever asked is told; nothing of it has been learnt."""
    ledger, durations, schedule = Told(LedgerError("gone for a moment"), DURATIONS), PastDurations(), LearnedSchedule()
    with pytest.raises(LedgerError):
        await durations.give(schedule, ledger)  # type: ignore[arg-type]
    assert schedule.remembered(0) == 0
    await durations.give(schedule, ledger)  # type: ignore[arg-type]
    assert schedule.remembered(0) > 50
