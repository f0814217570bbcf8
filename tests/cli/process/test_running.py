"""`motion_async.cli.process.running`: how a command ends, as a process of its own."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.errors import JobNotFoundError
from motion_async.jobs import JobState, JobStatus
from motion_async.sandbox import AwaitInput, Sandbox, SlowBody
from tests.shapes import check_line
from tests.waiting import until_now

Start = Callable[..., subprocess.Popen[str]]
OnTerminal = Callable[..., tuple[int, str]]


def read_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read one JSON line of a process."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    check_line(line)
    return line


def test_ctrl_c_names_the_job_that_goes_on(sandbox: Sandbox, process: Start) -> None:
    """An interrupt while a job is waited for gives 130, names the job for `watch`, and shows no traceback."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    running = process("generate", "A video")
    job_id = read_line(running)["job_id"]
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=10)
    assert running.returncode == 130
    assert json.loads(out.splitlines()[-1]) == {"event": "interrupted", "job_ids": [job_id]}
    follow = f"motion-async watch -- {job_id}"
    assert said == f"motion-async: interrupted; what has begun goes on, follow it with: {follow}\n"


def test_ctrl_c_while_a_create_is_under_way_loses_no_job(sandbox: Sandbox, process: Start) -> None:
    """An interrupt between a create and its answer waits for the answer, so the id is known after all."""
    sandbox.faults.next(SlowBody(seconds=1), on="create")
    running = process("generate", "A video")
    until_now(lambda: sandbox.jobs, running=running)
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=10)
    (job_id,) = sandbox.jobs
    assert running.returncode == 130
    accepted = json.loads(out.splitlines()[0])
    assert (accepted["event"], accepted["job_id"], accepted["followup"]) == ("accepted", job_id, False)
    assert said.endswith(f"motion-async watch -- {job_id}\n")
    assert "Traceback" not in said


def test_ctrl_c_of_a_watch_names_what_has_not_ended(sandbox: Sandbox, process: Start) -> None:
    """An interrupted watch names the jobs that have not ended, and no other."""
    first = process("generate", "one", "--timeout", "0")
    ended = read_line(first)["job_id"]
    sandbox.faults.next(AwaitInput(until_answered=True))
    second = process("generate", "two", "--timeout", "0")
    goes_on = read_line(second)["job_id"]
    sandbox.advance(100_000)
    running = process("watch", ended, goes_on)
    while read_line(running)["event"] != "result":
        pass
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 130
    assert said.endswith(f"motion-async watch -- {goes_on}\n")


def test_ctrl_c_twice_waits_for_nothing(sandbox: Sandbox, process: Start) -> None:
    """A second interrupt does not wait for the answer to a create, and says where to look for the job."""
    sandbox.faults.next(SlowBody(seconds=30), on="create")
    running = process("generate", "A video")
    until_now(lambda: sandbox.jobs, running=running)
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)  # two that come at once are one to the process, which then ends after its patience, and as well
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "https://motion.so" in said
    assert "Traceback" not in said


def test_a_reader_who_leaves_ends_the_command(sandbox: Sandbox, process: Start) -> None:
    """When nobody reads standard output any more the command ends, names the job, and shows no traceback."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    running = process("generate", "A video")
    job_id = read_line(running)["job_id"]
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    running.wait(timeout=10)
    assert running.stderr is not None
    said = running.stderr.read()
    assert running.returncode == 141
    assert said.startswith("motion-async: standard output was closed; ")
    assert said.endswith(f"motion-async watch -- {job_id}\n")


def test_a_terminal_gets_a_table(sandbox: Sandbox, on_terminal: OnTerminal) -> None:
    """On a terminal the jobs are a table, and no line is JSON; errors come after it."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    status, shown = on_terminal("generate", "A video", "--timeout", "0.2")
    (job_id,) = sandbox.jobs
    assert status == 4
    assert '{"event"' not in shown
    assert job_id in shown
    assert "queued" in shown
    assert shown.rstrip().endswith(f"motion-async watch -- {job_id}")


@pytest.mark.usefixtures("sandbox")
def test_a_terminal_that_knows_no_bars_gets_no_traceback(
    on_terminal: OnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a terminal's encoding cannot show is replaced."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    status, shown = on_terminal("status", "nope", "nöpe")
    assert status == 3
    assert "Traceback" not in shown
    assert "n?pe" in shown


@pytest.mark.usefixtures("sandbox")
def test_a_terminal_gets_json_where_that_is_asked_for(on_terminal: OnTerminal) -> None:
    """`--json` writes JSON lines on a terminal too."""
    status, shown = on_terminal("status", "nope", "--json")
    assert status == 3
    assert json.loads(shown.splitlines()[0])["error"] == "JobNotFoundError"


def test_an_error_that_a_command_lets_pass_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of the library ends the command with its line, its sentence and its exit status."""

    async def work(_output: Output) -> ExitStatus:
        raise JobNotFoundError("no such job", http_status=404, job_id="a")

    assert execute(work, json=True) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["job_id"] == "a"
    assert said.err == "motion-async: no such job\n"


def test_a_mistake_of_our_own_is_not_hidden() -> None:
    """What is no error of the library is a bug, and passes."""

    async def work(_output: Output) -> ExitStatus:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute(work, json=True)


def test_a_last_line_that_nobody_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose last line could not be written does not end as if it had been."""

    class Broken:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    async def work(output: Output) -> ExitStatus:
        await asyncio.sleep(0)
        output.show_result(JobState("a", JobStatus.COMPLETED))
        return ExitStatus.DONE

    monkeypatch.setattr("motion_async.cli.output.stdout.Stdout.let_go", lambda _: None)
    monkeypatch.setattr("sys.stdout", Broken())
    assert execute(work, json=True) == 141
