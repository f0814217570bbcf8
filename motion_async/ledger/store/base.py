"""The database under a ledger, whichever it is: its engine, its connections and its transactions.

The one connection that writes is held, and made anew after any trouble; reads go over others. No exception of
SQLAlchemy comes out: they hang on to the values of statements, and requests with signed URLs are among them.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from motion_async.errors import MotionError
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.plans import Write
from motion_async.ledger.queries import Queries
from motion_async.ledger.schema import OLDEST_WITH_THESE_TABLES, bring_up_to_date, newest_version, read_version
from motion_async.ledger.store.failures import translate_error
from motion_async.ledger.tasks import start
from motion_async.ledger.transaction import commit_group

__all__ = ["Store", "make_engine"]

_INTERRUPT_SECONDS: Final = 0.05

_log = logging.getLogger("motion_async")
_T = TypeVar("_T")


class Store(ABC):
    """One database, opened by `open` and left by `aclose`, for the ledger object with the name `owner`.

    `on_lock_lost` is called when the session that shows that the owner is alive has ended, and nobody asked for that.
    What can be done later raises a `TransientStoreError`, what never can a `PermanentStoreError`; none of them has one
    of the `secrets`.
    """

    def __init__(
        self, engine: AsyncEngine, owner: str, *, read_only: bool = False, secrets: Sequence[str] = ()
    ) -> None:
        self.owner = owner
        self.is_read_only: Final = read_only
        self._engine = engine
        self._secrets = secrets
        self._writing: AsyncConnection | None = None
        self._is_lost = False
        self._is_closed = False
        self._reads: set[asyncio.Task[Any]] = set()
        self._cuts: set[asyncio.Task[None]] = set()
        self.on_lock_lost: Callable[[], object] | None = None
        self.queries: Final = Queries(self.fetch, self._is_owner_dead if read_only else None)

    async def open(self) -> None:
        """Connect, and make the tables or bring them up to date, or, reading only, find them as they should be."""
        await self._translate_errors(self._check_tables if self.is_read_only else self._upgrade)

    async def _upgrade(self) -> None:
        async with self._transaction() as connection:
            await self._wait_for_upgrades(connection)
            await bring_up_to_date(connection, await self._find_tables(connection))
            await self._mark(connection)

    async def _check_tables(self) -> None:
        async with self._reading() as connection:
            if not await self._find_tables(connection):
                raise PermanentStoreError("there is no ledger in it")
            found, newest = await read_version(connection), newest_version()
            if found < OLDEST_WITH_THESE_TABLES:
                raise PermanentStoreError(
                    f"it has version {found}; open it once for writing, which brings it to {newest}"
                )

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        """Write a group in one transaction, and give the result of each once they are on disk.

        If it raises a `TransientStoreError`, it is not always known whether they are.
        """
        if self.is_read_only:
            raise PermanentStoreError("it was opened for reading only")

        async def commit() -> list[Any]:
            async with self._transaction() as connection:
                return await commit_group(connection, writes)

        return await self._translate_errors(commit)

    async def fetch(self, statement: sa.Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Give the rows of a statement."""

        async def read(connection: AsyncConnection) -> Sequence[Any]:
            return list(await connection.execute(statement, values))

        return await self._read(read)

    async def _read(self, action: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
        """Read; if nobody waits any more, only until the database has heard of that, and no connection is lost."""
        if self._is_closed:
            raise PermanentStoreError("it has been closed")
        used: list[AsyncConnection] = []

        async def read() -> _T:
            async with self._reading() as connection:
                used.append(connection)
                try:
                    return await action(connection)
                finally:
                    used.clear()

        task = start(self._translate_errors(read), name="motion_async.ledger.read")
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cut = start(self._cut_short(task, used), name="motion_async.ledger.interrupt")
            self._cuts.add(cut)
            cut.add_done_callback(self._cuts.discard)
            raise
        return task.result()

    async def _cut_short(self, task: asyncio.Task[Any], used: Sequence[AsyncConnection]) -> None:
        """Interrupt a read that nobody waits for, again and again, as it may be just between two statements."""
        while not task.done():
            for connection in used:
                await self._interrupt(connection)
            await asyncio.wait([task], timeout=_INTERRUPT_SECONDS)

    async def aclose(self) -> None:
        """Let go of everything; this never fails."""
        self._is_closed = True
        self.on_lock_lost = None
        if self._reads:
            await asyncio.wait(self._reads)
        if self._cuts:
            await asyncio.wait(self._cuts)
        await self._drop_writing()
        await self._engine.dispose()

    @property
    @abstractmethod
    def lock_generation(self) -> int:
        """How often others may have taken the owner for dead until now; asked just before a byte leaves."""

    async def _is_owner_dead(self, owner: str) -> bool:
        return not await self.probe_owner(owner)

    @abstractmethod
    async def probe_owner(self, owner: str) -> bool:
        """Look whether the owner of an intent is alive."""

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            if self._is_lost:
                await self._drop_writing()
            connection = self._writing
            if connection is None:
                connection = await self._engine.connect()
                self._writing = connection
                await connection.execution_options(motion_writes=True)
                await self._prepare(connection)
            async with connection.begin():
                yield connection
        except Exception:
            await self._drop_writing()  # here alone, as a read that fails must not take it from whoever writes
            raise

    # What follows is asked of each kind of database; where it has nothing to do, it does nothing.

    async def _prepare(self, connection: AsyncConnection) -> None:  # noqa: B027  # most need nothing
        """Make a new connection ready for writing."""

    async def _wait_for_upgrades(self, connection: AsyncConnection) -> None:  # noqa: B027  # SQLite's lock is enough
        """Wait until nobody else makes or upgrades the tables, up to the end of the transaction."""

    async def _find_tables(self, connection: AsyncConnection) -> bool:
        """Whether there is a ledger. What is in a file was looked at before it was opened here."""
        return await connection.run_sync(lambda plain: sa.inspect(plain).has_table("motion_ledger"))

    async def _mark(self, connection: AsyncConnection) -> None:  # noqa: B027  # only a file bears a mark
        """Have the database say that it is a ledger."""

    async def _interrupt(self, connection: AsyncConnection) -> None:  # noqa: B027  # a server ends what takes too long
        """End the statement that a connection is executing."""

    async def _drop_writing(self) -> None:
        """Leave the writing connection for good: after a failed commit nobody knows what it holds."""
        connection, self._writing = self._writing, None
        self._is_lost = False
        if connection is not None:
            try:
                await connection.invalidate()
                await connection.close()
            except Exception as error:  # noqa: BLE001  # it is being left because it does not work
                _log.debug("a connection to the ledger could not be left in good order: %s", type(error).__name__)

    async def _translate_errors(self, action: Callable[[], Awaitable[_T]]) -> _T:
        """Do something, and give its errors without the values that hang on them."""
        try:
            return await action()
        except (MotionError, TransientStoreError, PermanentStoreError):
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise what they like
            failure = translate_error(error, secrets=self._secrets)
        raise failure


def make_engine(url: sa.URL, **options: Any) -> AsyncEngine:
    """Give an engine that never shows statements with their values: requests with signed URLs are among them."""
    return create_async_engine(url, hide_parameters=True, **options)
