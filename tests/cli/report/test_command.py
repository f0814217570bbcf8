"""`motion_async.cli.report.command`: a page of a batch from its ledger alone, and what its readers want changed."""

import re
from pathlib import Path

import pytest

from motion_async.cli import main
from motion_async.sandbox import Sandbox
from tests.cli.batch.test_command import Command, Write, ends, videos

pytestmark = pytest.mark.usefixtures("fast_polls")


@pytest.mark.parametrize("argv", [["launch.jsonl"], ["launch"], ["launch", "--ledger", "launch.jsonl.ledger.db"]])
def test_it_finds_a_batch_by_its_file_or_its_name(
    argv: list[str], sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no key and no service, and says how to go on with what its readers export."""
    command("batch", write(videos(2)))
    monkeypatch.delenv("MOTION_API_KEY")
    polls = sandbox.counts
    status, _, said = command("report", *argv)
    assert status == 0
    assert said == (
        "motion-async: report.html is a report of 2 requests; open it in a browser\n"
        "motion-async: what its readers want changed, and export, is made with: "
        "motion-async batch --batch=launch --ledger=launch.jsonl.ledger.db -- launch-redo.csv\n"
    )
    assert "Video number 1" in Path("report.html").read_text()
    assert sandbox.counts == polls


def test_what_it_says_makes_the_changes(sandbox: Sandbox, command: Command, write: Write) -> None:
    """A CSV as the page exports it: each line becomes a turn of its video, and the next report has it."""
    command("batch", write([{"id": "=hero", "prompt": "A video"}]))
    _, _, said = command("report", "launch")
    write(['\ufeff"id","follows","prompt"', '"\'=hero-v2","\'=hero","\'-20 % music"'], "launch-redo.csv")
    found = re.search(r"made with: motion-async (.*)", said)
    assert found is not None
    status, lines, _ = command(*found[1].split())
    assert (status, ends(lines)) == (0, ["completed"])
    (job,) = sandbox.jobs.values()
    assert job.turns[-1].body["prompt"] == "-20 % music"
    assert "report of 2 requests" in command("report", "launch")[2]


def test_it_finds_a_batch_of_a_persons_own_ledger(
    sandbox: Sandbox, command: Command, write: Write, own_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name or its file, and what it says names that ledger."""
    file = write(videos(1))
    monkeypatch.delenv("MOTION_LEDGER")
    command("batch", file)
    monkeypatch.delenv("MOTION_API_KEY")
    for name in ("launch", file):
        status, _, said = command("report", name)
        assert status == 0
        assert f"motion-async batch --batch=launch --ledger={own_state}/" in said


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nowhere"], "launch.jsonl.ledger.db has no batch 'nowhere'; its batches are: launch"),
        (["launch"], "several ledgers of a batch launch here"),
        (["other", "--ledger", "launch.csv.ledger.db"], "has no batch 'other'; its batches are: launch"),
        (["launch", "--ledger", "no.db"], "there is no ledger no.db"),
        (["launch.csv", "-o", "report.pdf"], "--output report.pdf: a report is an .html file"),
        (["launch.csv", "-o", "launch.csv.ledger.db"], "is a file of the ledger"),
        (["launch.csv", "-o", "no/report.html"], "make it first"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    argv: list[str], words: str, sandbox: Sandbox, command: Command, write: Write
) -> None:
    """And no page is made, nor a ledger."""
    command("batch", write(["prompt", "A video"], "launch.csv"))
    command("batch", write(videos(1)))
    before = sorted(Path().iterdir())
    status, _, said = command("report", *argv)
    assert status == 2
    assert words in said
    assert sorted(Path().iterdir()) == before


def test_its_help_fits_a_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what the page is, and what is done with it."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["report", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert any("launch-redo.csv" in line for line in lines)
