"""`motion_async.cli.batch.results`: the results of a batch, each file as the end of its name says."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from motion_async.cli.batch import results
from motion_async.sandbox import Fail, Sandbox
from tests.cli.batch.test_command import Command, Write
from tests.demands import demand_modules

pytestmark = pytest.mark.usefixtures("fast_polls")


def table(name: str) -> list[dict[str, str]]:
    """Read a CSV of results."""
    with Path(name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_one_run_writes_them_in_every_way(sandbox: Sandbox, command: Command, write: Write) -> None:
    """The same lines in the same order, each once; a report is made by the way."""
    demand_modules("xlsxwriter", "python_calamine")
    from python_calamine import CalamineWorkbook  # noqa: PLC0415  # it is an extra

    sandbox.faults.next(Fail("No scene."), on="create")
    file = write(["id,client,prompt", "a,Acme,A video", "b,=1+1,@home", ",Globex,"], "launch.csv")
    names = [f"out{suffix}" for suffix in (".csv", ".XLSX", ".jsonl", ".json", ".html")]
    outputs = [word for name in names for word in ("-o", name)]
    status, _, said = command("batch", file, "--skip-invalid", "--max-active", "1", *outputs)
    assert status == 1
    assert "out.csv has the results of 3 lines" in said
    assert "out.html is a report of 2 requests" in said
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert json.loads(Path("out.json").read_text()) == lines
    assert [line["state"] for line in lines] == ["failed", "done", "needs you"]
    assert lines[1]["request"]["prompt"] == "@home"
    assert lines[0]["planned_at"] <= lines[0]["sent_at"] < lines[0]["done_at"]
    assert lines[0]["took_seconds"] > 0 <= lines[0]["waited_seconds"]
    rows = table("out.csv")
    assert list(rows[0])[:4] == ["id", "prompt", "client", "state"]
    assert [row["state"] for row in rows] == ["failed", "done", "needs you"]
    assert (rows[1]["client"], rows[1]["prompt"]) == ("'=1+1", "'@home")
    assert "No scene" in rows[0]["error"]
    assert float(rows[0]["took_seconds"]) == lines[0]["took_seconds"]
    assert (rows[2]["line"], rows[2]["prompt"]) == ("4", "")
    sheet = CalamineWorkbook.from_path("out.XLSX").get_sheet_by_index(0).to_python()
    assert sheet[0] == list(rows[0])
    assert sheet[2][:3] == ["b", "@home", "=1+1"]
    assert "@home" in Path("out.html").read_text()


def test_an_empty_list_is_json_too(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Of a batch with one line there is a list of one."""
    command("batch", write([{"prompt": "A video"}]), "-o", "out.json")
    assert len(json.loads(Path("out.json").read_text())) == 1


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["out.txt"], "results are written as .csv, .xlsx (a spreadsheet), .jsonl, .json or .html (a report)"),
        (["out"], "by the end of the file's name"),
        (["out.csv", "out.pdf"], "--output out.pdf"),
        (["out.csv", "./out.csv"], "names one file twice"),
        (["no/out.csv"], "make it first"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(
    outputs: list[str], words: str, sandbox: Sandbox, command: Command, write: Write
) -> None:
    """It is said which files there can be."""
    argv = [word for output in outputs for word in ("--output", output)]
    status, _, said = command("batch", write([{"prompt": "A video"}]), *argv)
    assert status == 2
    assert words in said
    assert sandbox.counts.creates == 0


def test_a_workbook_needs_its_extra(
    sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is found out before anything is sent."""
    missing: Callable[[str], None] = lambda _: None  # noqa: E731
    monkeypatch.setattr(results, "find_spec", missing)
    status, _, said = command("batch", write([{"prompt": "A video"}]), "-o", "out.xlsx")
    assert status == 2
    assert "pip install 'motion-async[sheets]'" in said
    assert sandbox.counts.creates == 0


def test_a_table_can_be_made_again(sandbox: Sandbox, command: Command, write: Write) -> None:
    """What was written is what a batch reads: no line of it is another one, and none is paid for twice."""
    file = write(["id,client,prompt", "a,=1+1,- A list", "b,Acme,A video"], "launch.csv")
    command("batch", file, "-o", "out.csv")
    before = sandbox.counts.creates
    status, _, said = command("batch", "out.csv", "--batch", "launch", "--ledger", "launch.csv.ledger.db")
    assert (status, sandbox.counts.creates) == (0, before)
    assert "2 of 2 done" in said
