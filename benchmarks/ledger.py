"""`python -m benchmarks ledger`: what it costs to have every step of a batch on disk before the next.

A SQLite file with a sync at every commit. Each item goes through its four writes (plan, intent, id, end) and two
observed changes, with so many items in flight at a time. The same steps with one item in flight, whose writes
find nothing to share a commit with, show what sharing saves. How late the event loop is while it writes, against
idle, shows what polls would feel.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.lateness import lateness
from benchmarks.reporting import cells, line, ratios, spread
from motion_async.jobs import Attachment, JobState, JobStatus, StatusChange, VideoRequest
from motion_async.ledger import Entry, Item, ItemState, Ledger, open_ledger

__all__ = ["run", "table"]

_WRITES = 4
"""So many of each item are waited for; what is observed goes with them."""
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
        record = ledger.journal(item)
        assert await record.begin()
        await record.accepted(JobState(job_id, JobStatus.QUEUED))
        for status in (JobStatus.CREATED, JobStatus.RUNNING):
            state = JobState(job_id, status, _MOMENT, _MOMENT)
            record.changed(StatusChange(job_id, None, status, state, _MOMENT))
        await record.ended(JobState(job_id, JobStatus.COMPLETED, _MOMENT, _MOMENT, _MOMENT), None)


@contextlib.contextmanager
def _commits() -> Iterator[list[object]]:
    """Note each transaction that is committed while the block runs, whichever database it is of."""
    # By name, as an extra has it.
    sqlalchemy: Any = importlib.import_module("sqlalchemy")
    noted: list[object] = []
    note = noted.append
    sqlalchemy.event.listen(sqlalchemy.Engine, "commit", note)
    try:
        yield noted
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "commit", note)


async def _write(ledger: Ledger, entries: list[Entry], in_flight: int) -> None:
    """Plan so many at once as are in flight, then bring all to their ends."""
    planned = [
        item
        for first in range(0, len(entries), in_flight)
        for item in await ledger.plan("launch", entries[first : first + in_flight])
    ]
    items = iter(planned)
    await asyncio.gather(*(_go_through(ledger, items) for _ in range(in_flight)))


async def _written(place: str, number: int, in_flight: int) -> dict[str, float]:
    """Write a batch, and give what it took."""
    entries = _entries(number)
    async with open_ledger(f"sqlite:///{place}/launch.db") as ledger:
        with _commits() as commits:
            start = time.perf_counter()
            late = await lateness(_write(ledger, entries, in_flight))
            seconds = time.perf_counter() - start
        assert await ledger.counts() == {"launch": {ItemState.COMPLETED: number}}
    return {
        "seconds": seconds,
        "transactions": len(commits),
        "items_per_second": number / seconds,
        "writes_per_transaction": number * _WRITES / len(commits),
        "late_p99_milliseconds": late["p99"],
    }


def _measured(number: int, in_flight: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        return asyncio.run(_written(place, number, in_flight))


def run(*, rounds: int = 3, items: int = 10_000, alone: int = 500, in_flight: int = 100) -> dict[str, Any]:
    """Write the batches, and give the figures.

    Args:
        rounds: how many batches.
        items: how many items a batch has.
        alone: how many items the batch has that are written one after the other.
        in_flight: how many items are on their way at a time.
    """
    shared: list[dict[str, float]] = []
    single: list[dict[str, float]] = []
    idle: list[float] = []
    for _ in range(rounds):
        shared.append(_measured(items, in_flight))
        single.append(_measured(alone, 1))
        idle.append(asyncio.run(lateness(asyncio.sleep(1)))["p99"])
    return {
        "rounds": rounds,
        "items": items,
        "alone": alone,
        "in_flight": in_flight,
        "shared": {name: spread([figures[name] for figures in shared]) for name in shared[0]},
        "one_in_flight": {name: spread([figures[name] for figures in single]) for name in single[0]},
        "idle_late_p99_milliseconds": spread(idle),
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

    def add(title: str, of: dict[str, float], digits: int = 0) -> None:
        rows.append(line(title, cells(of, digits)))

    add("seconds", figures["shared"]["seconds"], 2)
    add("transactions", figures["shared"]["transactions"])
    add("writes a transaction", figures["shared"]["writes_per_transaction"], 1)
    add("items a second", figures["shared"]["items_per_second"])
    add("  one item in flight", figures["one_in_flight"]["items_per_second"])
    add("  ratio", figures["ratio"], 1)
    add("loop late, p99 in ms", figures["shared"]["late_p99_milliseconds"], 1)
    add("  idle", figures["idle_late_p99_milliseconds"], 1)
    return "\n".join(rows)
