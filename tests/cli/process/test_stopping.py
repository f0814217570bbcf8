"""`motion_async.cli.process.stopping`: who is asked when somebody wants a command to end."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from motion_async.cli.process.stopping import SIGNALS, Stop, interruptible


def test_a_command_that_says_nothing_is_cancelled() -> None:
    """Outside of a block the wish does what it would have done; inside it does what the command said."""
    stop = Stop()
    done: list[str] = []
    assert not stop.is_asked
    stop.ask(lambda: done.append("cancelled"))
    with stop.calls(lambda: done.append("own way")):
        stop.ask(lambda: done.append("cancelled"))
    stop.ask(lambda: done.append("cancelled"))
    assert done == ["cancelled", "own way", "cancelled"]
    assert stop.is_asked


async def test_work_ends_by_itself_or_by_a_wish_which_is_told_of_before() -> None:
    """Its error is raised to whoever runs it; after the work a wish is what it was."""
    stop, done = Stop(), list[str]()

    async def work() -> None:
        done.append("works")

    async def fail() -> None:
        raise ZeroDivisionError

    async def be_stopped() -> None:
        stop.ask(lambda: done.append("cancelled"))
        await asyncio.Event().wait()

    assert await stop.run(work(), name="work")
    with pytest.raises(ZeroDivisionError):
        await stop.run(fail(), name="work")
    assert not await stop.run(be_stopped(), name="work", say=lambda: done.append("stopping"))
    stop.ask(lambda: done.append("cancelled"))
    assert done == ["works", "stopping", "cancelled"]


@pytest.mark.parametrize("number", SIGNALS, ids=signal.Signals)
def test_each_signal_that_ends_a_command_ends_what_blocks(number: int) -> None:
    """Even where the command has its own way to end, which a loop that is blocked would not come to."""
    code = f"""
import os, signal
from motion_async.cli.process.stopping import interruptible
signal.signal({number:d}, lambda *_: None)
try:
    with interruptible():
        os.kill(os.getpid(), {number:d})
        signal.pause()
except KeyboardInterrupt:
    signal.signal({number:d}, signal.SIG_DFL)
    os.kill(os.getpid(), {number:d})
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=20, check=False)
    assert done.returncode == -number


def test_what_blocks_can_be_interrupted_and_handlers_come_back() -> None:
    """Inside a signal ends the block; after it the handlers are those from before."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        mine = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interruptible():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is mine
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
