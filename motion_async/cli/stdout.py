"""Standard output, as long as somebody reads it.

A pipe whose reader has gone must not end in a traceback: the first line that cannot be written is
noted, whoever asked is told, and nothing is written any more. It knows nothing of what a line says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["Stdout"]


class Stdout:
    """Writes whole lines to standard output, each at once."""

    def __init__(self) -> None:
        self.is_closed = False
        self.on_close: Callable[[], object] | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at it."""
        return sys.stdout is not None and sys.stdout.isatty()

    def line(self, text: str) -> None:
        """Write one line, unless nobody reads any more.

        Args:
            text: the line, without its end.
        """
        if self.is_closed or sys.stdout is None:
            return
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except OSError:
            self.is_closed = True
            self.let_go()
            if self.on_close is not None:
                self.on_close()

    def let_go(self) -> None:
        """Point standard output nowhere, so that its reader sees the end of it and no flush can fail."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
