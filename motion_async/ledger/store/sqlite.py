"""A ledger in SQLite: in a file, in a file that is only read, and in memory.

Where it only reads, it writes nothing, makes no file, and holds no lock that a writer waits for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, StaticPool
from sqlalchemy.util import await_only

from motion_async.errors import ConfigurationError
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.store.base import Store, make_engine
from motion_async.ledger.store.files import WRITTEN, LedgerFile, ReadFile
from motion_async.ledger.store.owners import probe_owner
from motion_async.ledger.store.recognition import APPLICATION_ID
from motion_async.ledger.tasks import run_or_undo
from motion_async.ledger.transitions import Claim
from motion_async.ledger.writes import Write

__all__ = ["FileStore", "MemoryStore", "ReadFileStore", "make_store"]

BUSY_SECONDS: Final = 1.0
"""So long SQLite itself waits for a lock, before anybody is told of it."""

_log = logging.getLogger(__package__)


def _decode(raw: bytes) -> str | bytes:
    """Give a text of SQLite's; the bytes of one that is none, so that its row is told of as damaged."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _begin_by_hand(engine: AsyncEngine, *, immediate: bool) -> None:
    """Take the beginning of transactions out of the hands of Python's `sqlite3`, which begins them late or never."""

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.driver_connection.text_factory = _decode
        cursor = connection.cursor()
        # FULL: with WAL, a commit that was answered survives the loss of power, not only the loss of the process.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = immediate and connection.get_execution_options().get("motion_writes", False)
        driver: Any = connection.connection.driver_connection  # one way to its thread; through SQLAlchemy it is three
        await_only(driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN"))


class SqliteStore(Store):
    """SQLite, wherever it is kept."""

    async def _find_tables(self, connection: AsyncConnection) -> bool:
        # What is in a file was looked at before it was opened here.
        return await connection.run_sync(lambda plain: sa.inspect(plain).has_table("motion_ledger"))

    async def _upgrade(self, connection: AsyncConnection) -> None:
        await super()._upgrade(connection)  # nobody else does: the transaction holds SQLite's own lock
        if await connection.scalar(sa.text("PRAGMA application_id")) != APPLICATION_ID:
            await connection.execute(sa.text(f"PRAGMA application_id={APPLICATION_ID}"))

    async def _interrupt(self, connection: AsyncConnection) -> None:
        plain = connection.sync_connection
        if plain is not None and not plain.closed and not plain.invalidated:
            driver: Any = plain.connection.driver_connection
            await driver.interrupt()


class FileStore(SqliteStore):
    """SQLite in a file."""

    def __init__(self, file: LedgerFile) -> None:
        engine = make_engine(
            sa.URL.create("sqlite+aiosqlite", database=str(file.path)),
            connect_args={"timeout": BUSY_SECONDS},
            poolclass=AsyncAdaptedQueuePool,  # older versions of SQLAlchemy keep no connection to a file
            pool_size=5,
            max_overflow=0,
        )
        _begin_by_hand(engine, immediate=True)
        super().__init__(engine, owner=file.owner)
        self._file = file

    async def commit(self, writes: Sequence[Write]) -> Sequence[Any]:
        """Write a group, if the file is still there; see `Store.commit`.

        No intent is written while others would take its owner for dead: it comes to nothing, and the rest is written.
        """
        if not self._file.is_there():
            raise TransientStoreError(f"the file {self._file.path} was moved or deleted while it was in use")
        problem = None if self._file.lock.is_there() else await self._restore_lock()
        if problem is None:
            return await super().commit(writes)
        # An earlier attempt, whose answer was lost, may have written an intent.
        results = await super().commit([write.undone() if isinstance(write, Claim) else write for write in writes])
        return [problem if isinstance(write, Claim) else result for write, result in zip(writes, results, strict=True)]

    async def _restore_lock(self) -> PermanentStoreError | None:
        try:
            await asyncio.to_thread(self._file.lock.restore)
        except OSError as error:
            return PermanentStoreError(
                f"the file that shows that its owner is alive cannot be made again: {error.strerror or error}"
            )
        where = self._file.path
        _log.warning("ledger %s: the file that shows that its owner is alive was removed; it is there again", where)
        return None

    @property
    def lock_generation(self) -> int:
        """How often the owner's file was lost; this looks whether it is there. See `Store.lock_generation`."""
        return self._file.lock.lock_generation

    async def probe_owner(self, owner: str) -> bool:
        """Whether the owner holds its file; see `Store.probe_owner`."""
        return await asyncio.to_thread(probe_owner, self._file.path, owner)

    async def aclose(self) -> None:
        """Let go of everything, the owner's lock last; see `Store.aclose`."""
        await super().aclose()
        await asyncio.to_thread(self._file.lock.release)


class MemoryStore(SqliteStore):
    """SQLite in memory, over one connection, gone at the end."""

    def __init__(self) -> None:
        engine = make_engine(sa.URL.create("sqlite+aiosqlite", database=":memory:"), poolclass=StaticPool)
        _begin_by_hand(engine, immediate=False)
        super().__init__(engine)
        self._alone = asyncio.Lock()

    @property
    def lock_generation(self) -> int:
        """Never: nobody else can be here."""
        return 0

    async def probe_owner(self, owner: str) -> bool:
        """Whether it is this one: nobody else can be here."""
        return owner == self.owner

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._alone, self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        # Readers and the writer share the one connection, so they take turns.
        async with self._alone, self._engine.begin() as connection:
            yield connection


class ReadFileStore(SqliteStore):
    """SQLite in a file that is read."""

    def __init__(self, file: ReadFile) -> None:
        self._file = file
        super().__init__(_make_reading_engine(file, is_quiet=False), read_only=True)
        self._quiet = _make_reading_engine(file, is_quiet=True)

    @property
    def lock_generation(self) -> int:
        """Never: it owns nothing."""
        return 0

    async def probe_owner(self, owner: str) -> bool:
        """Whether the owner holds its file, which stays where it is; see `Store.probe_owner`."""
        return await asyncio.to_thread(probe_owner, self._file.path, owner, removes=False)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        before = self._file.look()
        try:
            async with (self._quiet if before.is_quiet else self._engine).connect() as connection:
                yield connection
        finally:
            # Whatever was read then, or could not be, may be half of the old and half of the new.
            if before.is_quiet and self._file.look() != before:
                raise TransientStoreError(WRITTEN, busy=True)

    async def aclose(self) -> None:
        """Let go of everything; see `Store.aclose`."""
        await super().aclose()
        await self._quiet.dispose()


def _make_reading_engine(file: ReadFile, *, is_quiet: bool) -> AsyncEngine:
    # No connection outlives its read: what it may take for true is looked at anew each time.
    address, _, mode = file.uri(is_quiet=is_quiet).partition("?")
    name, _, value = mode.partition("=")
    engine = make_engine(
        sa.URL.create("sqlite+aiosqlite", database=address, query={name: value, "uri": "true"}),
        connect_args={"timeout": BUSY_SECONDS},
        poolclass=NullPool,
    )
    _begin_by_hand(engine, immediate=False)
    return engine


async def make_store(path: Path | None, *, read_only: bool) -> SqliteStore:
    """Give the store of a file, or of one in memory, which is still to be opened; the file is made if there is none."""
    if path is None:
        if read_only:
            raise ConfigurationError("a ledger in memory is empty when it is opened, so there is nothing to read in it")
        return MemoryStore()
    if read_only:
        return ReadFileStore(await asyncio.to_thread(ReadFile, path, busy_seconds=BUSY_SECONDS))
    # The thread cannot be stopped: however long it takes, the lock that it brings must not be nobody's.
    file = await run_or_undo(
        asyncio.to_thread(LedgerFile, path, busy_seconds=BUSY_SECONDS),
        lambda file: asyncio.to_thread(file.lock.release),
        name="motion_async.ledger.file",
    )
    return FileStore(file)
