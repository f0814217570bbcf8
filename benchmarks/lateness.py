"""How late a timer is that goes off again and again: what a web app beside the polls would feel of them."""

from __future__ import annotations

import asyncio
import statistics
import time

__all__ = ["lateness"]

_TICK = 0.005


async def lateness(seconds: float) -> dict[str, float]:
    """Give the milliseconds by which a ticker of 5 ms was late: the median, the 99th percentile and the most.

    Args:
        seconds: how long to measure.
    """
    late: list[float] = []
    start = time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        await asyncio.sleep(_TICK)
        late.append(1e3 * (time.perf_counter() - now - _TICK))
    cuts = statistics.quantiles(late, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "max": max(late)}
