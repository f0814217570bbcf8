"""`motion_async.cli.process.begin`: Ctrl-C at any instant ends the program with a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from motion_async.cli import main
from motion_async.cli.process.begin import has_begun, leaving_at_once
from motion_async.sandbox import AwaitInput, Sandbox

# An instant is something that is loaded, opened or connected; those of a clock would be others on a busy machine.
_PROGRAM: Final = """
import os, signal, sys

instants, interrupt_at = 0, int(sys.argv.pop(1))

def count(event, arguments):
    global instants
    instants += 1
    if instants == interrupt_at:
        os.kill(os.getpid(), signal.SIGINT)

from motion_async.cli import main
sys.addaudithook(count)
status = main()
if not interrupt_at:
    print(instants)
sys.exit(status)
"""
_TRIES: Final = 30
Run = Callable[..., tuple[int, str]]


@pytest.fixture(params=["pipes", "terminal"])
def run(request: pytest.FixtureRequest, sandbox: Sandbox) -> Run:
    """Run the program, and interrupt it at an instant: its exit status, and all that it told."""

    def run(instant: int, *argv: str) -> tuple[int, str]:
        """An instant is counted from when the package is loaded; at 0 nothing interrupts it, and it tells how many."""
        sandbox.faults.next(AwaitInput(until_answered=True))
        line = [sys.executable, "-c", _PROGRAM, str(instant), *argv]
        if request.param == "terminal":
            return on_terminal(line)
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    return run


def on_terminal(line: list[str]) -> tuple[int, str]:
    """Run a program on a terminal of its own."""
    outer, inner = os.openpty()
    streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), inner)
    told = b""
    with subprocess.Popen(line, start_new_session=True, env={**os.environ, "TERM": "xterm"}, **streams) as running:
        os.close(inner)
        try:
            while part := os.read(outer, 65_536):
                told += part
        except OSError:
            pass  # the other side of a terminal ends so
        os.close(outer)
    return running.returncode, told.decode()


@pytest.mark.parametrize("first", range(3))
def test_ctrl_c_at_any_instant_is_a_sentence(run: Run, first: int) -> None:
    """While it loads, connects, shows and waits: the exit status is 130, and nothing is a traceback."""
    argv = ("generate", "A video", "--timeout", "0.2")
    instants = int(run(0, *argv)[1].split()[-1])
    assert instants > 20 * _TRIES
    for number in range(first, _TRIES, 3):
        instant = 1 + number * (instants * 95 // 100) // _TRIES  # the last ones are those of its end
        status, told = run(instant, *argv)
        assert "Traceback" not in told, f"{instant} of {instants}: {told}"
        assert (status, told.count("interrupted")) == (130, 1 + ('"interrupted"' in told)), f"{instant}: {told}"


@pytest.fixture
def usual() -> Iterator[None]:
    """Leave the handler of Ctrl-C as it was found."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual")
def test_the_process_has_its_handler_back() -> None:
    """At the end, and as soon as somebody says that it has begun; whoever has another one keeps that."""
    with leaving_at_once():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with leaving_at_once():
        has_begun()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with leaving_at_once():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("usual", "sandbox")
def test_a_command_leaves_the_process_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Also one that runs on an event loop, and one that shows a help."""
    for argv in (["status", "no-such-job"], ["--help"], ["nothing"]):
        main(argv)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
