"""The lines of a batch's file, from text to requests, and how they are read from JSON, by lines or not.

However long a file is, no more of it than one line is in memory, and of a line no more than `MAX_LINE` characters. A
line that can't be read is given with the reason; the next ones are read all the same. Only JSON that is broken across
lines ends it all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, TextIO, TypeAlias

import attrs

from motion_async.cli.batch.columns import columns_of
from motion_async.cli.batch.entries import EntryError, entry_of
from motion_async.cli.batch.oddities import find_oddities
from motion_async.cli.looks import one_line
from motion_async.cli.words import Fate
from motion_async.errors import ConfigurationError
from motion_async.jobs import BatchRequest

__all__ = ["MAX_LINE", "Line", "PhysicalLines", "Tell", "read_json", "read_jsonl", "undecoded"]

Tell: TypeAlias = Callable[[str], object]
"""Takes what a person should know of how a file was taken."""

MAX_LINE: Final = 1 << 20
"""Characters of a line: a request that keeps to the contract takes a small part of it, the rest is for its metadata."""

_CHUNK: Final = 1 << 16
_SHOWN: Final = 60
_BETWEEN: Final = re.compile(r"[\s,]*")


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


def read_jsonl(file: TextIO, tell: Tell) -> Iterator[Line]:
    """Read a file with one JSON object a line, without its blank lines."""
    lines = PhysicalLines(file)
    while True:
        try:
            line = next(lines, None)
            if line is None:
                return
            if line.strip():
                yield _line_of(lines.number, _json(line), tell)
        except EntryError as error:
            yield Line(lines.number, problems=(str(error),))


def read_json(file: TextIO, tell: Tell) -> Iterator[Line]:
    """Read an array of JSON objects, or one object after another, however they are broken into lines.

    Raises a `ConfigurationError` if it is no JSON, as then nobody knows where the next object begins.
    """
    text = file.read(_CHUNK).lstrip()
    closing = "]" if text.startswith("[") else ""
    at, number = len(closing), 0
    while True:
        between = _BETWEEN.match(text, at)
        try:
            value, at = _DECODER.raw_decode(text, between.end() if between else at)
        except json.JSONDecodeError as error:
            if len(text) - at <= MAX_LINE and (chunk := file.read(_CHUNK)):
                text, at = text[at:] + chunk, 0
                continue
            if text[at:].strip(" \t\r\n,") == closing:
                return
            raise ConfigurationError(f"object {number + 1} of the JSON is no JSON: {error.msg}") from None
        except (EntryError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"object {number + 1} of the JSON {_why_not(error)}") from None
        number += 1
        yield _line_of(number, value, tell)


def _line_of(number: int, value: Any, tell: Tell) -> Line:
    try:
        columns = columns_of(tuple(value) if isinstance(value, Mapping) else ())
        given = entry_of(columns.take(value.values()) if isinstance(value, Mapping) else value)
    except EntryError as error:
        return Line(number, problems=(str(error),))
    for note in columns.notes:
        tell(note)
    return Line(number, given, odd=tuple(find_oddities(given, columns)))


def _json(line: str) -> Any:
    """Read one line of JSON as strictly as its standard, and without a name that stands twice."""
    if (place := undecoded(line)) is not None:
        raise EntryError(f"is not UTF-8 at byte {len(line[:place].encode()) + 1}; save the file as UTF-8")
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
