"""`motion_async.cli.process.bell`: the end of a long wait is heard on a terminal, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from motion_async.cli.arguments import Reporting
from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.errors import JobFailedError

BELL = "\a"
Ring = Callable[..., str]


class Terminal(io.StringIO):
    """Standard output that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    """Run a command that takes so many seconds: what a terminal, or a pipe, gets."""

    def run(
        seconds: float,
        *,
        status: ExitStatus | JobFailedError = ExitStatus.DONE,
        stdout: type[io.StringIO] = Terminal,
        term: str = "xterm",
        json: bool | None = None,
        reporting: Reporting | None = Reporting(),
    ) -> str:
        moment = 100.0

        async def work(_: Output) -> ExitStatus:
            nonlocal moment
            moment += seconds
            if isinstance(status, ExitStatus):
                return status
            raise status

        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr("sys.stdout", file := stdout())
        execute(work, json=json, reporting=reporting, clock=lambda: moment)
        return file.getvalue()

    return run


def test_a_command_that_took_more_than_a_minute_rings(ring: Ring) -> None:
    """The bell, and a notification that says in a few words how it ended."""
    assert ring(61) == "\a\x1b]9;motion-async: done after 1 min 01 s\a"
    assert "motion-async: a job failed after" in ring(61, status=JobFailedError("a", "no"))


def test_a_person_who_is_there_is_not_rung(ring: Ring) -> None:
    """Within the first minute, and by Ctrl-C, which they have pressed themselves."""
    assert ring(60) == ""
    assert ring(61, status=ExitStatus.INTERRUPTED) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"stdout": io.StringIO},
        {"term": "dumb"},
        {"json": True},
        {"reporting": Reporting(quiet=True)},
        {"reporting": Reporting(no_bell=True)},
        {"reporting": None},
    ],
    ids=str,
)
def test_where_nobody_wants_it_nothing_rings(ring: Ring, options: dict[str, object]) -> None:
    """On a pipe, on a terminal that would show the letters of it, and where a person says so."""
    assert ring(3_600, **options) == ""
