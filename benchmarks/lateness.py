"""How late a timer is that goes off again and again: what a web app beside the polls would feel of them.

It measures beside whatever it is handed, and must not do anything by itself that could hold up the loop.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable

__all__ = ["lateness"]

_TICK = 0.005


async def lateness(during: Awaitable[object]) -> dict[str, float]:
    """Give the milliseconds by which a ticker of 5 ms was late: the median, the 99th percentile and the most.

    Args:
        during: what is awaited meanwhile: work, or a sleep of so many seconds; its error is raised.
    """
    late: list[float] = []
    ticker = asyncio.create_task(_tick(late))
    try:
        await during
    finally:
        ticker.cancel()
        await asyncio.wait([ticker])
    if len(late) < 2:  # so short that there is no distribution to cut
        late = 2 * (late or [0.0])
    cuts = statistics.quantiles(late, n=100, method="inclusive")  # the other method may give more than the most
    return {"p50": cuts[49], "p99": cuts[98], "max": max(late)}


async def _tick(late: list[float]) -> None:
    while True:
        start = time.perf_counter()
        await asyncio.sleep(_TICK)
        late.append(1e3 * (time.perf_counter() - start - _TICK))
