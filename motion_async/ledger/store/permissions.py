"""Whose a ledger's files are: what others can write is theirs, and decides what is paid for.

Only POSIX has owners and modes of this kind; elsewhere nothing is looked at. It opens no file: on POSIX the closing
of one would let go of the locks that this very process holds on it.
"""

from __future__ import annotations

import logging
import os
import shlex
import stat
from pathlib import Path
from typing import Final

from motion_async.ledger.outage import PermanentStoreError

__all__ = ["SIDE_FILES", "check_permissions"]

ROOT: Final = 0
"""Who may do everything, and whom nobody is to be protected from."""
SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""The ends of the names of the files that SQLite lays beside its own."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger("motion_async")


def check_permissions(path: Path, *, read_only: bool) -> None:
    """Refuse a ledger that is another user's, or that others can write; one that they can read is closed to them."""
    if os.name != "posix":
        return
    _check(path, path.lstat(), read_only=read_only)
    for end in SIDE_FILES:
        beside = path.with_name(path.name + end)
        try:
            found = beside.lstat()
        except FileNotFoundError:
            continue
        _check(beside, found, read_only=read_only)


def _check(path: Path, found: os.stat_result, *, read_only: bool) -> None:
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
