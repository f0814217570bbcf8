"""One line of a batch's file: its text, of which no more than `MAX_LINE` characters are in memory, and its request.

A line that can't be read is given with the reason, and the next ones are read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TextIO, TypeAlias

import attrs

from motion_async.cli.sheets.entries import Columns, EntryError
from motion_async.cli.sheets.oddities import find_oddities
from motion_async.cli.words import Fate
from motion_async.jobs import BatchRequest

__all__ = ["MAX_LINE", "Line", "PhysicalLines", "Tell", "line_of", "undecoded"]

Tell: TypeAlias = Callable[[str], object]
"""Takes what a person should know of how a file was taken."""

MAX_LINE: Final = 1 << 20
"""Characters of a line: a request that keeps to the contract takes a small part of it, the rest is for its metadata."""


@attrs.frozen
class Line:
    """One line of a batch's file.

    Args:
        number: where it begins, from 1; in JSON that is not by lines, its place among the objects.
        given: its request, None if it can't be read or sent.
        problems: what is wrong with it.
        expired: which of its signatures have run out; that is wrong only if it has not been sent yet.
        odd: what looks as if nobody meant it; a person may mean it, or have meant it when it was sent. Without a
            request and a problem the line has nothing to be sent.
        beyond: the key of the item that it follows, if that is of no line before it.
        key: its key in the ledger, None if it has no request.
        job_id: the job that the service has made of it, None if none is known.
        fate: what a run would do with it: send it, as far as the file alone tells.
        reuses: the number of the item whose video it takes, None if it is to be made.
    """

    number: int
    given: BatchRequest | None = None
    problems: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    beyond: str | None = None
    key: str | None = None
    job_id: str | None = None
    fate: Fate = Fate.SEND
    reuses: int | None = None

    @property
    def is_unsent(self) -> bool:
        """Whether nothing has come of it yet, neither here nor, if it takes another video, elsewhere."""
        return self.fate in (Fate.SEND, Fate.EXPIRED, Fate.REJECTED)


def line_of(number: int, columns: Columns, values: Iterable[Any], odd: Iterable[str] = ()) -> Line:
    """Give the line that has some values in its columns, or raise an `EntryError` if they make no request."""
    given = columns.request(values)
    return Line(number, given, odd=(*odd, *find_oddities(given, columns)))


class PhysicalLines(Iterator[str]):
    """The physical lines of a text; one that cannot be given raises an `EntryError`, and the next can be asked for."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0

    def __next__(self) -> str:
        # One character more, to tell a line that is too long from one that just fits.
        line = self._file.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(("\n", "\r")):
                line = self._file.readline(MAX_LINE)
            raise EntryError(f"is longer than {MAX_LINE:,} characters")
        return line


def undecoded(text: str) -> int | None:
    """Give the place of the first half of a surrogate pair, as which a byte that could not be decoded stands."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None
