"""What a terminal gets that cannot move its cursor, has no colours, or is none: plain words, now and then."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from motion_async import errors, events
from motion_async.cli.output.jsonlines import JsonOutput
from motion_async.cli.output.live import LiveOutput
from motion_async.cli.output.output import Output, View
from motion_async.cli.output.plain import PlainOutput
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.view.jobs import JobTable
from motion_async.cli.view.tally import Tally
from motion_async.cli.view.work import WorkView
from motion_async.sandbox import AwaitInput, Sandbox
from tests.cli.output.test_live import shown, terminal
from tests.cli.view.test_tally import change
from tests.waiting import until

OnTerminal = Callable[..., tuple[int, str]]
Write = Callable[..., str]

UNREACHABLE = errors.ConnectFailedError("no route to host")


def outputs() -> list[Output]:
    """Give those of a pipe, and of a terminal that cannot move its cursor."""
    return [JsonOutput(Stdout()), PlainOutput(Stdout(), terminal())]


def test_a_terminal_that_cannot_move_gets_words(sandbox: Sandbox, on_terminal: OnTerminal) -> None:
    """One line when there is news, the table once at the end, and neither escape codes nor JSON."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    status, told = on_terminal("generate", "A video", "--timeout", "2.5", TERM="dumb")
    [job_id] = sandbox.jobs
    assert status == 4
    assert told.count(f"motion-async: job {job_id}: ") == 1
    assert told.count("state ") == 1
    assert "\x1b" not in told
    assert '{"event"' not in told


@pytest.mark.parametrize("after", ["", "[y/N]"])
def test_a_batch_there_is_words_too(write: Write, sandbox: Sandbox, on_terminal: OnTerminal, after: str) -> None:
    """It asks as on any terminal, and says at the end how it went."""
    file = write([{"prompt": "A video"}, {"prompt": "Another"}])
    argv = ["batch", file, *([] if after else ["--yes"])]
    status, told = on_terminal(*argv, TERM="dumb", after=after, typed="y\n" if after else "")
    assert status == 0
    assert "2 of 2 done" in told
    assert "\x1b" not in told
    assert '{"event"' not in told


def test_without_colours_there_are_none(sandbox: Sandbox, on_terminal: OnTerminal) -> None:
    """NO_COLOR leaves none in the picture, nor in the help."""
    colours = re.compile(r"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
    sandbox.faults.next(AwaitInput(until_answered=True))
    argv = ("generate", "A video", "--timeout", "2.5")
    _, told = on_terminal(*argv)
    assert colours.search(told)
    for each in (argv, ("--help",), ("demo", "--help")):
        _, told = on_terminal(*each, NO_COLOR="1")
        assert not colours.search(told)


@pytest.mark.parametrize("tell", [Output.show_event, Output.take])
async def test_trouble_is_said_when_it_changes(
    tell: Callable[[Output, events.Event], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of each kind, not each failure; pipes and plain terminals get the same words, a picture has its own."""
    for output in outputs():
        async with output.live(JobTable()):
            for error in (UNREACHABLE, UNREACHABLE, errors.RateLimitedError("slow down", http_status=429)):
                tell(output, events.PollDisturbed("a", error, 1, 2.0))
        said = capsys.readouterr().err
        assert [words in said for words in ("no route to host", "slow down")] == [True, True]
        assert said.count("motion-async: a poll failed") == 2
    moving = LiveOutput(Stdout(), terminal())
    async with moving.live(JobTable()):
        tell(moving, events.PollDisturbed("a", UNREACHABLE, 1, 2.0))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("view", [JobTable, lambda: WorkView("a batch", Tally(2, places=1, now=0.0))])
async def test_the_first_news_is_said(view: Callable[[], View], capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the view, or in those of the jobs; a pipe is told of each job by its lines."""
    for output in outputs():
        said = ""

        def has_said() -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return bool(said)

        async with output.live(view()):
            output.take(change("a", "running"))
            await until(has_said)
        assert said.startswith("motion-async: ")
        assert "making" in said
        assert said.count("\n") == 1


def test_a_plain_terminal_is_left_without_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Also by who leaves at once."""
    console = terminal()
    PlainOutput(Stdout(), console).leave_at_once()
    assert shown(console) == ""
    assert "left at once" in capsys.readouterr().err


@pytest.mark.usefixtures("sandbox", "fast_polls")
def test_a_pipe_has_json_alone(command: Any, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where TERM says that there is a plain terminal."""
    monkeypatch.setenv("TERM", "dumb")
    status, lines, _ = command("batch", write([{"prompt": "A video"}]))
    assert (status, [line["event"] for line in lines]) == (0, ["outcome", "batch"])
