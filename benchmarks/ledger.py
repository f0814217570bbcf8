"""`python -m benchmarks ledger`: what it costs to have every step of a batch on disk before the next.

A SQLite file with a sync at every commit. Each item goes through its four writes (plan, intent, id, end) and two
observed changes, with so many items in flight at a time. The same ledger with a commit for each write shows what
sharing them saves. How late the event loop is while it writes, against idle, shows what polls would feel.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.reporting import cells, line, ratios, spread
from motion_async.jobs import Attachment, JobState, JobStatus, StatusChange, VideoRequest
from motion_async.ledger import Entry, Item, ItemState, Ledger, open_ledger

__all__ = ["run", "table"]

_TICK = 0.005
_PLANNED_AT_ONCE = 500
_SIGNED = "https://bucket.s3.amazonaws.com/hero-{}.png?X-Amz-Date=20260501T120000Z&X-Amz-Signature=" + "a" * 64
_MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _entries(number: int) -> list[Entry]:
    return [
        Entry(
            f"video-{place}",
            VideoRequest(f"A 15 second launch video number {place} for a calendar app. " * 5, attachments=[attachment]),
            metadata={"row": place},
        )
        for place, attachment in enumerate(Attachment(_SIGNED.format(place)) for place in range(number))
    ]


async def _go_through(ledger: Ledger, items: Iterator[Item]) -> None:
    """Bring items to their ends, one after the other; many of these share the items."""
    for item in items:
        job_id = f"405d47cf-f72b-4852-b570-{item.id:012}"
        record = ledger.record(item)
        assert await record.sending()
        await record.taken(JobState(job_id, JobStatus.QUEUED))
        for status in (JobStatus.CREATED, JobStatus.RUNNING):
            state = JobState(job_id, status, _MOMENT, _MOMENT)
            record.changed(StatusChange(job_id, None, status, state, _MOMENT))
        await record.ended(JobState(job_id, JobStatus.COMPLETED, _MOMENT, _MOMENT, _MOMENT), None)


async def _lateness(late: list[float]) -> None:
    """Note how late a timer is, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        late.append(loop.time() - due)


async def _written(place: str, number: int, in_flight: int, *, groups: bool) -> dict[str, float]:
    """Write a batch, and give what it took."""
    late: list[float] = []
    async with open_ledger(f"sqlite:///{place}/launch.db") as ledger:
        commit, transactions = ledger._store.commit, 0  # noqa: SLF001  # nobody else can count them

        async def counted(group: Any) -> list[Any]:
            nonlocal transactions
            transactions += 1
            return await commit(group)

        ledger._writer._commit = counted  # noqa: SLF001
        if not groups:
            ledger._writer._heaviest_group = 1  # noqa: SLF001
        entries = _entries(number)
        watch = asyncio.create_task(_lateness(late))
        start = time.perf_counter()
        planned = [
            item
            for first in range(0, number, _PLANNED_AT_ONCE)
            for item in await ledger.plan("launch", entries[first : first + _PLANNED_AT_ONCE])
        ]
        items = iter(planned)
        await asyncio.gather(*(_go_through(ledger, items) for _ in range(in_flight)))
        seconds = time.perf_counter() - start
        watch.cancel()
        assert await ledger.counts() == {"launch": {ItemState.COMPLETED: number}}
    return {
        "seconds": seconds,
        "transactions": transactions,
        "items_per_second": number / seconds,
        "writes_per_transaction": number * 4 / transactions,
        "late_p99": statistics.quantiles(late, n=100)[98] if len(late) > 1 else 0.0,
    }


async def _idle(seconds: float) -> float:
    late: list[float] = []
    watch = asyncio.create_task(_lateness(late))
    await asyncio.sleep(seconds)
    watch.cancel()
    return statistics.quantiles(late, n=100)[98]


def _measured(number: int, in_flight: int, *, groups: bool = True) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        return asyncio.run(_written(place, number, in_flight, groups=groups))


def run(*, rounds: int = 3, items: int = 10_000, alone: int = 500, in_flight: int = 100) -> dict[str, Any]:
    """Write the batches, and give the figures.

    Args:
        rounds: how many batches.
        items: how many items a batch has.
        alone: how many items the batch has whose writes are each committed alone.
        in_flight: how many items are on their way at a time.
    """
    shared: list[dict[str, float]] = []
    single: list[dict[str, float]] = []
    idle: list[float] = []
    for _ in range(rounds):
        shared.append(_measured(items, in_flight))
        single.append(_measured(alone, in_flight, groups=False))
        idle.append(asyncio.run(_idle(1.0)))
    return {
        "rounds": rounds,
        "items": items,
        "alone": alone,
        "in_flight": in_flight,
        "shared": {name: spread([figures[name] for figures in shared]) for name in shared[0]},
        "single": {name: spread([figures[name] for figures in single]) for name in single[0]},
        "idle_late_p99": spread(idle),
        "ratio": ratios(*([figures["items_per_second"] for figures in arm] for arm in (shared, single))),
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    size = f"{figures['items']} items, {figures['in_flight']} in flight, {figures['rounds']} rounds"
    rows = [
        f"ledger (plan, intent, id and end of each item, synced to a SQLite file; {size})",
        line("", ["median", "least", "most"]),
    ]

    def add(title: str, of: dict[str, float], scale: float = 1.0, digits: int = 0) -> None:
        rows.append(line(title, cells({which: scale * value for which, value in of.items()}, digits)))

    add("seconds", figures["shared"]["seconds"], digits=2)
    add("transactions", figures["shared"]["transactions"])
    add("writes a transaction", figures["shared"]["writes_per_transaction"], digits=1)
    add("items a second", figures["shared"]["items_per_second"])
    add("  each write committed alone", figures["single"]["items_per_second"])
    add("  ratio", figures["ratio"], digits=1)
    add("loop late, p99 in ms", figures["shared"]["late_p99"], 1_000, 1)
    add("  idle", figures["idle_late_p99"], 1_000, 1)
    return "\n".join(rows)
