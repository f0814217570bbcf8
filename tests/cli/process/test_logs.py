"""`motion_async.cli.process.logs`: what is logged, in a file and on stderr."""

from __future__ import annotations

import errno
import logging
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from motion_async.cli import main
from motion_async.cli.arguments import Reporting
from motion_async.cli.output.jsonlines import JsonOutput
from motion_async.cli.output.output import Output
from motion_async.cli.output.plain import PlainOutput
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.process.logs import logged
from motion_async.errors import ConfigurationError, ConnectFailedError
from motion_async.events import PollDisturbed
from motion_async.sandbox import AwaitInput, Reset, Sandbox, ServerError
from tests.cli.output.test_live import terminal

Command = Callable[..., tuple[int, list[dict[str, Any]], str]]
OnTerminal = Callable[..., tuple[int, str]]

LIBRARY = logging.getLogger("motion_async")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ motion_async[.\w]*: .*")
SIGNED = "https://bucket.s3.amazonaws.com/hero.png?X-Amz-Expires=900&X-Amz-Signature=5ec4e7"


@contextmanager
def output_with(**options: Any) -> Iterator[Output]:
    """Give an output while what is logged is heard as the options say."""
    output = JsonOutput(Stdout())
    with logged(Reporting(**options), output):
        yield output


@pytest.mark.usefixtures("fast_polls")
def test_the_file_has_all_that_is_logged(sandbox: Sandbox, command: Command, tmp_path: Path) -> None:
    """Each poll at DEBUG, a line each, with the time in UTC and the fields of the record; a later run adds to it."""
    file = tmp_path / "run.log"
    status, lines, said = command("generate", "A video", "--log-file", str(file))
    assert (status, said) == (0, "")
    job_id = lines[0]["job_id"]
    written = file.read_text().splitlines()
    assert all(map(LINE.fullmatch, written))
    assert f"INFO motion_async.sending: the service took a request: job {job_id}" in "\n".join(written)
    assert any(f" DEBUG motion_async: job {job_id} is completed job_id={job_id} call=poll" in line for line in written)
    assert "begins, with Python" in written[0]
    assert written[-1].endswith("ended with status 0, done")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command("status", "no-such-job", "--log-file", str(file))[0] == 3
    assert file.read_text().splitlines()[: len(written)] == written
    assert "JobNotFoundError: " in file.read_text().splitlines()[-2]
    assert (LIBRARY.level, [h for h in LIBRARY.handlers if h.level]) == (logging.NOTSET, [])


@pytest.mark.usefixtures("fast_polls")
def test_no_secret_shows_in_the_file(sandbox: Sandbox, command: Command, tmp_path: Path) -> None:
    """Neither the key nor what signs a URL: not by what goes wrong with a request, nor if somebody logs them."""
    file = tmp_path / "run.log"
    sandbox.faults.next(ServerError(), on="poll")
    sandbox.faults.next(Reset(), on="poll")
    sandbox.faults.next(Reset(), on="create")
    for argv in (["generate", "A video", "--attach", SIGNED], ["generate", "A video", "--attach", f"{SIGNED} no URL"]):
        command(*argv, "--log-file", str(file), "-v")
    with output_with(log_file=file):
        try:
            raise ValueError(f"Bearer {sandbox.api_key} may not fetch {SIGNED}")
        except ValueError:
            LIBRARY.exception("%s failed for %s\nand more", SIGNED, sandbox.api_key, extra={"job_id": SIGNED})
    text = file.read_text()
    assert "may not fetch" in text
    assert "https://bucket.s3.amazonaws.com/hero.png" in text
    assert sandbox.api_key not in text
    assert sandbox.api_key.removeprefix("motion_") not in text
    assert "5ec4e7" not in text
    assert all(LINE.fullmatch(line) or line.startswith("    ") for line in text.splitlines())


def test_a_file_that_cannot_be_opened_is_told_before_anything_is_paid(
    sandbox: Sandbox, command: Command, tmp_path: Path
) -> None:
    """A folder that is not there, or a folder in the place of the file."""
    for path in (tmp_path / "nowhere" / "run.log", tmp_path):
        status, lines, said = command("generate", "A video", "--log-file", str(path))
        assert (status, [line["error"] for line in lines]) == (2, ["ConfigurationError"])
        assert f"--log-file {path} cannot be opened: " in said
    assert sandbox.jobs == {}


def test_what_is_no_log_is_left_alone(sandbox: Sandbox, command: Command, write: Callable[..., str]) -> None:
    """Nothing is added to the requests, or to anything else that is not a log."""
    file = write([{"prompt": "A video"}])
    before = Path(file).read_bytes()
    status, _, said = command("batch", file, "--log-file", file)
    assert status == 2
    assert "holds something else than a log" in said
    assert Path(file).read_bytes() == before
    assert sandbox.jobs == {}


def test_a_full_disk_is_said_once_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be written is lost, and the command goes on."""
    with output_with(log_file=Path("/dev/full")):
        for number in range(3):
            LIBRARY.info("news %d", number)
    said = capsys.readouterr().err
    assert said.count("the log file /dev/full will have gaps, and all else goes on: No space left") == 1
    assert said.count("\n") == 1


@pytest.mark.usefixtures("fast_polls")
def test_a_disk_that_fills_up_stops_no_batch(
    sandbox: Sandbox, command: Command, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its videos are made, and it has no other exit status."""
    written: list[bytes] = []

    class Filling:
        def write(self, line: bytes) -> int:
            written.append(line)
            if len(written) > 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            return len(line)

        def close(self) -> None:
            pass

    monkeypatch.setattr("motion_async.cli.process.logs._opened", lambda _: Filling())
    status, lines, said = command("batch", write([{"prompt": "A"}, {"prompt": "B"}]), "--log-file", "run.log")
    assert (status, lines[-1]["counts"]) == (0, {"done": 2})
    assert said.count("will have gaps") == 1
    assert len(written) > 4, "the next line is tried again"


@pytest.mark.usefixtures("fast_polls")
def test_verbose_says_what_is_logged_at_info(sandbox: Sandbox, command: Command) -> None:
    """On stderr, and standard output has the lines that it always has."""
    status, lines, said = command("generate", "A video", "--verbose")
    assert status == 0
    assert lines[0]["event"] == "accepted"
    assert said == f"motion-async: the service took a request: job {lines[0]['job_id']}\n"


def test_verbose_says_how_bad_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """From WARNING up a word says the level; nothing below INFO is said."""
    with output_with(verbose=True):
        LIBRARY.debug("every day")
        LIBRARY.warning("look at %s", SIGNED)
    said = capsys.readouterr().err
    assert said.startswith("motion-async: warning: look at https://bucket.s3.amazonaws.com/hero.png")
    assert "5ec4e7" not in said
    assert "every day" not in said


def test_verbose_says_it_above_a_live_picture(sandbox: Sandbox, on_terminal: OnTerminal) -> None:
    """In a line of its own, after which the picture is drawn anew."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    _, shown = on_terminal("generate", "A video", "-v", "--timeout", "0.5")
    [job_id] = sandbox.jobs
    assert re.search(rf"(^|[\r\n]|\x1b\[2K)the service took a request: job {job_id}\r\n", shown)
    assert shown.index("the service took") < shown.rindex("queued")


@pytest.mark.usefixtures("fast_polls")
def test_quiet_says_no_more_than_how_it_ended(sandbox: Sandbox, command: Command, write: Callable[..., str]) -> None:
    """No trouble on the way, but errors, and the sentence at the end of a batch; the lines are those of any run."""
    sandbox.faults.next(Reset(), on="poll", times=1)
    file = write([{"prompt": "A video"}])
    loud = command("batch", file, "-o", "a.csv")
    quiet = command("batch", file, "-o", "b.csv", "-q")
    assert "a.csv has the results" in loud[2]
    assert quiet[2].startswith("motion-async: batch launch: 1 of 1 done; took ")
    assert quiet[2].count("\n") == 1
    assert [line["event"] for line in quiet[1]] == ["outcome", "batch"]
    status, lines, said = command("status", "no-such-job", "-q")
    assert (status, lines[0]["error"]) == (3, "JobNotFoundError")
    assert said.count("\n") == 1


def test_quiet_says_nothing_of_where_the_key_is_from(sandbox: Sandbox, command: Command, without_key: Path) -> None:
    """That a file has it is a notice."""
    (without_key / ".env").write_text(f"MOTION_API_KEY={sandbox.api_key}\nMOTION_BASE_URL={sandbox.url}\n")
    assert ".env" in command("status", "no-such-job")[2]
    assert ".env" not in command("status", "no-such-job", "-q")[2]


def test_quiet_says_no_trouble(sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """Neither on a pipe nor on a terminal, nor that it ends in good order after Ctrl-C; asked for, a word is heard."""
    for is_quiet in (False, True):
        for output in (JsonOutput(Stdout(), is_quiet=is_quiet), PlainOutput(Stdout(), terminal(), is_quiet=is_quiet)):
            output.stopping()
            output.take(PollDisturbed("a", ConnectFailedError("no route"), 1, 1.0))
            said = capsys.readouterr().err
            assert ("stopping" in said, "no route" in said) == (not is_quiet, not is_quiet)
            output.aside("news")
            assert capsys.readouterr().err == "motion-async: news\n"


@pytest.mark.usefixtures("sandbox")
def test_quiet_checks_in_one_line(on_terminal: OnTerminal) -> None:
    """Which key it is, and no word on how well it went."""
    status, shown = on_terminal("check", "-q")
    assert (status, shown.count("\n")) == (0, 1)
    assert "MOTION_API_KEY" in shown


def test_quiet_shows_the_last_picture_alone(sandbox: Sandbox, on_terminal: OnTerminal) -> None:
    """No cursor moves, and the table of the end is the only one."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    status, shown = on_terminal("generate", "A video", "--quiet", "--timeout", "0.5")
    assert status == 4
    assert shown.count("state ") == 1
    assert "\x1b[?25l" not in shown
    assert "waiting for the service" not in shown


def test_more_and_less_at_a_time_is_wrong_use(sandbox: Sandbox, command: Command) -> None:
    """Nothing is sent."""
    status, lines, said = command("generate", "A video", "-v", "-q")
    assert (status, lines[0]["error"]) == (2, "ConfigurationError")
    assert "--verbose says more and --quiet says less" in said
    assert sandbox.jobs == {}
    with pytest.raises(ConfigurationError), output_with(verbose=True, quiet=True):
        pass


def test_all_that_talk_to_the_service_have_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    """They are explained once, and each help says where."""
    main(["--help"])
    text = capsys.readouterr().out
    explained = text[text.index("also take") :]
    assert re.findall(r"--[\w-]+", explained) == ["--verbose", "--quiet", "--log-file", "--no-bell"]
    names = re.findall(r"[a-z]+", text[: text.index("also take")].splitlines()[-1])
    assert names == ["demo", "generate", "followup", "status", "watch", "check", "batch", "and", "worker"]
    for name in names:
        if name != "and":
            main([name, "--help"])
            assert "Also -v, -q, --log-file, --no-bell:" in " ".join(capsys.readouterr().out.split())
