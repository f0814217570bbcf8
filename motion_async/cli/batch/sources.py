"""The file that a batch is read from: opened once, and read from its beginning as often as needed.

What can be read only once, such as standard input, is copied to a temporary file first. What a line says is not
decided here.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from motion_async.cli.batch.checking import checked
from motion_async.cli.batch.filelines import Format, Line, read_lines
from motion_async.cli.stopping import interruptible
from motion_async.errors import ConfigurationError

__all__ = ["Source", "format_of", "open_source"]

_FORMATS: Final[dict[str, Format]] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


class Source:
    """A file of requests, opened; in every pass signatures are held against the same `now`."""

    def __init__(self, file: BinaryIO, form: Format, *, now: datetime) -> None:
        self._file = file
        self._form: Format = form
        self._now = now
        # Size and time, which cost nothing: whoever edits the file meanwhile is told, not protected.
        self._seen = self._stamp()

    def lines(self) -> Iterator[Line]:
        """Begin a pass over the file: all its lines, checked. It ends every earlier pass."""
        self._file.seek(0)
        return checked(read_lines(self._file, self._form), now=self._now)

    @property
    def has_changed(self) -> bool:
        """Whether somebody has written to the file since it was opened."""
        return self._stamp() != self._seen

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns


def format_of(name: str, given: Format | None) -> Format:
    """Give the format that the command line says, or else the file's name; if neither does, a `ConfigurationError`."""
    form = given or _FORMATS.get(Path(name).suffix.lower())
    if form is None:
        what = "standard input" if name == "-" else f"{name}, by its name,"
        raise ConfigurationError(f"whether {what} is JSONL or CSV is not known; add --format jsonl or --format csv")
    return form


@contextmanager
def open_source(name: str, form: Format, *, now: datetime) -> Iterator[Source]:
    """Open a file of requests, `-` for standard input, whose end is waited for first.

    Raises a `ConfigurationError` if it cannot be read.
    """
    with ExitStack() as stack:
        try:
            if name == "-":
                file = stack.enter_context(_copy(sys.stdin.buffer))
            else:
                file = stack.enter_context(Path(name).open("rb"))
                # A pipe or a device gives its content once, and a batch is read several times.
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    file = stack.enter_context(_copy(file))
        except OSError as error:
            raise ConfigurationError(f"{name} cannot be read: {error.strerror or error}") from error
        yield Source(file, form, now=now)


@contextmanager
def _copy(stream: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        with interruptible():
            shutil.copyfileobj(stream, file)
        file.flush()
        yield file
