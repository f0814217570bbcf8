"""The rows of a CSV, in whichever way a spreadsheet has saved it, and text as a cell of one has it.

A row that can't be read is given with the reason; the next ones are read all the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Final, TextIO

from motion_async.cli.sheets.entries import EntryError, columns_of
from motion_async.cli.sheets.filelines import PhysicalLines, Tell, undecoded
from motion_async.cli.sheets.rows import Row

__all__ = ["WESTERN", "csv_rows", "delimiter_of", "read_cell", "written_cell"]

WESTERN: Final = "cp1252"
"""The encoding of a CSV that is not UTF-8."""

_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
# Also what has the apostrophe already, and the wide forms that some spreadsheets take for the plain ones.
_LIKE_A_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001  # they are meant
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)
# A mark within a word, an opening one behind it, a capital in the middle, three accents in a row, or one that is alone.
# Of the word around it a part is enough, as some texts are one long word, which would be looked at from each place on.
_UNLIKELY: Final = re.compile(
    r"\w{0,40}(?:[^\W\d_][^\w\s\x00-\x7f\u2018\u2019\xb4·\u2013—…°®™][^\W\d_]|[^\W\d_][\u201a„\u2039†‡\u02c6]|[a-z][À-ÖØ-ÞŠŒŽŸ]"
    r"|[^\x00-\x7f\W\d_]{3}|(?<!\w)(?![àáâãäåæèéêëìíîïòóôõöøùúûüÀÁÂÃÄÅÆÈÉÊÌÍÒÓÔÕÖØÙÚÜ])[^\x00-\x7f\W\d_](?!\w))\w{0,40}"
)


def written_cell(text: str) -> str:
    """Give a text as it is written into a cell, so that no spreadsheet takes it for a formula; a number stays one.

    They keep a text from being a formula by an apostrophe in front of it, which they do not show.
    """
    return f"'{text}" if _LIKE_A_FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def read_cell(cell: str) -> str:
    """Give the text that was written into a cell."""
    return cell[1:] if cell.startswith("'") and _LIKE_A_FORMULA.match(cell) else cell


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


def csv_rows(file: TextIO, first_line: str, tell: Tell) -> Iterator[Row]:
    """Give the rows of a CSV, whose delimiter its first line tells."""
    delimiter = delimiter_of(first_line)
    if delimiter != ",":
        tell(f"its columns are separated by {_SEPARATORS.get(delimiter, repr(delimiter))}")
    is_western = file.encoding == WESTERN
    lines = PhysicalLines(file)
    # Without `strict` a quote in the wrong place is taken as a part of the cell, and a prompt would be sent wrong.
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        begins_at = lines.number + 1
        try:
            cells = next(rows, None)
            if cells is None:
                return
            if begins_at > 1 or not cells or not cells[0].lower().startswith("sep="):
                if undecoded("".join(cells)) is not None:
                    what = "is neither UTF-8 nor Windows-1252" if is_western else "is not UTF-8"
                    raise EntryError(f"{what}; save the file as “CSV UTF-8”")
                odd = tuple(_unlikely_words(cells)) if is_western else ()
                yield Row(begins_at, lines.number, list(map(read_cell, cells)), odd=odd)
        except csv.Error as error:
            yield Row(begins_at, lines.number, problem=f"is no CSV: {error}")
        except EntryError as error:
            yield Row(begins_at, lines.number, problem=str(error))


def _unlikely_words(cells: list[str]) -> Iterator[str]:
    """Give the first word that makes it unlikely that the file was Windows-1252, and not yet another encoding."""
    if found := _UNLIKELY.search(" ".join(cells)):
        yield f"has {found[0]!r} when read as Windows-1252, which may be wrong; save the file as “CSV UTF-8”"
