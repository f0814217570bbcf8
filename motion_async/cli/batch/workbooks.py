"""The rows of a workbook, .xlsx or .ods: the values by a library, and what it keeps silent about by a look of our own.

To the library an error and a formula that was never calculated are empty cells, a hidden row is like any other, and of
merged cells all but the first are empty: a video would be paid for without what a person sees there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import date, datetime, time
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

from motion_async.cli.batch.columns import columns_of
from motion_async.cli.batch.entries import EntryError
from motion_async.cli.batch.filelines import Row, Tell
from motion_async.errors import ConfigurationError

__all__ = ["workbook_rows"]

_REF: Final = re.compile(r"([A-Z]+)(\d+)")


@attrs.define
class _Silence:
    """What a sheet has that the library keeps silent about.

    Args:
        cells: what stands in cells that it takes for empty, by row and column, each from 0.
        hidden: the rows that are hidden.
        merged: the rows in which merged cells begin, with what a person calls them.
        covered: the rows below the first one of merged cells.
    """

    cells: dict[int, dict[int, str]] = attrs.field(factory=dict)
    hidden: set[int] = attrs.field(factory=set)
    merged: dict[int, str] = attrs.field(factory=dict)
    covered: dict[int, str] = attrs.field(factory=dict)

    def merge(self, first: int, last: int, name: str) -> None:
        """Note merged cells from one row to another."""
        self.merged[first] = name
        self.covered |= dict.fromkeys(range(first + 1, last + 1), name)


def workbook_rows(file: BinaryIO, shown: str, sheet: str | None, tell: Tell) -> Iterator[Row]:
    """Give the rows of one sheet: the named one, or the only one that has a column of the prompt.

    Raises a `ConfigurationError` if there is no such sheet, the workbook cannot be read, or cells are merged in it.
    """
    try:
        with load_workbook(file) as book:
            name = _chosen(book, shown, sheet, tell)
            file.seek(0)
            silence = _listen(file, book.sheet_names.index(name))
            yield from _rows(book.get_sheet_by_name(name), silence, shown)
    except (CalamineError, BadZipFile, ET.ParseError, LookupError, OSError) as error:
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
    if len(book.sheet_names) > 1:
        tell(f"sheet {fit[0]!r} is read, and no other")
    return fit[0] if fit else names[0]


def _has_prompt(sheet: CalamineSheet) -> bool:
    header = next((cells for row in sheet.iter_rows() if any(cells := [_text(value) for value in row])), [])
    try:
        return "prompt" in columns_of(tuple(map(str.strip, header))).fields
    except EntryError:
        return True  # it has a header that is to be mended


def _rows(sheet: CalamineSheet, silence: _Silence, shown: str) -> Iterator[Row]:
    is_header = True
    for place, values in enumerate(sheet.to_python(skip_empty_area=False)):
        cells = [_text(value) for value in values]
        for column, text in silence.cells.pop(place, {}).items():
            cells += [""] * (column + 1 - len(cells))
            cells[column] = text
        if is_header and any(cells) and place in silence.merged:
            raise ConfigurationError(
                f"the first row of {shown} has merged cells, at {silence.merged[place]}; give each column its own name"
            )
        is_header = is_header and not any(cells)
        odd = ["stands in a hidden row"] if place in silence.hidden else []
        if place in silence.covered:
            odd.append(
                f"stands beside merged cells, {silence.covered[place]}, which have a value in their first row alone"
            )
        yield Row(place + 1, place + 1, cells, odd=tuple(odd))
    for place, found in sorted(silence.cells.items()):
        yield Row(place + 1, place + 1, [found.get(column, "") for column in range(max(found) + 1)])


def _text(value: Any) -> str:
    """Give a value as a CSV of the same sheet has it, where it can be known."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _listen(file: BinaryIO, place: int) -> _Silence:
    with ZipFile(file) as archive:
        if "content.xml" in archive.namelist():
            return _listen_to_ods(archive, place)
        return _listen_to_xlsx(archive, place)


def _listen_to_xlsx(archive: ZipFile, place: int) -> _Silence:
    found = _Silence()
    with archive.open(_part_of(archive, place)) as part:
        for _, element in ET.iterparse(part):  # noqa: S314  # see above
            kind = _local(element.tag)
            if kind == "c" and (text := _unheard(element)) is not None:
                column, row = _place(element.get("r", ""))
                found.cells.setdefault(row, {})[column] = text
            elif kind == "row":
                if element.get("hidden") in ("1", "true"):
                    found.hidden.add(int(element.get("r", "0")) - 1)
                element.clear()
            elif kind == "mergeCell":
                ref = element.get("ref", "")
                first, _, last = ref.partition(":")
                found.merge(_place(first)[1], _place(last)[1], ref)
    return found


def _unheard(cell: ET.Element) -> str | None:
    """Give what stands in a cell of an .xlsx if it is an error, or a formula without a value."""
    parts = {_local(part.tag): part for part in cell}
    formula, value = parts.get("f"), parts.get("v")
    if cell.get("t") == "e":
        return (None if value is None else value.text) or "#ERROR!"
    # A formula that gives the empty text has such a value.
    if formula is not None and (value is None or (not value.text and cell.get("t") != "str")):
        return f"={formula.text or '…'}"
    return None


def _part_of(archive: ZipFile, place: int) -> str:
    """Give the name of a sheet's part by the two tables that lead to it."""
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314  # see above
    sheet = [element for element in book.iter() if _local(element.tag) == "sheet"][place]
    link = next(value for name, value in sheet.attrib.items() if _local(name) == "id")
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314  # see above
    target = next(it.get("Target", "") for it in links if it.get("Id") == link)
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")


def _listen_to_ods(archive: ZipFile, place: int) -> _Silence:
    found, row, table = _Silence(), 0, -1
    with archive.open("content.xml") as part:
        for event, element in ET.iterparse(part, ("start", "end")):  # noqa: S314  # see above
            kind = _local(element.tag)
            if kind == "table":
                table += event == "start"
                if event == "end" and table == place:
                    break
            elif kind == "table-row" and event == "end":
                if table == place:
                    row += _listen_to_row(element, row, found)
                element.clear()
    return found


def _listen_to_row(element: ET.Element, row: int, found: _Silence) -> int:
    """Note what is silent in a row of an .ods, and give for how many rows it stands."""
    attributes = _attributes(element)
    repeated, column = int(attributes.get("number-rows-repeated", 1)), 0
    cells: dict[int, str] = {}
    for cell in element:
        of_cell = _attributes(cell)
        width = int(of_cell.get("number-columns-repeated", 1))
        text = "".join(part for child in cell if _local(child.tag) == "p" for part in child.itertext())
        # There are two attributes of this name, of which one is of a later standard, and knows errors.
        is_error = "error" in [value for name, value in cell.attrib.items() if _local(name) == "value-type"]
        if is_error or ("formula" in of_cell and "value-type" not in of_cell):
            cells |= dict.fromkeys(range(column, column + width), text or of_cell.get("formula", "#ERROR!"))
        if {"number-columns-spanned", "number-rows-spanned"} & of_cell.keys():
            last = row + int(of_cell.get("number-rows-spanned", 1)) - 1
            found.merge(row, last, f"from row {row + 1} to {last + 1}")
        column += width
    if cells:
        found.cells |= {row + more: dict(cells) for more in range(repeated)}
    if attributes.get("visibility", "visible") != "visible":
        found.hidden.update(range(row, row + repeated) if column and any(cell.attrib for cell in element) else ())
    return repeated


def _attributes(element: ET.Element) -> dict[str, str]:
    return {_local(name): value for name, value in element.attrib.items()}


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _place(ref: str) -> tuple[int, int]:
    """Give column and row, each from 0, of a reference such as B7."""
    match = _REF.match(ref)
    if match is None:
        raise LookupError(f"a cell has the place {ref!r}")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1, int(match[2]) - 1
