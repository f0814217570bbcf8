"""The two arms that every benchmark of CPU compares: loops over plain aiohttp as a user writes them, and a session.

What both must have alike stands here, such as the number of connections and the jobs that are polled. It
measures nothing by itself.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TypeVar

import aiohttp

__all__ = [
    "JOBS",
    "KEY",
    "MAX_CONNECTIONS",
    "OURS",
    "PLAIN",
    "POLLS_AT_ONCE",
    "UNPACED",
    "Counting",
    "in_turns",
    "poll_plainly",
]

_Arm = TypeVar("_Arm", bound=Hashable)

PLAIN = "plain aiohttp"
OURS = "motion_async"
KEY = "motion_benchmark"
POLLS_AT_ONCE = 16
"""So many connections each arm polls on."""
MAX_CONNECTIONS = 21
"""The bound of a session that has so many for polls: a quarter of all is for creates."""
UNPACED = 1e6
"""More polls a second than any session makes, so that its pace holds nothing up."""
JOBS = [str(uuid.UUID(int=number)) for number in range(1_000)]
"""Ids like the service's own, and more of them than any cache of parsed URLs keeps."""


async def in_turns(arms: Mapping[_Arm, Callable[[], Awaitable[float]]], rounds: int) -> dict[_Arm, list[float]]:
    """Measure arms in turns, so that a machine whose speed drifts moves all of them.

    Args:
        arms: gives the figure of each.
        rounds: how often all have their turn, after one round that warms up and is not counted.

    Returns:
        The figures of each arm, one of each round.
    """
    figures: dict[_Arm, list[float]] = {arm: [] for arm in arms}
    for number in range(rounds + 1):
        for arm, measure in arms.items():
            figure = await measure()
            if number:
                figures[arm].append(figure)
    return figures


class Counting:
    """A schedule that has every job polled again at once, and counts the polls that were delivered."""

    def __init__(self) -> None:
        self.polls = 0
        self._reached: asyncio.Future[None] | None = None
        self._goal = 0

    def wait(self, age: float, turn: int) -> float:  # noqa: ARG002
        """Count a poll; see `Schedule.wait`."""
        self.polls += 1
        if self.polls >= self._goal and self._reached is not None and not self._reached.done():
            self._reached.set_result(None)
        return 0.001

    async def more(self, polls: int) -> None:
        """Wait until so many more polls have been delivered.

        Args:
            polls: how many.
        """
        self._goal = self.polls + polls
        self._reached = asyncio.get_running_loop().create_future()
        await self._reached


async def poll_plainly(
    session: aiohttp.ClientSession, base_url: str, polls: int, *, connections: int, jobs: int = len(JOBS)
) -> None:
    """Poll as a user's own loop would.

    Args:
        session: aiohttp's.
        base_url: the stub's.
        polls: how many in all.
        connections: how many loops, each with a connection.
        jobs: how many of the jobs are polled: few have their URLs in the caches of those that parse them.
    """

    async def loop(first: int) -> None:
        for number in range(first, polls, connections):
            url = f"{base_url}/sessions/{JOBS[number % jobs]}"
            async with session.get(url, headers={"Authorization": f"Bearer {KEY}"}) as response:
                assert (await response.json())["status"] == "running"

    await asyncio.gather(*(loop(first) for first in range(connections)))
