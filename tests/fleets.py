"""What the tests of fleets share: a machine of one, its worker, and when a batch is at rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs

from motion_async import BatchRequest, MotionSession, VideoRequest
from motion_async.fleet import Fleet, QueueCounts
from motion_async.fleet.connection import CHANNEL, Connection, FleetConnection
from motion_async.fleet.queue import CHANGES
from motion_async.ledger import Entry, ItemState, Ledger, open_ledger
from tests.batches import QUICK
from tests.waiting import until

__all__ = [
    "LET_DIE", "Link", "at_rest", "begin_work", "completed", "counts", "end_work", "numbered", "open_link", "plan",
    "session", "states", "working",
]  # fmt: skip

LET_DIE: Final = "UPDATE motion_pgqueuer SET heartbeat = heartbeat - interval '2 hours'"
"""Has all who have claimed something until now be taken for dead."""


@attrs.frozen
class Link:
    """A process of a fleet without a worker: its ledger, and its connection beside that."""

    ledger: Ledger
    connection: FleetConnection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Begin a transaction of the ledger's, which ends with the block."""
        async with self.ledger._store._transaction() as connection:
            yield connection

    async def session(self) -> int:
        """Give the number by which the server knows the connection's session."""

        async def ask(connection: Connection) -> int:
            return int(await connection.fetchval("SELECT pg_backend_pid()"))

        return await self.connection.run(ask)


@asynccontextmanager
async def open_link(url: str, *, patience: float = 60.0) -> AsyncIterator[Link]:
    """Open a ledger and a connection beside it."""
    async with open_ledger(url, patience=patience) as ledger:
        connection = FleetConnection(ledger._store, ledger._outage, (CHANNEL, CHANGES))  # type: ignore[arg-type]
        try:
            yield Link(ledger, connection)
        finally:
            await connection.aclose()


async def plan(ledger: Ledger, keys: Iterable[str], batch: str = "launch") -> list[int]:
    """Plan an item of each key, and give their numbers."""
    return [item.id for item in await ledger.plan(batch, [Entry(key, VideoRequest(key)) for key in keys])]


def session(sandbox: Any, **options: Any) -> MotionSession:
    """Give a session that polls often."""
    return MotionSession(options.pop("key", sandbox.api_key), base_url=sandbox.url, **QUICK | options)


def begin_work(fleet: Fleet, motion: MotionSession, *, here: int = 100) -> asyncio.Task[None]:
    """Begin to work in a task, until that is cancelled."""
    return asyncio.create_task(fleet.work(motion, here=here))


async def end_work(work: asyncio.Task[None]) -> None:
    """Tell a worker to end, and raise what ended it before."""
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


@asynccontextmanager
async def working(fleet: Fleet, motion: MotionSession, *, here: int = 100) -> AsyncIterator[asyncio.Task[None]]:
    """Work for a fleet for as long as the block lasts."""
    work = begin_work(fleet, motion, here=here)
    try:
        yield work
    finally:
        await end_work(work)


async def at_rest(fleet: Fleet, batch: str = "launch") -> None:
    """Wait until no worker has anything of a batch to do any more."""

    async def is_at_rest() -> bool:
        return (await fleet.progress(batch)).is_at_rest

    await until(is_at_rest, every=0.02)


async def states(fleet: Fleet, batch: str = "launch") -> dict[str, ItemState]:
    """Give the state of each item of a batch."""
    return {item.key: item.state async for item in fleet.ledger.items(batch)}


async def counts(fleet: Fleet, expected: QueueCounts) -> bool:
    """Tell whether the queue has so many rows of each kind."""
    return (await fleet.status()).queue == expected


async def completed(fleet: Fleet, count: int) -> bool:
    """Tell whether so many items of the batch have completed."""
    return [*(await states(fleet)).values()].count(ItemState.COMPLETED) == count


def numbered(count: int) -> list[BatchRequest]:
    """Give so many requests, the ids of which are their numbers."""
    return [BatchRequest(f"video {n}", id=str(n)) for n in range(count)]
