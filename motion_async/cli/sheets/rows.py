"""The rows of a table, from cells to lines, whichever kind of file they stand in.

A row that can't be read is given with the reason. Only one that spans several lines and can't be read ends it all: a
quote that was forgotten makes one row of many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from motion_async.cli.looks import one_line
from motion_async.cli.sheets.entries import Columns, EntryError, columns_of
from motion_async.cli.sheets.filelines import Line, Tell, line_of
from motion_async.errors import ConfigurationError
from motion_async.showing import is_blank

__all__ = ["Row", "read_rows"]


@attrs.frozen
class Row:
    """One row of a table, from line `number` on to line `ends_at`: its cells, or the problem with them."""

    number: int
    ends_at: int
    cells: Sequence[str] = ()
    problem: str = ""
    odd: tuple[str, ...] = ()


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
            cells = _fitted(row.cells, len(columns.names))
            if row.ends_at == row.number and is_blank(cells[columns.fields.index("prompt")] or ""):
                yield Line(row.number, odd=(f"{columns.name_of('prompt')}: is blank",))
            else:
                yield line_of(row.number, columns, cells, row.odd)
        except EntryError as error:
            if columns is None:
                raise ConfigurationError(f"the header, line {row.number}, {error}") from None
            yield _bad_row(row, str(error))


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


def _fitted(cells: Sequence[str], number: int) -> list[str | None]:
    if any(map(str.strip, cells[number:])):
        raise EntryError(
            f"has {len(cells)} cells where the header has {number}; put quotes around a text with a comma in it"
        )
    return [(cells[place] or None) if place < len(cells) else None for place in range(number)]


def _bad_row(row: Row, problem: str) -> Line:
    if row.ends_at > row.number:  # to leave it out would be to leave out whatever stands on those lines
        raise ConfigurationError(
            f"lines {row.number} to {row.ends_at} of the CSV are read as one row, for a quote holds them together, and"
            f" that row cannot be used: {problem}; look for a quote in them that is not closed, or not doubled"
        )
    return Line(row.number, None, (problem,))
