"""What was read of a batch's file, in a temporary file: lines are read, checked and given their keys once.

Later steps read it from its beginning as often as they need. It is its owner's alone, and gone when it is closed.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from motion_async.cli.batch.filelines import Line

__all__ = ["Spool"]


class Spool:
    """Keeps lines, however many they are, in little memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # leaving closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, line: Line) -> None:
        """Keep a line; before the first pass."""
        pickle.dump(line, self._file)

    def lines(self) -> Iterator[Line]:
        """Begin a pass over the lines. It ends every earlier one."""
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)  # noqa: S301  # this process wrote it, and no other can
            except EOFError:
                return
