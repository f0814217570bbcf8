"""`python -m benchmarks scale`: 1, 10 … 100,000 jobs watched by one session, and what each costs.

Three figures: the CPU of a poll when all jobs are polled back to back, against plain aiohttp's at as many
connections in the same run, which polls as many jobs, up to 1,000; the bytes of a watched job, state
included, against those of a bare asyncio task; and the lag of the event loop, as a ticker of 5 ms feels it,
during polls back to back, which is the worst that any pace can do to it. At the end a session of 100 jobs
and the one of most jobs take turns, so that what the number alone changes can be read off. The jobs are
followed by one reader of `events()`.
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
from functools import partial
from typing import Any, TypeAlias
from unittest import mock

import aiohttp
import attrs

from benchmarks.arms import (
    JOBS,
    KEY,
    MAX_CONNECTIONS,
    OURS,
    PLAIN,
    POLLS_AT_ONCE,
    UNPACED,
    Counting,
    in_turns,
    poll_plainly,
)
from benchmarks.lateness import lateness
from benchmarks.reporting import cells, drawing, line, ratios, spread
from benchmarks.stub import running, stub_server
from motion_async import JobState, MotionSession
from motion_async.client import Client
from motion_async.contract.protocol import Answer, poll_call, read_answer

__all__ = ["plot", "run", "table"]

_FEW = 100
"""More than there are connections, so that none waits for a job; what many cost is compared with it."""
_FEWEST_FOR_BYTES = 1_000
"""Below so many jobs, what a session costs by itself is more than what its jobs cost."""
_TASKS = 10_000
"""A bare task costs the same however many there are."""


class _Gate(aiohttp.TCPConnector):
    """Lets nothing out while it is shut, so that a session rests while another arm is measured.

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

    async def shut(self) -> None:
        """Let nothing out any more, and wait until what is in flight has come back."""
        self.is_open.clear()
        await asyncio.sleep(0.02)


class _Watching:
    """A session whose jobs are polled back to back, and a reader of all its events."""

    def __init__(self, motion: MotionSession, schedule: Counting) -> None:
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
async def _read(motion: MotionSession, schedule: Counting) -> AsyncIterator[_Watching]:
    async def read() -> None:
        async for _ in motion.events():
            pass

    async with motion:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        yield _Watching(motion, schedule)
    await reader


_Session: TypeAlias = tuple[_Watching, _Gate]


@asynccontextmanager
async def _watching(base_url: str) -> AsyncIterator[_Session]:
    schedule, gate = Counting(), _Gate()
    async with aiohttp.ClientSession(connector=gate) as connections:
        motion = MotionSession(
            KEY,
            base_url=base_url,
            client_session=connections,
            schedule=schedule,
            max_connections=MAX_CONNECTIONS,
            max_polls_per_second=UNPACED,
            exchange_timeout=3_600,
            send_timeout=3_600,  # an exchange may have to rest before a gate that is shut
        )
        async with _read(motion, schedule) as watching:
            yield watching, gate


async def _cpu(
    sessions: list[_Session], base_url: str, *, rounds: int, polls: int
) -> dict[int, dict[str, list[float]]]:
    """Give the CPU microseconds a poll, a figure a round, of each session and of plain aiohttp at as many jobs."""
    connections = min(POLLS_AT_ONCE, *(watching.count for watching, _ in sessions))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def plain(jobs: int) -> float:
            start = time.process_time()
            await poll_plainly(session, base_url, polls, connections=connections, jobs=jobs)
            return 1e6 * (time.process_time() - start) / polls

        async def ours(watching: _Watching, gate: _Gate) -> float:
            start = time.process_time()
            gate.is_open.set()
            await watching.schedule.more(polls)
            taken = time.process_time() - start
            await gate.shut()
            return 1e6 * taken / polls

        arms: dict[tuple[int, str], Callable[[], Awaitable[float]]] = {}
        for watching, gate in sessions:
            await gate.shut()
            arms[watching.count, PLAIN] = partial(plain, min(watching.count, len(JOBS)))
            arms[watching.count, OURS] = partial(ours, watching, gate)
        figures = await in_turns(arms, rounds)
    for _, gate in sessions:
        gate.is_open.set()
    return {watching.count: {arm: figures[watching.count, arm] for arm in (PLAIN, OURS)} for watching, _ in sessions}


async def _lag(watching: _Watching, seconds: float) -> dict[str, float]:
    """Give the milliseconds by which a ticker was late, and the polls a second meanwhile."""
    before, start = watching.schedule.polls, time.perf_counter()
    figures = await lateness(asyncio.sleep(seconds))
    figures["polls_per_second"] = (watching.schedule.polls - before) / (time.perf_counter() - start)
    return figures


@attrs.frozen
class _Found:
    """What the sessions over sockets have shown.

    Args:
        cpu: microseconds a poll of each arm, by the number of jobs.
        lag: of the loop, by the number of jobs; 0 is idle.
        paired: as `cpu`, of few jobs and of most, which took turns; nothing if there were no more than few.
    """

    cpu: dict[int, dict[str, list[float]]]
    lag: dict[int, dict[str, float]]
    paired: dict[int, dict[str, list[float]]]


async def _measure(base_url: str, counts: list[int], *, rounds: int, polls: int, lag_seconds: float) -> _Found:
    found = _Found({}, {0: await lateness(asyncio.sleep(lag_seconds))}, {})
    async with _watching(base_url) as many:
        watching, _ = many
        for count in counts:
            await watching.watch(count)
            # With less than a job a connection, the time between polls is spent waiting.
            enough = polls if count >= POLLS_AT_ONCE else polls // 4
            found.cpu.update(await _cpu([many], base_url, rounds=rounds, polls=enough))
            if count >= _FEW:
                found.lag[count] = await _lag(watching, lag_seconds)
        if watching.count > _FEW:
            _, gate = many
            await gate.shut()
            async with _watching(base_url) as few:
                await few[0].watch(_FEW)
                found.paired.update(await _cpu([few, many], base_url, rounds=rounds, polls=polls))
    return found


async def _read_offline(_: Client, job_id: str) -> JobState:
    """Give an answer that is read as ever, but comes from no network, which keeps no bytes and takes its time."""
    await asyncio.sleep(0)
    return read_answer(poll_call(job_id), Answer(200, running(job_id)), now=datetime.now(UTC))


async def _bytes(counts: list[int]) -> dict[int, float]:
    """Give the bytes of a watched job, beyond those of a session that watches as many as it has connections."""
    schedule = Counting()
    motion = MotionSession(
        KEY,
        base_url="http://127.0.0.1",  # which is never asked
        schedule=schedule,
        max_connections=MAX_CONNECTIONS,
        max_polls_per_second=UNPACED,
    )
    with mock.patch.object(Client, "poll_once", _read_offline):
        async with _read(motion, schedule) as watching:
            await watching.watch(POLLS_AT_ONCE)
            return await _growth(counts, lambda count: watching.watch(POLLS_AT_ONCE + count))


async def _task_bytes() -> float:
    """Give the bytes of an asyncio task that sleeps, as one that polls a job does most of the time."""
    tasks: list[asyncio.Task[None]] = []

    async def start(count: int) -> None:
        tasks.extend(asyncio.create_task(asyncio.sleep(3_600)) for _ in range(count))
        await asyncio.sleep(0)

    figures = await _growth([_TASKS], start)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return figures[_TASKS]


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


def run(*, rounds: int = 5, top: int = 100_000, polls: int = 800, lag_seconds: float = 1.0) -> dict[str, Any]:
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
        found = asyncio.run(_measure(base_url, counts, rounds=rounds, polls=polls, lag_seconds=lag_seconds))
    job_bytes = asyncio.run(_bytes(with_bytes))
    return {
        "rounds": rounds,
        "polls_per_round": polls,
        "cpu_microseconds": {
            str(count): {arm: spread(values) for arm, values in arms.items()} for count, arms in found.cpu.items()
        },
        "ratios": {str(count): ratios(arms[OURS], arms[PLAIN]) for count, arms in found.cpu.items()},
        "few_and_most_in_turns": _paired(found.paired),
        "bytes_a_job": {str(count): job_bytes[count] for count in with_bytes},
        "bytes_a_bare_task": asyncio.run(_task_bytes()),
        "lag_milliseconds": {str(count): values for count, values in found.lag.items()},
    }


def _paired(found: dict[int, dict[str, list[float]]]) -> dict[str, Any] | None:
    """Give what the number of jobs alone changes in the ratio to plain aiohttp; nothing if it was not measured."""
    if not found:
        return None
    a_round = [[ours / plain for ours, plain in zip(of[OURS], of[PLAIN], strict=True)] for of in found.values()]
    few, most = a_round
    return {
        "ratios": {str(count): spread(of) for count, of in zip(found, a_round, strict=True)},
        "most_to_few": ratios(most, few),
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    lags, idle = figures["lag_milliseconds"], figures["lag_milliseconds"]["0"]
    rows = [
        f"scale (CPU a poll against plain aiohttp's, back to back, {figures['rounds']} rounds in turns)",
        line("jobs", ["ratio", "least", "most", "lag p50", "lag p99", "polls/s", "bytes a job", "of a task"], width=10),
    ]
    for count, ratio in figures["ratios"].items():
        shown = cells(ratio, 2)
        if count in lags:
            shown += [f"{lags[count][which]:.1f} ms" for which in ("p50", "p99")]
            shown += [f"{lags[count]['polls_per_second']:.0f}"]
        if count in figures["bytes_a_job"]:
            size = figures["bytes_a_job"][count]
            shown += [f"{size:.0f}", f"x{size / figures['bytes_a_bare_task']:.2f}"]
        rows.append(line(f"{int(count):,}", shown, width=10))
    rows.append(f"  lag of an idle loop: p50 {idle['p50']:.1f} ms, p99 {idle['p99']:.1f} ms")
    if (paired := figures["few_and_most_in_turns"]) is not None:
        medians = ", ".join(f"{of['median']:.2f} at {int(count):,} jobs" for count, of in paired["ratios"].items())
        median, least, most = cells(paired["most_to_few"], 2)
        rows.append(f"  in turns with each other: ratio {medians}; one over the other x{median} ({least} to {most})")
    return "\n".join(rows)


def plot(figures: dict[str, Any], file: str) -> None:
    """Draw CPU, bytes and lag over the number of jobs.

    Args:
        figures: what `run` gave.
        file: the picture's path; its suffix says the format.
    """
    cpu, lag = figures["ratios"], {n: of for n, of in figures["lag_milliseconds"].items() if n != "0"}
    of_job: dict[str, float] = figures["bytes_a_job"]
    of_task: float = figures["bytes_a_bare_task"]
    curves: list[tuple[str, dict[str, dict[str, float]]]] = [
        ("CPU of a poll, plain aiohttp = 1", {"motion_async": {n: of["median"] for n, of in cpu.items()}}),
        ("bytes", {"watched job": of_job, "bare asyncio task": dict.fromkeys(of_job, of_task)}),
        ("lag of the event loop, ms", {which: {n: of[which] for n, of in lag.items()} for which in ("p50", "p99")}),
    ]
    with drawing(file, 3) as panels:
        for panel, (title, arms) in zip(panels, curves, strict=True):
            for arm, points in arms.items():
                panel.plot([int(n) for n in points], list(points.values()), marker="o", markersize=3, label=arm)
            panel.set(xscale="log", xlabel="jobs", ylabel=title, ylim=(0, None))
            panel.grid(visible=True, alpha=0.2)
            panel.legend(fontsize=7)
