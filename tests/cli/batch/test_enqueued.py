"""`motion_async.cli.batch.enqueued`: a file that a fleet's workers make, by the command and a worker as processes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from motion_async.fleet import open_fleet
from motion_async.sandbox import Fail, Sandbox
from tests.cli.conftest import Lines

Command = Callable[..., tuple[int, Lines, str]]
Process = Callable[..., subprocess.Popen[str]]
Write = Callable[[Sequence[object]], str]

REQUESTS = [
    {"id": "launch", "prompt": "A launch video", "metadata": {"for": "the fair"}},
    {"id": "faster", "prompt": "Make it faster", "follows": "launch"},
    {"prompt": "Another one"},
]


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take the key away, once the workers have it."""
    return lambda: monkeypatch.delenv("MOTION_API_KEY")


def test_a_files_lines_are_made_by_the_workers_and_told_as_they_end(
    fresh_postgres: str, sandbox: Sandbox, process: Process, command: Command, write: Write, no_key: Callable[[], None]
) -> None:
    """Without a key here; run again, the same is told once more, and nothing is made."""
    process("worker", fresh_postgres)
    no_key()
    file = write(REQUESTS)
    for _ in range(2):
        status, lines, said = command("batch", file, "--fleet", fresh_postgres, "--output", "results.jsonl")
        assert (status, lines[-1]["counts"]) == (0, {"done": 3})
        outcomes = {line["line"]: line for line in lines if line["event"] == "outcome"}
        assert [outcomes[number]["key"] for number in (1, 2)] == ["launch", "faster"]
        assert outcomes[1]["metadata"] == {"for": "the fair"}
        results = [json.loads(line) for line in Path("results.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [line["state"] for line in results] == ["done"] * 3
        assert "batch launch: 3 of 3 done" in said
    assert (sandbox.counts.creates, sandbox.counts.followups) == (2, 1)


def test_what_fails_and_what_follows_it_are_told(
    fresh_postgres: str, sandbox: Sandbox, process: Process, command: Command, write: Write
) -> None:
    """A followup of a video that failed is never sent, and the command waits for it no longer."""
    sandbox.faults.next(Fail("no such font"))
    process("worker", fresh_postgres, "--here", "1")
    status, lines, _ = command("batch", write(REQUESTS[:2]), "--fleet", fresh_postgres)
    outcomes = {line["line"]: line for line in lines if line["event"] == "outcome"}
    assert status == 1
    assert (outcomes[1]["error"], outcomes[2]["error"]) == ("JobFailedError", "NotSentError")
    assert lines[-1]["counts"] == {"failed": 1, "waiting": 1}


def test_what_has_failed_is_made_anew_by_the_workers_and_waited_for(
    fresh_postgres: str, sandbox: Sandbox, process: Process, command: Command, write: Write
) -> None:
    """What the ledger says of the first try is past."""
    sandbox.faults.next(Fail("no such font"), on="create", times=2)
    process("worker", fresh_postgres)
    file = write([{"id": "a", "prompt": "A video"}, {"id": "b", "prompt": "Another one"}])
    assert command("batch", file, "--fleet", fresh_postgres)[0] == 1
    status, lines, said = command("batch", file, "--fleet", fresh_postgres, "--retry-failed")
    assert (status, lines[-1]["counts"], sandbox.counts.creates) == (0, {"done": 2}, 4)
    assert "2 lines that failed will be made anew" in said


def test_it_may_be_interrupted_while_nobody_works_and_says_so(
    fresh_postgres: str, sandbox: Sandbox, process: Process, write: Write
) -> None:
    """What is enqueued stays so; a fleet that is paused is told of, too."""

    async def pause() -> None:
        async with open_fleet(fresh_postgres) as fleet:
            await fleet.pause("no credits")

    asyncio.run(pause())
    running = process("batch", write(REQUESTS), "--fleet", fresh_postgres)
    assert running.stderr is not None
    said = ""
    while "the fleet is paused: no credits" not in said:
        said += running.stderr.readline()
    running.send_signal(signal.SIGINT)
    told, rest = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the workers go on with what is enqueued" in rest
    assert json.loads(told.splitlines()[-1])["event"] == "interrupted"

    async def count() -> int:
        async with open_fleet(fresh_postgres) as fleet:
            return (await fleet.progress("launch")).queue.waiting

    assert asyncio.run(count()) == 2  # the third waits for the one that it follows
    assert sandbox.counts.creates == 0


def test_a_fleet_has_its_own_ledger(command: Command, write: Write) -> None:
    status, _, said = command("batch", write(REQUESTS), "--fleet", "postgresql://h/d", "--ledger", "l.db")
    assert (status, "say --fleet or --ledger" in said) == (2, True)
