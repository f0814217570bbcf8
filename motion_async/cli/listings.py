"""Lists for a person of what a ledger or a batch's file has: jobs, lines that are new, and lines made before.

Pure: it reads and prints nothing. Each fits any width; the ids of jobs are whole where there is room for them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.happenings import DuplicatesShown, JobsShown, NewLinesShown
from motion_async.cli.looks import one_line
from motion_async.cli.records import begun_at
from motion_async.cli.tables import open_table
from motion_async.cli.words import word_of_item
from motion_async.redaction import redacted

__all__ = ["JobsTable", "duplicates_table", "local_time", "new_lines_table"]

_WIDE: Final = 120
_BATCH_WIDTH: Final = 14
_KEY_WIDTH: Final = 20
_ID_WIDTH: Final = 36
_SHORT_ID: Final = 9
_NOTE_LIMIT: Final = 200


def local_time(at: datetime) -> str:
    """Write a time as the clock of whoever reads it shows it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


class JobsTable:
    """Items of all batches, a line each."""

    def __init__(self, it: JobsShown) -> None:
        self._items = it.items

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table in the width that there is."""
        is_wide = options.max_width >= _WIDE
        table = open_table()
        table.add_column("begun (local)", no_wrap=True, min_width=16, style="dim")
        table.add_column("state", no_wrap=True, min_width=9)
        table.add_column("batch", no_wrap=True, overflow="ellipsis", max_width=_BATCH_WIDTH)
        width = _ID_WIDTH if is_wide else _SHORT_ID
        table.add_column("job", no_wrap=not is_wide, overflow="fold" if is_wide else "ellipsis", width=width)
        table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
        for item in self._items:
            table.add_row(
                local_time(begun_at(item)),
                Text(word := word_of_item(item), word.colour),
                Text(one_line(item.batch)),
                Text(one_line(item.job_id or "")),
                Text(one_line(redacted(item.request.prompt), limit=_NOTE_LIMIT)),
            )
        yield table


def new_lines_table(it: NewLinesShown) -> RenderableType:
    """Show the first lines that would be sent, and how many more there are."""
    table = open_table()
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("key", no_wrap=True, overflow="ellipsis", max_width=_KEY_WIDTH)
    table.add_column("new prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for line in it.first:
        prompt = one_line(redacted(line.prompt), limit=_NOTE_LIMIT)
        table.add_row(f"{line.line:,}", Text(one_line(line.key)), Text(prompt))
    return _with_rest(table, it.count - len(it.first))


def duplicates_table(it: DuplicatesShown) -> RenderableType:
    """Show the first lines that ask for what was made before, with when and where that was."""
    table = open_table()
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("made before", no_wrap=True, min_width=16)
    table.add_column("in batch", no_wrap=True, overflow="ellipsis", max_width=_BATCH_WIDTH)
    table.add_column("state", no_wrap=True, min_width=9)
    table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for found in it.first:
        made = found.made
        table.add_row(
            f"{found.line:,}",
            local_time(begun_at(made)),
            Text(one_line(made.batch)),
            Text(word := word_of_item(made), word.colour),
            Text(one_line(redacted(found.prompt), limit=_NOTE_LIMIT)),
        )
    return _with_rest(table, it.count - len(it.first))


def _with_rest(table: Table, rest: int) -> RenderableType:
    return Group(table, *([Text(f"and {rest:,} more", "dim")] if rest > 0 else []))
