"""What a command does whose terminal is closed, or whose ssh is lost: SIGHUP, and then nobody to talk to.

Each runs as the leader of a terminal of its own, whose other side the test closes.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from motion_async.sandbox import AwaitInput, Sandbox, SlowBody
from tests.cli.batch.test_command import Command, Write, ends, table, videos
from tests.waiting import until_now

LEADER = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "ignored":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
from motion_async.cli import main
sys.exit(main(sys.argv[2:]))
"""

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")


class OnTerminal:
    """A command on a terminal that can be closed; `**options` are `Popen`'s, for what does not go there."""

    def __init__(self, argv: Sequence[str], *, ignored: bool = False, **options: Any) -> None:
        self.outer, inner = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LEADER, "ignored" if ignored else "", *argv],
            start_new_session=True,
            env={**os.environ, "TERM": "xterm"},
            **({"stdin": inner, "stdout": inner, "stderr": inner, "text": True} | options),
        )
        os.close(inner)

    def close(self) -> None:
        """Close the terminal, which the kernel tells the command by SIGHUP."""
        outer, self.outer = self.outer, -1
        if outer >= 0:
            os.close(outer)

    def has_shown(self) -> bool:
        """Tell whether there is something on the terminal."""
        return bool(select.select([self.outer], [], [], 0)[0])

    def status(self) -> int:
        """Wait for the end, and give the exit status, which is negative if a signal has ended it."""
        return self.process.wait(timeout=20)

    def end(self) -> None:
        self.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def on_terminal() -> Iterator[Callable[..., OnTerminal]]:
    """Start a command on a terminal that can be closed."""
    started: list[OnTerminal] = []

    def start(*argv: str, **options: Any) -> OnTerminal:
        started.append(OnTerminal(argv, **options))
        return started[-1]

    yield start
    for running in started:
        running.end()


Start = Callable[..., OnTerminal]


@pytest.mark.parametrize("shown", [[], ["--json"]], ids=["a picture", "lines"])
def test_a_batch_notes_what_is_under_way_and_goes_on_later(
    sandbox: Sandbox, on_terminal: Start, command: Command, write: Write, fast_polls: None, shown: list[str]
) -> None:
    """The creates whose answers are still coming are finished, their ids are in the ledger, and none is made twice."""
    sandbox.faults.next(SlowBody(seconds=0.7), on="create", times=2)
    file = write(videos(5))
    running = on_terminal("batch", file, "--yes", "--max-active", "2", *shown)
    until_now(lambda: len(sandbox.jobs) >= 2, running=running.process)
    running.close()
    assert running.status() == 129
    assert {job_id for _, state, job_id in table() if state == "submitted"} == set(sandbox.jobs)
    assert len(sandbox.jobs) == 2
    status, lines, _ = command("batch", file)
    assert (status, ends(lines)) == (0, ["completed"] * 5)
    assert (sandbox.counts.creates_accepted, sandbox.counts.duplicates) == (5, 0)


@pytest.mark.parametrize("also", [signal.SIGHUP, signal.SIGTERM], ids=["the shell's own", "and the session's end"])
def test_what_comes_with_a_hangup_is_nobody_who_insists(
    sandbox: Sandbox, on_terminal: Start, write: Write, also: signal.Signals
) -> None:
    """Kernel, shell and login session each tell of a terminal's end; the answer under way is waited for."""
    sandbox.faults.next(SlowBody(seconds=1), on="create")
    running = on_terminal("batch", write(videos(3)), "--yes", "--max-active", "1")
    until_now(lambda: sandbox.jobs, running=running.process)
    running.close()
    time.sleep(0.2)  # two that come at once are one to the process
    running.process.send_signal(also)
    assert running.status() == 129
    assert {job_id for _, state, job_id in table() if state == "submitted"} == set(sandbox.jobs)


def test_the_id_of_a_create_under_way_is_where_the_output_goes(
    sandbox: Sandbox, on_terminal: Start, tmp_path: Path
) -> None:
    """The terminal has gone, and a file that was given is there to keep it, and how to go on."""
    sandbox.faults.next(SlowBody(seconds=0.7), on="create")
    out, said = tmp_path / "out.jsonl", tmp_path / "said.txt"
    with out.open("w") as stdout, said.open("w") as stderr:
        running = on_terminal("generate", "A video", stdout=stdout, stderr=stderr)
        until_now(lambda: sandbox.jobs, running=running.process)
        running.close()
        assert running.status() == 129
    (job_id,) = sandbox.jobs
    lines = list(map(json.loads, out.read_text().splitlines()))
    assert (lines[0]["event"], lines[0]["job_id"], lines[0]["followup"]) == ("accepted", job_id, False)
    assert lines[-1] == {"event": "interrupted", "job_ids": [job_id]}
    assert said.read_text() == (
        "motion-async: hung up, as its terminal was closed; what has begun goes on, follow it with: "
        f"motion-async watch -- {job_id}\n"
    )


@pytest.mark.parametrize("shown", [[], ["--json"]], ids=["a picture", "lines"])
@pytest.mark.parametrize("name", ["generate", "followup", "watch", "demo"])
def test_each_command_that_sends_or_waits_ends_in_good_order(
    sandbox: Sandbox, on_terminal: Start, command: Command, name: str, shown: list[str]
) -> None:
    """However it is shown: no signal has ended it, and no error of a terminal that is dead."""
    sandbox.faults.for_prompt("A video", AwaitInput(until_answered=True))
    command("generate", "A video" if name == "watch" else "One that ends", "--timeout", "0")
    sandbox.advance(100_000)
    (job_id,) = sandbox.jobs
    argv = {"generate": ["A video"], "followup": [job_id, "A video"], "watch": [job_id], "demo": []}[name]
    running = on_terminal(name, *argv, *shown)
    if name in ("generate", "followup"):
        until_now(lambda: sandbox.counts.creates_accepted + sandbox.counts.followups_accepted > 1)
    else:
        until_now(running.has_shown)
    running.close()
    assert running.status() == 129


def test_what_nohup_has_ignored_stays_so(sandbox: Sandbox, on_terminal: Start, write: Write, tmp_path: Path) -> None:
    """The batch is made to its end, though its terminal is closed."""
    sandbox.faults.next(SlowBody(seconds=0.7), on="create")
    file = write(videos(2))
    with (tmp_path / "nohup.out").open("w") as nohup:
        running = on_terminal("batch", file, ignored=True, stdout=nohup, stderr=nohup)
        until_now(lambda: sandbox.jobs, running=running.process)
        running.close()
        running.process.send_signal(signal.SIGHUP)
        assert running.status() == 0
    assert [state for _, state, _ in table()] == ["completed"] * 2


def test_a_terminal_that_dies_without_a_word_ends_a_batch_in_good_order(
    sandbox: Sandbox, on_terminal: Start, write: Write
) -> None:
    """As after `disown`: the first line that cannot be written ends it, as the end of a pipe does."""
    sandbox.faults.next(SlowBody(seconds=0.7), on="create")
    running = on_terminal("batch", write(videos(40)), "--max-active", "1", "--json", ignored=True)
    until_now(lambda: sandbox.jobs, running=running.process)
    running.close()
    assert running.status() == 141
    assert {state for _, state, _ in table()} <= {"completed", "submitted", "planned"}
    assert len(sandbox.jobs) == sum(job_id is not None for *_, job_id in table()) < 40


def test_sigterm_ends_a_create_in_good_order(sandbox: Sandbox, process: Callable[..., subprocess.Popen[str]]) -> None:
    """As Ctrl-C does: the answer is waited for, and the id is told."""
    sandbox.faults.next(SlowBody(seconds=0.7), on="create")
    running = process("generate", "A video")
    until_now(lambda: sandbox.jobs, running=running)
    running.send_signal(signal.SIGTERM)
    out, said = running.communicate(timeout=20)
    (job_id,) = sandbox.jobs
    assert running.returncode == 143
    assert json.loads(out.splitlines()[0])["job_id"] == job_id
    assert said == (
        f"motion-async: terminated; what has begun goes on, follow it with: motion-async watch -- {job_id}\n"
    )
