"""The database under a ledger that is opened for reading only, where it is kept in a file.

It writes nothing, makes no file, and holds no lock that a writer waits for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool

from motion_async.ledger.files import WRITTEN, ReadFile
from motion_async.ledger.owners import is_holding
from motion_async.ledger.store import SqliteStore, let_sqlite_be, make_engine
from motion_async.ledger.troubles import Unreachable

__all__ = ["ReadFileStore"]


class ReadFileStore(SqliteStore):
    """SQLite in a file that is read.

    Args:
        file: the ledger's.
        busy_seconds: how long SQLite itself waits for a lock.
    """

    def __init__(self, file: ReadFile, *, busy_seconds: float) -> None:
        self._file = file
        super().__init__(_engine(file, busy_seconds, is_quiet=False), secrets.token_hex(8), read_only=True)
        self._quiet = _engine(file, busy_seconds, is_quiet=True)

    @property
    def lives(self) -> int:
        """Never: it owns nothing."""
        return 0

    async def is_alive(self, owner: str) -> bool:
        """Whether the owner holds its file, which stays where it is; see `Store.is_alive`."""
        return await asyncio.to_thread(is_holding, self._file.path, owner, removes=False)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        before = self._file.look()
        try:
            async with (self._quiet if before.is_quiet else self._engine).connect() as connection:
                yield connection
        finally:
            # Whatever was read then, or could not be, may be half of the old and half of the new.
            if before.is_quiet and self._file.look() != before:
                raise Unreachable(WRITTEN, busy=True)

    async def aclose(self) -> None:
        """Let go of everything; see `Store.aclose`."""
        await super().aclose()
        await self._quiet.dispose()


def _engine(file: ReadFile, busy_seconds: float, *, is_quiet: bool) -> AsyncEngine:
    # No connection outlives its read: what it may take for true is looked at anew each time.
    address, _, mode = file.uri(is_quiet=is_quiet).partition("?")
    name, _, value = mode.partition("=")
    engine = make_engine(
        sa.URL.create("sqlite+aiosqlite", database=address, query={name: value, "uri": "true"}),
        connect_args={"timeout": busy_seconds},
        poolclass=NullPool,
    )
    let_sqlite_be(engine, immediate=False)
    return engine
