"""`motion_async.cli.sheets.tables`: results as rows of CSV and of a workbook, in which each cell is what it says."""

import csv
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from motion_async.cli.atomic import atomic_file
from motion_async.cli.records import Record, result_record
from motion_async.cli.sheets.tables import Cell, ResultColumns, csv_writer, xlsx_writer
from motion_async.jobs import Attachment, BatchRequest, VideoRequest
from tests.cli.output.test_jsonlines import ITEM
from tests.demands import demand_modules

FOUND = [
    "state", "job_id", "error", "planned_at", "sent_at", "done_at", "waited_seconds", "took_seconds", "line", "key",
]  # fmt: skip


def record(given: BatchRequest) -> Record:
    """Give what is known of a line that has been made."""
    return {**result_record(3, "k", given, ITEM), "id": given.id}


def rows(*lines: BatchRequest) -> list[dict[str, Cell]]:
    """Give the rows of some lines, each by the names of its columns."""
    columns = ResultColumns.of(lines)
    return [dict(zip(columns.names, columns.row(record(line)), strict=True)) for line in lines]


def write_xlsx(path: Path, lines: Iterable[list[Cell]], names: list[str]) -> dict[str, str]:
    """Write a workbook, and give its parts as text."""
    with atomic_file(path) as file, xlsx_writer(file, names) as write:
        for line in lines:
            write(line)
    with ZipFile(path) as parts:
        return {name: parts.read(name).decode() for name in parts.namelist()}


def read_xlsx(path: Path) -> list[list[Any]]:
    """Read a workbook with another library than the one that has written it."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  # it is an extra

    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()


def test_a_persons_own_columns_come_first() -> None:
    """Those that some line has, and the names in the metadata, in the order in which they come."""
    plain = BatchRequest("A video", metadata={"n": 1, "client": "Acme"})
    request = VideoRequest("Another", attachments=[Attachment("https://a.example/b.png?sig=c")])
    full = BatchRequest(request, id="b", metadata={"more": [1]})
    first, second = rows(plain, full)
    assert list(first) == ["id", "prompt", "attachments", "n", "client", "more", *FOUND]
    assert [first[name] for name in ("id", "prompt", "n", "client", "more")] == [None, "A video", 1, "Acme", None]
    assert (second["id"], second["more"]) == ("b", "[1]")
    assert second["attachments"] == "https://a.example/b.png?…"
    assert (second["line"], second["key"], second["job_id"]) == (3, "k", ITEM.job_id)


def test_metadata_that_is_no_object_has_a_column_of_its_own() -> None:
    """And so has what stands under more names than a sheet has columns."""
    first, second = rows(BatchRequest("A", metadata="spring"), BatchRequest("B", metadata={"n": True}))
    assert (first["metadata"], first["n"], second["metadata"], second["n"]) == ("spring", None, None, "true")
    (many,) = rows(BatchRequest("A", metadata={str(n): n for n in range(1_002)}))
    assert (many["999"], many["metadata"]) == (999, '{"1000": 1000, "1001": 1001}')


def test_a_name_that_is_taken_is_told_apart() -> None:
    """A person's own state is another thing than how the line stands."""
    (row,) = rows(BatchRequest("A", metadata={"state": "Bavaria"}))
    assert (row["metadata.state"], row["state"]) == ("Bavaria", "needs you")


def test_only_numbers_that_a_sheet_can_hold_are_numbers() -> None:
    """Others would come out as others, or not at all."""
    (row,) = rows(BatchRequest("A", metadata={"big": 10**20, "no": math.inf, "half": "\ud800", "none": None, "n": -3}))
    assert (row["big"], row["no"], row["none"], row["n"]) == ("100000000000000000000", "Infinity", None, -3)
    assert row["half"] == "\\ud800"


def test_a_csv_is_as_spreadsheets_like_it(tmp_path: Path) -> None:
    """With the mark of UTF-8 and CRLF, and without formulas, in its header as well."""
    with atomic_file(tmp_path / "out.csv") as file, csv_writer(file, ["prompt", "@n"]) as write:
        write(["=HYPERLINK(1)", -3])
        write(['Ein "Film", größer\nals je', None])
    text = (tmp_path / "out.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfprompt,'@n\r\n'=HYPERLINK(1),-3\r\n")
    found = list(csv.reader(text.decode("utf-8-sig").splitlines(keepends=True)))
    assert found[2] == ['Ein "Film", größer\nals je', ""]


@pytest.mark.usefixtures("sheets")
class TestAWorkbook:
    """What is written is read by another library, and looked at as it lies there."""

    @pytest.fixture
    def sheets(self) -> None:
        """The extra that it needs."""
        demand_modules("xlsxwriter", "python_calamine")

    def test_every_cell_is_a_text_or_a_number(self, tmp_path: Path) -> None:
        """No formula, no link, and nothing that the library has markup of its own for."""
        texts = ["=1+1", "{=1}", "https://a.example/b", "internal:A1", "-3", "  a ", "\x01", "x" * 40_000]
        broken = "<r></r></is></c><c r='A9'><f>1+1</f></c><c t='inlineStr'><is><r></r>"
        parts = write_xlsx(tmp_path / "out.xlsx", [[text, 1.5] for text in (*texts, broken)], ["prompt", "n"])
        sheet = parts["xl/worksheets/sheet1.xml"]
        assert not re.search(r"<(f|hyperlink)\b", sheet)
        assert not any("hyperlink" in part or "externalLink" in name for name, part in parts.items())
        found = read_xlsx(tmp_path / "out.xlsx")
        assert found[0] == ["prompt", "n"]
        assert [row[0] for row in found[1:]][:6] == texts[:6]
        assert len(found[8][0]) == 32_767
        assert found[9][0].strip() == broken
        assert {row[1] for row in found[1:]} == {1.5}

    def test_its_header_stays_in_sight(self, tmp_path: Path) -> None:
        """ResultColumns are as wide as what they hold, and can be filtered."""
        sheet = write_xlsx(tmp_path / "out.xlsx", [["A video", 1]], ["prompt", "n"])["xl/worksheets/sheet1.xml"]
        assert 'ySplit="1"' in sheet
        assert 'state="frozen"' in sheet
        assert '<autoFilter ref="A1:B2"/>' in sheet
        widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', sheet)]
        assert widths[0] > 3 * widths[1] > 10

    def test_a_failure_in_the_middle_leaves_nothing(self, tmp_path: Path) -> None:
        """Neither a file nor one of the library's own."""
        broken: Any = ["b", object()]
        with pytest.raises(TypeError), atomic_file(tmp_path / "o.xlsx") as file, xlsx_writer(file, ["a"]) as write:
            write(broken)
        assert not list(tmp_path.iterdir())
