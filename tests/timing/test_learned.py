"""Tests of `motion_async.timing.learned`, on virtual time and with seeded durations."""

import heapq
import math
import re
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from random import Random
from statistics import fmean
from typing import Any

import pytest

from motion_async.errors import ConfigurationError
from motion_async.timing import learned
from motion_async.timing.learned import LearnedSchedule, LearningSchedule, learns
from motion_async.timing.schedule import GrowingSchedule, Schedule, jittered

Draw = Callable[[Random], float]


def log_normal(median: float, spread: float) -> Draw:
    return lambda random: random.lognormvariate(math.log(median), spread)


def mixture(random: Random) -> float:
    return random.lognormvariate(math.log(40 if random.random() < 0.5 else 400), 0.3)


DURATIONS: dict[str, Draw] = {
    **{f"spread {spread}": log_normal(180, spread) for spread in (0.1, 0.3, 0.6, 1.0)},
    "mixture": mixture,
}
AGES = [0.0, 0.5, 1.0, 7.3, 40.0, 65.0, 65.1, 180.0, 1_000.0, 21_000.0, 21_599.9, 21_600.0, 21_800.0, 1e6, math.inf]
CHOSEN: dict[str, tuple[float, float]] = {
    "urgency": (0.0001, 10_000),
    "shortest": (0.1, 3_600),
    "longest": (2, 86_400),
    "memory": (10, 1_000_000),
    "start_weight": (0.1, 1_000_000),
}


def watch(schedule: Schedule, duration: float, random: Random, *, turn: int = 0, is_timed: bool = True) -> Any:
    """Poll a job as the poll loop does until its end is seen; give the polls and the delay."""
    learner = schedule if isinstance(schedule, LearningSchedule) else None
    polls, since = 0, 0.0
    while True:
        age = since + jittered(schedule, age=since, turn=turn, u=random.random())
        polls += 1
        if age >= duration:
            if learner is not None:
                learner.finished(since, age, turn, duration=duration if is_timed else None)
            return polls, age - duration
        if learner is not None:
            learner.running(since, age, turn)
        since = age


def cost(schedule: Schedule, draw: Draw, *, jobs: int, before: int = 0, seed: int = 1, is_timed: bool = True) -> Any:
    """The mean polls and the mean delay of a session's jobs, those before left out; all schedules get the same jobs."""
    durations, random = Random(seed), Random(seed + 1_000)
    seen = [watch(schedule, draw(durations), random, is_timed=is_timed) for _ in range(before + jobs)][before:]
    return fmean(polls for polls, _ in seen), fmean(delay for _, delay in seen)


def taught(draw: Draw, *, jobs: int = 1_000, **options: Any) -> LearnedSchedule:
    """A schedule that has seen so many jobs, by their durations alone."""
    random, schedule = Random(7), LearnedSchedule(**options)
    for _ in range(jobs):
        duration = draw(random)
        schedule.finished(0, duration, 0, duration=duration)
    return schedule


def between(curve: list[tuple[float, float]], at: float) -> float:
    """The height of a falling curve, straight on logarithmic scales; its end's beyond the end."""
    for (left, upper), (right, lower) in pairwise(curve):
        if left <= at <= right:
            return upper * (lower / upper) ** (math.log(at / left) / math.log(right / left))
    assert at > curve[-1][0]
    return curve[-1][1]


def waits(schedule: Schedule, turn: int = 0) -> list[float]:
    return [schedule.wait(age, turn) for age in AGES]


def test_what_learns_can_be_told_from_what_does_not() -> None:
    """The learned schedule is a schedule, and one that wants to be told; the growing one is not."""
    assert isinstance(LearnedSchedule(), Schedule)
    assert isinstance(LearnedSchedule(), LearningSchedule)
    assert not isinstance(GrowingSchedule(), LearningSchedule)
    assert learns(LearnedSchedule())
    assert not learns(GrowingSchedule())


@pytest.mark.parametrize("turn", [0, 1, 5])
def test_it_starts_as_the_default(turn: int) -> None:
    """Before any job has finished, each wait is exactly the start schedule's, whatever still runs."""
    schedule = LearnedSchedule()
    assert waits(schedule, turn) == waits(GrowingSchedule(), turn)
    schedule.running(0, 500, turn)
    assert waits(schedule, turn) == waits(GrowingSchedule(), turn)
    other = GrowingSchedule(first=5, growth=0.1, cap=40)
    assert waits(LearnedSchedule(start=other), turn) == waits(other, turn)


def test_the_start_schedule_is_held_to_the_shortest_wait() -> None:
    """Even before it has learned, a job is not polled more often than `shortest` says."""
    assert waits(LearnedSchedule(start=GrowingSchedule(first=0.5), shortest=3)) == [
        max(wait, 3) for wait in waits(GrowingSchedule(first=0.5))
    ]


def test_it_takes_few_polls_where_durations_are_alike() -> None:
    """At a spread of 0.3 at most 8 polls for 7 s of delay, at 0.1 at most 6.5 for 4.8 s, where the default takes 20."""
    polls, delay = cost(LearnedSchedule(), DURATIONS["spread 0.3"], jobs=4_000, before=1_000)
    assert polls <= 8
    assert delay <= 7
    polls, delay = cost(LearnedSchedule(), DURATIONS["spread 0.1"], jobs=4_000, before=1_000)
    assert polls <= 6.5
    assert delay <= 4.8
    polls, delay = cost(GrowingSchedule(), DURATIONS["spread 0.3"], jobs=2_000)
    assert polls == pytest.approx(19.8, abs=0.5)
    assert delay == pytest.approx(7.5, abs=0.3)


@pytest.mark.parametrize("jobs", [300, pytest.param(1_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("draw", DURATIONS.values(), ids=DURATIONS)
def test_once_it_has_learned_it_is_better_than_growing_waits(draw: Draw, jobs: int) -> None:
    """At a growing schedule's delay it takes at most 95 % of the polls, and at its polls 95 % of the delay."""
    learned = sorted(
        cost(LearnedSchedule(urgency=urgency), draw, jobs=jobs, before=jobs)[::-1]
        for urgency in (0.1, 0.3, 0.9, 2.7, 8.1, 16)
    )
    assert all(few < many for (_, many), (_, few) in pairwise(learned))
    for cap in (10.0, 15.0, 30.0):
        polls, delay = cost(GrowingSchedule(cap=cap), draw, jobs=jobs, before=jobs)
        assert between(learned, delay) < 0.95 * polls
        assert between(sorted(point[::-1] for point in learned), polls) < 0.95 * delay


@pytest.mark.parametrize("draw", DURATIONS.values(), ids=DURATIONS)
def test_the_first_jobs_cost_no_more_than_by_default(draw: Draw) -> None:
    """While there is little to learn from, polls and delay at their price stay within 5 % of the default's."""

    def price(schedule: Callable[[], Schedule], jobs: int) -> float:
        costs = [cost(schedule(), draw, jobs=jobs, seed=seed) for seed in range(20)]
        return fmean(polls + 0.9 * delay for polls, delay in costs)

    assert price(LearnedSchedule, 5) < 1.05 * price(GrowingSchedule, 5)
    assert price(LearnedSchedule, 20) < 0.95 * price(GrowingSchedule, 20)


@pytest.mark.parametrize("jobs", [500, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("draw", DURATIONS.values(), ids=DURATIONS)
def test_it_learns_as_well_without_the_times_of_the_service(draw: Draw, jobs: int) -> None:
    """Where only the two polls around the end are known, polls times delay stay within 10 %."""
    timed = cost(LearnedSchedule(), draw, jobs=jobs, before=jobs // 2)
    untimed = cost(LearnedSchedule(), draw, jobs=jobs, before=jobs // 2, is_timed=False)
    assert math.prod(untimed) < 1.1 * math.prod(timed)


def test_first_turns_and_followups_learn_apart() -> None:
    """What first turns teach changes no followup's waits, and all followups share what they teach."""
    schedule = taught(DURATIONS["spread 0.3"])
    assert waits(schedule) != waits(GrowingSchedule())
    assert waits(schedule, 1) == waits(GrowingSchedule())
    first = waits(schedule)
    for _ in range(100):
        schedule.running(0, 20, 2)
        schedule.finished(20, 40, 1, duration=30)
    assert waits(schedule) == first
    assert waits(schedule, 1) == waits(schedule, 4) != waits(GrowingSchedule())
    assert schedule.remembered(0) == pytest.approx(632, abs=1)
    assert schedule.remembered(3) == pytest.approx(95, abs=1)


@pytest.mark.parametrize("urgency", [0.0001, 0.1, 0.9, 10, 10_000])
@pytest.mark.parametrize("draw", DURATIONS.values(), ids=DURATIONS)
def test_waits_stay_within_their_bounds_and_no_younger_job_is_due_later(draw: Draw, urgency: float) -> None:
    """Whatever was learned, waits lie from `shortest` to `longest`, and an older job is never due before a younger."""
    schedule = taught(draw, urgency=urgency, shortest=3, longest=40)
    ages = [number / 3 for number in range(6_000)]
    given = [schedule.wait(age, 0) for age in ages]
    assert all(type(wait) is float and 3 <= wait <= 40 for wait in given)
    due = [age + wait for age, wait in zip(ages, given, strict=True)]
    assert all(later >= sooner - 1e-9 for sooner, later in pairwise(due))


def test_a_start_schedule_that_waits_longer_than_the_longest_keeps_its_waits() -> None:
    """`longest` bounds what is learned; it makes nobody poll more often than the start schedule."""
    slow = GrowingSchedule(first=60, growth=1, cap=300)
    schedule = taught(DURATIONS["spread 0.1"], start=slow, longest=60)
    assert 60 < max(waits(schedule)) <= 300
    assert schedule.wait(2_000, 0) == pytest.approx(300)


@pytest.mark.parametrize("draw", DURATIONS.values(), ids=DURATIONS)
def test_beyond_the_ages_that_jobs_reached_it_waits_as_it_started(draw: Draw) -> None:
    """Nothing is known there, so the start schedule's wait is given, up to the bins' end and after it."""
    schedule = taught(draw, jobs=300)
    assert [schedule.wait(age, 0) for age in AGES[9:]] == pytest.approx([15.0] * len(AGES[9:]))


def test_an_age_that_cannot_be_does_no_harm() -> None:
    """A negative age is that of a job that has just begun; one that is no number gets the start schedule's answer."""
    schedule = taught(DURATIONS["spread 0.3"])
    assert schedule.wait(-5, 0) == schedule.wait(0, 0)
    assert schedule.wait(math.nan, 0) == pytest.approx(GrowingSchedule().wait(math.nan, 0), nan_ok=True)


@pytest.mark.parametrize("option", CHOSEN)
def test_options_out_of_their_bounds_are_refused(option: str) -> None:
    """Each number has bounds that belong to what is allowed, and the error names the option."""
    low, high = CHOSEN[option]
    rest: dict[str, Any] = {} if option == "longest" else {"longest": 4_000}
    for allowed in (low, high):
        LearnedSchedule(**{option: allowed, **rest})
    for refused in (low * 0.99, high * 1.01, math.nan, "2", None, True):
        with pytest.raises(
            ConfigurationError, match=re.escape(f"{option} must be a number from {low:,.15g} to {high:,.15g},")
        ):
            LearnedSchedule(**{option: refused, **rest})


class Odd:
    """A schedule that gives one answer at all ages."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def wait(self, age: float, turn: int) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [0, -1, math.nan, math.inf, "5", None], ids=repr)
def test_a_start_schedule_without_usable_waits_is_refused(answer: Any) -> None:
    """It is asked when the learned one is made, so that no poll has to fail of it later."""
    with pytest.raises(ConfigurationError, match="the wait of the start schedule must be a number"):
        LearnedSchedule(start=Odd(answer))


def test_what_is_no_schedule_is_refused() -> None:
    """The start must have a method `wait`."""
    with pytest.raises(ConfigurationError, match="a schedule has a method"):
        LearnedSchedule(start=5)  # type: ignore[arg-type]


ABSURD: dict[str, tuple[float, float]] = {
    "negative": (-1, 100),
    "nan since": (math.nan, 100),
    "nan age": (0, math.nan),
    "endless": (0, math.inf),
    "backwards": (200, 100),
}


@pytest.mark.parametrize(("since", "age"), ABSURD.values(), ids=ABSURD)
def test_what_cannot_have_been_seen_is_not_counted(since: float, age: float) -> None:
    """A clock that went wrong neither raises in the middle of a watch nor spoils the estimate."""
    schedule = taught(DURATIONS["spread 0.3"], jobs=100)
    before, remembered = waits(schedule), schedule.remembered(0)
    for _ in range(50):
        schedule.running(since, age, 0)
        schedule.finished(since, age, 0, duration=50)
    assert schedule.remembered(0) == remembered
    assert waits(schedule) == before


@pytest.mark.parametrize("duration", [-50, 70, 130, 1e9, math.nan, math.inf, -math.inf], ids=repr)
def test_a_duration_that_does_not_fit_what_was_seen_is_passed_over(duration: float) -> None:
    """Where the service's clock disagrees with the polls, the end lies somewhere between the two polls."""
    told, untold = LearnedSchedule(), LearnedSchedule()
    for _ in range(100):
        told.finished(80, 120, 0, duration=duration)
        untold.finished(80, 120, 0)
    assert waits(told) == waits(untold) != waits(LearnedSchedule())


@pytest.mark.parametrize(("duration", "taken"), [(78.5, 80), (121.5, 120)])
def test_a_duration_that_nearly_fits_is_brought_between_the_polls(duration: float, taken: float) -> None:
    """The service counts from before its answer to the create arrived; two seconds are forgiven."""
    near, exact = LearnedSchedule(), LearnedSchedule()
    for _ in range(100):
        near.finished(80, 120, 0, duration=duration)
        exact.finished(80, 120, 0, duration=taken)
    assert waits(near) == waits(exact)


def test_jobs_that_still_run_keep_the_first_to_finish_from_misleading() -> None:
    """When 50 of 1,000 jobs have ended after a minute, the rest are not polled as if they were to end now."""
    alone, among = LearnedSchedule(), LearnedSchedule()
    for schedule in (alone, among):
        for number in range(50):
            schedule.finished(0, 55 + number / 10, 0, duration=55 + number / 10)
    for _ in range(950):
        among.running(0, 30, 0)
        among.running(30, 31, 0)
        among.running(31, 60, 0)
    assert alone.wait(55, 0) < 5
    assert among.wait(55, 0) > 10


def test_many_jobs_that_begin_together_cost_no_more_than_by_default() -> None:
    """Polled in turns as they come due, with nothing learned beforehand, they cost less at the same price."""

    def crowd(schedule: Schedule) -> float:
        random, learner = Random(3), schedule if isinstance(schedule, LearningSchedule) else None
        jobs = [(schedule.wait(0, 0), 0.0, log_normal(180, 0.6)(random)) for _ in range(1_000)]
        heapq.heapify(jobs)
        polls, delay = 0, 0.0
        while jobs:
            age, since, duration = heapq.heappop(jobs)
            polls += 1
            if age >= duration:
                delay += age - duration
                if learner is not None:
                    learner.finished(since, age, 0, duration=duration)
                continue
            if learner is not None:
                learner.running(since, age, 0)
            heapq.heappush(jobs, (age + jittered(schedule, age=age, turn=0, u=random.random()), age, duration))
        return (polls + 0.9 * delay) / 1_000

    assert crowd(LearnedSchedule()) < 1.05 * crowd(GrowingSchedule())


def test_it_follows_drift() -> None:
    """When jobs become twice as fast, it soon polls as if it had never seen others."""
    schedule, random = LearnedSchedule(memory=300), Random(5)
    for median, jobs in ((180, 1_000), (90, 1_000)):
        for _ in range(jobs):
            watch(schedule, log_normal(median, 0.3)(random), random)
    drifted = cost(schedule, log_normal(90, 0.3), jobs=1_000)
    fresh = cost(LearnedSchedule(memory=300), log_normal(90, 0.3), jobs=1_000, before=1_000)
    assert math.prod(drifted) < 1.1 * math.prod(fresh)


def test_a_wrong_estimate_costs_little_when_jobs_become_longer() -> None:
    """Taught by jobs of 40 s, it watches the first jobs of 400 s at little more than the default's price."""
    schedule, draw = taught(log_normal(40, 0.3)), log_normal(400, 0.3)
    polls, delay = cost(schedule, draw, jobs=20)
    usual_polls, usual_delay = cost(GrowingSchedule(), draw, jobs=20)
    assert polls + 0.9 * delay < 1.25 * (usual_polls + 0.9 * usual_delay)


def test_a_wrong_estimate_costs_little_when_jobs_become_shorter() -> None:
    """Taught by jobs of 400 s, no end of a job of 40 s is noticed later than the longest wait allows, and it learns."""
    schedule, random = taught(log_normal(400, 0.3)), Random(6)
    costs = [watch(schedule, log_normal(40, 0.3)(random), random) for _ in range(600)]
    assert max(delay for _, delay in costs) <= 90 * 1.1
    assert fmean(delay for _, delay in costs[-100:]) < 8


@pytest.mark.parametrize("jobs", [3_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_its_memory_is_bounded(jobs: int) -> None:
    """Thousands of jobs more, told poll by poll, add no bytes."""
    schedule, random = LearnedSchedule(memory=50), Random(8)
    cost(schedule, mixture, jobs=500)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(jobs):
        duration = mixture(random)
        schedule.running(0, duration / 2, 0)
        schedule.finished(duration / 2, duration + 5, 0)
    schedule.wait(0, 0)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 30_000  # floats that take the place of zeros


def test_old_observations_fade_without_end() -> None:
    """Weights are scaled back long before they overflow, and the estimate does not notice."""
    schedule = LearnedSchedule(memory=10)
    for _ in range(20_000):
        schedule.finished(0, 100, 0, duration=100)
        assert schedule._first.weight <= learned._HEAVIEST
    assert schedule.remembered(0) == pytest.approx(10)
    fewer = LearnedSchedule(memory=10)
    for _ in range(110):  # the weight is below its bound still
        fewer.finished(0, 100, 0, duration=100)
    assert waits(schedule) == pytest.approx(waits(fewer), rel=0.01)


@pytest.mark.parametrize(("since", "age"), [(0, 1e6), (20_000, 30_000), (21_599, 21_700), (50_000, 60_000)])
def test_jobs_older_than_all_bins_are_taken(since: float, age: float) -> None:
    """A job of many hours is remembered; where it ended is not, as the start schedule rules there."""
    schedule = LearnedSchedule()
    for _ in range(100):
        schedule.running(0, since, 0)
        schedule.finished(since, age, 0)
        schedule.finished(since, age, 0, duration=age)
    assert all(2 <= wait <= 90 for wait in waits(schedule))
    assert schedule.wait(1e6, 0) == 15


def test_its_repr_tells_its_options() -> None:
    """The options are shown, and not the counts."""
    shown = repr(LearnedSchedule(urgency=2))
    assert shown.startswith("LearnedSchedule(urgency=2, start=GrowingSchedule(")
    assert shown.endswith("shortest=2.0, longest=90.0, memory=1000.0, start_weight=3.0)")


def test_a_second_schedule_costs_next_to_nothing_to_make() -> None:
    """Each session with a batch makes one: what it begins with is worked out once a process, and shared unchanged."""
    start = GrowingSchedule(first=2.5)
    taught = LearnedSchedule(start=start)
    calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        fresh = LearnedSchedule(start=start)
    finally:
        sys.setprofile(None)
    assert calls < 100
    for number in range(100):
        taught.finished(0.0, 100.0 + number, 0)
    assert fresh.wait(90.0, 0) == LearnedSchedule(start=start).wait(90.0, 0) != taught.wait(90.0, 0)
