"""What happens on a terminal, for a person: a live view, a few lines above it, and tables at the end.

A view is rendered at most eight times a second, however many events it takes; on a terminal that cannot move its
cursor (TERM=dumb), and where a person wants it quiet, only once, at its end. Nothing here counts or polls.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from anyio import wait_readable
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from motion_async.cli.happenings import (
    AccountShown,
    BatchCounts,
    BatchPlanned,
    DuplicatesShown,
    FleetShown,
    Happening,
    ItemShown,
    ItemsShown,
    JobsShown,
    Listening,
    NewLinesShown,
    Stopping,
    Summary,
)
from motion_async.cli.listings import JobsTable, duplicates_table, new_lines_table
from motion_async.cli.looks import STOPPING, label, one_line, span, style
from motion_async.cli.pacing import saying
from motion_async.cli.reporter import Choose, View, say
from motion_async.cli.stdout import Stdout
from motion_async.cli.tables import ItemsTable, counts_line, fleet_lines, item_table, plan_table
from motion_async.cli.troubles import TroubleWords
from motion_async.jobs import JobStatus

__all__ = ["Screen"]

_FRAME_SECONDS: Final = 0.125


class Screen:
    """A sink for a person: plain lines go to `stdout`, what rich draws to `console`."""

    def __init__(self, stdout: Stdout, console: Console, *, is_quiet: bool = False) -> None:
        self._stdout = stdout
        self._console = console
        self._is_quiet = is_quiet
        self._troubles = TroubleWords()
        self._is_live = False

    def live(self, view: View) -> AbstractAsyncContextManager[None]:
        """Show a view until the context ends, and its last picture after it; see `Sink.live`."""
        return self._still(view) if self._is_quiet or self._console.is_dumb_terminal else self._moving(view)

    @asynccontextmanager
    async def _still(self, view: View) -> AsyncIterator[None]:
        """Say now and then how it stands, and show the last picture alone."""
        try:
            async with saying(view.words, self._say):
                yield
        finally:
            view.settle()
            self._console.print(view)

    @asynccontextmanager
    async def _moving(self, view: View) -> AsyncIterator[None]:
        shown = Live(
            console=self._console,
            get_renderable=lambda: view,
            # rich's own refresh is a thread, which would render the view while the loop changes it.
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        with shown:
            frames = asyncio.create_task(_frames(shown), name="motion_async.cli.frames")
            self._is_live = True
            try:
                yield
            finally:
                self._is_live = False
                frames.cancel()
                await asyncio.wait([frames])
                view.settle()

    def tell(self, happening: Happening) -> None:  # noqa: C901, PLR0912  # one table, a case a happening
        """Print what is no business of a view; see `Sink.tell`."""
        self.glance(happening)
        match happening:
            case Listening():
                # Plain lines, for rich would break them at the terminal's width.
                self._stdout.line(f"export MOTION_BASE_URL={shlex.quote(happening.base_url)}")
                self._stdout.line(f"export MOTION_API_KEY={shlex.quote(happening.api_key)}")
                if not self._stdout.is_terminal:
                    self._stdout.let_go()  # `eval "$(…)"` waits for the end of it
            case AccountShown(base_url, key, source, profile):
                self._line(f"{base_url}, with {key} of {source if profile is None else f'profile {profile}'}")
            case Summary():
                self._console.print("", _states(happening), "", _counts(happening), sep="\n")
            case BatchPlanned():
                self._console.print(plan_table(happening))
            case NewLinesShown():
                self._console.print(new_lines_table(happening))
            case DuplicatesShown():
                self._console.print(duplicates_table(happening))
            case FleetShown():
                self._console.print(fleet_lines(happening))
            case BatchCounts():
                self._console.print(counts_line(happening))
            case ItemsShown():
                self._console.print(ItemsTable(happening))
            case JobsShown():
                self._console.print(JobsTable(happening))
            case ItemShown():
                self._console.print(item_table(happening))
            case Stopping() if not self._is_live:
                self._say(STOPPING)
            case _:
                pass

    def glance(self, happening: Happening) -> None:
        """Say what of it is trouble, now and then, where no picture does; see `Sink.glance`."""
        if not self._is_live and (words := self._troubles.due(happening)) is not None:
            self._say(words)

    @property
    def confirm(self) -> Callable[[str], Awaitable[bool]] | None:
        """See `Sink.confirm`; what a person types arrives only where the input is a terminal, too."""
        return self._confirm if self._can_be_asked else None

    @property
    def choose(self) -> Choose | None:
        """See `Sink.choose`, and `confirm`."""
        return self._choose if self._can_be_asked else None

    @property
    def _can_be_asked(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty()

    async def _confirm(self, question: str) -> bool:
        """Ask until the answer is yes or no; nothing, and the end of the input, is no."""
        return await self._ask(f"{question} [y/N] ", ("y", "yes", "n", "no"), "n") in ("y", "yes")

    async def _choose(self, about: str, answers: Mapping[str, str], usual: str) -> str:
        """Ask until the answer is one of the letters."""
        listed = ", ".join(f"{words} ({letter})" for letter, words in answers.items())
        letters = "/".join(letter.upper() if letter == usual else letter for letter in answers)
        return await self._ask(f"{about}: {listed}? [{letters}] ", tuple(answers), usual)

    async def _ask(self, question: str, answers: Sequence[str], usual: str) -> str:
        """Ask until there is one of the answers; nothing, and the end of the input, is the usual one."""
        while True:
            self._console.print(Text(question), end="", soft_wrap=True)
            await wait_readable(sys.stdin)  # which leaves the loop free to serve Ctrl-C
            answer = sys.stdin.readline().strip().lower() or usual
            if answer in answers:
                return answer

    def restore(self) -> None:
        """Show the cursor again, below what was shown last; see `Sink.restore`."""
        self._console.show_cursor(True)
        # Not by a print, after which a picture that is still live would be drawn once more.
        self._console.file.write("\n")
        self._console.file.flush()

    def notice(self, words: str) -> None:
        """Print it above the view; see `Sink.notice`."""
        if not self._is_quiet:
            self._line(words)

    def aside(self, words: str) -> None:
        """Say it on stderr, and above the view if that is the terminal, too; see `Sink.aside`."""
        if self._is_live and sys.stderr is not None and sys.stderr.isatty():
            self._line(words)
        else:
            say(words)

    def _line(self, words: str) -> None:
        # The terminal breaks it, not rich: a command in it can be copied so.
        self._console.print(Text(one_line(words)), soft_wrap=True)

    def _say(self, words: str) -> None:
        if not self._is_quiet:
            say(words)


def _states(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("state", no_wrap=True)
    for name in ("passed", "now", "mean time"):
        table.add_column(name, justify="right", no_wrap=True)
    for state in summary.states:
        status = JobStatus(state.status)
        mean = "" if state.mean_seconds is None else span(state.mean_seconds)
        table.add_row(Text(label(status), style(status)), str(state.passed), str(state.now or ""), mean)
    return table


def _counts(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, value in (
        ("videos", f"{summary.completed} of {summary.jobs}"),
        ("creates sent", f"{summary.creates_sent}"),
        ("duplicates", f"{summary.duplicates}"),
        ("followups", f"{summary.followups_accepted}"),
        ("polls per job", f"{summary.polls_per_job:.1f}"),
        ("took", f"{span(summary.seconds)}, {summary.speed:g} times faster than real"),
    ):
        table.add_row(name, value)
    return table


async def _frames(shown: Live) -> None:
    while True:
        shown.refresh()
        await asyncio.sleep(_FRAME_SECONDS)
