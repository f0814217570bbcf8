"""What was read of a batch's file, in a temporary file: lines are read, checked and given their keys once.

Later steps read it from its beginning as often as they need. It is its owner's alone, and gone when it is closed.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs

from motion_async.cli.sheets.filelines import Line
from motion_async.cli.words import Fate
from motion_async.errors import ConfigurationError

__all__ = ["Spool"]


class Spool:
    """Keeps lines, however many they are, in little memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # `close` does
        self._reused: Mapping[int, int] = {}

    def close(self) -> None:
        """Have it gone."""
        self._file.close()

    def put(self, line: Line) -> None:
        """Keep a line, before the first pass, or raise a `ConfigurationError` if there is no room for it."""
        with _room():
            pickle.dump(line, self._file)

    def reuse(self, videos: Mapping[int, int]) -> None:
        """Have lines, by their numbers, take the videos of other items in all later passes: they are not sent."""
        self._reused = videos

    @property
    def reuses(self) -> bool:
        """Whether any line takes the video of another item."""
        return bool(self._reused)

    def lines(self) -> Iterator[Line]:
        """Begin a pass over the lines, of which some may take the videos of others. It ends every earlier pass."""
        for line in self.lines_as_put():
            reuses = self._reused.get(line.number)
            yield line if reuses is None else attrs.evolve(line, reuses=reuses, fate=Fate.DUPLICATE)

    def lines_as_put(self) -> Iterator[Line]:
        """Begin a pass over the lines as they were put. It ends every earlier pass."""
        with _room():
            self._file.seek(0)
        while True:
            try:
                line: Line = pickle.load(self._file)  # noqa: S301  # this process wrote it, and no other can
            except EOFError:
                return
            yield line


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = tempfile.gettempdir()
        raise ConfigurationError(f"the lines cannot be kept in {place}: {error.strerror}; set TMPDIR") from error
