"""Standard output, as long as somebody reads it.

A pipe whose reader has gone, a disk that is full or a terminal that was closed must not end in a traceback: the first
line that cannot be written is noted, whoever asked is told, and nothing is written any more. It knows nothing of what
a line says.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Stdout", "point_nowhere"]


class Stdout:
    """Writes to standard output; rich takes it for a file.

    Attributes:
        is_closed: whether it could not be written once, and is not any more.
        why: a few words on that for a person.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self.why = ""
        self.on_close: Callable[[], object] | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at it."""
        return sys.stdout is not None and sys.stdout.isatty()

    @property
    def encoding(self) -> str:
        """What a terminal can show; see `TextIO.encoding`."""
        return getattr(sys.stdout, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """See `is_terminal`."""
        return self.is_terminal

    def line(self, text: str) -> None:
        """Write one line at once, unless nobody reads any more."""
        self.write(text + "\n")
        self.flush()

    def write(self, text: str) -> int:
        """Write something, unless nobody reads any more; see `TextIO.write`."""
        if not self.is_closed and sys.stdout is not None:
            try:
                sys.stdout.write(text)
            except OSError as error:
                self._close(error)
        return len(text)

    def flush(self) -> None:
        """See `TextIO.flush`."""
        if not self.is_closed and sys.stdout is not None:
            try:
                sys.stdout.flush()
            except OSError as error:
                self._close(error)

    @contextmanager
    def file(self) -> Iterator[TextIO]:
        """Give standard output as a text file: UTF-8, whatever a terminal knows, and no line end changed.

        The block is left early, and no error is raised, when nothing can be written any more.
        """
        writer = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield writer
            writer.flush()
        except OSError as error:
            self._close(error)
        finally:
            # Otherwise the wrapper would close standard output when it is thrown away.
            writer.detach()

    def _close(self, error: OSError) -> None:
        broken = isinstance(error, BrokenPipeError)
        self.why = "standard output was closed" if broken else f"standard output cannot be written: {error.strerror}"
        self.is_closed = True
        self.let_go()
        if self.on_close is not None:
            self.on_close()

    def let_go(self) -> None:
        """Point standard output nowhere, so that its reader sees the end of it and no flush can fail."""
        point_nowhere(sys.stdout)


def point_nowhere(stream: TextIO) -> None:
    """Have what is written to one of the process's streams go nowhere.

    Python flushes them once more at its end, and would print a traceback or end with 120 if that failed.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
