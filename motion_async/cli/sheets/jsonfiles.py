"""How requests are read from JSON, one object a line or not.

However long a file is, no more of it than one object is in memory. Only JSON that is broken across lines ends it all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn, TextIO

from motion_async.cli.looks import one_line
from motion_async.cli.sheets.entries import EntryError, columns_of, kind
from motion_async.cli.sheets.filelines import MAX_LINE, Line, PhysicalLines, Tell, line_of, undecoded
from motion_async.errors import ConfigurationError

__all__ = ["read_json", "read_jsonl"]

_CHUNK: Final = 1 << 16
_SHOWN: Final = 60
_BETWEEN: Final = re.compile(r"[\s,]*")


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
        try:
            yield _line_of(number, value, tell)
        except EntryError as error:
            yield Line(number, problems=(str(error),))


def _line_of(number: int, value: Any, tell: Tell) -> Line:
    if not isinstance(value, Mapping):
        raise EntryError(f'is {kind(value)}, where an object such as {{"prompt": "…"}} is expected')
    columns = columns_of(tuple(value))
    line = line_of(number, columns, value.values())
    for note in columns.notes:
        tell(note)
    return line


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
