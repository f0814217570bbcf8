"""Tests of the waiting that the tests share: a regression fails them, and hangs nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import count

import pytest

from tests.waiting import until, until_now


async def test_what_holds_after_some_looks_is_given_back() -> None:
    """Whether it is asked in a call or in a coroutine; between the looks something can be done."""
    looks, done = count(), []
    assert await until(lambda: next(looks) > 2, meanwhile=lambda: done.append(1)) is True
    assert len(done) == 3

    async def found() -> str:
        return "found"

    assert await until(found) == "found"


async def test_what_never_holds_fails_and_says_what() -> None:
    """Within the bound, with the words of the condition."""
    with pytest.raises(AssertionError, match=r"not within 0 s: .*no_such_thing"):
        await until(lambda no_such_thing=0: no_such_thing, within=0)
    with pytest.raises(AssertionError, match="not within 0 s"):
        until_now(lambda: False, within=0)


async def test_it_can_be_cancelled() -> None:
    """It is a wait like any other."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(until(lambda: False), 0.01)


def test_a_process_that_has_ended_is_not_waited_for() -> None:
    """What it should have done it will not do any more."""
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], text=True) as running:
        running.wait()
        with pytest.raises(AssertionError, match="it has ended with 3"):
            until_now(lambda: False, running=running)
