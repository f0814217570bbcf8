"""A schedule that learns from finished jobs when a job is worth asking about.

Pure: ages and durations are arguments; no clock is read, nothing is random, nothing sleeps. It keeps
counts of a fixed size whatever the number of jobs, and knows of no job, call or answer: whoever
polls tells it, poll by poll, how long a job was seen to run and when it was seen to have ended.

The theory is that of checking for a failure that shows only when one looks (Barlow, Hunter and
Proschan, "Optimum checking procedures", Journal of the Society for Industrial and Applied Mathematics
11, 1963) in Keller's form ("Optimum checking schedules for systems subject to random failure",
Management Science 21, 1974): where polls lie `1 / n` seconds apart, a job that ends is noticed
`1 / (2 n)` seconds later on average, so with a hazard `h` of ending, and `u` polls being worth a
second of delay, a job costs `n + u * h / (2 n)` a second. That is least where `n = sqrt(u * h / 2)`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final, Protocol, TypeGuard, runtime_checkable

from motion_async.options import check_number
from motion_async.timing.schedule import GrowingSchedule, Schedule, check_schedule

__all__ = ["LearnedSchedule", "LearningSchedule", "agrees", "learns"]

_STEP: Final = 0.04
_SCALE: Final = 20.0
_OLDEST: Final = 21_600.0
"""Ages are counted in bins: about 0.8 s wide for young jobs, 4 % of the age for old ones, up to six hours."""
_EDGES: Final = tuple(
    _SCALE * math.expm1(_STEP * number) for number in range(math.ceil(math.log1p(_OLDEST / _SCALE) / _STEP) + 1)
)
_WIDTHS: Final = tuple(high - low for low, high in pairwise(_EDGES))
_BINS: Final = len(_WIDTHS)
_HEAVIEST: Final = 1e6
"""The counts are scaled back when an observation weighs so much, long before a float loses digits."""
_ASKEW: Final = 2.0
"""Seconds by which a duration by the service's clock may miss the interval in which the end was seen."""


def agrees(duration: float, *, since: float, age: float) -> bool:
    """Whether a duration by the service's clock fits what was seen here: unfinished at one age, finished at another."""
    return since - _ASKEW <= duration <= age + _ASKEW


@runtime_checkable
class LearningSchedule(Schedule, Protocol):
    """A schedule that wants to be told how long jobs run."""

    def running(self, since: float, age: float, turn: int) -> None:
        """Take note that a job was seen unfinished; see `LearnedSchedule.running`."""
        ...

    def finished(self, since: float, age: float, turn: int, *, duration: float | None = None) -> None:
        """Take note that a job was seen finished; see `LearnedSchedule.finished`."""
        ...


def learns(schedule: Schedule) -> TypeGuard[LearningSchedule]:
    """Whether a schedule wants to be told how long jobs run."""
    # Asked for each job, and `isinstance` with a protocol costs as much as reading an answer.
    return hasattr(schedule, "running") and hasattr(schedule, "finished")


class LearnedSchedule:
    """Polls most often at the ages at which jobs have been seen to finish.

    The hazard of finishing at each age is estimated from what `running` and `finished` tell: jobs that
    ended in a bin of ages, divided by the seconds that all jobs spent in it, those that still run
    included. The density of polls is the square root of half the hazard times `urgency` (see the module).
    The next poll is due where the density, summed up from the job's age, reaches one poll.

    It trusts its data slowly. The start schedule counts as `start_weight` jobs whose hazard is the one
    for which that schedule is the best, so the squares of both densities are averaged with those
    weights. With no data the start schedule's own waits are given, and so they are at ages which no job
    has reached. An estimate that is wrong costs at most `longest` seconds of delay a job, for older data fade.
    First turns and followups learn apart.

    Args:
        urgency: how many polls a second of delay is worth, from 0.0001 to 10,000.
        start: the schedule to begin with; the contract's advice when None.
        shortest: seconds of the shortest wait, from 0.1 to 3,600; the start schedule is held to it too.
        longest: seconds of the longest wait, from `shortest` to 86,400; where the start schedule waits
            longer than that, its wait is the longest.
        memory: how many finished jobs are remembered, from 10 to 1,000,000: each job seen to finish takes
            a share of `1 / memory` off the weight of all before it.
        start_weight: how many jobs' evidence the start schedule is worth, from 0.1 to 1,000,000.

    Raises:
        ConfigurationError: for a value out of its bounds, or a start schedule that gives no usable waits.
    """

    __slots__ = ("_first", "_followup", "_longest", "_memory", "_shortest", "_start", "_start_weight", "_urgency")

    def __init__(
        self,
        *,
        urgency: float = 0.9,
        start: Schedule | None = None,
        shortest: float = 2.0,
        longest: float = 90.0,
        memory: float = 1_000.0,
        start_weight: float = 3.0,
    ) -> None:
        self._urgency = check_number("urgency", urgency, low=0.0001, high=10_000)
        self._start = GrowingSchedule() if start is None else check_schedule(start)
        self._shortest = float(check_number("shortest", shortest, low=0.1, high=3_600))
        self._longest = float(check_number("longest", longest, low=shortest, high=86_400))
        self._memory = check_number("memory", memory, low=10, high=1_000_000)
        self._start_weight = check_number("start_weight", start_weight, low=0.1, high=1_000_000)
        first, followup = _starting_densities(self._start, self._shortest)
        self._first = _Experience(first)
        self._followup = _Experience(followup)

    def __repr__(self) -> str:
        options = ("urgency", "start", "shortest", "longest", "memory", "start_weight")
        return "LearnedSchedule(" + ", ".join(f"{name}={getattr(self, '_' + name)!r}" for name in options) + ")"

    def wait(self, age: float, turn: int) -> float:
        """Give the wait before the next poll; see `Schedule.wait`."""
        seen = self._followup if turn > 0 else self._first
        # Thousands of steps, so not at each poll.
        if seen.fresh * 20 > seen.finished / seen.weight:  # a twentieth of what is remembered is new
            seen.waits = self._learned_waits(seen)
            seen.fresh = 0
        waits = seen.waits
        if waits is None or not age < _OLDEST:
            return max(self._start.wait(age, turn), self._shortest)
        if age <= 0:
            return waits[0]
        index = bisect_right(_EDGES, age) - 1
        low = waits[index]
        return low + (waits[index + 1] - low) * (age - _EDGES[index]) / _WIDTHS[index]

    def running(self, since: float, age: float, turn: int) -> None:
        """Take note that a job was seen unfinished, at the price of a microsecond.

        Jobs that still run must count: of many begun together, the first to finish are the shortest.
        To be called after every poll, or after some; each stretch of a job's life is told once.
        What cannot be, such as ages that are negative, infinite or in the wrong order, is not counted.

        Args:
            since: the age in seconds up to which the job has been told of, 0 if it never was.
            age: its age in seconds when it was seen unfinished.
            turn: 0 for the first turn, counted up by every followup.
        """
        if 0 <= since <= age < math.inf:
            first, last = _bin(since), _bin(age)
            if first != last:
                seen = self._followup if turn > 0 else self._first
                seen.entered[first] += seen.weight
                seen.entered[last] -= seen.weight

    def finished(self, since: float, age: float, turn: int, *, duration: float | None = None) -> None:
        """Take note that a job was seen finished, whether well or not.

        What cannot be is not counted, as with `running`. A duration that does not fit the ages, because
        two clocks disagree, is passed over; the end then lies anywhere between them.

        Args:
            since: the age in seconds up to which the job has been told of: when it was last seen
                unfinished, or 0 for a job of which nothing has been told.
            age: its age in seconds when it was seen finished.
            turn: 0 for the first turn, counted up by every followup.
            duration: how many seconds it really took, if the service said when it completed.
        """
        if not 0 <= since <= age < math.inf:
            return
        seen = self._followup if turn > 0 else self._first
        low, high = since, age
        if duration is not None and agrees(duration, since=since, age=age):
            low = high = min(max(duration, since), age)
        seen.count(_bin(since), low, high)
        seen.weight *= 1 + 1 / self._memory
        if seen.weight > _HEAVIEST:
            seen.rescale()

    def remembered(self, turn: int) -> float:
        """Give how many finished jobs the estimate rests on, those that have faded counted by what is left of them.

        Args:
            turn: 0 for the first turn, counted up by every followup.
        """
        seen = self._followup if turn > 0 else self._first
        return seen.finished / seen.weight

    def _learned_waits(self, seen: _Experience) -> list[float]:
        """Give the wait at each edge of a bin."""
        turn = 1 if seen is self._followup else 0
        ended, lived = seen.smoothed()
        polls = [0.0]  # those that are due up to each edge
        density: list[float] = []
        for ends, seconds, start, width in zip(ended, lived, seen.start, _WIDTHS, strict=True):
            doubt = self._start_weight * width
            density.append(math.sqrt((self._urgency / 2 * ends + doubt * start * start) / (seconds + doubt)))
            polls.append(polls[-1] + density[-1] * width)
        waits: list[float] = []
        index = 0
        for edge, made in zip(_EDGES, polls, strict=True):
            usual = max(self._start.wait(edge, turn), self._shortest)
            while index < _BINS and polls[index + 1] < made + 1:
                index += 1
            if index == _BINS:  # it would be due at an age of which nothing is known
                waits.append(usual)
                continue
            wait = _EDGES[index] + (made + 1 - polls[index]) / density[index] - edge
            waits.append(min(max(wait, self._shortest), max(usual, self._longest)))
        return waits


def _starting_densities(start: Schedule, shortest: float) -> tuple[list[float], list[float]]:
    """Give how many polls a second a start schedule makes in each bin, in first turns and in followups."""
    if type(start) is GrowingSchedule:  # a value, the same for every turn; what inherits from it may be neither
        return _densities_of_value(start, shortest), _densities_of_value(start, shortest)
    return _densities(start, shortest, 0), _densities(start, shortest, 1)


@lru_cache(maxsize=16)
def _densities_of_value(start: GrowingSchedule, shortest: float) -> list[float]:
    # Thousands of steps, so once a process: each session with a batch has a schedule of its own.
    return _densities(start, shortest, 0)


def _densities(start: Schedule, shortest: float, turn: int) -> list[float]:
    """Give how many polls a second a schedule makes in each bin: one in each of its own waits."""
    polls: list[float] = []
    made, at, before = 0, 0.0, 0.0
    gap = _starting_wait(start, shortest, at, turn)
    for edge, width in zip(_EDGES[1:], _WIDTHS, strict=True):
        while at + gap < edge:
            made, at = made + 1, at + gap
            gap = _starting_wait(start, shortest, at, turn)
        reached = made + (edge - at) / gap
        polls.append((reached - before) / width)
        before = reached
    return polls


def _starting_wait(start: Schedule, shortest: float, age: float, turn: int) -> float:
    wait = check_number("the wait of the start schedule", start.wait(age, turn), low=0.001, high=86_400)
    return max(wait, shortest)


class _Experience:
    """What has been seen of the first turns, or of the followups: two counts a bin, and the waits that follow."""

    __slots__ = ("ended", "entered", "finished", "fresh", "start", "waits", "weight")

    def __init__(self, start: list[float]) -> None:
        self.start = start
        self.ended = [0.0] * _BINS
        self.entered = [0.0] * (_BINS + 1)  # summed up to a bin, the jobs that came into it
        self.weight = 1.0  # of an observation made now; it grows so that older ones fade
        self.finished = 0.0
        self.fresh = 0
        self.waits: list[float] | None = None

    def count(self, first: int, low: float, high: float) -> None:
        """Count a job that was in bin `first` when it was told of last, and ended at an age from low to high."""
        weight = self.weight
        self.entered[first] += weight
        begin, last = _bin(low), _bin(high)
        if begin == last:
            self._end(begin, weight)
        else:
            for number in range(begin, min(last + 1, _BINS)):
                overlap = min(_EDGES[number + 1], high) - max(_EDGES[number], low)
                self._end(number, weight * overlap / (high - low))
        self.finished += weight
        self.fresh += 1

    def _end(self, number: int, weight: float) -> None:
        if number < _BINS:
            self.ended[number] += weight
            self.entered[number + 1] -= weight

    def rescale(self) -> None:
        """Give an observation that is made now the weight of one again."""
        # New observations grow in weight so that older ones need not be scaled at each; here all are, once in a while.
        self.ended = [count / self.weight for count in self.ended]
        self.entered = [count / self.weight for count in self.entered]
        self.finished /= self.weight
        self.weight = 1.0

    def smoothed(self) -> tuple[list[float], list[float]]:
        """Give, for each bin, how many jobs ended in it, and the seconds that all jobs spent in it.

        The fewer jobs are remembered, the more their ends are spread over the bins beside theirs: by about
        10 % of the age after a few jobs, 4 % after a thousand.
        """
        weight = self.weight
        ended = [count / weight for count in self.ended]
        # A job that ended in a bin spent half of it there. Rounding may leave less than the jobs that ended.
        lived = [
            (max(entered / weight, ends) - ends / 2) * width
            for entered, ends, width in zip(accumulate(self.entered[:-1]), ended, _WIDTHS, strict=True)
        ]
        # The width of the spread is the root of this: it shrinks with the fifth root of the number, as a good kernel's
        # does.
        passes = min(max(round(28 / (self.finished / weight) ** 0.4), 1), 12)
        for _ in range(passes):
            ended, lived = _spread(ended), _spread(lived)
        return ended, lived


def _bin(age: float) -> int:
    """Give the bin of an age of 0 or more; `_BINS` for those beyond all bins."""
    return bisect_right(_EDGES, age) - 1 if age < _OLDEST else _BINS


def _spread(counts: list[float]) -> list[float]:
    """Give a quarter of each count to either neighbour; the sum stays the same."""
    before = [counts[0], *counts[:-1]]
    after = [*counts[1:], counts[-1]]
    return [(left + 2 * here + right) / 4 for left, here, right in zip(before, counts, after, strict=True)]
