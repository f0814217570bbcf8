"""`motion_async.cli.output.live` and `plain`: what a person sees."""

import asyncio
import io
import os
import sys
import time

import pytest
from rich.console import Console, ConsoleOptions, RenderResult

from motion_async.cli.output.live import LiveOutput
from motion_async.cli.output.output import View
from motion_async.cli.output.plain import PlainOutput
from motion_async.cli.output.stdout import Stdout
from motion_async.events import Event, JobAccepted
from motion_async.ledger import LedgerTrouble
from tests.waiting import until


class Counting(View):
    """A view that counts how often it is rendered."""

    def __init__(self) -> None:
        self.renderings = 0
        self.told = 0
        self.is_settled = False

    def take(self, event: Event | LedgerTrouble) -> None:
        """Count it."""
        self.told += 1

    def settle(self) -> None:
        """Note it."""
        self.is_settled = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Count it, and show how it stands."""
        self.renderings += 1
        yield f"told {self.told}, settled {self.is_settled}"


def terminal(width: int = 100) -> Console:
    """Make a terminal that nobody looks at."""
    return Console(file=io.StringIO(), width=width, height=30, force_terminal=True, color_system=None)


def shown(console: Console) -> str:
    """Give what a terminal was sent."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_number_of_events_does_not_change_the_number_of_pictures() -> None:
    """However much happens, a view is rendered at most ten times a second, and once more at its end."""
    console, view = terminal(), Counting()
    began = time.monotonic()
    async with LiveOutput(Stdout(), console).live(view):
        for _ in range(5_000):
            view.take(JobAccepted("a"))
            await asyncio.sleep(0)
    assert view.renderings <= 10 * (time.monotonic() - began) + 3
    assert "told 5000, settled True" in shown(console)


async def test_the_last_picture_stays_when_the_context_ends_in_an_error() -> None:
    """An error passes through, and the terminal's cursor is shown again."""
    console, view = terminal(), Counting()
    with pytest.raises(ZeroDivisionError):
        async with LiveOutput(Stdout(), console).live(view):
            raise ZeroDivisionError
    assert "settled True" in shown(console)
    assert shown(console).endswith("\x1b[?25h")


async def test_a_notice_stands_above_the_view() -> None:
    """Whole, so that a command in it can be copied: the terminal breaks its line; and nothing in it is obeyed."""
    console, view = terminal(width=40), Counting()
    output = LiveOutput(Stdout(), console)
    async with output.live(view):
        output.notice("[bold]a job waits\x1b[2J\nfor input and for much else besides")
    assert "[bold]a job waits�[2J for input and for much else besides" in shown(console)


def test_the_sandbox_is_two_lines_for_a_shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two settings are export lines that a shell can read, whatever they hold, at no terminal's width."""
    let_go: list[bool] = []
    monkeypatch.setattr(Stdout, "let_go", lambda _: let_go.append(True))
    PlainOutput(Stdout(), terminal(width=20)).show_listening("http://127.0.0.1:8080/api/motion", "motion_a b$c")
    assert capsys.readouterr().out == (
        "export MOTION_BASE_URL=http://127.0.0.1:8080/api/motion\nexport MOTION_API_KEY='motion_a b$c'\n"
    )
    assert let_go == [True]


class Broken(Counting):
    """A view that cannot be rendered."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fail."""
        raise ZeroDivisionError


async def test_what_waits_for_the_end_of_a_picture_is_said_though_that_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever is wrong with the picture, sentences for a person are not lost with it."""
    output = LiveOutput(Stdout(), terminal())
    with pytest.raises(ZeroDivisionError):
        async with output.live(Broken()):
            output.say("a job may exist")
    assert "a job may exist" in capsys.readouterr().err


async def test_what_waits_is_said_by_whoever_is_cancelled_or_leaves_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A second cancel comes while the picture is ended; a second Ctrl-C waits for no end of it at all."""
    console = terminal()
    output = LiveOutput(Stdout(), console)

    async def show() -> None:
        async with output.live(Counting()):
            output.say("the first")
            task.cancel()

    task = asyncio.create_task(show())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "the first" in capsys.readouterr().err
    assert shown(console).endswith("\x1b[?25h")
    async with output.live(Counting()):
        output.say("the second")
        output.leave_at_once()
        first, second = capsys.readouterr().err.splitlines()
    assert ("the second" in first, "left at once" in second) == (True, True)


async def test_a_picture_makes_room_for_a_question_and_comes_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits is said before it; nothing is drawn while it stands open, and all goes on below the answer."""
    read, write = os.pipe()
    output, view = LiveOutput(Stdout(), terminal()), Counting()
    with os.fdopen(read) as answers, os.fdopen(write, "w", buffering=1) as typing:
        monkeypatch.setattr(sys, "stdin", answers)
        async with output.live(view):
            output.say("line 3 is odd")
            asked = asyncio.create_task(output.confirm("Go on?"))
            await until(lambda: "Go on? [y/N] " in shown(output._console))
            assert "line 3 is odd" in capsys.readouterr().err
            drawn = view.renderings
            await asyncio.sleep(0.3)
            assert view.renderings == drawn
            typing.write("y\n")
            assert await asked
            await until(lambda: view.renderings > drawn)
    assert view.is_settled
