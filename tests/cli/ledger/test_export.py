"""`motion_async.cli.ledger.export`: all items of a ledger, for other programs."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from motion_async.cli import main
from tests.cli.ledger.conftest import Command, stands


class TestExport:
    """`ledger export`."""

    def test_all_items_come_in_order(self, ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
        """As JSONL on standard output, an item a line, without signatures."""
        assert main(["ledger", "export", ledger]) == 0
        text = capsys.readouterr().out
        items = [json.loads(line) for line in text.splitlines()]
        assert [item["key"] for item in items] == ["new", "done", "lost", "gone", "runs", "new"]
        assert items[1]["request"]["attachments"][0]["url"] == "https://storage.example.com/hero.png?…"
        assert "hush" not in text

    def test_a_csv_has_a_column_for_each_field(self, ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The name of the output tells the format; metadata and job are JSON in their cells."""
        assert main(["ledger", "export", ledger, "--batch", "launch", "--state", "completed", "--output", "o.csv"]) == 0
        assert "o.csv has 1 items" in capsys.readouterr().err
        (row,) = csv.DictReader(io.StringIO(Path("o.csv").read_text()))
        assert (row["key"], row["prompt"], row["job_id"]) == ("done", "A done video", "job-done")
        assert json.loads(row["metadata"]) == {"k": "done"}
        assert json.loads(row["job"])["status"] == "completed"

    def test_the_ledger_itself_is_no_output(self, ledger: str, command: Command) -> None:
        """It would be replaced by its own export."""
        before = stands()
        for output in (ledger, f"{ledger}-wal"):
            assert command("ledger", "export", ledger, "--output", output)[0] == 2
        assert stands() == before


def test_the_help_of_export_documents_its_lines(
    ledger: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field of a line stands in the help, in order."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["ledger", "export", ledger])
    fields = list(json.loads(capsys.readouterr().out.splitlines()[0]))
    main(["ledger", "export", "--help"])
    shapes = capsys.readouterr().out.partition("A line has these fields:")[2].partition("What there is none of")[0]
    names = " ".join(re.findall(r"^  (\S.*?)  ", shapes, flags=re.MULTILINE))
    assert re.findall(r"\w+", names) == fields
