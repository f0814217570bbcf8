"""The lines of a batch's file, from bytes to requests: JSONL and CSV, read one at a time.

However long a file is, no more of it than one line is in memory, and of a line no more than `MAX_LINE` bytes. A line
that can't be read is given with the reason; the next ones are read all the same. Only a row of a CSV that spans
several lines and can't be read ends it all: a quote that was forgotten makes one row of many.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, Literal, NoReturn, TypeAlias

import attrs

from motion_async.cli.batch.entries import FIELDS, EntryError, entry_of
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.jobs import BatchRequest

__all__ = ["MAX_LINE", "Format", "Line", "read_lines"]

Format: TypeAlias = Literal["jsonl", "csv"]

MAX_LINE: Final = 1 << 20
"""Bytes of a line: a request that keeps to the contract takes a small part of it, the rest is for its metadata."""

_BOM: Final = b"\xef\xbb\xbf"
_SHOWN: Final = 60


@attrs.frozen
class Line:
    """One line of a batch's file.

    Args:
        number: where it begins, from 1.
        given: its request, None if it can't be read.
        problems: what is wrong with it.
        expired: which of its signatures have run out; that is wrong only if it has not been sent yet.
    """

    number: int
    given: BatchRequest | None = None
    problems: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


def read_lines(file: BinaryIO, form: Format) -> Iterator[Line]:
    """Read a file from where it stands to its end, without its blank lines.

    Raises a `ConfigurationError` if the header of a CSV cannot be used, or a row of several lines cannot be read.
    """
    return _jsonl(file) if form == "jsonl" else _csv(file)


class _Bytes(Iterator[bytes]):
    """The physical lines of a file; one that cannot be given raises an `EntryError`, and the next can be asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def __next__(self) -> bytes:
        # One byte more, to tell a line that is too long from one that just fits.
        line = self._file.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(MAX_LINE)
            raise EntryError(f"is longer than {MAX_LINE:,} bytes")
        # Spreadsheets write one in front of "CSV UTF-8"; it would become a part of the first column's name.
        return line.removeprefix(_BOM) if self.number == 1 else line


def _jsonl(file: BinaryIO) -> Iterator[Line]:
    lines = _Bytes(file)
    while True:
        try:
            line = next(lines, None)
            if line is None:
                return
            if not line.strip():
                continue
            given = entry_of(_json(line))
        except EntryError as error:
            yield Line(lines.number, None, (str(error),))
        else:
            yield Line(lines.number, given)


def _json(line: bytes) -> Any:
    """Read one line of JSON as strictly as its standard, and without a name that stands twice."""
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise EntryError(f"is not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise EntryError(f"is no JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise EntryError("is nested too deeply") from None
    except ValueError as error:  # a number of too many digits
        raise EntryError(f"is no JSON that can be read: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise EntryError(f"has the field {one_line(twice, limit=_SHOWN)!r} twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise EntryError(f"is no JSON: {name} is no number")


class _Text(Iterator[str]):
    """The same lines as text; bytes that are no UTF-8 become half surrogates, by which `_cells` finds them."""

    def __init__(self, lines: _Bytes) -> None:
        self._lines = lines

    def __next__(self) -> str:
        return next(self._lines).decode("utf-8", "surrogateescape")


def _csv(file: BinaryIO) -> Iterator[Line]:
    lines = _Bytes(file)
    # Without `strict` a quote in the wrong place is taken as a part of the cell, and a prompt would be sent wrong.
    rows = csv.reader(_Text(lines), strict=True)
    header: list[str] | None = None
    while True:
        begins_at = lines.number + 1
        try:
            row = next(rows, None)
            if row is None:
                break
            if not any(row):  # a blank line, or a row of empty cells as spreadsheets leave them
                continue
            row = _cells(row)
            if header is None:
                header = _header(row)
                continue
            given = entry_of(_fields(header, row))
        except csv.Error as error:
            problem = f"is no CSV: {error}"
        except EntryError as error:
            problem = str(error)
        else:
            yield Line(begins_at, given)
            continue
        if header is None:
            raise ConfigurationError(f"the header of the CSV, line {begins_at}, {problem}")
        yield _bad_row(begins_at, lines.number, problem)
    if header is None:
        raise ConfigurationError(f"the CSV is empty; its first line names the columns: {', '.join(FIELDS)}")


def _bad_row(begins_at: int, ends_at: int, problem: str) -> Line:
    if ends_at > begins_at:  # to leave it out would be to leave out whatever stands on those lines
        raise ConfigurationError(
            f"lines {begins_at} to {ends_at} of the CSV are read as one row, for a quote holds them together, and that"
            f" row cannot be used: {problem}; look for a quote in them that is not closed, or not doubled"
        )
    return Line(begins_at, None, (problem,))


def _cells(row: list[str]) -> list[str]:
    if any("\udc80" <= character <= "\udcff" for cell in row if not cell.isascii() for character in cell):
        raise EntryError("is not UTF-8; save the file as “CSV UTF-8”")
    return row


def _header(row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    known = ", ".join(FIELDS)
    for place, name in enumerate(names):
        if name not in FIELDS:
            what = f"{one_line(name, limit=_SHOWN)!r}" if name else f"number {place + 1}, which has no name,"
            hint = "; columns are separated by commas" if ";" in name or "\t" in name else ""
            raise EntryError(f"has the column {what} that is not known; these are: {known}{hint}")
        if names.index(name) != place:
            raise EntryError(f"has the column {name!r} twice")
    if "prompt" not in names:
        raise EntryError(f"has no column prompt; the columns are: {known}")
    return names


def _fields(header: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(header):
        raise EntryError(
            f"has {len(row)} cells where the header has {len(header)}; put quotes around a text with a comma in it"
        )
    fields: dict[str, Any] = {name: cell for name, cell in zip(header, row, strict=True) if cell}
    if "attachments" in fields:
        fields["attachments"] = fields["attachments"].split()
    return fields
