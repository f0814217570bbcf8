"""`python -m benchmarks poll`: the CPU time of one poll, plain aiohttp's against a watched job's.

Both arms poll the same stub over as many kept-alive connections, in one process and in turns; a
round's ratio compares two neighbours, so a machine whose speed drifts moves both. The plain arm is
what a user would write: `get`, then `json()`, in a loop. Ours is everything from due to delivered.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from typing import Any

import aiohttp

from benchmarks.stub import stub_server
from motion_async import MotionSession

_KEY = "motion_benchmark"
_CONNECTIONS = 16
_JOBS = [str(uuid.UUID(int=number)) for number in range(1_000)]
"""Ids like the service's own, and more of them than any cache of parsed URLs keeps."""


class _Counting:
    """A schedule that has every job polled again at once, and counts the polls that were delivered."""

    def __init__(self) -> None:
        self.polls = 0
        self.reached: asyncio.Future[None] | None = None
        self.goal = 0

    def wait(self, age: float, turn: int) -> float:  # noqa: ARG002
        self.polls += 1
        if self.polls >= self.goal and self.reached is not None and not self.reached.done():
            self.reached.set_result(None)
        return 0.001

    async def more(self, polls: int) -> None:
        """Wait until so many more polls have been delivered."""
        self.goal = self.polls + polls
        self.reached = asyncio.get_running_loop().create_future()
        await self.reached


async def _plain(session: aiohttp.ClientSession, base_url: str, polls: int) -> None:
    async def loop(first: int) -> None:
        for number in range(first, polls, _CONNECTIONS):
            url = f"{base_url}/sessions/{_JOBS[number % len(_JOBS)]}"
            async with session.get(url, headers={"Authorization": f"Bearer {_KEY}"}) as response:
                assert (await response.json())["status"] == "running"

    await asyncio.gather(*(loop(first) for first in range(_CONNECTIONS)))


async def _measure(base_url: str, rounds: int, polls: int) -> dict[str, list[float]]:
    """Give the CPU microseconds a poll of each arm, a figure a round."""
    figures: dict[str, list[float]] = {"plain aiohttp": [], "motion_async": []}
    for number in range(rounds + 1):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as session:
            await _plain(session, base_url, 10 * _CONNECTIONS)
            start = time.process_time()
            await _plain(session, base_url, polls)
            plain = (time.process_time() - start) / polls
        schedule = _Counting()
        async with MotionSession(
            _KEY, base_url=base_url, schedule=schedule, max_connections=_CONNECTIONS, max_polls_per_second=1e6
        ) as motion:
            waits = [asyncio.ensure_future(motion.job(job_id).wait()) for job_id in _JOBS]
            await schedule.more(2 * len(_JOBS))
            start = time.process_time()
            await schedule.more(polls)
            ours = (time.process_time() - start) / polls
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        if number:  # the first round warms up
            figures["plain aiohttp"].append(plain * 1e6)
            figures["motion_async"].append(ours * 1e6)
    return figures


def run(*, rounds: int = 9, polls: int = 4_000) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often the two arms take turns, after one round that is not counted.
        polls: how many polls an arm makes a round.
    """
    # glibc maps and unmaps each of asyncio's 256 KiB read buffers until a large block has been freed once: both
    # arms are measured in the state that any process of some size is in.
    large = bytearray(16 << 20)
    del large
    with stub_server() as base_url:
        figures = asyncio.run(_measure(base_url, rounds, polls))
    ratios = [ours / plain for plain, ours in zip(*figures.values(), strict=True)]
    return {
        "rounds": rounds,
        "polls_per_round": polls,
        "cpu_microseconds": {arm: _spread(values) for arm, values in figures.items()},
        "ratio": _spread(ratios),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
