"""`motion_async.cli.output.troubles`: when trouble is said, and that a ledger is never waited for in silence."""

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio
import attrs
import pytest

from motion_async.cli.output.troubles import TroubleWords
from motion_async.errors import ConnectFailedError, ServiceUnavailableError
from motion_async.events import Event, JobAccepted, PollDisturbed, SendDisturbed
from motion_async.jobs import VideoRequest
from motion_async.ledger import Entry, LedgerTrouble, open_ledger

Start = Callable[..., subprocess.Popen[str]]
OnTerminal = Callable[..., tuple[int, str]]

WAITED_FOR = "the ledger cannot be used now and is waited for"


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A ledger beside a batch's file, locked by somebody else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTION_API_KEY", "motion_something")
    monkeypatch.setenv("MOTION_BASE_URL", "http://127.0.0.1:1")
    (tmp_path / "launch.jsonl").write_text(json.dumps({"id": "hero", "prompt": "A video"}))

    async def make() -> None:
        async with open_ledger("sqlite:///launch.jsonl.ledger.db") as ledger:
            await ledger.plan("launch", [Entry("hero", VideoRequest("A video"))])

    anyio.run(make)
    with closing(sqlite3.connect("launch.jsonl.ledger.db", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        yield locker


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["batch", "launch.jsonl", "--dry-run"], 0),
        (["ledger", "resolve", "launch.jsonl.ledger.db", "hero", "--job-id", "job-1"], 0),
    ],
)
def test_a_locked_ledger_is_said_while_it_is_waited_for(
    argv: list[str], status: int, locked: sqlite3.Connection, process: Start
) -> None:
    """Every command that opens one to write it says so before the lock is let go of, and goes on then."""
    running = process(*argv)
    assert running.stderr is not None
    while WAITED_FOR not in (said := running.stderr.readline()):
        assert "the ledger is launch.jsonl.ledger.db, which lies beside the file" in said
    locked.execute("ROLLBACK")
    _, said = running.communicate(timeout=20)
    assert running.returncode == status
    assert "locked" not in said


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("what", ["show", "export"])
def test_whoever_only_reads_waits_for_no_writer(what: str, process: Start) -> None:
    """Not even for one that keeps the ledger locked all the time."""
    running = process("ledger", what, "launch.jsonl.ledger.db")
    _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (0, "")


@pytest.mark.usefixtures("locked")
def test_a_person_sees_that_the_ledger_is_waited_for(on_terminal: OnTerminal) -> None:
    """On a terminal, before anything else is known."""
    status, shown = on_terminal("batch", "launch.jsonl", columns=160, after=WAITED_FOR)
    assert status == 130
    assert "database is locked" in shown
    assert "motion-async: interrupted" in shown
    assert "Traceback" not in shown


def test_trouble_is_said_once_in_a_while() -> None:
    """At once when it is worth it, then no more of its kind for a minute; another kind at once."""
    now = [0.0]
    words = TroubleWords(clock=lambda: now[0])
    poll = PollDisturbed("a", ConnectFailedError("no connection"), 1, 2.0)

    def due(event: Event | LedgerTrouble) -> bool:
        return words.due(event) is not None

    assert not due(JobAccepted("a"))
    assert not due(LedgerTrouble("database is locked", 0.9)), "two processes wait for each other all the time"
    assert due(poll)
    assert due(LedgerTrouble("database is locked", 1.1))
    now[0] = 59.0
    assert not due(poll)
    assert not due(LedgerTrouble("database is locked", 60.1))
    assert due(attrs.evolve(poll, error=ServiceUnavailableError("down", http_status=503)))
    assert due(SendDisturbed(None, poll.error, 1, 2.0))
    now[0] = 60.0
    assert due(poll)
    assert due(LedgerTrouble("database is locked", 61.1))
