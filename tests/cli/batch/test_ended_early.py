"""`motion_async.cli.batch.command` and `running`: a batch that is ended early, and the run after it."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli.batch import command as batch_command
from motion_async.cli.batch.survey import Survey, survey
from motion_async.ledger.store import sqlite
from motion_async.ledger.store.files import LedgerFile
from motion_async.sandbox import AwaitInput, LostAnswer, Sandbox, SlowBody
from tests.cli.batch.test_command import Command, Write, ends, results, states, table, videos
from tests.waiting import until_now

Start = Callable[..., subprocess.Popen[str]]


INTERRUPTED = "motion-async: interrupted; go on with: motion-async batch launch.jsonl --output out.jsonl\n"


def hear(running: subprocess.Popen[str], words: str) -> None:
    """Wait until a command says some words on stderr, whatever it says before."""
    assert running.stderr is not None
    while words not in running.stderr.readline():
        assert running.poll() is None


def interrupted(process: Start, sandbox: Sandbox, number: signal.Signals, jobs: int, *argv: str) -> tuple[int, str]:
    """Run a batch as a process of its own, and send it a signal once there are so many jobs."""
    running = process("batch", *argv)
    until_now(lambda: len(sandbox.jobs) >= jobs, running=running)
    running.send_signal(number)
    _, said = running.communicate(timeout=15)
    return running.returncode, said


def is_idle(pid: int) -> bool:
    """Tell whether a process has slept for half a second, where that can be seen; else it is taken to."""
    looks = []
    for _ in range(10):
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            looks.append((stat[0], stat[11], stat[12]))  # its state, and the time that it has had of the machine
        time.sleep(0.05)
    return not looks or (len(set(looks)) == 1 and looks[0][0] == "S")


class TestBeforeItBegins:
    """A run that is ended before anything is sent."""

    @pytest.mark.parametrize("has_ledger", [False, True])
    def test_while_the_lines_are_checked(
        self, has_ledger: bool, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is said, and no ledger or output is made; one that is there is let go of."""
        file = write(videos(3_000))
        if has_ledger:
            command("batch", write(videos(1), "other.jsonl"), "--ledger", f"{file}.ledger.db")
            write(videos(3_000))
        before = {path.name for path in Path().iterdir()}

        async def interrupted_survey(*arguments: Any) -> Survey:
            os.kill(os.getpid(), signal.SIGINT)
            return await survey(*arguments)

        monkeypatch.setattr(batch_command, "survey", interrupted_survey)
        status, lines, said = command("batch", file, "--output", "out.jsonl")
        assert (status, lines) == (130, [{"event": "interrupted", "job_ids": []}])
        assert said.endswith(
            "motion-async: interrupted; go on with: motion-async batch launch.jsonl --output out.jsonl\n"
        )
        assert {path.name for path in Path().iterdir()} == before

    def test_while_the_ledger_is_made(
        self, sandbox: Sandbox, command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is made to its end and let go of, so that nothing half made is left; nothing is sent or written."""

        class InterruptedFile(LedgerFile):
            def __init__(self, path: Path, *, busy_seconds: float) -> None:
                os.kill(os.getpid(), signal.SIGINT)
                super().__init__(path, busy_seconds=busy_seconds)

        monkeypatch.setattr(sqlite, "LedgerFile", InterruptedFile)
        status, _, said = command("batch", write(videos(2)), "--output", "out.jsonl")
        assert status == 130
        assert said.endswith(
            "motion-async: interrupted; go on with: motion-async batch launch.jsonl --output out.jsonl\n"
        )
        assert sorted(path.name for path in Path().iterdir()) == ["launch.jsonl", "launch.jsonl.ledger.db"]
        assert (table(), sandbox.counts.creates) == ([], 0)


class TestInterrupted:
    """A run that is ended early, and the one after it."""

    def test_the_command_that_it_prints_goes_on(
        self, sandbox: Sandbox, process: Start, command: Command, write: Write, fast_polls: None
    ) -> None:
        """After one signal results are written, and the printed command makes the rest; none is made twice."""
        sandbox.faults.for_prompt("number", AwaitInput(until_answered=True), on="create", times=3)
        file = write(videos(12), "my videos.jsonl")
        argv = [file, "--output", "out.jsonl", "--max-active", "3"]
        status, said = interrupted(process, sandbox, signal.SIGINT, 3, *argv)
        assert status == 130
        assert "Traceback" not in said
        assert {state for _, state, _ in table(f"{file}.ledger.db")[:3]} == {"submitted"}
        assert set(states(results())[:3]) <= {"making", "needs you"}
        assert states(results())[3:] == ["waiting"] * 9
        assert "0 of 12 done, 9 waiting, 3 making" in said
        goes_on = shlex.split(said.rpartition("go on with: ")[2])
        assert goes_on == ["motion-async", "batch", *argv]
        for job_id in sandbox.jobs:
            sandbox.give_input(job_id)
        assert command(*goes_on[1:])[0] == 0
        assert states(results()) == ["done"] * 12
        assert (sandbox.counts.creates_accepted, sandbox.counts.duplicates) == (12, 0)

    def test_its_summary_tells_where_every_line_stands(
        self, sandbox: Sandbox, process: Start, command: Command, write: Write, fast_polls: None
    ) -> None:
        """Lines that the run did not come to the end of count too; no job is named, as the ledger has them."""
        command("batch", write(videos(1)))
        sandbox.faults.for_prompt("number", AwaitInput(until_answered=True), on="create")
        running = process("batch", write(videos(4)), "--max-active", "2")
        until_now(lambda: len(sandbox.jobs) >= 3, running=running)
        running.send_signal(signal.SIGINT)
        out, said = running.communicate(timeout=15)
        *_, summary, last = map(json.loads, out.splitlines())
        assert summary["counts"] == {"done": 1, "making": 2, "waiting": 1}
        assert "1 of 4 done, 1 waiting, 2 making" in said
        assert last == {"event": "interrupted", "job_ids": []}

    def test_what_is_under_way_is_finished_and_noted(self, sandbox: Sandbox, process: Start, write: Write) -> None:
        """A create whose answer is still coming brings its id into the ledger before SIGTERM ends the process."""
        sandbox.faults.next(SlowBody(seconds=0.5), on="create", times=2)
        status, said = interrupted(process, sandbox, signal.SIGTERM, 2, write(videos(5)), "--max-active", "2")
        assert status == 143
        assert "terminated; go on with: motion-async batch" in said
        assert {job_id for _, state, job_id in table() if state == "submitted"} == set(sandbox.jobs)
        assert "uncertain" not in said

    def test_a_second_signal_leaves_at_once_and_loses_nothing(
        self, sandbox: Sandbox, process: Start, command: Command, write: Write, fast_polls: None
    ) -> None:
        """It waits for no answer; what was under way is uncertain in the next run, and is not sent again."""
        sandbox.faults.next(SlowBody(seconds=30), on="create")
        file = write(videos(2))
        Path("out.jsonl").write_text("old")
        running = process("batch", file, "--max-active", "1", "--output", "out.jsonl")
        until_now(lambda: sandbox.jobs, running=running)
        running.send_signal(signal.SIGINT)
        hear(running, "once more leaves at once")
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=10)
        assert time.monotonic() - began < 3
        assert running.returncode == 130
        assert "left at once; all that was sent is in the ledger; go on with: motion-async batch" in said
        assert Path("out.jsonl").read_text() == "old"
        status, lines, _ = command("batch", file)
        assert (status, sorted(ends(lines))) == (4, ["completed", "uncertain"])
        assert sandbox.counts.duplicates == 0

    def test_a_second_signal_names_the_ids_that_are_not_written(
        self, sandbox: Sandbox, process: Start, command: Command, write: Write, fast_polls: None
    ) -> None:
        """While another process locks the ledger ids wait to be written; they are said, and can be given later."""
        sandbox.faults.next(SlowBody(seconds=1), on="create", times=2)
        file = write([{"id": f"k{number}", **video} for number, video in enumerate(map(dict, videos(2)))])
        running = process("batch", file)
        until_now(lambda: len(sandbox.jobs) >= 2, running=running)
        with closing(sqlite3.connect("launch.jsonl.ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            running.send_signal(signal.SIGINT)
            hear(running, "once more leaves at once")
            time.sleep(2)  # the answers have come by then; nothing tells of them while the ledger is locked
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=10)
        assert running.returncode == 130
        assert "all that was sent is in the ledger" not in said
        named = dict(re.findall(r"(k\d) of batch launch is job (\S+), which may not be in the ledger yet", said))
        assert sorted(named.values()) == sorted(sandbox.jobs)
        assert "ledger resolve --batch=BATCH --job-id=ID -- LEDGER KEY; go on with: motion-async batch" in said
        for key, job_id in named.items():
            assert command("ledger", "resolve", "launch.jsonl.ledger.db", key, "--job-id", job_id)[0] == 0
        status, lines, _ = command("batch", file)
        assert (status, ends(lines), sandbox.counts.duplicates) == (0, ["completed"] * 2, 0)

    def test_killed_outright_it_goes_on(
        self, sandbox: Sandbox, process: Start, command: Command, write: Write, fast_polls: None
    ) -> None:
        """After SIGKILL the same command finishes all, and makes nothing twice."""
        file = write(videos(20))
        running = process("batch", file, "--max-active", "5")
        until_now(lambda: len(sandbox.jobs) >= 5, running=running)
        running.kill()
        running.communicate()
        status, lines, _ = command("batch", file)
        assert set(ends(lines)) <= {"completed", "uncertain"}
        assert status in (0, 4)
        assert sandbox.counts.duplicates == 0

    def test_a_reader_who_leaves_ends_it_in_the_same_way(self, sandbox: Sandbox, process: Start, write: Write) -> None:
        """When nobody reads standard output any more, nothing new is sent, and stderr says how to go on."""
        sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
        running = process("batch", write([*videos(2), {"prompt": "A lost video"}]))
        assert running.stdout is not None
        running.stdout.close()
        running.stdout = None
        running.wait(timeout=15)
        assert running.stderr is not None
        said = running.stderr.read()
        assert running.returncode == 141
        assert "go on with: motion-async batch" in said
        assert "Traceback" not in said

    def test_a_person_sees_how_it_stands_and_how_to_go_on(
        self, sandbox: Sandbox, write: Write, on_terminal: Callable[..., tuple[int, str]]
    ) -> None:
        """On a terminal Ctrl-C leaves the last picture, the sentences after it, and the cursor."""
        sandbox.faults.for_prompt("number", AwaitInput(until_answered=True), on="create")
        status, shown = on_terminal("batch", write(videos(3)), "--yes", after="queued")
        assert status == 130
        assert '{"event"' not in shown
        assert "launch.jsonl: batch launch, 20 at a time" in shown
        assert "0 of 3 ended" in shown
        assert "go on with: motion-async batch launch.jsonl" in shown
        assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")

    def test_a_wait_for_standard_input_can_be_interrupted(self, process: Start, write: Write) -> None:
        """Ctrl-C while the input is still open ends it, before anything is sent."""
        write([])
        running = process(
            "batch", "-", "--format", "jsonl", "--ledger", "l.db", "--base-url", "http://127.0.0.1:1",
            stdin=subprocess.PIPE,
            env={"MOTION_API_KEY": "motion_something", "PATH": ""},
        )  # fmt: skip
        time.sleep(1.5)  # nothing tells that it waits, but that it does nothing for a while
        until_now(partial(is_idle, running.pid))
        running.send_signal(signal.SIGINT)
        running.wait(timeout=10)
        assert running.returncode == 130
        assert not Path("l.db").exists()
