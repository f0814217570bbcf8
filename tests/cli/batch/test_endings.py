"""`motion_async.cli.batch.command`: a run whose ledger or output fails at its end is told of all the same."""

import asyncio
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from motion_async.errors import LedgerError
from motion_async.ledger import Ledger, writer
from motion_async.ledger.store import sqlite
from motion_async.sandbox import Sandbox, SlowBody
from tests.cli.batch.test_command import Command, Write, ends, videos
from tests.waiting import until_now

LEDGER = "launch.jsonl.ledger.db"

pytestmark = pytest.mark.usefixtures("fast_polls")


@contextmanager
def once(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Do something beside the block as soon as something is so."""
    is_over = threading.Event()

    def wait() -> None:
        until_now(lambda: condition() or is_over.is_set())
        if not is_over.is_set():
            act()

    beside = threading.Thread(target=wait)
    beside.start()
    try:
        yield
    finally:
        is_over.set()
        beside.join()


async def close(ledger: Ledger, *, of: Any = Ledger.aclose) -> NoReturn:
    """Close a ledger, and fail."""
    await of(ledger)
    await broken()


async def broken(*_: object) -> NoReturn:
    """Stand in for a call of the ledger that fails."""
    raise LedgerError("the ledger launch.db cannot be read: disk I/O error")


def test_ids_that_could_not_be_written_come_with_how_it_went(
    sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger stays locked to the end: its error, the counts, and the way to go on are said after Ctrl-C too."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(writer, "_LAST_ROUND", 0.05)
    sandbox.faults.next(SlowBody(seconds=0.5), on="create")
    file = write([{"id": "my key", "prompt": "A video"}, {"id": "other", "prompt": "Another"}])
    with closing(sqlite3.connect(LEDGER, isolation_level=None, check_same_thread=False)) as other:

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")
            os.kill(os.getpid(), signal.SIGINT)

        with once(lambda: sandbox.jobs, lock):
            status, lines, said = command("batch", file, "--max-active", "1")
    assert status == 130
    (job_id,) = sandbox.jobs
    assert f"(launch/my key is job {job_id}): database is locked; keep the ids" in said
    assert "batch launch: 0 of 2 done" in said
    assert f"motion-async ledger resolve --batch=launch --job-id={job_id} -- {LEDGER} 'my key'" in said
    assert said.endswith("go on with: motion-async batch launch.jsonl --max-active 1\n")
    assert [line["event"] for line in lines if line["event"] in ("error", "batch")] == ["error", "batch"]


@pytest.mark.parametrize(("call", "known"), [("many", ""), ("aclose", ""), ("plan", "0 of 2 done, 2 waiting")])
def test_whatever_the_ledger_raises_the_run_is_told_of(
    call: str, known: str, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is sent, counted or closed: what is known is said, then the error's status ends it."""
    monkeypatch.setattr(Ledger, call, close if call == "aclose" else broken)
    status, lines, said = command("batch", write(videos(2)))
    assert status == 4
    assert "disk I/O error" in said
    assert (known or "batch launch: 2 of 2 done") in said
    assert said.endswith("go on with: motion-async batch launch.jsonl\n")
    assert lines[-1]["event"] == "batch"


def test_an_interrupt_at_the_end_hides_nothing(
    sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the ledger is counted or the output is written ends that, and what the run has seen is said."""

    async def interrupted(*_: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Ledger, "many", interrupted)
    status, lines, said = command("batch", write(videos(2)), "--output", "out.jsonl")
    assert status == 130
    assert "batch launch: 2 of 2 done" in said
    assert said.endswith("interrupted; go on with: motion-async batch launch.jsonl --output out.jsonl\n")
    assert [line["event"] for line in lines[-2:]] == ["batch", "interrupted"]
    assert not Path("out.jsonl").exists()


def test_an_output_that_cannot_be_written_hides_nothing(sandbox: Sandbox, command: Command, write: Write) -> None:
    """Its directory has gone by the end: that is said, and how it went, and the same command writes it later."""
    sandbox.faults.next(SlowBody(seconds=0.5), on="create")
    file = write(videos(1))
    Path("results").mkdir()
    with once(lambda: sandbox.jobs, Path("results").rmdir):
        status, lines, said = command("batch", file, "--output", "results/out.jsonl")
    assert (status, ends(lines)) == (2, ["completed"])
    assert "results/out.jsonl cannot be written" in said
    assert "batch launch: 1 of 1 done" in said
    assert said.endswith("go on with: motion-async batch launch.jsonl --output results/out.jsonl\n")
    Path("results").mkdir()
    assert command("batch", file, "--output", "results/out.jsonl")[0] == 0
    assert sandbox.counts.creates == 1
