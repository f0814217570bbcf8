"""What the tests of the command line share: a sandbox beside the command, and two ways to run it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keyring
import pytest

from motion_async.cli import main
from motion_async.cli.keys import credentials
from motion_async.sandbox import Sandbox
from motion_async.session import MotionSession
from motion_async.timing.schedule import GrowingSchedule
from tests import keyrings
from tests.shapes import check_line

Lines = list[dict[str, Any]]


@pytest.fixture
def sandbox(motion_sandbox: Sandbox) -> Sandbox:
    """A fast sandbox on a loop of its own, to which the environment points."""
    return motion_sandbox


@pytest.fixture(autouse=True)
def kept(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the command, also as a process of its own, find a keyring in this file, and no profile by a variable."""
    file = tmp_path_factory.mktemp("keyring") / "kept.json"
    monkeypatch.delenv("MOTION_PROFILE", raising=False)
    monkeypatch.setenv(keyrings.FILE, str(file))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"{keyrings.__name__}.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(keyrings.__file__).parents[1]), prepend=os.pathsep)
    keyring.set_keyring(keyrings.FileKeyring())
    return file


@pytest.fixture
def without_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the command run in a folder of its own, where nothing says whose key is used or where the service is."""
    for name in ("MOTION_API_KEY", "MOTION_BASE_URL", "MOTION_PLAIN_HTTP_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fast_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command poll without its patience, for the sandbox is faster than the service."""
    schedule = GrowingSchedule(first=0.02, cap=0.02)
    monkeypatch.setattr(credentials, "MotionSession", partial(MotionSession, schedule=schedule))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Lines, str]]:
    """Run the command in this process: its exit status, its JSON lines, which have their shapes, and its stderr."""

    def run(*argv: str) -> tuple[int, Lines, str]:
        status = main(argv)
        said = capsys.readouterr()
        lines = [json.loads(line) for line in said.out.splitlines()]
        for line in lines:
            check_line(line)
        return status, lines, said.err

    return run


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file of requests in a directory of its own, in which the command runs, and has its ledger beside it."""
    monkeypatch.chdir(tmp_path)

    def written(requests: Sequence[object], name: str = "launch.jsonl") -> str:
        lines = [one if isinstance(one, str) else json.dumps(one) for one in requests]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        monkeypatch.setenv("MOTION_LEDGER", f"{name}.ledger.db")  # where tests look into it
        return name

    return written


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a process of its own, with pipes; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen([sys.executable, "-m", "motion_async.cli", *argv], text=True, **options))
        return started[-1]

    yield start
    for running in started:
        if running.poll() is None:
            running.kill()
        running.communicate()


@pytest.fixture
def on_terminal(process: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str]]:
    """Run the command on a terminal of its own: its exit status, and all that it showed."""

    def run(*argv: str, columns: int = 100, after: str = "", typed: str = "", **variables: str) -> tuple[int, str]:
        """As soon as something is shown, type something, or interrupt it; `variables` are of the environment."""
        outer, inner = os.openpty()
        environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **variables}
        # In a session of its own, so that it asks nobody on the terminal of the tests.
        running = process(*argv, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True)
        os.close(inner)
        shown = b""
        try:
            while part := os.read(outer, 65_536):
                shown += part
                if after and after.encode() in shown:
                    after = ""
                    if typed:
                        os.write(outer, typed.encode())
                    else:
                        running.send_signal(signal.SIGINT)
        except OSError:
            pass  # the other side of a terminal ends so
        finally:
            os.close(outer)
        return running.wait(timeout=10), shown.decode()

    return run
