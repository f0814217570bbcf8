"""`python -m benchmarks scale`: 1, 10 … 100,000 jobs watched by one session, and what each costs.

Three figures: the CPU of a poll when all jobs are polled back to back, against plain aiohttp's at as many
connections in the same run; the bytes of a watched job, state included, against those of a bare asyncio
task for each; and the lag of the event loop, as a ticker of 5 ms feels it, while the jobs are polled as the
contract's advice has it late in their lives. The jobs are followed by one reader of `events()`.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any
from unittest import mock

import aiohttp

from benchmarks.lateness import lateness
from benchmarks.poll import MAX_CONNECTIONS, POLLS_AT_ONCE, Counting, poll_plainly
from benchmarks.reporting import cells, drawing, line, ratios, spread
from benchmarks.stub import running, stub_server
from motion_async import GrowingSchedule, JobState, MotionSession
from motion_async.calls import Calls
from motion_async.protocol import Answer, poll_call, read_answer

__all__ = ["plot", "run", "table"]

_KEY = "motion_benchmark"
_OLD = 3_600.0
"""Seconds: a job of that age is polled at the longest interval."""
_FEWEST_FOR_BYTES = 1_000
"""Below so many jobs, what a session costs by itself is more than what its jobs cost."""


class _Gate(aiohttp.TCPConnector):
    """Lets nothing out while it is shut, so that a session rests while the other arm is measured.

    It costs a poll of ours one more step of a coroutine.
    """

    def __init__(self) -> None:
        super().__init__(limit=0)
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def connect(self, *args: Any, **options: Any) -> Any:
        if not self.is_open.is_set():
            await self.is_open.wait()
        return await super().connect(*args, **options)


class _Late(Counting):
    """Has jobs polled back to back, or as `GrowingSchedule` polls old ones, each at a moment of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._random = Random(0)
        self._usual = GrowingSchedule()
        self._to_scatter: int | None = None

    def wait(self, age: float, turn: int) -> float:
        """Count a poll, and give the wait; see `Schedule.wait`."""
        at_once = super().wait(age, turn)
        if self._to_scatter is None:
            return at_once
        usual = self._usual.wait(_OLD, turn)
        if self._to_scatter > 0:
            self._to_scatter -= 1
            return self._random.uniform(at_once, usual)
        return usual

    async def settle(self, jobs: int) -> None:
        """Have every job polled once more, and from then on at the usual intervals, spread evenly.

        Args:
            jobs: how many there are.
        """
        self._to_scatter = jobs
        await self.more(jobs)

    def hurry(self) -> None:
        """Have every job polled back to back again, each from its next poll on."""
        self._to_scatter = None


class _Watching:
    """A session whose jobs are polled, and a reader of all its events."""

    def __init__(self, motion: MotionSession, schedule: _Late) -> None:
        self.motion = motion
        self.schedule = schedule
        self.count = 0

    async def watch(self, count: int) -> None:
        """Watch jobs until there are so many, and wait until each has been seen."""
        added = [self.motion.job(str(uuid.UUID(int=number))) for number in range(self.count, count)]
        self.count = count
        while any(job.state is None for job in added):
            await self.schedule.more(max(len(added) // 10, 1))


@asynccontextmanager
async def _read(motion: MotionSession, schedule: _Late) -> AsyncIterator[_Watching]:
    async def read() -> None:
        async for _ in motion.events():
            pass

    async with motion:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        yield _Watching(motion, schedule)
    await reader


@asynccontextmanager
async def _watching(base_url: str) -> AsyncIterator[tuple[_Watching, _Gate]]:
    schedule, gate = _Late(), _Gate()
    async with aiohttp.ClientSession(connector=gate) as connections:
        motion = MotionSession(
            _KEY,
            base_url=base_url,
            client_session=connections,
            schedule=schedule,
            max_connections=MAX_CONNECTIONS,
            max_polls_per_second=1e6,
            exchange_timeout=3_600,  # an exchange may have to rest before a gate that is shut
        )
        async with _read(motion, schedule) as watching:
            yield watching, gate


async def _cpu(
    watching: _Watching, gate: _Gate, base_url: str, count: int, rounds: int, polls: int
) -> dict[str, list[float]]:
    """Give the CPU microseconds a poll of both arms, in turns, a figure a round."""
    figures: dict[str, list[float]] = {"plain": [], "ours": []}
    connections = min(count, POLLS_AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await poll_plainly(session, base_url, 10 * connections, connections=connections)
        for number in range(rounds + 1):
            gate.is_open.clear()
            await asyncio.sleep(0.02)  # what is in flight comes back
            start = time.process_time()
            await poll_plainly(session, base_url, polls, connections=connections)
            plain = time.process_time() - start
            start = time.process_time()
            gate.is_open.set()
            await watching.schedule.more(polls)
            ours = time.process_time() - start
            if number:  # the first round warms up
                figures["plain"].append(1e6 * plain / polls)
                figures["ours"].append(1e6 * ours / polls)
    return figures


async def _lag(watching: _Watching | None, seconds: float) -> dict[str, float]:
    """Give the milliseconds by which a ticker was late, and the polls a second meanwhile."""
    if watching is not None:
        await watching.schedule.settle(watching.count)
    polls_before = watching.schedule.polls if watching is not None else 0
    start = time.perf_counter()
    figures = await lateness(asyncio.sleep(seconds))
    if watching is not None:
        figures["polls_per_second"] = (watching.schedule.polls - polls_before) / (time.perf_counter() - start)
        watching.schedule.hurry()
    return figures


async def _measure(
    base_url: str, counts: list[int], *, rounds: int, polls: int, lag_seconds: float
) -> tuple[dict[int, dict[str, list[float]]], dict[int, dict[str, float]]]:
    cpu: dict[int, dict[str, list[float]]] = {}
    lag = {0: await _lag(None, lag_seconds)}
    async with _watching(base_url) as (watching, gate):
        for count in counts:
            await watching.watch(count)
            few = polls if count >= POLLS_AT_ONCE else polls // 4  # with less than a job a connection, waits are idle
            cpu[count] = await _cpu(watching, gate, base_url, count, rounds, few)
            if count >= _FEWEST_FOR_BYTES:
                lag[count] = await _lag(watching, lag_seconds)
    return cpu, lag


async def _read_offline(_: Calls, job_id: str) -> JobState:
    """Give an answer that is read as ever, but comes from no network, which keeps no bytes and takes its time."""
    await asyncio.sleep(0)
    return read_answer(poll_call(job_id), Answer(200, running(job_id), 1 << 20), now=datetime.now(UTC))


async def _bytes(counts: list[int]) -> dict[int, float]:
    """Give the bytes of a watched job, beyond those of a session that watches as many as it has connections."""
    schedule = _Late()
    motion = MotionSession(_KEY, schedule=schedule, max_connections=MAX_CONNECTIONS, max_polls_per_second=1e6)
    with mock.patch.object(Calls, "poll_once", _read_offline):
        async with _read(motion, schedule) as watching:
            await watching.watch(POLLS_AT_ONCE)
            return await _growth(counts, lambda count: watching.watch(POLLS_AT_ONCE + count))


async def _task_bytes(counts: list[int]) -> dict[int, float]:
    """Give the bytes of an asyncio task that sleeps, as one that polls a job does most of the time."""
    tasks: list[asyncio.Task[None]] = []

    async def to(count: int) -> None:
        tasks.extend(asyncio.create_task(asyncio.sleep(_OLD)) for _ in range(count - len(tasks)))
        await asyncio.sleep(0)

    figures = await _growth(counts, to)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return figures


async def _growth(counts: list[int], to: Callable[[int], Awaitable[None]]) -> dict[int, float]:
    figures: dict[int, float] = {}
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for count in counts:
            await to(count)
            gc.collect()
            figures[count] = (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()
    return figures


def run(*, rounds: int = 5, top: int = 100_000, polls: int = 1_500, lag_seconds: float = 2.0) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often the arms take turns at each number of jobs, after one round that is not counted.
        top: the most jobs.
        polls: how many polls an arm makes a round.
        lag_seconds: how long the lag is measured at each number of jobs.
    """
    counts = [10**power for power in range(len(str(top))) if 10**power < top] + [top]
    with_bytes = [count for count in counts if count >= _FEWEST_FOR_BYTES]
    with stub_server() as base_url:
        cpu, lag = asyncio.run(_measure(base_url, counts, rounds=rounds, polls=polls, lag_seconds=lag_seconds))
    job_bytes = asyncio.run(_bytes(with_bytes))
    task_bytes = asyncio.run(_task_bytes(with_bytes))
    return {
        "rounds": rounds,
        "polls_per_round": polls,
        "cpu_microseconds": {
            str(count): {arm: spread(values) for arm, values in arms.items()} for count, arms in cpu.items()
        },
        "ratios": {str(count): ratios(arms["ours"], arms["plain"]) for count, arms in cpu.items()},
        "bytes_a_job": {str(count): job_bytes[count] for count in with_bytes},
        "bytes_a_bare_task": {str(count): task_bytes[count] for count in with_bytes},
        "lag_milliseconds": {str(count): values for count, values in lag.items()},
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    idle = figures["lag_milliseconds"]["0"]
    title = f"scale (CPU a poll against plain aiohttp's, {figures['rounds']} rounds in turns;"
    rows = [
        f"{title} lag of an idle loop: p50 {idle['p50']:.1f} ms, p99 {idle['p99']:.1f} ms)",
        line("jobs", ["ratio", "least", "most", "bytes a job", "of a task", "lag p50", "lag p99", "polls/s"], width=10),
    ]
    for count, ratio in figures["ratios"].items():
        shown = cells(ratio, 2)
        if count in figures["bytes_a_job"]:
            size, lag = figures["bytes_a_job"][count], figures["lag_milliseconds"][count]
            shown += [f"{size:.0f}", f"x{size / figures['bytes_a_bare_task'][count]:.2f}"]
            shown += [f"{lag[which]:.1f} ms" for which in ("p50", "p99")] + [f"{lag['polls_per_second']:.0f}"]
        rows.append(line(f"{int(count):,}", shown, width=10))
    return "\n".join(rows)


def plot(figures: dict[str, Any], file: str) -> None:
    """Draw CPU, bytes and lag over the number of jobs.

    Args:
        figures: what `run` gave.
        file: the picture's path; its suffix says the format.
    """
    cpu, lag = figures["ratios"], {n: of for n, of in figures["lag_milliseconds"].items() if n != "0"}
    curves: list[tuple[str, dict[str, dict[str, float]]]] = [
        ("CPU of a poll, plain aiohttp = 1", {"motion_async": {n: of["median"] for n, of in cpu.items()}}),
        ("bytes", {"watched job": figures["bytes_a_job"], "bare asyncio task": figures["bytes_a_bare_task"]}),
        ("lag of the event loop, ms", {which: {n: of[which] for n, of in lag.items()} for which in ("p50", "p99")}),
    ]
    with drawing(file, 3) as panels:
        for panel, (title, arms) in zip(panels, curves, strict=True):
            for arm, points in arms.items():
                panel.plot([int(n) for n in points], list(points.values()), marker="o", markersize=3, label=arm)
            panel.set(xscale="log", xlabel="jobs", ylabel=title, ylim=(0, None))
            panel.grid(visible=True, alpha=0.2)
            panel.legend(fontsize=7)
