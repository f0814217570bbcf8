"""Results as a table: which columns there are, and how CSV and .xlsx are written so that each cell is what it says.

No cell becomes a formula or a link, whatever a person or the service has written into it.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self, TextIO, TypeAlias

import attrs

from motion_async.cli.records import Record
from motion_async.cli.sheets.csvfiles import written_cell
from motion_async.jobs import BatchRequest
from motion_async.ledger.codec import make_storable

__all__ = ["Cell", "ResultColumns", "csv_writer", "xlsx_writer"]

Cell: TypeAlias = str | int | float | None

_GIVEN: Final = ("id", "follows", "prompt", "style_reference_url", "attachments")
_FOUND: Final = (
    "state", "job_id", "error", "planned_at", "sent_at", "done_at", "waited_seconds", "took_seconds", "line", "key",
)  # fmt: skip
_MOST: Final = 1_000
"""So many names of metadata have columns of their own; a spreadsheet has 16,384."""
_LONGEST: Final = 32_767
"""Characters of a cell of a spreadsheet."""
_EXACT: Final = 2**53
"""Whole numbers beyond it are others in a spreadsheet."""
_WIDTHS: Final = {"prompt": 60, "error": 40, "job_id": 38, "style_reference_url": 30, "attachments": 30, "key": 24}
_WIDTH: Final = 18


@attrs.frozen
class ResultColumns:
    """The columns of a table of results: the person's own first.

    Args:
        given: the fields that some line has.
        metadata: the names in the lines' metadata.
        has_rest: whether there is metadata beside those names.
    """

    given: tuple[str, ...]
    metadata: tuple[str, ...]
    has_rest: bool

    @classmethod
    def of(cls, lines: Iterable[BatchRequest | None]) -> Self:
        """Find the columns of all lines of a batch."""
        given: set[str] = {"prompt"}
        names: dict[str, None] = {}
        has_rest = False
        for line in lines:
            if line is not None:
                fields = {"id": line.id, "follows": line.follows, "attachments": line.request.attachments}
                fields["style_reference_url"] = line.request.style_reference_url
                given.update(name for name, value in fields.items() if value)
                if isinstance(line.metadata, dict):
                    names.update(dict.fromkeys(line.metadata))
                else:
                    has_rest = has_rest or line.metadata is not None
        first = tuple(names)[:_MOST]
        return cls(tuple(name for name in _GIVEN if name in given), first, has_rest or len(names) > len(first))

    @property
    def names(self) -> list[str]:
        """What they are called."""
        taken = {*self.given, "metadata", *_FOUND}
        own = [f"metadata.{name}" if name in taken else name for name in self.metadata]
        return [*self.given, *own, *(["metadata"] if self.has_rest else []), *_FOUND]

    def row(self, record: Record) -> list[Cell]:
        """Give the cells of a record."""
        request, metadata = record["request"] or {}, record["metadata"]
        urls = " ".join(attachment["url"] for attachment in request.get("attachments", ()))
        flat = {**request, **record, "attachments": urls}
        named = metadata if isinstance(metadata, dict) else {}
        rest = {name: value for name, value in named.items() if name not in self.metadata} or None
        own = [named.get(name) for name in self.metadata] + ([rest if named else metadata] if self.has_rest else [])
        return [_cell(value) for value in (*(flat.get(n) for n in self.given), *own, *(record[n] for n in _FOUND))]


def _cell(value: Any) -> Cell:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or (is_number and math.isfinite(value) and abs(value) <= _EXACT):
        return value  # type: ignore[no-any-return]
    return make_storable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@contextmanager
def csv_writer(file: TextIO, names: Sequence[str]) -> Iterator[Callable[[Iterable[Cell]], object]]:
    """Write a CSV as spreadsheets like it: with a mark of its encoding, and CRLF."""
    file.write("\ufeff")
    rows = csv.writer(file, lineterminator="\r\n")

    def write(row: Iterable[Cell]) -> None:
        rows.writerow([written_cell(cell) if isinstance(cell, str) else cell for cell in row])

    write(names)
    yield write


@contextmanager
def xlsx_writer(file: TextIO, names: Sequence[str]) -> Iterator[Callable[[Iterable[Cell]], object]]:
    """Write a workbook of one sheet, a row at a time; its first row stays in sight."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415  # it is an extra

    workbook = Workbook(file.buffer, {"constant_memory": True})
    sheet = workbook.add_worksheet("results")
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(names):
        sheet.set_column(place, place, _WIDTHS.get(name, _WIDTH))
    rows = 0

    def write(row: Iterable[Cell], look: Any = None) -> None:
        nonlocal rows
        for place, cell in enumerate(row):
            if isinstance(cell, str):  # by name, as the library would make formulas and links of some
                sheet.write_string(rows, place, _plain(cell), look)
            elif cell is not None:
                sheet.write_number(rows, place, cell, look)
        rows += 1

    write(names, workbook.add_format({"bold": True, "bottom": 1}))
    try:
        yield write
        sheet.autofilter(0, 0, rows - 1, len(names) - 1)
    finally:
        workbook.close()  # it has files of its own open


def _plain(text: str) -> str:
    # What is longer cannot be in a cell, and text between these tags the library takes for markup of its own.
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text
