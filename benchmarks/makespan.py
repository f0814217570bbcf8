"""`python -m benchmarks makespan`: how long a batch takes, against the best possible for the same order.

On virtual time: no sockets, the same figures in every run. The requests of a batch go through
`generate_many` with a limit of places. The best possible is list scheduling: each request takes the place
that is free first, at once. What is lost is the time in which a place lies idle because nobody has noticed
that its job has ended.
"""

from __future__ import annotations

import asyncio
import heapq
import importlib
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

from benchmarks.inprocess import Jobs, in_process_session
from benchmarks.reporting import cells, drawing, line, spread
from benchmarks.schedule import DURATIONS
from motion_async import GrowingSchedule
from motion_async.timing.learned import LearnedSchedule
from motion_async.timing.schedule import Schedule

__all__ = ["best_possible", "plot", "run", "table"]

_CREATE_SECONDS = 0.5
_ARMS: dict[str, Callable[[], Schedule | None]] = {
    "first 2 s, x1.2 up to 15 s": GrowingSchedule,
    "LearnedSchedule()": LearnedSchedule,
    "generate_many's own": lambda: None,
}


def best_possible(durations: Iterable[float], places: int) -> float:
    """Give the time to finish if each request takes the place that is free first, at once.

    Args:
        durations: seconds that each job takes, in the order of the requests.
        places: how many run at one time.
    """
    free = [0.0] * places
    for seconds in durations:
        heapq.heappush(free, heapq.heappop(free) + _CREATE_SECONDS + seconds)
    return max(free)


async def _batch(schedule: Schedule | None, durations: list[float], places: int, seed: int) -> tuple[float, float]:
    """Give the seconds that a batch takes, and the polls a job."""
    jobs = Jobs(durations.__getitem__, create_seconds=_CREATE_SECONDS)
    requests = (f"video number {number}" for number in range(len(durations)))
    start = asyncio.get_running_loop().time()
    async with (
        in_process_session(jobs, schedule=schedule, random=Random(seed).random) as motion,
        motion.generate_many(requests, max_active=places) as outcomes,
    ):
        ended = [outcome.ok async for outcome in outcomes]
        taken = asyncio.get_running_loop().time() - start
    assert ended == [True] * len(durations)
    return taken, jobs.polls / len(durations)


def run(*, rounds: int = 2, jobs: int = 400, places: int = 20) -> dict[str, Any]:
    """Run the batches, and give the figures.

    Args:
        rounds: how many batches of each kind, each with durations of its own.
        jobs: how many requests a batch has.
        places: how many jobs run at one time.
    """
    # By name, as an extra has it. Nothing comes from outside here, so time may jump as soon as nothing is ready.
    new_event_loop = partial(importlib.import_module("looptime").new_event_loop, noop_cycles=0)
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    polls: dict[str, dict[str, dict[str, float]]] = {}
    for name, draw in DURATIONS.items():
        found: dict[str, list[tuple[float, float]]] = {arm: [] for arm in _ARMS}
        for seed in range(rounds):
            random = Random(seed)
            durations = [draw(random) for _ in range(jobs)]
            best = best_possible(durations, places)
            for arm, make in _ARMS.items():
                with asyncio.Runner(loop_factory=new_event_loop) as runner:
                    taken, polls_a_job = runner.run(_batch(make(), durations, places, seed))
                found[arm].append((taken / best, polls_a_job))
        ratios[name] = {arm: spread([ratio for ratio, _ in of]) for arm, of in found.items()}
        polls[name] = {arm: spread([polls for _, polls in of]) for arm, of in found.items()}
    return {"rounds": rounds, "jobs": jobs, "places": places, "ratios": ratios, "polls_a_job": polls}


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    size = f"{figures['jobs']} jobs, {figures['places']} places, {figures['rounds']} batches each, virtual time"
    rows = [f"makespan (time to finish against the best possible; {size})"]
    for name, arms in figures["ratios"].items():
        rows.append(line(name, ["ratio", "least", "most", "polls a job"], width=36))
        for arm, ratio in arms.items():
            polls = f"{figures['polls_a_job'][name][arm]['median']:.1f}"
            rows.append(line(f"  {arm}", [*cells(ratio, 3), polls], width=36))
    return "\n".join(rows)


def plot(figures: dict[str, Any], file: str) -> None:
    """Draw the time to finish over the polls a job, a panel for each distribution of durations.

    Args:
        figures: what `run` gave.
        file: the picture's path; its suffix says the format.
    """
    with drawing(file, len(figures["ratios"])) as panels:
        for panel, (name, arms) in zip(panels, figures["ratios"].items(), strict=True):
            for arm, ratio in arms.items():
                panel.plot(figures["polls_a_job"][name][arm]["median"], ratio["median"], "o", label=arm)
            panel.axhline(1.05, color="tab:gray", linewidth=1, linestyle="--")
            panel.set(title=name, xlabel="polls a job", xlim=(0, None), ylim=(1, None))
            panel.title.set_fontsize(9)
        panels[0].set_ylabel("time to finish, best possible = 1")
        panels[0].legend(fontsize=7)
