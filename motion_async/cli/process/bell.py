"""Calls a person who went away back to a terminal, when what they waited for has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from motion_async.cli.looks import one_line, span
from motion_async.cli.output.stdout import Stdout

__all__ = ["Bell"]

_PATIENCE: Final = 60.0
"""Seconds for which a person is taken to look at what they began."""


class Bell:
    """Rings once more than a minute has passed since it was made; `clock` gives seconds, never backwards."""

    def __init__(self, stdout: Stdout, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stdout = stdout
        self._clock = clock
        self._began = clock()

    def ring(self, words: str) -> None:
        """Ring, and have the terminal show some words as a notification, if it can (OSC 9), unless it is too soon."""
        seconds = self._clock() - self._began
        if seconds > _PATIENCE:
            self._stdout.write(f"\a\x1b]9;{one_line(f'motion-async: {words} after {span(seconds)}')}\a")
            self._stdout.flush()
