"""The rows of a table, from cells to requests, and how a CSV is read, in whichever way a spreadsheet has saved it.

A row that can't be read is given with the reason; the next ones are read all the same. Only one that spans several
lines and can't be read ends it all: a quote that was forgotten makes one row of many.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

import attrs

from motion_async.cli.batch.cells import read_cell
from motion_async.cli.batch.columns import Columns, columns_of
from motion_async.cli.batch.entries import EntryError, entry_of
from motion_async.cli.batch.filelines import Line, PhysicalLines, Tell, undecoded
from motion_async.cli.batch.oddities import find_oddities
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.showing import is_blank

__all__ = ["Row", "delimiter_of", "read_csv", "read_rows"]

_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
# A mark within a word, an opening one behind it, a capital in the middle, three accents in a row, or one that is alone.
_UNLIKELY: Final = re.compile(
    r"\w*(?:[^\W\d_][^\w\s\x00-\x7f\u2018\u2019\xb4·\u2013—…°®™][^\W\d_]|[^\W\d_][\u201a„\u2039†‡\u02c6]|[a-z][À-ÖØ-ÞŠŒŽŸ]"
    r"|[^\x00-\x7f\W\d_]{3}|(?<!\w)(?![àáâãäåæèéêëìíîïòóôõöøùúûüÀÁÂÃÄÅÆÈÉÊÌÍÒÓÔÕÖØÙÚÜ])[^\x00-\x7f\W\d_](?!\w))\w*"
)


@attrs.frozen
class Row:
    """One row of a table, from line `number` on to line `ends_at`: its cells, or the problem with them."""

    number: int
    ends_at: int
    cells: Sequence[str] = ()
    problem: str = ""
    odd: tuple[str, ...] = ()


def delimiter_of(line: str) -> str:
    """Give what separates the columns of a CSV, by its first line: what makes a column of the prompt, or `sep=`."""
    if named := re.match(r'"?sep=(\t|[^\w\s"])', line, re.IGNORECASE):
        return named[1]
    for delimiter in ",;\t|":
        try:
            if "prompt" in columns_of(tuple(next(csv.reader([line], delimiter=delimiter)))).fields:
                return delimiter
        except (EntryError, csv.Error):
            continue
    return next((delimiter for delimiter in ";\t" if delimiter in line and "," not in line), ",")


def read_csv(file: TextIO, first_line: str, tell: Tell) -> Iterator[Line]:
    """Read a CSV, whose delimiter its first line tells, without its blank rows. Raises what `read_rows` does."""
    delimiter = delimiter_of(first_line)
    if delimiter != ",":
        tell(f"its columns are separated by {_SEPARATORS.get(delimiter, repr(delimiter))}")
    return read_rows(_csv_rows(file, delimiter, tell), tell)


def _csv_rows(file: TextIO, delimiter: str, tell: Tell) -> Iterator[Row]:
    lines = PhysicalLines(file)
    # Without `strict` a quote in the wrong place is taken as a part of the cell, and a prompt would be sent wrong.
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    western = _Western(tell)
    while True:
        begins_at = lines.number + 1
        try:
            cells = next(rows, None)
            if cells is None:
                return
            if begins_at > 1 or not cells or not cells[0].lower().startswith("sep="):
                cells = list(map(read_cell, western.decode(cells)))
                yield Row(begins_at, lines.number, cells, odd=tuple(western.doubts(cells)))
        except csv.Error as error:
            yield Row(begins_at, lines.number, problem=f"is no CSV: {error}")
        except EntryError as error:
            yield Row(begins_at, lines.number, problem=str(error))


class _Western:
    """Decodes cells that are not UTF-8 as Windows-1252, if the file had no UTF-8 in it before."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._is_known = self._is_western = False

    def decode(self, cells: list[str]) -> list[str]:
        text = "".join(cells)
        if text.isascii():
            return cells
        if not self._is_known:
            self._is_known = True
            # What could not be decoded stands as half surrogates; all else beyond ASCII was UTF-8.
            self._is_western = all(c.isascii() or "\udc80" <= c <= "\udcff" for c in text)
            if self._is_western:
                self._tell("it is not UTF-8, and is read as Windows-1252")
        if self._is_western:
            try:
                cells = [cell.encode("utf-8", "surrogateescape").decode("cp1252") for cell in cells]
            except UnicodeError:
                raise EntryError("is neither UTF-8 nor Windows-1252; save the file as “CSV UTF-8”") from None
        elif undecoded(text) is not None:
            raise EntryError("is not UTF-8; save the file as “CSV UTF-8”")
        return cells

    def doubts(self, cells: list[str]) -> Iterator[str]:
        """Give the first word that makes it unlikely that the file was Windows-1252, and not yet another encoding."""
        found = _UNLIKELY.search(" ".join(cells)) if self._is_western else None
        if found is not None:
            yield f"has {found[0]!r} when read as Windows-1252, which may be wrong; save the file as “CSV UTF-8”"


def read_rows(rows: Iterable[Row], tell: Tell) -> Iterator[Line]:
    """Read the rows of a table, the first of which that is not blank names the columns.

    Raises a `ConfigurationError` if there is none or it cannot be used, or a row of several lines cannot be read.
    """
    columns: Columns | None = None
    for row in rows:
        if not row.problem and not any(map(str.strip, row.cells)):
            continue  # a blank line, or a row of empty cells as spreadsheets leave them
        try:
            if row.problem:
                raise EntryError(row.problem)
            if columns is None:
                columns = _header(row.cells, tell)
                continue
            fields = columns.take(_fitted(row.cells, len(columns.names)))
            if row.ends_at == row.number and is_blank(fields.get("prompt", "")):
                yield Line(row.number, odd=(f"{columns.name_of('prompt')}: is blank",))
                continue
            given = entry_of(fields)
        except EntryError as error:
            if columns is None:
                raise ConfigurationError(f"the header, line {row.number}, {error}") from None
            yield _bad_row(row, str(error))
        else:
            yield Line(row.number, given, odd=(*row.odd, *find_oddities(given, columns)))


def _header(cells: Sequence[str], tell: Tell) -> Columns:
    names = [cell.strip() for cell in cells]
    while not names[-1]:
        names.pop()
    columns = columns_of(tuple(name or f"column {place}" for place, name in enumerate(names, 1)))
    if "prompt" not in columns.fields:
        shown = one_line(", ".join(columns.names), limit=200)
        raise EntryError(f"has no column prompt, which says what to make; it has: {shown}")
    for note in columns.notes:
        tell(note)
    return columns


def _fitted(cells: Sequence[str], number: int) -> Iterator[str | None]:
    if any(map(str.strip, cells[number:])):
        raise EntryError(
            f"has {len(cells)} cells where the header has {number}; put quotes around a text with a comma in it"
        )
    for place in range(number):
        yield (cells[place] or None) if place < len(cells) else None


def _bad_row(row: Row, problem: str) -> Line:
    if row.ends_at > row.number:  # to leave it out would be to leave out whatever stands on those lines
        raise ConfigurationError(
            f"lines {row.number} to {row.ends_at} of the CSV are read as one row, for a quote holds them together, and"
            f" that row cannot be used: {problem}; look for a quote in them that is not closed, or not doubled"
        )
    return Line(row.number, None, (problem,))
