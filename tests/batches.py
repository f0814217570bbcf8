"""What the tests of batches share: options of a session that polls often, a whole batch, and where its items stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from motion_async import Backoff, GrowingSchedule, MotionSession, Outcome
from motion_async.ledger import ItemState, Ledger

__all__ = ["QUICK", "run", "stands", "states"]

QUICK: dict[str, Any] = {
    "schedule": GrowingSchedule(first=0.01, growth=0.2, cap=0.05),
    "backoff": Backoff(first=0.01, cap=0.05),
    "max_polls_per_second": 10_000,
}


async def run(motion: MotionSession, ledger: Ledger, requests: Iterable[Any], **options: Any) -> list[Outcome]:
    """Make a batch to its end, and give its outcomes in the order of the requests."""
    async with motion.generate_many(requests, ledger=ledger, batch="launch", **options) as outcomes:
        return sorted([outcome async for outcome in outcomes], key=lambda outcome: outcome.index)


async def states(ledger: Ledger) -> dict[str, ItemState]:
    """Give the state of each item of the batch."""
    return {item.key: item.state async for item in ledger.items("launch")}


async def stands(ledger: Ledger, key: str, state: ItemState) -> bool:
    """Tell whether an item of the batch has been planned and is in this state."""
    return (await states(ledger)).get(key) == state
