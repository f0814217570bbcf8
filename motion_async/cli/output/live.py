"""What happens as a picture that moves, on a terminal that can move its cursor, and in words above it.

A picture is rendered at most eight times a second, however many events it takes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from rich.console import Console
from rich.live import Live

from motion_async.cli.output.output import View, say
from motion_async.cli.output.plain import PlainOutput
from motion_async.cli.output.stdout import Stdout

__all__ = ["LiveOutput"]

_FRAME_SECONDS: Final = 0.125


class LiveOutput(PlainOutput):
    """Tells a person what happens, and shows it while it does; sentences for stderr wait until nothing moves."""

    def __init__(self, stdout: Stdout, console: Console, *, is_quiet: bool = False) -> None:
        super().__init__(stdout, console, is_quiet=is_quiet)
        self._live: Live | None = None
        self._unsaid: list[str] = []

    @asynccontextmanager
    async def _shown(self, view: View) -> AsyncIterator[None]:
        self._start(view)
        frames = asyncio.create_task(self._draw(), name="motion_async.cli.frames")
        try:
            yield
        finally:
            frames.cancel()
            try:
                await asyncio.wait([frames])
            finally:
                view.settle()
                self._stop()

    def _start(self, view: View) -> None:
        self._live = Live(
            console=self._console,
            get_renderable=lambda: view,
            # rich's own refresh is a thread, which would render the view while the loop changes it.
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def _stop(self, *, erase: bool = False) -> None:
        """Have nothing move any more, and say what has waited for that."""
        live, self._live = self._live, None
        try:
            if live is not None:
                live.transient = erase
                live.stop()
        finally:
            self._say_the_rest()

    def _say_the_rest(self) -> None:
        unsaid, self._unsaid = self._unsaid, []
        for words in unsaid:
            say(words)

    async def _draw(self) -> None:
        while True:
            if self._live is not None:
                self._live.refresh()
            await asyncio.sleep(_FRAME_SECONDS)

    async def _ask(self, question: str, answers: Iterable[str], usual: str) -> str:
        """Ask while no picture is shown; see `PlainOutput`."""
        self._stop(erase=True)
        answer = await super()._ask(question, answers, usual)
        if self._view is not None:
            self._start(self._view)
        return answer

    def say(self, words: str) -> None:
        """See `Output.say`."""
        if self._live is None:
            say(words)
        else:
            self._unsaid.append(words)

    def _murmur(self, words: str) -> None:
        if self._live is None:
            super()._murmur(words)  # else the picture says so

    def aside(self, words: str) -> None:
        """Say it above the picture if stderr is the terminal, too; see `Output.aside`."""
        if self._live is not None and sys.stderr is not None and sys.stderr.isatty():
            self._print_line(words)
        else:
            say(words)

    def leave_at_once(self) -> None:
        """See `Output.leave_at_once`."""
        self._live = None
        self._console.show_cursor(True)
        # Not by a print, after which a picture that is still live would be drawn once more.
        self._console.file.write("\n")
        self._console.file.flush()
        self._say_the_rest()
        super().leave_at_once()
