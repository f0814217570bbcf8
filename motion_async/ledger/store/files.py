"""The file of a SQLite ledger: made so that its owner alone can read it, and looked at before it is used.

What this module does, blocks: call it in a thread, but for `LedgerFile.is_there` and `ReadFile.look`, which are done
in no time. It must never open and close the ledger's file but through SQLite: on POSIX that would let go of the locks
that this very process holds on it.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from motion_async.errors import LedgerError
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.store.owners import LockedFile, identify, remove_dead
from motion_async.ledger.store.recognition import recognise_file
from motion_async.showing import shown

__all__ = ["WRITTEN", "LedgerFile", "Look", "ReadFile"]

WRITTEN: Final = "somebody has written it while it was read"
_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")
ROOT: Final = 0
"""Who may do everything, and whom nobody is to be protected from."""
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""The ends of the names of the files that SQLite lays beside its own."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger(__package__)


class LedgerFile:
    """A SQLite file that can be written, with the lock that shows that its owner is alive."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        with _explain_errors(path):
            # One name for one file, whatever links lead to it: the files of owners are found by it.
            self.path = path.resolve()
            _make(self.path)
            _check_permissions(self.path, read_only=False)
            _check(self.path, busy_seconds)
            remove_dead(self.path)
            self._identity = identify(self.path)
            self.owner = secrets.token_hex(8)
            self.lock: Final = LockedFile(self.path, self.owner)  # last: after a failure nobody would let go of it

    def is_there(self) -> bool:
        """Whether the file is still where it was opened: one that was moved or deleted takes writes and loses them."""
        try:
            return identify(self.path) == self._identity
        except OSError:
            return False


class Look(NamedTuple):
    """How a file looks at a moment, and whether nobody has it open for writing, or left it without tidying up."""

    identity: tuple[int, int, int, int]
    is_quiet: bool


class ReadFile:
    """A SQLite file that is read: nothing is written into it, and nothing is made beside it.

    While a writer has it open, SQLite reads it with the writer's own files. While nobody has, SQLite would make such
    files itself; so it is told that the file never changes, and who reads looks afterwards whether that was so.
    """

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        with _explain_errors(path):
            self.path = path.resolve(strict=True)
            if not self.path.is_file():
                raise OSError(errno.EISDIR, "it is no file")
            _check_permissions(self.path, read_only=True)
            before = self.look()
            uri = self.uri(is_quiet=before.is_quiet)
            with closing(sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)) as connection:
                is_ledger = recognise_file(connection)
            if before.is_quiet and self.look() != before:
                raise TransientStoreError(WRITTEN, busy=True)
            if not is_ledger:
                raise PermanentStoreError("there is no ledger in it")

    def look(self) -> Look:
        """Look whether it is in use, and how it looks; this is done in no time."""
        found = self.path.stat()
        wal, shm, journal = (_measure(self.path.with_name(self.path.name + end)) for end in _SIDE_FILES)
        is_open = wal is not None and (wal > 0 or shm is not None)
        return Look(
            (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), is_quiet=not is_open and not journal
        )

    def uri(self, *, is_quiet: bool) -> str:
        """Give the URI by which SQLite opens it."""
        return f"{self.path.as_uri()}?{'immutable=1' if is_quiet else 'mode=ro'}"


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    """Tell in the ledger's errors what stands in the way of using a file."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(_BUSY):
            raise TransientStoreError(str(error), busy=True) from None
        reason = f"{shown(str(error), limit=300)}; check the file and its directory"
    except UnicodeDecodeError:  # what SQLite quotes of a damaged file may be no text
        reason = "it is damaged; use a copy of it that is whole"
    except OSError as error:
        reason = f"{error.strerror or error}; check the file and its directory"
    except PermanentStoreError as error:
        reason = str(error)
    else:
        return
    raise LedgerError(f"the ledger {path} cannot be used: {reason}") from None


def _measure(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _make(path: Path) -> None:
    """Make the file, if there is none, for this user's eyes alone: the URLs in it may be signed."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise OSError(errno.EISDIR, "it is no file") from None


def _check(path: Path, busy_seconds: float) -> None:
    """Raise if it is no ledger and not empty, or cannot be written; what is no ledger is left as it is."""
    with closing(sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)) as connection:
        recognise_file(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("ROLLBACK")


def _check_permissions(path: Path, *, read_only: bool) -> None:
    """Refuse a ledger that is another user's, or that others can write; one that they can read is closed to them.

    What others can write is theirs, and decides what is paid for.
    """
    if os.name != "posix":  # nowhere else are there owners and modes of this kind
        return
    _check_file(path, path.lstat(), read_only=read_only)
    for end in _SIDE_FILES:
        beside = path.with_name(path.name + end)
        try:
            found = beside.lstat()
        except FileNotFoundError:
            continue
        _check_file(beside, found, read_only=read_only)


def _check_file(path: Path, found: os.stat_result, *, read_only: bool) -> None:
    me = os.geteuid()
    if not stat.S_ISREG(found.st_mode):
        raise PermanentStoreError(f"{path} is no file; remove it, or name another ledger")
    # What is root's can be read: nobody writes it who could not write everything.
    if found.st_uid not in (me, ROOT) and not (me == ROOT and read_only):
        _refuse(path, "belongs to another user", ["chown", str(me), str(path)])
    if found.st_mode & _OTHERS_WRITE:
        _refuse(path, "can be written by other users", ["chmod", "600", str(path)])
    if not found.st_mode & _OTHERS:
        return
    if found.st_uid == me and not read_only:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
        _log.warning("ledger %s: other users could read it; now they cannot", path)
    else:
        mending = shlex.join(["chmod", "600", str(path)])
        _log.warning("ledger %s: other users can read it; its owner mends that with: %s", path, mending)


def _refuse(path: Path, problem: str, mending: list[str]) -> None:
    raise PermanentStoreError(
        f"{path} {problem}, so that what is in it may be theirs; if you trust it, mend that with: {shlex.join(mending)}"
    )
