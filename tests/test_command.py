"""`motion_async_command`: Ctrl-C at any instant ends the program with a sentence."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from motion_async.sandbox import AwaitInput, Sandbox

# The instants are not those of a clock, which on a busy machine would all be the same: between two of them something
# is loaded, opened or connected.
_PROGRAM: Final = """
import os, signal, sys
from importlib.metadata import entry_points

instants, interrupt_at = 0, int(sys.argv.pop(1))

def count(event, arguments):
    global instants
    instants += 1
    if instants == interrupt_at:
        os.kill(os.getpid(), signal.SIGINT)

[program] = entry_points(group="console_scripts", name="motion-async")
from motion_async_command import main
sys.addaudithook(count)
status = main()
if not interrupt_at:
    print(instants, file=sys.stderr)
sys.exit(status)
"""
_TRIES: Final = 30


def run(instant: int, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the program, and interrupt it at an instant, counted from its very beginning; at none if it is 0."""
    line = [sys.executable, "-c", _PROGRAM, str(instant), *argv]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)


def test_ctrl_c_at_any_instant_is_a_sentence(sandbox: Sandbox) -> None:
    """While it loads, while it connects, while it waits: the exit status is 130, and nothing is a traceback."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    argv = ("generate", "A video", "--timeout", "0.2")
    instants = int(run(0, *argv).stderr.splitlines()[-1])
    assert instants > 20 * _TRIES
    for number in range(_TRIES):
        sandbox.faults.next(AwaitInput(until_answered=True))
        instant = 1 + number * (instants - 1) // _TRIES
        done = run(instant, *argv)
        assert "Traceback" not in done.stderr, f"{instant} of {instants}: {done.stderr}"
        assert (done.returncode, done.stderr.count("interrupted")) == (130, 1), f"{instant}: {done.stderr}"
