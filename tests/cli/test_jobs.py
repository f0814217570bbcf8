"""`motion_async.cli.jobs`: what was sent, the newest first, also by a command that was killed."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from motion_async.ledger import open_ledger
from motion_async.sandbox import AwaitInput, LostAnswer, Sandbox, SlowBody
from tests.ledger.conftest import accepted, entries, seen
from tests.waiting import until_now

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]


def job_of(key: str) -> str:
    return f"0d5a6a0e-2c7c-4c3c-9bb5-0123456{ord(key[0]):05d}"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger with items of several batches and states."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTION_LEDGER", "l.db")
    anyio.run(fill)


async def fill() -> None:
    """Make it."""
    async with open_ledger("sqlite:///l.db") as opened:
        for batch, names in (("launch", ("hero", "Caf\u00e9")), ("single", ("lost", "runs"))):
            for item in await opened.plan(batch, entries(*names)):
                journal = opened.journal(item)
                await journal.begin()
                if item.key != "lost":
                    await journal.accepted(accepted(job_of(item.key)))
                if batch == "launch":
                    await journal.ended(seen("completed", job_of(item.key)), None)
        await opened.plan("launch", entries("planned"))


def keys(lines: list[dict[str, Any]]) -> list[str]:
    assert {line["event"] for line in lines} <= {"item"}
    return [line["key"] for line in lines]


@pytest.mark.usefixtures("ledger")
class TestFilters:
    """What is shown."""

    @pytest.mark.parametrize(
        ("argv", "shown"),
        [
            ([], ["planned", "runs", "lost", "Caf\u00e9", "hero"]),
            (["--limit", "2"], ["planned", "runs"]),
            (["--limit", "0"], ["planned", "runs", "lost", "Caf\u00e9", "hero"]),
            (["--batch", "launch"], ["planned", "Caf\u00e9", "hero"]),
            (["--state", "completed", "--state", "planned"], ["planned", "Caf\u00e9", "hero"]),
            (["--state", "uncertain"], ["lost"]),
            (["--state", "unclear"], ["lost"]),
            (["--search", "VIDEO of CAFE\u0301"], ["Caf\u00e9"]),
            (["--search", "of hero", "--limit", "1"], ["hero"]),
            (["--since", "1h"], ["planned", "runs", "lost", "Caf\u00e9", "hero"]),
            (["--since", "2100-01-01"], []),
        ],
        ids=str,
    )
    def test_each_filter_leaves_what_it_says(self, argv: list[str], shown: list[str], command: Command) -> None:
        """Newest first; no key and no service is needed, and text is found however it is written."""
        status, lines, _ = command("jobs", *argv)
        assert (status, keys(lines)) == (0, shown)

    def test_what_is_to_be_done_is_said(self, command: Command) -> None:
        """How to settle what is uncertain, and how to ask after what runs, with commands that can be pasted."""
        _, _, said = command("jobs", "--limit", "3")
        assert "these are the first 3; --limit 0 shows all" in said
        assert "motion-async ledger resolve --job-id=ID --batch=single -- l.db lost" in said
        assert "1 had not ended when they were seen last; how they stand now: motion-async status -- 0d5a6a0e" in said
        assert command("ledger", "resolve", "--drop", "--batch=single", "--", "l.db", "lost")[0] == 0
        assert "there is nothing of that kind in the ledger" in command("jobs", "--state", "uncertain")[2]

    @pytest.mark.parametrize(
        ("argv", "words"),
        [
            (["--state", "gone"], "there is no state 'gone'"),
            (["--since", "soon"], "--since is a span such as 2d"),
            (["--limit", "-1"], "--limit must be a number"),
            (["--batch", "nope"], "has no batch 'nope'"),
            (["--ledger", "no.db"], "there is no ledger no.db"),
        ],
    )
    def test_what_cannot_be_shown_is_said(self, argv: list[str], words: str, command: Command) -> None:
        """In a sentence."""
        status, _, said = command("jobs", *argv)
        assert status == 2
        assert words in said

    @pytest.mark.parametrize("columns", [80, 130])
    def test_on_a_terminal_it_is_a_table(self, columns: int, on_terminal: Callable[..., tuple[int, str]]) -> None:
        """It fits 80 columns, and ids are whole: where there is no room for them beside the prompt, below it."""
        status, shown = on_terminal("jobs", columns=columns)
        lines = [line.rstrip() for line in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown).splitlines()]
        assert status == 0
        [place] = [place for place, line in enumerate(lines) if "a video of runs" in line]
        assert max(map(len, lines[place : place + 2])) <= columns
        assert "making" in lines[place]
        assert " runs " in lines[place]
        assert job_of("runs") in lines[place + (columns < 120)]


def test_where_nothing_was_sent_that_is_said(command: Command, own_state: Path) -> None:
    """It is no failure, and the ledgers of other services are named."""
    status, lines, said = command("jobs")
    assert (status, lines) == (0, [])
    assert f"nothing was sent to this service yet: there is no {own_state}/api.motion.so.db" in said
    assert said.count("\n") == 1
    own_state.mkdir(parents=True)
    (own_state / "127.0.0.1-8080.db").touch()
    assert f"for --ledger: {own_state}/127.0.0.1-8080.db" in command("jobs")[2]


def test_a_create_that_was_killed_is_in_it(
    sandbox: Sandbox, process: Callable[..., subprocess.Popen[str]], command: Command
) -> None:
    """With its id if that was known; if the answer was still to come it is uncertain, and nothing is lost silently."""
    sandbox.faults.for_prompt("long", AwaitInput(until_answered=True), on="create")
    sandbox.faults.for_prompt("slow", SlowBody(seconds=60), on="create")
    for prompt in ("A long video", "A slow answer"):
        running = process("generate", prompt)
        if "long" in prompt:
            assert running.stdout is not None
            assert '"accepted"' in running.stdout.readline()
        else:
            until_now(lambda: len(sandbox.jobs) == 2, running=running)
        running.send_signal(signal.SIGKILL)
        running.wait(timeout=10)
    first, second = sandbox.jobs
    status, lines, said = command("jobs")
    assert status == 0
    assert [(line["request"]["prompt"], line["state"], line["job_id"]) for line in lines] == [
        ("A slow answer", "unclear", None), ("A long video", "making", first),
    ]  # fmt: skip
    settle = said.rpartition("as with: motion-async ")[2].split()
    assert command(*[word.replace("ID", second) if "job-id" in word else word for word in settle])[0] == 0
    assert command("jobs", "--limit", "1")[1][0]["job_id"] == second


@pytest.mark.usefixtures("fast_polls")
def test_a_lost_answer_stands_in_it(sandbox: Sandbox, command: Command) -> None:
    """As uncertain, with the words of what went wrong."""
    sandbox.faults.next(LostAnswer(), on="create")
    assert command("generate", "A video")[0] == 4
    [line] = command("jobs")[1]
    assert (line["state"], line["job_id"]) == ("unclear", None)
    assert "look at https://motion.so" in line["error"]
