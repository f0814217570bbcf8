"""`python -m benchmarks schedule`: what a schedule costs, in polls a job against seconds until an end is noticed.

A simulation on virtual time: no network, no clock, the same figures in every run. Durations are drawn
from log-normal distributions and from a mixture of short and long jobs; each schedule is asked as the
poll loop asks it, jitter included. A schedule with a setting is a curve: fewer polls mean more delay.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias

from benchmarks.reporting import drawing, line
from motion_async.timing.learned import LearnedSchedule, LearningSchedule
from motion_async.timing.schedule import GrowingSchedule, Schedule, jittered

__all__ = ["DEFAULT", "DURATIONS", "LEARNED", "plot", "polls_at", "run", "table", "watch_job"]

_Cost: TypeAlias = tuple[float, float]
"""Polls a job, and mean seconds of delay."""

LEARNED = "learned"
DEFAULT = "first 2 s, x1.2 up to 15 s (default)"
_SPREADS = (0.1, 0.3, 0.6, 1.0)
_URGENCIES = (0.1, 0.3, 0.9, 2.7, 8.0, 32.0)
_CAPS = (5.0, 10.0, 15.0, 30.0, 60.0)
_GAPS = (5.0, 10.0, 20.0)
_TICKS = (1, 2, 5, 10, 20, 50)
_EARLY = {"1 to 10": 10, "11 to 50": 40}
"""Blocks of a session's first jobs, while there is little to learn from."""
_TITLES = 58
"""Width of the column of a table in which the schedules stand."""
_JITTER = 1_000
"""Sets the seeds of the jitter apart from those of the durations, so that all schedules get the same jobs."""


class _TenthOfAge:
    """Waits a tenth of the job's age, and 2 s at least."""

    def wait(self, age: float, turn: int) -> float:  # noqa: ARG002
        return max(2.0, age / 10)


def _log_normal(median: float, spread: float) -> Callable[[Random], float]:
    return lambda random: random.lognormvariate(math.log(median), spread)


def _mixture(random: Random) -> float:
    return random.lognormvariate(math.log(40 if random.random() < 0.5 else 400), 0.3)


DURATIONS: dict[str, Callable[[Random], float]] = {
    **{f"median 180 s, spread {spread}": _log_normal(180, spread) for spread in _SPREADS},
    "half 40 s, half 400 s, spread 0.3": _mixture,
}
"""Draws the seconds that a job takes."""

_ARMS: dict[str, dict[str, Callable[[], Schedule]]] = {
    LEARNED: {f"urgency {urgency:g}": partial(LearnedSchedule, urgency=urgency) for urgency in _URGENCIES},
    "growing": {f"up to {cap:g} s": partial(GrowingSchedule, cap=cap) for cap in _CAPS},
    "fixed": {f"every {gap:g} s": partial(GrowingSchedule, first=gap, growth=0, cap=gap) for gap in _GAPS},
    "a tenth of the age": {"at least 2 s": _TenthOfAge},
}


def watch_job(schedule: Schedule, duration: float, random: Random, *, is_timed: bool = True) -> tuple[int, float]:
    """Poll a job until its end is seen, and give the polls and the seconds from the end to the last of them.

    Args:
        schedule: how long to wait; it is told what is seen if it learns.
        duration: seconds that the job takes.
        random: where the jitter comes from.
        is_timed: whether the service tells when the job completed.
    """
    learner = schedule if isinstance(schedule, LearningSchedule) else None
    polls, since = 0, 0.0
    while True:
        age = since + jittered(schedule, age=since, turn=0, u=random.random())
        polls += 1
        if age >= duration:
            if learner is not None:
                learner.finished(since, age, 0, duration=duration if is_timed else None)
            return polls, age - duration
        if learner is not None:
            learner.running(since, age, 0)
        since = age


def _mean(costs: Iterable[tuple[float, float]]) -> _Cost:
    polls, delays = zip(*costs, strict=True)
    return statistics.fmean(polls), statistics.fmean(delays)


def _measure(
    make: Callable[[], Schedule], draw: Callable[[Random], float], *, rounds: int, jobs: int, before: int, timed: bool
) -> _Cost:
    found = []
    for seed in range(rounds):
        durations, random, schedule = Random(seed), Random(seed + _JITTER), make()
        costs = [watch_job(schedule, draw(durations), random, is_timed=timed) for _ in range(before + jobs)]
        found.append(_mean(costs[before:]))
    return _mean(found)


def _first_jobs(
    make: Callable[[], Schedule], draw: Callable[[Random], float], sessions: int
) -> dict[str, dict[str, float]]:
    found: dict[str, list[tuple[int, float]]] = {block: [] for block in _EARLY}
    for seed in range(sessions):
        durations, random, schedule = Random(seed), Random(seed + _JITTER), make()
        for block, jobs in _EARLY.items():
            found[block].extend(watch_job(schedule, draw(durations), random) for _ in range(jobs))
    return {block: _named(_mean(costs)) for block, costs in found.items()}


def _named(cost: _Cost) -> dict[str, float]:
    return {"polls": round(cost[0], 2), "delay_seconds": round(cost[1], 2)}


def polls_at(curve: list[dict[str, Any]], delay: float) -> float | None:
    """Give the polls a job at which a curve has a delay at most; None if all of it has more delay.

    Args:
        curve: the points of one arm.
        delay: mean seconds of delay.
    """
    points = sorted((point["delay_seconds"], point["polls"]) for point in curve)
    for (low, many), (high, few) in pairwise(points):
        if low <= delay <= high:
            share = math.log(delay / low) / math.log(high / low)
            return float(many * (few / many) ** share)
    return float(points[-1][1]) if delay > points[-1][0] else None


def run(*, rounds: int = 3, jobs: int = 2_000, before: int = 1_000, sessions: int = 20) -> dict[str, Any]:
    """Simulate, and give the figures.

    Args:
        rounds: how many sessions are averaged, each with a seed of its own.
        jobs: how many jobs of a session are counted.
        before: how many jobs a session has seen before the first that is counted.
        sessions: over how many sessions the first jobs of all are averaged, as they are so few.
    """
    size = {"rounds": rounds, "jobs": jobs, "before": before}
    curves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    untimed: dict[str, dict[str, float]] = {}
    early: dict[str, dict[str, Any]] = {}
    for name, draw in DURATIONS.items():
        curves[name] = {
            arm: [
                {"setting": setting, **_named(_measure(make, draw, timed=True, **size))}
                for setting, make in settings.items()
            ]
            for arm, settings in _ARMS.items()
        }
        untimed[name] = _named(_measure(LearnedSchedule, draw, timed=False, **size))
        early[name] = {
            DEFAULT: _first_jobs(GrowingSchedule, draw, sessions),
            LEARNED: _first_jobs(LearnedSchedule, draw, sessions),
        }
    return {
        "rounds": rounds,
        "jobs_per_round": jobs,
        "jobs_seen_before": before,
        "curves": curves,
        "learned_without_timestamps": untimed,
        "first_jobs": early,
        "polls_at_the_same_delay": {name: _ratios(arms) for name, arms in curves.items()},
    }


def _ratios(arms: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """Give how many polls learning takes for one of each other schedule, at that schedule's delay."""
    ratios = {}
    for arm, points in arms.items():
        for point in points:
            polls = polls_at(arms[LEARNED], point["delay_seconds"])
            if arm != LEARNED and polls is not None:
                ratios[f"{arm}, {point['setting']}"] = round(polls / point["polls"], 2)
    return ratios


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    sessions = f"{figures['rounds']} sessions of {figures['jobs_per_round']} jobs"
    rows = [f"schedule (mean of {sessions}, after {figures['jobs_seen_before']} others; virtual time)"]
    for name, arms in figures["curves"].items():
        rows.append(line(name, ["polls a job", "delay", "learned's"], width=_TITLES))
        same = figures["polls_at_the_same_delay"][name]
        for arm, points in arms.items():
            rows += [_row(f"{arm}, {point['setting']}", point, same) for point in points]
        rows.append(_row("learned, no times from the service", figures["learned_without_timestamps"][name]))
        for arm, blocks in figures["first_jobs"][name].items():
            rows += [_row(f"jobs {block}: {arm}", cost) for block, cost in blocks.items()]
    rows.append("  learned's: its polls for one of the schedule beside it, where it has the same delay")
    return "\n".join(rows)


def _row(title: str, cost: Mapping[str, Any], same: Mapping[str, float] | None = None) -> str:
    ratio = [f"x{same[title]:.2f}"] if same is not None and title in same else []
    return line(f"  {title}", [f"{cost['polls']:.1f}", f"{cost['delay_seconds']:.1f} s", *ratio], width=_TITLES)


def plot(figures: dict[str, Any], file: str) -> None:
    """Draw the curves, a panel for each distribution of durations.

    Args:
        figures: what `run` gave.
        file: the picture's path; its suffix says the format.
    """
    curves = figures["curves"]
    with drawing(file, len(curves), width=3.2, shares_axes=True) as panels:
        for panel, (name, arms) in zip(panels, curves.items(), strict=True):
            for arm, points in arms.items():
                polls, delays = ([point[field] for point in points] for field in ("polls", "delay_seconds"))
                panel.plot(polls, delays, marker="o", markersize=3, linewidth=2 if arm == LEARNED else 1, label=arm)
            panel.set(xscale="log", yscale="log", xlabel="polls a job", title=name)
            panel.title.set_fontsize(9)
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_ticks(_TICKS, labels=[str(tick) for tick in _TICKS])
                axis.set_ticks([], minor=True)
            panel.grid(visible=True, which="both", alpha=0.2)
        panels[0].set_ylabel("seconds until an end is noticed")
        panels[0].legend(fontsize=7)
