"""What the tests of the command line share: a sandbox beside the command, and two ways to run it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from motion_async.cli import following, main
from motion_async.pacing import GrowingSchedule
from motion_async.sandbox import Sandbox
from motion_async.session import MotionSession

Lines = list[dict[str, Any]]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A fast sandbox on a loop of its own, to which the environment points."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Sandbox(speed=2000)) as running,
    ):
        monkeypatch.setenv("MOTION_BASE_URL", running.url)
        monkeypatch.setenv("MOTION_API_KEY", running.api_key)
        yield running


@pytest.fixture
def fast_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command poll without its patience, for the sandbox is faster than the service."""
    schedule = GrowingSchedule(first=0.02, cap=0.02)
    monkeypatch.setattr(following, "MotionSession", partial(MotionSession, schedule=schedule))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Lines, str]]:
    """Run the command in this process: its exit status, its JSON lines, and what it said on stderr."""

    def run(*argv: str) -> tuple[int, Lines, str]:
        status = main(argv)
        said = capsys.readouterr()
        return status, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a process of its own, with pipes; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []
    # Tests that run in the background of a script ignore interrupts, and what they start would too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*argv: str, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen([sys.executable, "-m", "motion_async.cli", *argv], text=True, **options))
        return started[-1]

    yield start
    signal.signal(signal.SIGINT, before)
    for running in started:
        if running.poll() is None:
            running.kill()
        running.communicate()
