"""The lines of a batch's file, from text to requests: JSONL, JSON and CSV, read one at a time.

However long a file is, no more of it than one line is in memory, and of a line no more than `MAX_LINE` characters. A
line that can't be read is given with the reason; the next ones are read all the same. Only what would take others with
it ends it all: a row of a CSV that spans several lines, as a forgotten quote makes one row of many, and JSON that is
broken across lines.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NoReturn, TextIO, TypeAlias

import attrs

from motion_async.cli.batch.cells import read_cell
from motion_async.cli.batch.columns import Columns, columns_of
from motion_async.cli.batch.entries import EntryError, entry_of
from motion_async.cli.batch.oddities import find_oddities
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.jobs import BatchRequest

__all__ = [
    "MAX_LINE",
    "Format",
    "Line",
    "Row",
    "Tell",
    "delimiter_of",
    "read_csv",
    "read_json",
    "read_jsonl",
    "read_rows",
]

Format: TypeAlias = Literal["jsonl", "csv"]
Tell: TypeAlias = Callable[[str], object]
"""Takes what a person should know of how a file was taken."""

MAX_LINE: Final = 1 << 20
"""Characters of a line: a request that keeps to the contract takes a small part of it, the rest is for its metadata."""

_CHUNK: Final = 1 << 16
_SHOWN: Final = 60
_BETWEEN: Final = re.compile(r"[\s,]*")
# A mark within a word, an opening one behind it, a capital in the middle, three accents in a row, or one that is alone.
_UNLIKELY: Final = re.compile(
    r"\w*(?:[^\W\d_][^\w\s\x00-\x7f\u2018\u2019\xb4·\u2013—…°®™][^\W\d_]|[^\W\d_][\u201a„\u2039†‡\u02c6]|[a-z][À-ÖØ-ÞŠŒŽŸ]"
    r"|[^\x00-\x7f\W\d_]{3}|(?<!\w)(?![àáâãäåæèéêëìíîïòóôõöøùúûüÀÁÂÃÄÅÆÈÉÊÌÍÒÓÔÕÖØÙÚÜ])[^\x00-\x7f\W\d_](?!\w))\w*"
)


@attrs.frozen
class Line:
    """One line of a batch's file.

    Args:
        number: where it begins, from 1; in JSON that is not by lines, its place among the objects.
        given: its request, None if it can't be read or sent.
        problems: what is wrong with it.
        expired: which of its signatures have run out; that is wrong only if it has not been sent yet.
        odd: what looks as if nobody meant it; a person may mean it, or have meant it when it was sent.
        beyond: the key of the item that it follows, if that is of no line before it.
        key: its key in the ledger, None if it has no request.
        is_new: whether it is a create that is to be sent.
    """

    number: int
    given: BatchRequest | None = None
    problems: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    beyond: str | None = None
    key: str | None = None
    is_new: bool = False


@attrs.frozen
class Row:
    """One row of a table, from line `number` on to line `ends_at`: its cells, or the problem with them."""

    number: int
    ends_at: int
    cells: Sequence[str] = ()
    problem: str = ""
    odd: tuple[str, ...] = ()


class _Lines(Iterator[str]):
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


def read_jsonl(file: TextIO, tell: Tell) -> Iterator[Line]:
    """Read a file with one JSON object a line, without its blank lines."""
    lines = _Lines(file)
    while True:
        try:
            line = next(lines, None)
            if line is None:
                return
            if not line.strip():
                continue
            if (place := _undecoded(line)) is not None:
                byte = len(line[:place].encode()) + 1
                raise EntryError(f"is not UTF-8 at byte {byte}; save the file as UTF-8")
            given, columns = _object_of(_strictly(line), tell)
        except EntryError as error:
            yield Line(lines.number, None, (str(error),))
        else:
            yield Line(lines.number, given, odd=tuple(find_oddities(given, columns)))


def read_json(file: TextIO, tell: Tell) -> Iterator[Line]:
    """Read an array of JSON objects, or one object after another, however they are broken into lines.

    Raises a `ConfigurationError` if it is no JSON, as then nobody knows where the next object begins.
    """
    text = file.read(_CHUNK).lstrip()
    closing = "]" if text.startswith("[") else ""
    at, number = len(closing), 0
    while True:
        match = _BETWEEN.match(text, at)
        at = at if match is None else match.end()
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            text, at = text[at:], 0
            if len(text) <= MAX_LINE and (chunk := file.read(_CHUNK)):
                text += chunk
                continue
            if text.rstrip() == closing:
                return
            raise ConfigurationError(f"object {number + 1} of the JSON is no JSON: {error.msg}") from None
        except (EntryError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"object {number + 1} of the JSON {_why_not(error)}") from None
        number += 1
        try:
            given, columns = _object_of(value, tell)
        except EntryError as error:
            yield Line(number, None, (str(error),))
        else:
            yield Line(number, given, odd=tuple(find_oddities(given, columns)))


def _object_of(value: Any, tell: Tell) -> tuple[BatchRequest, Columns]:
    if not isinstance(value, Mapping):
        return entry_of(value), columns_of(())  # which raises, with what it is
    columns = columns_of(tuple(value))
    given = entry_of(columns.take(value.values()))
    for note in columns.notes:
        tell(note)
    return given, columns


def _strictly(line: str) -> Any:
    """Read one line of JSON as strictly as its standard, and without a name that stands twice."""
    try:
        return _DECODER.decode(line)
    except (EntryError, ValueError, RecursionError) as error:
        raise EntryError(_why_not(error)) from None


def _why_not(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is no JSON: {error.msg} at character {error.colno}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    # The other kind of `ValueError` is a number of too many digits.
    return str(error) if isinstance(error, EntryError) else f"is no JSON that can be read: {error}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise EntryError(f"has the field {one_line(twice, limit=_SHOWN)!r} twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise EntryError(f"is no JSON: {name} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)


def _undecoded(text: str) -> int | None:
    """Give the place of the first half of a surrogate pair, as which a byte that could not be decoded stands."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def delimiter_of(line: str) -> str:
    """Give what separates the columns of a CSV, by its first line: what makes a column of the prompt, or `sep=`."""
    if named := re.match('"?sep=(.)', line, re.IGNORECASE):
        return named[1]
    for delimiter in ",;\t|":
        try:
            if "prompt" in columns_of(tuple(next(csv.reader([line], delimiter=delimiter)))).fields:
                return delimiter
        except (EntryError, csv.Error):
            continue
    return next((delimiter for delimiter in ";\t" if delimiter in line and "," not in line), ",")


def read_csv(file: TextIO, delimiter: str, tell: Tell) -> Iterator[Line]:
    """Read a CSV, without its blank rows. Raises what `read_rows` does."""
    return read_rows(_csv_rows(file, delimiter, tell), tell)


def _csv_rows(file: TextIO, delimiter: str, tell: Tell) -> Iterator[Row]:
    lines = _Lines(file)
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
        elif _undecoded(text) is not None:
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
            given = entry_of(columns.take(_fitted(row.cells, len(columns.names))))
        except EntryError as error:
            if columns is None:
                raise ConfigurationError(f"the header, line {row.number}, {error}") from None
            yield _bad_row(row, str(error))
        else:
            yield Line(row.number, given, odd=(*row.odd, *find_oddities(given, columns)))


def _header(cells: Sequence[str], tell: Tell) -> Columns:
    columns = columns_of(tuple(cell.strip() for cell in cells))
    if "prompt" not in columns.fields:
        names = one_line(", ".join(name for name in columns.names if name), limit=200)
        raise EntryError(f"has no column prompt, which names what to make; it has: {names}")
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
