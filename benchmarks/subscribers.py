"""`python -m benchmarks subscribers`: ten thousand readers of one job, against one reader.

The job runs in a sandbox in this process, which counts the polls. Each reader is a task that reads the
job's transitions. What is told: the polls per interval of the schedule, and the time from the moment at
which a change was read to the moment at which the last reader has heard of it.
"""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime
from typing import Any

from benchmarks.reporting import line, spread
from motion_async import GrowingSchedule, Job, MotionSession
from motion_async.sandbox import Sandbox

__all__ = ["run", "table"]

_INTERVAL = 0.1
_QUIET_INTERVALS = 20


class _Readers:
    """So many readers of one job, and what the last of them heard when."""

    def __init__(self, job: Job, count: int) -> None:
        self._count = count
        self._heard = 0
        self._all_heard = asyncio.Event()
        self.tasks = [asyncio.create_task(self._read(job)) for _ in range(count)]
        self.milliseconds: list[float] = []

    async def _read(self, job: Job) -> None:
        async for change in job.transitions():
            self._heard += 1
            if self._heard % self._count == 0:  # each change reaches all before the next one is read
                self.milliseconds.append(1e3 * (datetime.now(UTC) - change.observed_at).total_seconds())
                self._all_heard.set()

    async def all_hear(self) -> None:
        """Wait until all have heard of a change."""
        await self._all_heard.wait()
        self._all_heard.clear()


async def _measure(count: int) -> tuple[float, list[float], int]:
    """Give the polls per interval, the milliseconds until all had heard of each change, and how many changes."""
    every = GrowingSchedule(first=_INTERVAL, growth=0, cap=_INTERVAL)
    async with (
        Sandbox(speed=0) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, schedule=every) as motion,
    ):
        job = await motion.create("one video for all")
        readers = _Readers(job, count)
        await readers.all_hear()  # the state that is known already is no news
        readers.milliseconds.clear()
        before = sandbox.counts.polls
        await asyncio.sleep(_QUIET_INTERVALS * _INTERVAL)
        polls = (sandbox.counts.polls - before) / _QUIET_INTERVALS
        status = job.state.status if job.state else None
        while not all(task.done() for task in readers.tasks):
            while sandbox.jobs[job.id].status == status:
                sandbox.advance(5)
            status = sandbox.jobs[job.id].status
            await readers.all_hear()
            await asyncio.sleep(0)
        await asyncio.gather(*readers.tasks)
    return polls, readers.milliseconds, len(readers.milliseconds)


def run(*, rounds: int = 3, readers: int = 10_000) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how many jobs each arm reads.
        readers: how many readers the greater arm has.
    """
    found: dict[str, list[tuple[float, list[float], int]]] = {"one": [], "many": []}
    gc.collect()
    gc.freeze()  # what other benchmarks have left is looked through by no collection while the clock runs
    try:
        for _ in range(rounds):
            for arm, count in (("one", 1), ("many", readers)):
                found[arm].append(asyncio.run(_measure(count)))
    finally:
        gc.unfreeze()
    return {
        "rounds": rounds,
        "readers": readers,
        "polls_per_interval": {arm: spread([polls for polls, _, _ in of]) for arm, of in found.items()},
        "changes": {arm: sum(changes for _, _, changes in of) for arm, of in found.items()},
        "milliseconds_to_the_last": {
            arm: spread([ms for _, all_ms, _ in of for ms in all_ms]) for arm, of in found.items()
        },
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    rows = [f"subscribers (of one job, {figures['rounds']} rounds in turns)"]
    rows.append(line("", ["one", f"{figures['readers']:,}"], width=44))
    for field, title, digits in (
        ("polls_per_interval", "polls per interval of the schedule", 2),
        ("milliseconds_to_the_last", "ms until the last has heard, median", 1),
    ):
        cells = [f"{figures[field][arm]['median']:.{digits}f}" for arm in ("one", "many")]
        rows.append(line(title, cells, width=44))
    cells = [f"{figures['milliseconds_to_the_last'][arm]['max']:.1f}" for arm in ("one", "many")]
    rows.append(line("ms until the last has heard, most", cells, width=44))
    return "\n".join(rows)
