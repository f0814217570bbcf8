"""Writes a file whole or not at all: whoever opens it finds the old content or the new one, never a part.

It is for its owner's eyes, as prompts are; nothing but a file of this user is replaced, and no link is followed, which
somebody else may have put there. It knows nothing of what is written.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from motion_async.errors import ConfigurationError

__all__ = ["atomic_file", "check_output"]


_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_OWNERS: Final = "-owner-"


def check_output(path: Path, *, reads: Path | None = None, ledger: Path | None = None) -> None:
    """Raise a `ConfigurationError` if a file could not be written, before the work is done that it is to hold.

    Neither `reads`, a file that is read, nor `ledger`, with what lies beside it, may be overwritten.
    """
    try:
        if reads is not None and path.exists() and path.samefile(reads):
            raise ConfigurationError(f"--output {path} is the file that is read; name another one")
        if ledger is not None and _is_of(ledger, path):
            raise ConfigurationError(f"--output {path} is a file of the ledger {ledger}; name another one")
        _mode_of(path)
        directory = path.parent.resolve()
        if not directory.is_dir():
            raise ConfigurationError(f"--output {path}: there is no directory {directory}; make it first")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ConfigurationError(f"--output {path}: nothing can be written in {directory}")
    except OSError as error:
        raise ConfigurationError(f"--output {path}: {error.strerror or error}") from error


def _mode_of(path: Path) -> int | None:
    """Give the permissions of a file that may be replaced, None if there is none; else raise."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise ConfigurationError(f"--output {path} is a link, and none is followed; name the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"--output {path} is no file that can be replaced; name a file, or leave it out")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"--output {path} belongs to another user; name a file of your own")
    return found.st_mode & 0o777


def _for_its_owner(name: str, flags: int) -> int:
    # 0600, as results hold prompts; and if somebody has put a link there meanwhile, nothing is written through it.
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _is_of(ledger: Path, path: Path) -> bool:
    """Whether a file is a ledger's, or one of those that lie beside it while it is open."""
    if path.exists() and ledger.exists() and path.samefile(ledger):  # two names, by a hard link or by their case
        return True
    target, kept = path.resolve(), ledger.resolve()
    if target.parent != kept.parent or not target.name.startswith(kept.name):
        return False
    rest = target.name.removeprefix(kept.name)
    return rest in _COMPANIONS or rest.startswith(_OWNERS)


@contextmanager
def atomic_file(path: Path) -> Iterator[TextIO]:
    """Give a file for UTF-8 that takes its name when the block ends well, and is gone otherwise.

    What has the name already is replaced if it is a file of this user, and keeps its permissions. Raises a
    `ConfigurationError` if it cannot be written.
    """
    try:
        target = path.parent.resolve() / path.name
        mode = _mode_of(target)
        # In the same directory, as a rename is atomic within one file system only; cut, as names have a bound.
        hidden = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
        try:
            with open(hidden, "x", encoding="utf-8", newline="", opener=_for_its_owner) as file:  # has an opener
                if mode is not None:
                    hidden.chmod(mode)
                yield file
                file.flush()
                # Before the rename: after a crash a file that has its name must have its content, too.
                os.fsync(file.fileno())
            _mode_of(target)  # once more, for what may have come there since
            hidden.replace(target)
            # The rename itself is an entry of the directory, and is on disk when that is.
            _sync_directory(target.parent)
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written, and is as it was: {error.strerror or error}") from error


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # not every system opens directories; the file itself is on disk
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
