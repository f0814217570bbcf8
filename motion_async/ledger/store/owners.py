"""Whether the owner of an intent is still alive: it is, as long as it holds a lock that dies with it.

No clocks, no process numbers: a process that was killed holds nothing any more, one that sleeps does. Here that is a
small file beside a SQLite ledger for each owner; in PostgreSQL it is an advisory lock of the session that writes. What
this module does, blocks: call it in a thread, but for `LockedFile.is_there` and `lock_generation`, which are done in
no time.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import io
import os
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias
from weakref import WeakSet

__all__ = ["LockedFile", "identify", "probe_owner", "remove_dead"]

_MARK: Final = "-owner-"
_OWNER: Final = re.compile(r"[0-9a-f]{16}")
_PAUSES: Final = (0.0, 0.001, 0.005, 0.02, 0.1)
"""Seconds before each new try to lock a file, if somebody looked at it before it was locked."""

_Held: TypeAlias = io.FileIO | sqlite3.Connection


def _path_of(ledger: Path, owner: str) -> Path:
    return ledger.with_name(f"{ledger.name}{_MARK}{owner}")


def identify(place: Path | int) -> tuple[int, int]:
    """Give what tells a file from any other, whatever it is called."""
    found = os.stat(place)  # noqa: PTH116  # of a name or of a descriptor
    return found.st_dev, found.st_ino


_open: Final = WeakSet[io.FileIO]()
_not_forking: Final = threading.RLock()


def _let_go_in_child() -> None:
    for held in tuple(_open):
        held.close()
    _not_forking.release()


if hasattr(os, "register_at_fork"):
    # A forked child has the same open descriptions, and with them the locks: it would keep its dead parent alive. It
    # closes them, and must not unlock them. (A program that is started has none: Python opens all with O_CLOEXEC.)
    os.register_at_fork(
        before=_not_forking.acquire, after_in_parent=_not_forking.release, after_in_child=_let_go_in_child
    )


def _lock_description(file: Path, *, exclusive: bool) -> io.FileIO:
    """Lock a file that is there by `flock`.

    Such a lock belongs to what was opened here: whatever else this process opens and closes, as a backup of the
    directory does, leaves it alone. A record lock, which is SQLite's way, would be gone then.
    """
    import fcntl  # noqa: PLC0415  # Windows has none

    with _not_forking:  # nobody forks between the opening and the note of it
        held = io.FileIO(file, "r+" if exclusive else "r")
        _open.add(held)
    try:
        fcntl.flock(held, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BaseException:
        held.close()
        raise
    return held


def _lock_by_sqlite(file: Path, *, exclusive: bool) -> sqlite3.Connection:
    """Lock a file that is there through SQLite, which works on every system."""
    held = None
    try:
        # mode=rw: SQLite must not make the file. Its own wait for a lock is not needed: nobody holds one for long.
        held = sqlite3.connect(
            f"{file.as_uri()}?mode=rw", uri=True, timeout=0.0, isolation_level=None, check_same_thread=False
        )
        held.execute("PRAGMA journal_mode=MEMORY")  # else a second file lies beside this one
        held.execute("BEGIN EXCLUSIVE" if exclusive else "BEGIN")
        held.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if held is not None:
            held.close()
        if isinstance(error, sqlite3.OperationalError) and file.is_file():
            raise BlockingIOError(str(error)) from None
        raise FileNotFoundError(str(error)) from None  # there is none, or it is no lock of anybody's
    return held


_lock = _lock_description if importlib.util.find_spec("fcntl") else _lock_by_sqlite
"""Locks a file that is there, for its owner alone or for any number that look.

Raises `BlockingIOError` if that cannot be now, `FileNotFoundError` or `IsADirectoryError` if there is no such file,
and another `OSError` if it cannot be done at all. All who use one ledger have to lock in one way.
"""


def _is_closed(held: _Held) -> bool:
    return isinstance(held, io.FileIO) and held.closed  # in a forked child


def _remove(file: Path, held: _Held) -> None:
    """Remove a file that is locked, and let go of it."""
    # First the name, then the lock: nobody finds the file without its lock. Windows knows only the other way.
    try:
        file.unlink(missing_ok=True)
        held.close()
    except OSError:
        held.close()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


class _Hold(NamedTuple):
    """A file as its owner holds it, and how many it lost before."""

    held: _Held
    identity: tuple[int, int]
    losses: int


class LockedFile:
    """The file that a living owner holds.

    Somebody may remove it while its owner lives, and whoever does not find it takes the owner for dead. So nothing is
    noted as an intent while the file is not there, and the owner looks again just before the first byte of a request
    leaves: only if `lock_generation` is still what it was when the intent was noted does that byte leave. If others
    have called the intent uncertain in between, the file was gone in between, and so `lock_generation` is another
    number, even if the file is there again.

    What remains is a file that is removed after that look. Until its answer is written down, others call such a
    request uncertain, and a person who has it sent again in that time pays twice; the answer is written all the same,
    and with it, or with whatever is written before it, the file is there again. A file that is renamed and gets its
    old name back is not noticed either.
    """

    def __init__(self, ledger: Path, owner: str) -> None:
        self._file = _path_of(ledger, owner)
        # One value, exchanged in one step: it is read in other threads, and no mixture of two must be seen there.
        self._hold = _Hold(*_make_and_lock(self._file), losses=0)

    @property
    def lock_generation(self) -> int:
        """How often the file was lost: each time others may have taken the owner for dead."""
        hold = self._hold
        return hold.losses + (not self._is_found(hold))

    def is_there(self) -> bool:
        """Whether others find the file, and find it locked."""
        return self._is_found(self._hold)

    def restore(self) -> None:
        """Make and lock the file again, after it was lost."""
        lost = self._hold
        self._hold = _Hold(*_make_and_lock(self._file), losses=lost.losses + 1)
        lost.held.close()

    def release(self) -> None:
        """Let go of the file, and remove it; in a forked child, which does not hold it, this does nothing."""
        if not _is_closed(self._hold.held):
            _remove(self._file, self._hold.held)

    def _is_found(self, hold: _Hold) -> bool:
        try:
            return identify(self._file) == hold.identity and not _is_closed(hold.held)
        except OSError:
            return False


def _make_and_lock(file: Path) -> tuple[_Held, tuple[int, int]]:
    """Make a file if it is not there, and lock it for its owner."""
    reason: OSError = BlockingIOError(errno.EAGAIN, "somebody removes its owner's file again and again")
    for pause in _PAUSES:
        time.sleep(pause)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            held = _lock(file, exclusive=True)
        except (BlockingIOError, FileNotFoundError) as error:
            reason = error  # before it was locked, another process has taken it for a dead one's, and removes it
            continue
        except OSError as error:
            file.unlink(missing_ok=True)
            words = f"its file system keeps no locks ({error.strerror or error}), and a ledger needs them"
            raise OSError(error.errno, words) from None
        with contextlib.suppress(FileNotFoundError):
            identity = identify(held.fileno() if isinstance(held, io.FileIO) else file)
            if identify(file) == identity:
                return held, identity
        held.close()
    raise reason


def probe_owner(ledger: Path, owner: str, *, removes: bool = True) -> bool:
    """Look whether an owner is alive; the file of one that is dead is removed, unless somebody only reads."""
    if not owner.isalnum():
        return False  # no owner of this library's, and maybe the path of somebody's file
    file = _path_of(ledger, owner)
    try:
        # A shared lock: any number may look at the same time, and none of them takes another for the owner.
        held = _lock(file, exclusive=False)
    except (FileNotFoundError, IsADirectoryError):
        return False
    except OSError:
        return True  # locked; or not to be opened or locked by this user: nobody knows, so it counts as alive
    with contextlib.suppress(OSError):
        is_same = isinstance(held, sqlite3.Connection) or identify(file) == identify(held.fileno())
        # An owner's file is empty: what is written there is somebody's, and is left. So is one made anew since.
        if removes and is_same and not file.stat().st_size:
            _remove(file, held)
    held.close()
    return False


def remove_dead(ledger: Path) -> None:
    """Remove the files of all owners that are dead."""
    prefix = ledger.name + _MARK
    for file in list(ledger.parent.iterdir()):
        owner = file.name.removeprefix(prefix)
        if owner != file.name and _OWNER.fullmatch(owner):  # others may lie beside it that only look like one's
            probe_owner(ledger, owner)
