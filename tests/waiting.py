"""Waits for what a test is to see, and never for ever: what does not come fails the test that waits for it.

The bound is of real time, whatever clock the loop has, and so long that a busy machine does not meet it.
"""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

__all__ = ["until", "until_now"]

_PATIENCE: Final = 60.0


async def until(
    condition: Callable[[], Any | Awaitable[Any]],
    *,
    every: float = 0.0,
    meanwhile: Callable[[], object] = lambda: None,
    within: float = _PATIENCE,
) -> Any:
    """Wait until something holds, and give what the condition gave.

    Args:
        condition: asked again and again; may be asynchronous.
        every: seconds of the loop between two looks; 0 looks at each of its steps.
        meanwhile: called after each look in vain.
        within: seconds of real time after which the test fails.
    """
    over = time.monotonic() + within
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < over, f"not within {within:g} s: {_words(condition)}"
        meanwhile()
        await asyncio.sleep(every)


def until_now(
    condition: Callable[[], Any], *, running: subprocess.Popen[str] | None = None, within: float = _PATIENCE
) -> Any:
    """Wait outside of any loop until something holds, and give what the condition gave.

    Args:
        condition: asked again and again.
        running: a process that must not end before.
        within: seconds after which the test fails.
    """
    over = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < over, f"not within {within:g} s: {_words(condition)}"
        time.sleep(0.01)
        assert running is None or running.poll() is None, f"it has ended with {running.returncode}"
    return found


def _words(condition: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except OSError:
        return repr(condition)
