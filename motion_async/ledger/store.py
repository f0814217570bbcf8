"""The database under a ledger: its engine, its connections and transactions, and what its errors mean.

One code path for SQLite in a file, SQLite in memory and PostgreSQL. The one connection that writes is held, and
made anew after any trouble; reads go over others. No exception of SQLAlchemy comes out: they hang on to the values
of statements, and requests with signed URLs are among them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool
from sqlalchemy.util import await_only

from motion_async.errors import MotionError
from motion_async.ledger.committing import commit_group
from motion_async.ledger.files import LedgerFile
from motion_async.ledger.moves import Intend
from motion_async.ledger.owners import is_holding, session_holds, take_session_lock
from motion_async.ledger.reading import Reading
from motion_async.ledger.schema import bring_up_to_date
from motion_async.ledger.troubles import Unreachable, Unwritable
from motion_async.ledger.writes import Write
from motion_async.redaction import redacted

__all__ = ["FileStore", "MemoryStore", "ServerStore", "Store"]

BUSY_SECONDS: Final = 1.0
"""So long SQLite itself waits for a lock, before anybody is told of it."""
_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 30.0
"""A server that says nothing for so long is taken for lost."""
_UPGRADE_LOCK: Final = 0x6D6F74696F6E
"""The advisory lock under which tables are made and upgraded; "motion" in ASCII."""
_BAD_VALUES: Final = ("0A", "21", "22", "23", "54")
"""Classes of SQLSTATE that blame what was to be written, and not the state of the database."""

_BAD_INPUT: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite's driver raises for the same reason."""
_CLOSED: Final = ("closed database", "connection closed", "no active connection", "connection is closed")
"""Words of drivers for a connection that is not there any more, in errors of the same kinds as those of bad values."""
_LOCKED: Final = ("40001", "40P01", "55P03")
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
"""Names and SQLSTATEs of a database that is damaged, or is none: no waiting mends it."""

_log = logging.getLogger("motion_async")
_T = TypeVar("_T")


def _origin(error: BaseException) -> BaseException:
    """Give the driver's own error, whether it came through SQLAlchemy or not."""
    return getattr(error, "orig", None) or error


def _reason_of(error: BaseException) -> str:
    """Give the database's own words for what happened, in one line, without secrets."""
    origin = _origin(error)
    origin = origin.__cause__ or origin  # where SQLAlchemy translates for asyncpg, asyncpg's words stand in the cause
    first = str(origin).strip().partition("\n")[0]
    if not isinstance(origin, sqlite3.Error | OSError | exc.SQLAlchemyError) or not first:
        first = f"{type(origin).__name__}: {first}" if first else type(origin).__name__
    return redacted(first)[:300]


def _name_of(error: BaseException) -> str:
    """Give SQLite's name for an error, or PostgreSQL's SQLSTATE."""
    origin = _origin(error)
    return getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or ""


def _is_hopeless(error: BaseException) -> bool:
    """Whether no other attempt can end otherwise: the values are wrong, or the database is damaged."""
    return _name_of(error).startswith(_DAMAGED) or _blames_the_values(error)


def _blames_the_values(error: BaseException) -> bool:
    origin = _origin(error)
    if getattr(error, "connection_invalidated", False) or any(words in str(origin).lower() for words in _CLOSED):
        return False
    if isinstance(origin, sqlite3.Error):
        return isinstance(origin, _BAD_INPUT)
    if isinstance(error, exc.SQLAlchemyError):
        return _name_of(error)[:2] in _BAD_VALUES
    return not isinstance(error, OSError | TimeoutError)


def _is_busy(error: BaseException) -> bool:
    return _name_of(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", *_LOCKED))


class Store(ABC):
    """One database, opened by `open` and left by `aclose`.

    Args:
        engine: to be disposed of at the end.
        owner: the name of this ledger object, 16 hexadecimal digits.

    Attributes:
        reading: what can be read.
        on_lost: called when the session that shows that the owner is alive has ended, and nobody asked for that.
    """

    def __init__(self, engine: AsyncEngine, owner: str) -> None:
        self.owner = owner
        self._engine = engine
        self._writing: AsyncConnection | None = None
        self._is_lost = False
        self.on_lost: Callable[[], object] | None = None
        self.reading: Final = Reading(self.rows)

    async def open(self) -> None:
        """Connect, and make the tables or bring them up to date.

        Raises:
            Unreachable: if it cannot be done, or not now.
            LedgerVersionError: if the tables are of a newer version.
        """

        async def upgrade() -> None:
            async with self._transaction() as connection:
                await self._wait_for_upgrades(connection)
                await bring_up_to_date(connection)

        await self._translated(upgrade)

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        """Write a group in one transaction.

        Args:
            writes: the group.

        Returns:
            The result of each, once they are on disk.

        Raises:
            Unreachable: if it could not be done now; whether it has been done is not always known.
            Unwritable: if it never can be done.
        """

        async def commit() -> list[Any]:
            async with self._transaction() as connection:
                return await commit_group(connection, writes)

        return await self._translated(commit)

    async def rows(self, statement: sa.Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Read.

        Args:
            statement: what to read.
            values: of its parameters.

        Raises:
            Unreachable: if it could not be done now.
            Unwritable: if it never can be done.
        """

        async def read() -> Sequence[Any]:
            async with self._reading() as connection:
                return list(await connection.execute(statement, values))

        return await self._translated(read)

    async def aclose(self) -> None:
        """Let go of everything; this never fails."""
        self.on_lost = None
        await self._drop_writing()
        await self._engine.dispose()

    @property
    @abstractmethod
    def lives(self) -> int:
        """How often others may have taken the owner for dead until now; asked just before a byte leaves."""

    @abstractmethod
    async def is_alive(self, owner: str) -> bool:
        """Whether the owner of an intent is alive.

        Args:
            owner: its name.

        Raises:
            Unreachable: if that can't be told now.
        """

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
                await self._connected(connection)
            async with connection.begin():
                yield connection
        except Exception:
            await self._drop_writing()  # here alone, as a read that fails must not take it from whoever writes
            raise

    async def _connected(self, connection: AsyncConnection) -> None:  # noqa: B027  # most need nothing
        """Make a new connection ready for writing."""

    async def _wait_for_upgrades(self, connection: AsyncConnection) -> None:  # noqa: B027  # SQLite's lock is enough
        """Wait until nobody else makes or upgrades the tables, up to the end of the transaction."""

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

    async def _translated(self, action: Callable[[], Awaitable[_T]]) -> _T:
        """Do something, and give its errors without the values that hang on them."""
        failure: Exception
        try:
            return await action()
        except (MotionError, Unreachable, Unwritable):
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise what they like
            reason = _reason_of(error)
            failure = Unwritable(reason) if _is_hopeless(error) else Unreachable(reason, busy=_is_busy(error))
        raise failure


def _engine(url: sa.URL, **options: Any) -> AsyncEngine:
    # Statements are never shown with their values: requests with signed URLs are among them.
    return create_async_engine(url, hide_parameters=True, **options)


def _let_sqlite_be(engine: AsyncEngine, *, immediate: bool) -> None:
    """Take the beginning of transactions out of the hands of Python's `sqlite3`, which begins them late or never."""

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # FULL: with WAL, a commit that was answered survives the loss of power, not only the loss of the process.
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = immediate and connection.get_execution_options().get("motion_writes", False)
        driver: Any = connection.connection.driver_connection  # one way to its thread; through SQLAlchemy it is three
        await_only(driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN"))


class FileStore(Store):
    """SQLite in a file.

    Args:
        file: the ledger's, with the owner's lock; let go of at the end.
    """

    def __init__(self, file: LedgerFile) -> None:
        engine = _engine(
            sa.URL.create("sqlite+aiosqlite", database=str(file.path)),
            connect_args={"timeout": BUSY_SECONDS},
            poolclass=AsyncAdaptedQueuePool,  # older versions of SQLAlchemy keep no connection to a file
            pool_size=5,
            max_overflow=0,
        )
        _let_sqlite_be(engine, immediate=True)
        super().__init__(engine, file.owner)
        self._file = file

    async def commit(self, writes: Sequence[Write]) -> list[Any]:
        """Write a group, if the file is still there; see `Store.commit`.

        No intent is written while others would take its owner for dead: it comes to nothing, and the rest is written.
        """
        if not self._file.is_there():
            raise Unreachable(f"the file {self._file.path} was moved or deleted while it was in use")
        problem = None if self._file.is_owned() else await self._own_again()
        if problem is None:
            return await super().commit(writes)
        # An earlier attempt, whose answer was lost, may have written an intent.
        results = await super().commit([write.undone() if isinstance(write, Intend) else write for write in writes])
        return [problem if isinstance(write, Intend) else result for write, result in zip(writes, results, strict=True)]

    async def _own_again(self) -> Unwritable | None:
        _log.warning("ledger %s: somebody has removed the file that shows that its owner is alive", self._file.path)
        try:
            await asyncio.to_thread(self._file.own_again)
        except OSError as error:
            return Unwritable(
                f"the file that shows that its owner is alive cannot be made again: {error.strerror or error}"
            )
        return None

    @property
    def lives(self) -> int:
        """How often the owner's file was lost; this looks whether it is there. See `Store.lives`."""
        return self._file.lives

    async def is_alive(self, owner: str) -> bool:
        """Whether the owner holds its file; see `Store.is_alive`."""
        return await asyncio.to_thread(is_holding, self._file.path, owner)

    async def aclose(self) -> None:
        """Let go of everything, the owner's lock last; see `Store.aclose`."""
        await super().aclose()
        await asyncio.to_thread(self._file.release)


class MemoryStore(Store):
    """SQLite in memory, over one connection, gone at the end.

    Args:
        owner: see `Store`.
    """

    def __init__(self, owner: str) -> None:
        engine = _engine(sa.URL.create("sqlite+aiosqlite", database=":memory:"), poolclass=StaticPool)
        _let_sqlite_be(engine, immediate=False)
        super().__init__(engine, owner)
        self._alone = asyncio.Lock()

    @property
    def lives(self) -> int:
        """Never: nobody else can be here."""
        return 0

    async def is_alive(self, owner: str) -> bool:
        """Whether it is this one: nobody else can be here."""
        return owner == self.owner

    async def rows(self, statement: sa.Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Read; see `Store.rows`. A reader that leaves must not take the one connection, and so all data, with it."""
        return await asyncio.shield(asyncio.ensure_future(super().rows(statement, values)))

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._alone, self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        # Readers and the writer share the one connection, so they take turns.
        async with self._alone, self._engine.begin() as connection:
            yield connection


class ServerStore(Store):
    """PostgreSQL.

    The lock that shows that the owner is alive belongs to the session that writes: no intent is ever committed
    by a session that does not hold it. A pool that hands sessions around between transactions breaks that.

    Args:
        url: with the driver's name.
        owner: see `Store`.
        options: of the driver's `connect`.
    """

    def __init__(self, url: sa.URL, owner: str, options: Mapping[str, Any]) -> None:
        arguments = {"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS, **options}
        super().__init__(_engine(url, connect_args=arguments, pool_size=5, max_overflow=0), owner)
        self._losses = 0

    @property
    def lives(self) -> int:
        """How often the session that writes has ended, whoever ended it; see `Store.lives`."""
        return self._losses

    async def is_alive(self, owner: str) -> bool:
        """Whether a session holds the owner's lock; see `Store.is_alive`."""

        async def ask() -> bool:
            async with self._reading() as connection:
                return await session_holds(connection, owner)

        return await self._translated(ask)

    async def _connected(self, connection: AsyncConnection) -> None:
        async with connection.begin():
            await take_session_lock(connection, self.owner)

        def ended(_: Any) -> None:
            if connection is self._writing:  # else it was left, and another has taken its place
                self._is_lost = True
                self._losses += 1
                if self.on_lost is not None:
                    self.on_lost()

        driver: Any = (await connection.get_raw_connection()).driver_connection
        driver.add_termination_listener(ended)

    async def _drop_writing(self) -> None:
        self._losses += self._writing is not None
        await super()._drop_writing()

    async def _wait_for_upgrades(self, connection: AsyncConnection) -> None:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
