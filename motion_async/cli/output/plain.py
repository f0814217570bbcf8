"""What happens in words and tables, for a person, where no picture can move or none is wanted."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

from anyio import wait_readable
from rich.console import Console
from rich.text import Text

from motion_async.cli.looks import one_line
from motion_async.cli.output import tables
from motion_async.cli.output.output import Output, View
from motion_async.cli.output.pacing import saying
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.progress import DuplicateFound, NewLine
from motion_async.cli.words import Fate, Word
from motion_async.ledger import History, Item

if TYPE_CHECKING:
    from motion_async.fleet import FleetStatus

__all__ = ["PlainOutput"]

_LISTED: Final = 20
"""So many new lines a dry run lists."""


class PlainOutput(Output):
    """Tells a person what happens: plain lines go to `stdout`, tables to `console`; a view is shown at its end."""

    def __init__(self, stdout: Stdout, console: Console, *, is_quiet: bool = False) -> None:
        super().__init__(stdout, is_quiet=is_quiet)
        self._console = console
        self._is_asking = False

    @asynccontextmanager
    async def _shown(self, view: View) -> AsyncIterator[None]:
        try:
            async with saying(lambda: None if self._is_asking else view.words(), self._murmur):
                yield
        finally:
            view.settle()
            self._console.print(view)

    @property
    def can_ask(self) -> bool:
        """See `Output.can_ask`; what a person types arrives only where the input is a terminal, too."""
        return sys.stdin is not None and sys.stdin.isatty()

    async def _ask(self, question: str, answers: Iterable[str], usual: str) -> str:
        """Ask until there is one of the answers; nothing, and the end of the input, is the usual one."""
        self._is_asking = True
        try:
            while True:
                self._console.print(Text(question), end="", soft_wrap=True)
                await wait_readable(sys.stdin)  # which leaves the loop free to serve Ctrl-C
                line = sys.stdin.readline()
                if not line.endswith("\n"):  # the end of the input, which leaves the cursor where it is
                    self._console.line()
                answer = line.strip().lower() or usual
                if answer in answers:
                    return answer
        except asyncio.CancelledError:
            self._console.line()
            raise
        finally:
            self._is_asking = False

    def notice(self, words: str) -> None:
        """Print it, above the view if there is one; see `Output.notice`."""
        if not self._is_quiet:
            self._print_line(words)

    def _print_line(self, words: str) -> None:
        # The terminal breaks it, not rich: a command in it can be copied so.
        self._console.print(Text(one_line(words)), soft_wrap=True)

    def show_account(self, base_url: str, api_key: str, source: str, profile: str | None) -> None:
        """See `Output.show_account`."""
        self._print_line(f"{base_url}, with {api_key} of {source if profile is None else f'profile {profile}'}")

    def show_listening(self, base_url: str, api_key: str) -> None:
        """Give a shell two lines to take over; see `Output.show_listening`."""
        # Plain lines, for rich would break them at the terminal's width.
        self._stdout.line(f"export MOTION_BASE_URL={shlex.quote(base_url)}")
        self._stdout.line(f"export MOTION_API_KEY={shlex.quote(api_key)}")
        if not self._stdout.is_terminal:
            self._stdout.let_go()  # `eval "$(…)"` waits for the end of it

    def show_plan(self, batch: str, lines: int, counts: Mapping[Fate, int], invalid: int, minimum_balance: int) -> None:
        """See `Output.show_plan`."""
        self._console.print(tables.plan_table(batch, lines, counts, invalid, minimum_balance))

    def show_new(self, lines: Iterable[NewLine]) -> None:
        """List the first ones, and count the others; see `Output.show_new`."""
        rest = iter(lines)
        if first := list(islice(rest, _LISTED)):
            self._console.print(tables.new_lines_table(first, rest=sum(1 for _ in rest)))

    def list_duplicates(self, first: Iterable[DuplicateFound], count: int) -> None:
        """See `Output.list_duplicates`."""
        self._console.print(tables.duplicates_table(list(first), count))

    def show_counts(self, batch: str, counts: Mapping[Word, int]) -> None:
        """See `Output.show_counts`."""
        self._console.print(tables.counts_line(batch, counts))

    def show_item(self, item: Item, history: tuple[History, ...] | None = None) -> None:
        """See `Output.show_item`."""
        self._console.print(tables.item_table(item, history))

    def show_items(self, items: Iterable[Item]) -> None:
        """See `Output.show_items`."""
        self._console.print(tables.ItemsTable(list(items)))

    def show_fleet(self, status: FleetStatus) -> None:
        """See `Output.show_fleet`."""
        self._console.print(tables.fleet_lines(status))
