"""The queue of a fleet, which is PGQueuer's: who works on which item, and who takes over when a worker dies.

A row holds the number of an item in the ledger and nothing else. The queue never says whether an item was sent: a
worker that has claimed a row asks the ledger. Another engine would stand here, in this file alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from motion_async.fleet.connection import Connection, FleetConnection

try:
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.domain.settings import DBSettings
    from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
    from pgqueuer.ports.repository import EntrypointExecutionParameter
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    what_to_do = "which is not installed: install motion-async with its extra `fleet`"
    raise ModuleNotFoundError(f"motion_async.fleet needs {missing}, {what_to_do}", name=error.name) from None

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["CHANGES", "Claim", "Queue", "QueueCounts"]

_SETTINGS: Final = DBSettings(prefix="motion_")
CHANGES: Final = str(_SETTINGS.channel)
"""Where the engine tells that rows have come or gone."""
_VIDEO: Final = QueueEntrypoint("video")
_LOCK: Final = 0x6D6F74696F6E71
"""The advisory lock under which rows are claimed, and the engine's tables are made; "motionq" in ASCII."""
_ROWS: Final = _SETTINGS.qualified.queue_table
_ENVIRONMENT: Final = QueryBuilderEnvironment(settings=_SETTINGS)
_BUILDER: Final = QueryQueueBuilder(settings=_SETTINGS)
"""One for all, as it keeps the statements that it has rendered."""
_GIVE_BACK: Final = f"UPDATE {_ROWS} SET status = 'queued', queue_manager_id = NULL, slot = NULL, updated = now()"


@attrs.frozen
class Claim:
    """A row that this worker has claimed, and the number of the item that it holds."""

    row: int
    number: int


@attrs.frozen
class QueueCounts:
    """How many rows there are.

    Args:
        waiting: not claimed by any worker, or given back by one.
        claimed: claimed by a worker.
        held: given up by a worker, as something unforeseen happened.
    """

    waiting: int = 0
    claimed: int = 0
    held: int = 0


def _engine(connection: Connection) -> Queries:
    return Queries(AsyncpgDriver(connection), qbe=_ENVIRONMENT, qbq=_BUILDER)


def _name(number: int) -> str:
    return f"item:{number}"


class Queue:
    """The rows of a fleet, for a worker that is taken for dead once it has extended nothing for `heartbeat` seconds."""

    def __init__(self, connection: FleetConnection, *, heartbeat: float) -> None:
        self.worker: Final = uuid.uuid4()
        self.heartbeat: Final = heartbeat
        self._connection = connection

    async def open(self) -> None:
        """Make the engine's tables, or bring them up to date, where that is needed."""

        async def install(connection: Connection) -> None:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            try:
                engine = _engine(connection)
                if not await engine.schema_is_installed():
                    await engine.install()
                elif (await engine.plan_upgrade()).statements:
                    await engine.apply_upgrade()
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)

        await self._connection.run(install)

    async def enqueue_within(self, transaction: AsyncConnection, numbers: Sequence[int]) -> None:
        """Queue items in a transaction of the ledger's; one that is queued already stays where it is."""
        names = list(map(_name, numbers))
        # A row that is held does not count as queued for the engine, and would stay beside the new one. By SQLAlchemy,
        # which begins its transaction with the first statement that it knows of.
        delete = f"DELETE FROM {_ROWS} WHERE dedupe_key = ANY($1) AND status = 'failed'"
        await transaction.exec_driver_sql(delete, (names,))
        connection: Connection = (await transaction.get_raw_connection()).driver_connection
        await _engine(connection).enqueue(
            [_VIDEO] * len(names),
            [str(number).encode() for number in numbers],
            [0] * len(names),
            dedupe_key=[*names],
            on_conflict="skip",
        )

    async def claim(self, most: int, *, cap: int | None) -> list[Claim]:
        """Claim at most so many rows: new ones while the fleet has fewer than `cap`, and those of dead workers."""

        async def work(connection: Connection) -> list[Claim]:
            async with connection.transaction():
                # One at a time: two that count the places together would take the same ones, and one get nothing.
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                rows = await _engine(connection).dequeue(
                    batch_size=most,
                    entrypoints={_VIDEO: EntrypointExecutionParameter(concurrency_limit=cap or 0)},
                    queue_manager_id=QueueManagerId(self.worker),
                    global_concurrency_limit=None,
                    heartbeat_timeout=timedelta(seconds=self.heartbeat),
                )
            return [Claim(row.id, int(row.payload or b"0")) for row in rows]

        return await self._connection.run(work)

    async def extend(self, rows: Collection[int]) -> set[int]:
        """Say that this worker is alive; give the rows that are still its own, as others take those of the dead."""
        found = await self._connection.execute(
            f"UPDATE {_ROWS} SET heartbeat = now()"
            " WHERE id = ANY($1) AND queue_manager_id = $2 AND status = 'picked' RETURNING id",
            list(rows),
            self.worker,
        )
        return {row for (row,) in found}

    async def finish(self, rows: Collection[int]) -> None:
        """Take rows out of the queue: of their items nothing more is to be done."""
        await self._end(rows, "successful")

    async def hold(self, rows: Collection[int]) -> None:
        """Keep rows aside until a person queues their items again, those that are still this worker's own."""
        await self._end(await self.extend(rows), "failed")

    async def _end(self, rows: Collection[int], status: str) -> None:
        statement = _BUILDER.build_log_job_query()
        await self._connection.execute(statement, list(rows), [status] * len(rows), [None] * len(rows))

    async def give_back(self, rows: Collection[int], *, after: float = 0.0) -> None:
        """Let other workers claim rows, or this one again, `after` seconds from now on."""
        await self._connection.execute(
            f"{_GIVE_BACK}, execute_after = now() + $3 WHERE id = ANY($1) AND queue_manager_id = $2",
            list(rows),
            self.worker,
            timedelta(seconds=after),
        )
        if not after:
            await self._connection.notify(kind="claims")

    async def give_all_back(self) -> None:
        """Let other workers claim all that this one has, and what it has claimed without hearing of it any more."""
        await self._connection.execute(f"{_GIVE_BACK} WHERE queue_manager_id = $1 AND status = 'picked'", self.worker)
        await self._connection.notify(kind="claims")

    async def discard(self, numbers: Sequence[int]) -> None:
        """Take items out of the queue that no worker has claimed."""
        await self._connection.execute(
            f"DELETE FROM {_ROWS} WHERE dedupe_key = ANY($1) AND status <> 'picked'", list(map(_name, numbers))
        )

    async def count(self, batch: str | None = None) -> QueueCounts:
        """Count the rows, of one batch or of all."""
        rows = await self._connection.execute(
            f"SELECT status::text, count(*) FROM {_ROWS} WHERE entrypoint = $2 AND ($1::text IS NULL OR dedupe_key IN"
            " (SELECT 'item:' || id FROM motion_items WHERE batch = $1)) GROUP BY status",
            batch,
            _VIDEO,
        )
        found: dict[str, int] = dict(rows)
        return QueueCounts(found.get("queued", 0), found.get("picked", 0), found.get("failed", 0))

    async def count_workers(self) -> int:
        """Count the living workers that have claimed something."""
        [(workers,)] = await self._connection.execute(
            f"SELECT count(DISTINCT queue_manager_id) FROM {_ROWS}"
            " WHERE status = 'picked' AND heartbeat > now() - $1::interval",
            timedelta(seconds=self.heartbeat),
        )
        return int(workers)
