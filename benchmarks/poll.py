"""`python -m benchmarks poll`: the CPU time of one poll, against plain aiohttp's in the same run.

All arms poll the same stub over as many kept-alive connections, in one process and in turns; a round's
ratio compares neighbours, so a machine whose speed drifts moves both. The plain arm is what a user would
write: `get`, then `json()`, in a loop. Ours is everything from due to delivered. The peers make their own
status call; they get fewer polls a round, as theirs cost several times as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp

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
from benchmarks.peers import PEERS, PollOnce
from benchmarks.reporting import drawing, ratios, spread, table_of_arms
from benchmarks.stub import stub_server
from motion_async import MotionSession

__all__ = ["plot", "run", "table"]


async def _plain(base_url: str, polls: int) -> float:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=POLLS_AT_ONCE)) as session:
        await poll_plainly(session, base_url, 10 * POLLS_AT_ONCE, connections=POLLS_AT_ONCE)
        start = time.process_time()
        await poll_plainly(session, base_url, polls, connections=POLLS_AT_ONCE)
        return 1e6 * (time.process_time() - start) / polls


async def _ours(base_url: str, polls: int) -> float:
    schedule = Counting()
    async with MotionSession(
        KEY, base_url=base_url, schedule=schedule, max_connections=MAX_CONNECTIONS, max_polls_per_second=UNPACED
    ) as motion:
        waits = [asyncio.ensure_future(motion.job(job_id).wait()) for job_id in JOBS]
        await schedule.more(2 * len(JOBS))
        start = time.process_time()
        await schedule.more(polls)
        taken = time.process_time() - start
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
    return 1e6 * taken / polls


async def _peer(poll: PollOnce, polls: int) -> float:
    async def loop(first: int, count: int) -> None:
        for number in range(first, count, POLLS_AT_ONCE):
            await poll(JOBS[number % len(JOBS)])

    async def all_of(count: int) -> None:
        await asyncio.gather(*(loop(first, count) for first in range(POLLS_AT_ONCE)))

    await all_of(POLLS_AT_ONCE)
    start = time.process_time()
    await all_of(polls)
    return 1e6 * (time.process_time() - start) / polls


async def _measure(
    base_url: str, rounds: int, polls: int, peer_polls: int
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Give the CPU microseconds a poll of each arm, a figure a round, and why which peers are missing."""
    missing: dict[str, str] = {}
    async with contextlib.AsyncExitStack() as stack:
        peers: dict[str, PollOnce] = {}
        for name, opened in PEERS.items():
            try:
                peers[name] = await stack.enter_async_context(opened(base_url))
                await peers[name](JOBS[0])
            except ImportError as error:
                peers.pop(name, None)
                missing[name] = f"not installed ({error})"
            except Exception as error:  # noqa: BLE001  # another version of it may want anything
                peers.pop(name, None)
                missing[name] = f"its status call raised {error!r:.200}"
        arms: dict[str, Callable[[], Awaitable[float]]] = {
            PLAIN: partial(_plain, base_url, polls),
            OURS: partial(_ours, base_url, polls),
            **{name: partial(_peer, poll, peer_polls) for name, poll in peers.items()},
        }
        return await in_turns(arms, rounds), missing


def run(*, rounds: int = 7, polls: int = 4_000, peer_polls: int = 320) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often the arms take turns, after one round that is not counted.
        polls: how many polls plain aiohttp and ours make a round.
        peer_polls: how many polls each peer makes a round.
    """
    with stub_server() as base_url:
        figures, missing = asyncio.run(_measure(base_url, rounds, polls, peer_polls))
    return {
        "rounds": rounds,
        "polls_per_round": polls,
        "peer_polls_per_round": peer_polls,
        "cpu_microseconds": {arm: spread(values) for arm, values in figures.items()},
        "ratios": {arm: ratios(values, figures[PLAIN]) for arm, values in figures.items()},
        "versions": {name: importlib.metadata.version(name) for name in ("aiohttp", *PEERS) if name not in missing},
        "missing": missing,
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    versions = figures["versions"]
    rename = {arm: f"{arm} {versions.get(arm.removeprefix('plain '), '')}".rstrip() for arm in figures["ratios"]}
    shown = [
        {rename[arm]: values for arm, values in figures[field].items()} for field in ("cpu_microseconds", "ratios")
    ]
    title = f"poll (CPU a poll against plain aiohttp's, {figures['rounds']} rounds in turns)"
    rows = [table_of_arms(title, shown[0], "µs of CPU", shown[1])]
    rows.extend(f"  missing: {name}: {why}" for name, why in figures["missing"].items())
    return "\n".join(rows)


def plot(figures: dict[str, Any], file: str) -> None:
    """Draw the ratios as bars.

    Args:
        figures: what `run` gave.
        file: the picture's path; its suffix says the format.
    """
    arms = sorted(figures["ratios"].items(), key=lambda item: -item[1]["median"])
    with drawing(file, 1, height=0.6 + 0.35 * len(arms)) as (panel,):
        bars = panel.barh(
            [arm for arm, _ in arms],
            [ratio["median"] for _, ratio in arms],
            color=["tab:orange" if arm == OURS else "tab:gray" for arm, _ in arms],
        )
        panel.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        panel.margins(x=0.12)
        panel.set_xlabel("CPU of a poll, plain aiohttp = 1")
