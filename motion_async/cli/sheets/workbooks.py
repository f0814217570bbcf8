"""The rows of a workbook, .xlsx or .ods: the values by a library, and what it keeps silent about by a look of our own.

To the library an error and a formula that was never calculated are empty cells, a hidden row is like any other, and of
merged cells all but the first are empty: a video would be paid for without what a person sees there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, time
from functools import reduce
from itertools import chain
from typing import Any, BinaryIO, Final
from xml.etree import ElementTree as ET  # expat of the last years expands no bombs
from zipfile import BadZipFile, ZipFile

import attrs
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from motion_async.cli.process.stopping import interruptible
from motion_async.cli.sheets.entries import EntryError, columns_of
from motion_async.cli.sheets.filelines import Tell
from motion_async.cli.sheets.rows import Row
from motion_async.errors import ConfigurationError

__all__ = ["workbook_rows"]

_REF: Final = re.compile(r"([A-Z]+)(\d+)")
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TYPE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
_EXTENDED_TYPE: Final = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"


@attrs.define
class _Silence:
    """What a sheet has that the library keeps silent about, by rows and columns that are counted from 0.

    Args:
        cells: what stands in cells that it takes for empty.
        hidden: the rows that are hidden.
        merged: the rows of each cell that was merged of several.
    """

    cells: dict[int, dict[int, str]] = attrs.field(factory=dict)
    hidden: set[int] = attrs.field(factory=set)
    merged: list[range] = attrs.field(factory=list)


def workbook_rows(file: BinaryIO, shown: str, sheet: str | None, tell: Tell) -> Iterator[Row]:
    """Give the rows of one sheet: the named one, or the only one that has a column of the prompt.

    Raises a `ConfigurationError` if there is no such sheet, the workbook cannot be read, or cells are merged in it.
    """
    try:
        with ExitStack() as stack:
            with interruptible():  # it may be long
                book = stack.enter_context(load_workbook(file))
                name = _chosen(book, shown, sheet, tell)
                file.seek(0)
                silence = _listen(file, name)
            yield from _rows(book.get_sheet_by_name(name), silence, shown)
    except (CalamineError, BadZipFile, ET.ParseError, LookupError, ValueError, OSError) as error:
        raise ConfigurationError(f"{shown} cannot be read as a workbook: {error}") from None


def _chosen(book: CalamineWorkbook, shown: str, sheet: str | None, tell: Tell) -> str:
    shows, holds = SheetVisibleEnum.Visible, SheetTypeEnum.WorkSheet
    names = [it.name for it in book.sheets_metadata if it.visible == shows and it.typ == holds]
    if sheet is not None:
        if sheet not in book.sheet_names:
            raise ConfigurationError(f"{shown} has no sheet {sheet!r}; it has: {', '.join(book.sheet_names)}")
        return sheet
    fit = [name for name in names if _has_prompt(book.get_sheet_by_name(name))]
    if len(fit) > 1:
        raise ConfigurationError(f"{shown} has a column prompt in the sheets {', '.join(fit)}; add --sheet NAME")
    if not fit and len(names) != 1:
        raise ConfigurationError(f"none of the sheets of {shown} has a column prompt in its first row")
    [chosen] = fit or names
    if len(book.sheet_names) > 1:
        tell(f"sheet {chosen!r} is read, and no other")
    return chosen


def _has_prompt(sheet: CalamineSheet) -> bool:
    header = next((cells for cells in _values(sheet) if any(cells)), [])
    try:
        return "prompt" in columns_of(tuple(map(str.strip, header))).fields
    except EntryError:
        return True  # it has a header that is to be mended


def _rows(sheet: CalamineSheet, silence: _Silence, shown: str) -> Iterator[Row]:
    covered = {place for rows in silence.merged for place in rows[1:]}
    beyond = range(0 if sheet.end is None else sheet.end[0] + 1, max(silence.cells, default=-1) + 1)
    is_header = True
    for place, cells in enumerate(chain(_values(sheet), ([] for _ in beyond))):
        for column, text in silence.cells.get(place, {}).items():
            cells.extend([""] * (column + 1 - len(cells)))
            cells[column] = text
        if is_header and any(cells):
            is_header = False
            if any(rows.start == place for rows in silence.merged):
                raise ConfigurationError(
                    f"the first row of {shown} has merged cells; give each column a name of its own"
                )
        odd = ["stands in a hidden row"] if place in silence.hidden else []
        if place in covered:
            odd.append("stands beside merged cells, of which only the first row has the value")
        yield Row(place + 1, place + 1, cells, odd=tuple(odd))


def _values(sheet: CalamineSheet) -> Iterator[list[str]]:
    if sheet.start is None:  # nothing is in it, of which earlier versions of the library cannot give the rows
        return
    empty = [""] * sheet.start[1]  # the columns before the first one that has anything
    for values in sheet.iter_rows():
        yield [*empty, *map(_text, values)]


def _text(value: Any) -> str:
    """Give a value as a CSV of the same sheet has it, where it can be known."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _listen(file: BinaryIO, sheet: str) -> _Silence:
    with ZipFile(file) as archive:
        if "content.xml" in archive.namelist():
            return _listen_to_ods(archive, sheet)
        return _listen_to_xlsx(archive, sheet)


def _listen_to_xlsx(archive: ZipFile, sheet: str) -> _Silence:
    found = _Silence()
    with archive.open(_part_of(archive, sheet)) as part:
        for _, element in ET.iterparse(part):  # noqa: S314  # see above
            kind = element.tag.rpartition("}")[2]
            if kind == "c" and (text := _unheard(element)) is not None:
                column, row = _place(element.get("r", ""))
                found.cells.setdefault(row, {})[column] = text
            elif kind == "row":
                if element.get("hidden") in ("1", "true"):
                    found.hidden.add(int(element.get("r", "0")) - 1)
                element.clear()
            elif kind == "mergeCell":
                first, last = (_place(corner)[1] for corner in element.get("ref", "").split(":"))
                found.merged.append(range(first, last + 1))
    return found


def _part_of(archive: ZipFile, sheet: str) -> str:
    """Give the name of a sheet's part, by the two tables that lead to it."""
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314  # see above
    [attributes] = [it.attrib for it in book.iterfind(".//{*}sheet") if it.get("name") == sheet]
    [link] = [value for name, value in attributes.items() if name.endswith("}id")]
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314  # see above
    [target] = [it.get("Target", "") for it in links if it.get("Id") == link]
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")


def _unheard(cell: ET.Element) -> str | None:
    """Give what stands in a cell of an .xlsx if it is an error, or a formula without a value."""
    formula, value = cell.find("{*}f"), cell.find("{*}v")
    if cell.get("t") == "e":
        return (None if value is None else value.text) or "#ERROR!"
    # A formula that gives the empty text has such a value.
    if formula is not None and (value is None or (not value.text and cell.get("t") != "str")):
        return f"={formula.text or '…'}"
    return None


def _place(ref: str) -> tuple[int, int]:
    """Give column and row, each from 0, of a reference such as B7."""
    match = _REF.match(ref)
    if match is None:
        raise LookupError(f"a cell has the place {ref!r}")
    column = reduce(lambda before, letter: 26 * before + ord(letter) - ord("A") + 1, match[1], 0)
    return column - 1, int(match[2]) - 1


def _listen_to_ods(archive: ZipFile, sheet: str) -> _Silence:
    found, row = _Silence(), 0
    with archive.open("content.xml") as part:
        for _, element in ET.iterparse(part):  # noqa: S314  # see above
            if element.tag == f"{_TABLE}table-row":
                row += _listen_to_row(element, row, found)
                element.clear()
            elif element.tag == f"{_TABLE}table":
                if element.get(f"{_TABLE}name") == sheet:
                    break
                found, row = _Silence(), 0
    return found


def _listen_to_row(element: ET.Element, row: int, found: _Silence) -> int:
    """Note what is silent in a row of an .ods, and give for how many rows it stands."""
    repeated, column = int(element.get(f"{_TABLE}number-rows-repeated", 1)), 0
    cells: dict[int, str] = {}
    for cell in element:
        width = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
        formula = cell.get(f"{_TABLE}formula")
        if cell.get(_EXTENDED_TYPE) == "error" or (formula is not None and _TYPE not in cell.attrib):
            shown = "".join(text for words in cell.iterfind("{*}p") for text in words.itertext())
            cells |= dict.fromkeys(range(column, column + width), shown or formula or "#ERROR!")
        across, down = (int(cell.get(f"{_TABLE}number-{them}-spanned", 1)) for them in ("columns", "rows"))
        if (across, down) != (1, 1):
            found.merged.append(range(row, row + down))
        column += width
    if cells:
        found.cells |= {row + more: dict(cells) for more in range(repeated)}
    if element.get(f"{_TABLE}visibility", "visible") != "visible" and any(cell.attrib for cell in element):
        found.hidden.update(range(row, row + repeated))
    return repeated
