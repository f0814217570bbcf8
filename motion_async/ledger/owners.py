"""Whether the owner of an intent is still alive: it is, as long as it holds a lock that dies with it.

No clocks, no process numbers: a process that was killed holds nothing any more, one that sleeps does. Beside a
SQLite ledger that is a small file for each owner, locked through SQLite itself, which works the same on every
system; in PostgreSQL an advisory lock of the session that writes. What this module does, blocks: call it in a thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["LockedFile", "is_holding", "remove_dead", "session_holds", "take_session_lock"]

_MARK: Final = "-owner-"
_OWNER: Final = re.compile(r"[0-9a-f]{16}")


def _file_of(ledger: Path, owner: str) -> Path:
    return ledger.with_name(f"{ledger.name}{_MARK}{owner}")


def _connect(file: Path, *, patience: float) -> sqlite3.Connection:
    # mode=rw: SQLite must not make the file, for whoever made it first must be the one to lock it.
    return sqlite3.connect(
        f"{file.as_uri()}?mode=rw", uri=True, timeout=patience, isolation_level=None, check_same_thread=False
    )


class LockedFile:
    """The file that a living owner holds.

    Args:
        ledger: the ledger's file, as an absolute path without links.
        owner: a name that nobody has had.

    Raises:
        OSError: if the file cannot be made.
        sqlite3.Error: if it cannot be locked.
    """

    def __init__(self, ledger: Path, owner: str) -> None:
        self._file = _file_of(ledger, owner)
        os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            self._connection = _connect(self._file, patience=5.0)
            try:
                self._connection.execute("PRAGMA journal_mode=MEMORY")  # else a second file lies beside this one
                self._connection.execute("BEGIN EXCLUSIVE")
                # Before it was locked, somebody may have taken it for a dead one's, and removed it.
                self._file.stat()
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            self._file.unlink(missing_ok=True)
            raise

    def release(self) -> None:
        """Let go of the file, and remove it."""
        # First the name, then the lock: nobody finds the file without its lock. Windows knows only the other way.
        with contextlib.suppress(OSError):
            self._file.unlink()
        self._connection.close()
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


def is_holding(ledger: Path, owner: str) -> bool:
    """Whether an owner is alive; the file of one that is dead is removed.

    Args:
        ledger: the ledger's file, as an absolute path without links.
        owner: its name.
    """
    file = _file_of(ledger, owner)
    try:
        connection = _connect(file, patience=0.0)
    except sqlite3.OperationalError:
        return file.exists()  # there, but not to be opened by this user: nobody knows, so it counts as alive
    try:
        # A shared lock: any number may look at the same time, and none of them takes another for the owner.
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    except sqlite3.OperationalError:
        return file.exists()
    except sqlite3.DatabaseError:
        return False  # somebody's file that is no lock of anybody's: it is left where it is
    else:
        return False
    finally:
        connection.close()


def remove_dead(ledger: Path) -> None:
    """Remove the files of all owners that are dead.

    Args:
        ledger: the ledger's file, as an absolute path without links.
    """
    prefix = ledger.name + _MARK
    for file in list(ledger.parent.iterdir()):
        owner = file.name.removeprefix(prefix)
        if owner != file.name and _OWNER.fullmatch(owner):  # others may lie beside it that only look like one's
            is_holding(ledger, owner)


def _lock_number(owner: str) -> int:
    return int.from_bytes(bytes.fromhex(owner), "big", signed=True)


_take: Final = sa.text("SELECT pg_try_advisory_lock_shared(:number)")
_holders: Final = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND ((classid::bigint << 32) | objid::bigint) = :number"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def take_session_lock(connection: AsyncConnection, owner: str) -> None:
    """Hold the owner's lock for as long as a session of PostgreSQL lives.

    Args:
        connection: the session, in a transaction.
        owner: 16 hexadecimal digits.
    """
    # Shared, as the session before this one may not have noticed yet that its connection is gone.
    await connection.execute(_take, {"number": _lock_number(owner)})


async def session_holds(connection: AsyncConnection, owner: str) -> bool:
    """Whether any session holds an owner's lock.

    Args:
        connection: any session of the same database.
        owner: its name.
    """
    try:
        number = _lock_number(owner)
    except ValueError:
        return False  # no owner of this library's
    return bool(await connection.scalar(_holders, {"number": number}))
