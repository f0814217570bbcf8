"""The database under a ledger, whichever it is: its engine, its connections and its transactions.

The one connection that writes is held, and made anew after any trouble; reads go over others. No exception of
SQLAlchemy comes out: they hang on to the values of statements, and requests with signed URLs are among them.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from motion_async.ledger.outage import PermanentStoreError
from motion_async.ledger.queries import Queries
from motion_async.ledger.ready import Enqueue, find_ready
from motion_async.ledger.schema import OLDEST_WITH_THESE_TABLES, bring_up_to_date, history, newest_version, read_version
from motion_async.ledger.store.failures import translate_error
from motion_async.ledger.tasks import start
from motion_async.ledger.transaction import commit_group
from motion_async.ledger.writes import Write

__all__ = ["Horizon", "Store", "make_engine"]

_INTERRUPT_SECONDS: Final = 0.05
_newest: Final = sa.select(sa.func.max(history.c.id))

_log = logging.getLogger(__package__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _translate_errors(
    method: Callable[Concatenate[Store, _P], Awaitable[_T]],
) -> Callable[Concatenate[Store, _P], Coroutine[Any, Any, _T]]:
    """Have a method of a store raise what an error of the database means, without the values that hang on that."""

    @wraps(method)
    async def call(store: Store, /, *args: _P.args, **options: _P.kwargs) -> _T:
        try:
            return await method(store, *args, **options)
        except Exception as error:  # noqa: BLE001  # drivers raise what they like
            failure = translate_error(error, store._unshown)  # noqa: SLF001  # it stands in for a method of the store
        raise failure

    return call


class Horizon(NamedTuple):
    """How far the history reaches: its newest line, the oldest transaction that runs, and the next one to begin.

    Transactions end in another order than their lines are numbered: a line in front of the newest may still come, until
    all transactions have ended that had begun when the newest was seen.
    """

    newest: int
    oldest_running: int
    next_to_begin: int


class Store(ABC):
    """One database, opened by `open` and left by `aclose`, for the ledger object with the name `owner`.

    `on_lock_lost` is called when the session that shows that the owner is alive has ended, and nobody asked for that.
    What can be done later raises a `TransientStoreError`, what never can a `PermanentStoreError`; none of them has one
    of the `unshown` words, and none is raised where the driver's own is handled, which has the values of statements.
    """

    def __init__(
        self, engine: AsyncEngine, *, owner: str | None = None, read_only: bool = False, unshown: Sequence[str] = ()
    ) -> None:
        self.owner = owner or secrets.token_hex(8)
        self.is_read_only: Final = read_only
        self._engine = engine
        self._unshown = unshown
        self._writing: AsyncConnection | None = None
        self._is_lost = False
        self._is_closed = False
        self._reads: set[asyncio.Task[Any]] = set()
        """What is read now, and what interrupts it where nobody waits for it any more."""
        self.on_lock_lost: Callable[[], object] | None = None
        self.enqueue: Enqueue | None = None
        """What queues the items that a group of writes has made ready, in the group's transaction."""
        self.queries: Final = Queries(self)

    @_translate_errors
    async def open(self) -> None:
        """Connect, and make the tables or bring them up to date, or, reading only, find them as they should be."""
        if self.is_read_only:
            async with self._reading() as connection:
                await self._check_tables(connection)
        else:
            async with self._transaction() as connection:
                await self._upgrade(connection)
            await self._check_sessions()

    async def _check_tables(self, connection: AsyncConnection) -> None:
        if not await self._find_tables(connection):
            raise PermanentStoreError("there is no ledger in it")
        found, newest = await read_version(connection), newest_version()
        if found < OLDEST_WITH_THESE_TABLES:
            raise PermanentStoreError(f"it has version {found}; open it once for writing, which brings it to {newest}")

    @_translate_errors
    async def commit(self, writes: Sequence[Write]) -> Sequence[Any]:
        """Write a group in one transaction, and give the result of each once they are on disk.

        If it raises a `TransientStoreError`, it is not always known whether they are.
        """
        if self.is_read_only:
            raise PermanentStoreError("it was opened for reading only")
        async with self._transaction() as connection:
            results = await commit_group(connection, writes, with_parents=self.enqueue is not None)
            if self.enqueue is not None and (ready := await find_ready(connection, writes, results)):
                await self.enqueue(connection, ready)
            return results

    async def fetch(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Give the rows of a statement; if nobody waits any more, no connection is lost by that."""
        if self._is_closed:
            raise PermanentStoreError("it has been closed")
        used: list[AsyncConnection] = []
        read = self._start_read(self._read(statement, values, used), name="motion_async.ledger.read")
        try:
            await asyncio.wait([read])
        except asyncio.CancelledError:
            # A statement that is cut off in the driver would leave its connection half read: it is ended from outside.
            self._start_read(self._cut_short(read, used), name="motion_async.ledger.interrupt")
            raise
        return read.result()

    def _start_read(self, work: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        task = start(work, name=name)
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        return task

    @_translate_errors
    async def _read(
        self, statement: sa.Executable, values: Mapping[str, Any] | None, used: list[AsyncConnection]
    ) -> Sequence[Any]:
        """Give the rows of a statement; the connection stands in `used` for as long as it can be interrupted."""
        async with self._reading() as connection:
            used.append(connection)
            try:
                return list(await connection.execute(statement, values))
            finally:
                used.clear()

    async def _cut_short(self, read: asyncio.Task[Any], used: Sequence[AsyncConnection]) -> None:
        """Interrupt a read that nobody waits for, again and again, as it may be just between two statements."""
        while not read.done():
            for connection in used:
                await self._interrupt(connection)
            await asyncio.wait([read], timeout=_INTERRUPT_SECONDS)

    async def aclose(self) -> None:
        """Let go of everything; this never fails."""
        self._is_closed = True
        self.on_lock_lost = None
        while self._reads:
            await asyncio.wait(self._reads)
        await self._drop_writing()
        await self._engine.dispose()

    @property
    @abstractmethod
    def lock_generation(self) -> int:
        """How often others may have taken the owner for dead until now; asked just before a byte leaves."""

    @abstractmethod
    async def probe_owner(self, owner: str) -> bool:
        """Look whether the owner of an intent is alive."""

    async def read_horizon(self) -> Horizon:
        """Tell how far the history reaches; here nobody else's line can come later in front of another."""
        [(newest,)] = await self.fetch(_newest)
        return Horizon(newest or 0, 0, 0)

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
        except Exception as error:
            # Here alone, as a read that fails must not take it from whoever writes.
            if not self._spares_session(error):
                await self._drop_writing()
            raise

    # What follows is asked of each kind of database; where it has nothing to do, it does nothing.

    async def _prepare(self, connection: AsyncConnection) -> None:  # noqa: B027  # most need nothing
        """Make a new connection ready for writing."""

    async def _check_sessions(self) -> None:  # noqa: B027  # a file has none
        """Raise if a connection is not a session of its own."""

    async def _upgrade(self, connection: AsyncConnection) -> None:
        """Make the tables or bring them up to date, while nobody else does."""
        await bring_up_to_date(connection, await self._find_tables(connection))

    def _spares_session(self, error: Exception) -> bool:  # noqa: ARG002  # most make a new one for nothing
        """Whether a transaction that failed has ended, and the connection is as good as before."""
        return False

    @abstractmethod
    async def _find_tables(self, connection: AsyncConnection) -> bool:
        """Whether there is a ledger."""

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


def make_engine(url: sa.URL, **options: Any) -> AsyncEngine:
    """Give an engine that never shows statements with their values: requests with signed URLs are among them."""
    return create_async_engine(url, hide_parameters=True, **options)
