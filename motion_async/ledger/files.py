"""The file of a SQLite ledger: made so that its owner alone can read it, and looked at before it is used.

What this module does, blocks: call it in a thread, but for `is_there`, `is_owned` and `lives`, which are done in
no time. It must never open and close the ledger's file but through SQLite: on POSIX that would let go of the locks
that this very process holds on it.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from motion_async.errors import LedgerError
from motion_async.ledger.owners import LockedFile, remove_dead
from motion_async.ledger.troubles import Unreachable

__all__ = ["LedgerFile"]

_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")


class LedgerFile:
    """A SQLite file that can be written, with the lock that shows that its owner is alive.

    Args:
        path: where it is or is to be.
        busy_seconds: how long to wait for somebody's lock.

    Raises:
        LedgerError: if it cannot be used.
        Unreachable: if somebody else has locked it.
    """

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        reason = busy = None
        try:
            # One name for one file, whatever links lead to it: the files of owners are found by it.
            self.path = path.resolve()
            _make(self.path)
            _check(self.path, busy_seconds)
            remove_dead(self.path)
            self._identity = _identity(self.path)
            self.owner = secrets.token_hex(8)
            self._held = LockedFile(self.path, self.owner)  # last, as nobody would let go of it after a failure
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(_BUSY):
                busy = str(error)
            else:
                reason = str(error)
        except OSError as error:
            reason = error.strerror or str(error)
        if busy is not None:
            raise Unreachable(busy, busy=True)
        if reason is not None:
            raise LedgerError(f"the ledger {path} cannot be used: {reason}; check the file and its directory")

    def is_there(self) -> bool:
        """Whether the file is still where it was opened: one that was moved or deleted takes writes and loses them."""
        try:
            return _identity(self.path) == self._identity
        except OSError:
            return False

    @property
    def lives(self) -> int:
        """How often others may have taken the owner for dead; see `LockedFile`."""
        return self._held.lives

    def is_owned(self) -> bool:
        """Whether others see that the owner is alive."""
        return self._held.is_there()

    def own_again(self) -> None:
        """Have others see again that the owner is alive.

        Raises:
            OSError: if that cannot be done now.
        """
        self._held.make_again()

    def release(self) -> None:
        """Let go of the owner's lock."""
        self._held.release()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _make(path: Path) -> None:
    """Make the file, if there is none, for this user's eyes alone: the URLs in it may be signed."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise OSError(errno.EISDIR, "it is no file") from None


def _check(path: Path, busy_seconds: float) -> None:
    """Raise if it is no database, or cannot be written."""
    with closing(sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("ROLLBACK")
