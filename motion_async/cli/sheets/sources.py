"""The file that a batch is read from, once and from its beginning to its end: which format and encoding it has.

What its lines say is not decided here.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final

from motion_async.cli.arguments import FileFormat
from motion_async.cli.process.stopping import interruptible
from motion_async.cli.sheets.csvfiles import WESTERN, csv_rows
from motion_async.cli.sheets.filelines import Line, Tell
from motion_async.cli.sheets.jsonfiles import read_json, read_jsonl
from motion_async.cli.sheets.rows import Row, read_rows
from motion_async.errors import ConfigurationError

__all__ = ["open_source", "read_lines"]

_HEAD: Final = 1 << 16
_JSON: Final = (".json", ".jsonl", ".ndjson")
_CSV: Final = (".csv", ".tsv", ".tab", ".txt")
# An array, or an object that goes on behind its first line.
_NOT_BY_LINES: Final = re.compile(r"\[|\{([^\n]*[^\s}])?[ \t\r]*\n\s*[\"}\]]")
_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]")
_UTF_8: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_OLD_WORKBOOK: Final = b"\xd0\xcf\x11\xe0"


@contextmanager
def open_source(name: str, form: FileFormat | None, sheet: str | None, tell: Tell) -> Iterator[Iterator[Line]]:
    """Open a file of requests, `-` for standard input, whose end is waited for first, and give its lines.

    Without a format its content and its name tell it; `tell` hears how it was taken. Raises a `ConfigurationError` if
    it cannot be read, and so does a step.
    """
    with ExitStack() as stack:
        try:
            if name == "-":
                file = stack.enter_context(_copy(sys.stdin.buffer))
            else:
                file = stack.enter_context(Path(name).open("rb"))
                # A pipe or a device gives its content once, and a workbook is read from its end.
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    file = stack.enter_context(_copy(file))
        except OSError as error:
            raise ConfigurationError(f"{name} cannot be read: {error.strerror or error}") from error
        yield read_lines(file, name, form, sheet, tell)


@contextmanager
def _copy(stream: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        with interruptible():
            shutil.copyfileobj(stream, file)
        file.seek(0)
        yield file


def read_lines(file: BinaryIO, name: str, form: FileFormat | None, sheet: str | None, tell: Tell) -> Iterator[Line]:
    """Read an open file from its beginning; see `open_source`."""
    head = file.read(_HEAD)
    file.seek(0)
    shown = "standard input" if name == "-" else name
    told: set[str] = set()

    def tell_once(note: str) -> None:
        if note not in told:
            told.add(note)
            tell(f"{shown}: {note}")

    # Spreadsheets write a mark in front of "CSV UTF-8"; it would become a part of the first column's name.
    encoding, errors = "utf-8-sig", "surrogateescape"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding, errors = "utf-16", "surrogatepass"
    beginning = head.decode(encoding, "replace").lstrip()
    form = form or _form_of(head, beginning, Path(name).suffix.lower(), shown)
    if form in ("xlsx", "ods"):
        yield from read_rows(_rows(file, shown, sheet, tell_once), tell_once)
        return
    if sheet is not None:
        raise ConfigurationError(f"--sheet is for workbooks, and {shown} is read as {form.upper()}")
    if form == "csv" and encoding != "utf-16" and _is_western(file):
        tell_once("it is not UTF-8, and is read as Windows-1252")
        encoding = WESTERN
    try:
        with TextIOWrapper(file, encoding, errors, newline="") as text:
            if form == "csv":
                first_line = re.split(r"[\r\n]", beginning, maxsplit=1)[0]
                yield from read_rows(csv_rows(text, first_line, tell_once), tell_once)
            else:
                yield from (read_jsonl if form == "jsonl" else read_json)(text, tell_once)
    except UnicodeError as error:
        raise ConfigurationError(f"{shown} cannot be read as UTF-16, which its first bytes announce: {error}") from None


def _form_of(head: bytes, beginning: str, suffix: str, shown: str) -> FileFormat:
    if head.startswith(b"PK\x03\x04"):
        return "ods" if b"opendocument.spreadsheet" in head[:200] else "xlsx"
    if head.startswith(_OLD_WORKBOOK):
        raise ConfigurationError(f"{shown} is an old workbook, or has a password; save it as .xlsx, without a password")
    if suffix in _JSON or (suffix not in _CSV and beginning.startswith(("{", "["))):
        return "json" if _NOT_BY_LINES.match(beginning) else "jsonl"
    return "csv"


def _is_western(file: BinaryIO) -> bool:
    """Whether the first character beyond ASCII is not written as in UTF-8."""
    try:
        while chunk := file.read(_HEAD):
            if found := _BEYOND_ASCII.search(chunk):
                return not _UTF_8.match(chunk + file.read(3), found.start())
        return False
    finally:
        file.seek(0)


def _rows(file: BinaryIO, shown: str, sheet: str | None, tell: Tell) -> Iterator[Row]:
    try:
        from motion_async.cli.sheets.workbooks import workbook_rows  # noqa: PLC0415  # it needs an extra
    except ImportError:
        raise ConfigurationError(
            f"{shown} is a workbook; to read it pip install 'motion-async[sheets]', or save it as “CSV UTF-8”"
        ) from None
    return workbook_rows(file, shown, sheet, tell)
