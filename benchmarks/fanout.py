"""`python -m benchmarks fanout`: many videos through `generate_many`, and whether memory stays flat.

The CPU time of a request, from prompt to outcome, is that of a create and a poll over the stub, against a
user's own loops over plain aiohttp in the same run. Ours opens a connection for each create, as no create
may ride on one that has gone stale; the plain arm keeps its connections. Memory is measured in a pass of
its own, over a longer stream of requests and a service in this process: what is in use and what was the
peak, a tenth of the way against nine tenths. `--requests 1000000` is the stream of a million.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any

import aiohttp

from benchmarks.arms import KEY, OURS, PLAIN, UNPACED, in_turns
from benchmarks.inprocess import Jobs, in_process_session
from benchmarks.reporting import ratios, spread, table_of_arms
from benchmarks.stub import stub_server
from motion_async import GrowingSchedule, MotionSession

__all__ = ["run", "table"]

_PLACES = 50
_AT_ONCE = GrowingSchedule(first=0.001, growth=0, cap=0.001)
"""Polls a new job after a millisecond, when it has ended: a batch is then as fast as its calls."""


def _prompts(count: int) -> Iterator[str]:
    return (f"video number {number}" for number in range(count))


async def _plain(base_url: str, requests: int) -> float:
    prompts = _prompts(requests)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=_PLACES)) as session:

        async def loop() -> None:
            for prompt in prompts:
                async with session.post(f"{base_url}/sessions", json={"prompt": prompt}) as response:
                    job_id = (await response.json())["job_id"]
                async with session.get(f"{base_url}/sessions/{job_id}") as response:
                    assert (await response.json())["status"] == "completed"

        start = time.process_time()
        await asyncio.gather(*(loop() for _ in range(_PLACES)))
        return 1e6 * (time.process_time() - start) / requests


async def _ours(base_url: str, requests: int) -> float:
    async with MotionSession(
        KEY, base_url=base_url, schedule=_AT_ONCE, max_connections=_PLACES, max_polls_per_second=UNPACED
    ) as motion:
        start = time.process_time()
        async with motion.generate_many(_prompts(requests), max_active=_PLACES) as outcomes:
            ended = sum([outcome.ok async for outcome in outcomes])
        taken = time.process_time() - start
    assert ended == requests
    return 1e6 * taken / requests


async def _measure_cpu(base_url: str, rounds: int, requests: int) -> dict[str, list[float]]:
    arms = {PLAIN: partial(_plain, base_url, requests), OURS: partial(_ours, base_url, requests)}
    return await in_turns(arms, rounds)


async def _measure_memory(requests: int) -> dict[str, dict[str, int]]:
    """Give the bytes in use after a tenth of the requests and after nine tenths, and their peak up to each."""
    jobs = Jobs(lambda _: 0.0)
    marks = {requests // 10: "tenth", 9 * requests // 10: "nine_tenths"}
    figures: dict[str, dict[str, int]] = {}
    async with in_process_session(jobs, schedule=_AT_ONCE, max_polls_per_second=UNPACED) as motion:
        tracemalloc.start()
        try:
            async with motion.generate_many(_prompts(requests), max_active=_PLACES) as outcomes:
                ended = 0
                async for _ in outcomes:
                    ended += 1
                    if ended in marks:
                        peak = tracemalloc.get_traced_memory()[1]
                        gc.collect()
                        figures[marks[ended]] = {"in_use": tracemalloc.get_traced_memory()[0], "peak": peak}
                        tracemalloc.reset_peak()
        finally:
            tracemalloc.stop()
    return figures


def run(*, rounds: int = 5, requests: int = 10_000, requests_per_round: int = 1_000) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often the arms take turns, after one round that is not counted.
        requests: how many requests the pass for the memory makes, at least 10.
        requests_per_round: how many requests an arm makes a round.
    """
    with stub_server() as base_url:
        figures = asyncio.run(_measure_cpu(base_url, rounds, requests_per_round))
    memory = asyncio.run(_measure_memory(requests))
    first, last = memory["tenth"], memory["nine_tenths"]
    return {
        "rounds": rounds,
        "requests_per_round": requests_per_round,
        "cpu_microseconds": {arm: spread(values) for arm, values in figures.items()},
        "requests_per_cpu_second": {arm: spread([1e6 / one for one in values]) for arm, values in figures.items()},
        "ratios": {arm: ratios(values, figures[PLAIN]) for arm, values in figures.items()},
        "memory": {
            "requests": requests,
            "bytes": memory,
            "nine_tenths_to_tenth": {which: last[which] / first[which] for which in first},
            "bytes_a_request_in_between": (last["in_use"] - first["in_use"]) / (0.8 * requests),
        },
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    title = f"fanout (CPU a request, a create and a poll, against plain aiohttp's, {figures['rounds']} rounds in turns)"
    memory = figures["memory"]
    first, last = memory["bytes"]["tenth"], memory["bytes"]["nine_tenths"]
    per_second = ", ".join(f"{arm} {of['median']:,.0f}" for arm, of in figures["requests_per_cpu_second"].items())
    rows = [table_of_arms(title, figures["cpu_microseconds"], "µs of CPU", figures["ratios"])]
    rows.append(f"  requests a CPU second: {per_second}")
    rows.append(f"  memory over a stream of {memory['requests']:,}, a tenth of the way against nine tenths:")
    for which, title in (("in_use", "in use"), ("peak", "peak")):
        ratio = memory["nine_tenths_to_tenth"][which]
        rows.append(f"    {title:<8}{first[which] / 1024:.0f} KiB, then {last[which] / 1024:.0f} KiB, x{ratio:.3f}")
    rows.append(f"    {memory['bytes_a_request_in_between']:.2f} bytes more in use for each request in between")
    return "\n".join(rows)
