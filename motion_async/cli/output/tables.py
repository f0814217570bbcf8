"""What a person is shown as tables: a plan, lines of a file, items of a ledger, a fleet.

Pure: it reads and prints nothing. Each fits any width; in each the words of others are printable, and no secret shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.looks import counted, local_time, one_line
from motion_async.cli.progress import DuplicateFound, NewLine
from motion_async.cli.records import begun_at
from motion_async.cli.words import END_OF_STATE, Fate, Word, word_of_item
from motion_async.ledger import History, Item
from motion_async.redaction import redacted

if TYPE_CHECKING:
    from motion_async.fleet import FleetStatus

__all__ = [
    "ItemsTable",
    "counts_line",
    "duplicates_table",
    "fleet_lines",
    "item_table",
    "new_lines_table",
    "plan_table",
]

_WIDE: Final = 120
_KEY_WIDTH: Final = 21
_NARROW_KEY_WIDTH: Final = 12
"""In a narrow table a job's id has to fit beside it."""
_BATCH_WIDTH: Final = 14
_NOTE_LIMIT: Final = 200
_VALUE_LIMIT: Final = 2_000


def _open_table(*, expand: bool = True) -> Table:
    """Give an empty table without lines, whose heads stand back."""
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=expand)


def plan_table(
    batch: str, lines: int, counts: Mapping[Fate, int], invalid: int, minimum_balance: int
) -> RenderableType:
    """Show what a run of a batch would do."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for fate in Fate:
        if counts.get(fate):
            table.add_row(f"{counts[fate]:,}", fate.words)
    if invalid:
        table.add_row(f"{invalid:,}", "lines that cannot be sent")
    last = "nothing is left to send"
    if minimum_balance:
        last = (
            f"To begin a video the service asks for at least {minimum_balance} credits in the balance, says its "
            "documentation. That is a minimum balance and no price: what the videos cost it does not say."
        )
    return Group(Text(f"batch {one_line(batch)}: {counted(lines, 'request')}; nothing was sent"), table, Text(last))


def new_lines_table(first: Sequence[NewLine], *, rest: int) -> RenderableType:
    """Show the first lines that would be sent, and how many more there are."""
    table = _open_table()
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("key", no_wrap=True, overflow="ellipsis", max_width=_KEY_WIDTH)
    table.add_column("new prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for line in first:
        table.add_row(f"{line.line:,}", Text(one_line(line.key)), _note(line.prompt))
    return _with_rest(table, rest)


def duplicates_table(first: Sequence[DuplicateFound], count: int) -> RenderableType:
    """Show the first lines that ask for what was made before, with when and where that was."""
    table = _open_table()
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("made before", no_wrap=True, min_width=16)
    table.add_column("in batch", no_wrap=True, overflow="ellipsis", max_width=_BATCH_WIDTH)
    table.add_column("state", no_wrap=True, min_width=9)
    table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for found in first:
        made = found.made
        batch = Text(one_line(made.batch))
        table.add_row(f"{found.line:,}", local_time(begun_at(made)), batch, _state(made), _note(found.prompt))
    return _with_rest(table, count - len(first))


def _with_rest(table: Table, rest: int) -> RenderableType:
    return Group(table, *([Text(f"and {rest:,} more", "dim")] if rest > 0 else []))


def _state(item: Item) -> Text:
    return Text(word := word_of_item(item), word.colour)


def _note(words: str) -> Text:
    return Text(one_line(redacted(words), limit=_NOTE_LIMIT), no_wrap=True, overflow="ellipsis")


def fleet_lines(status: FleetStatus) -> RenderableType:
    """Show a fleet in two lines, and why it is paused."""
    limits, queue = status.limits, status.queue
    items = f"{queue.waiting:,} items wait, {queue.claimed:,} are claimed, {queue.held:,} held"
    jobs = "any number of jobs" if limits.max_active is None else f"{limits.max_active:,} jobs"
    polls = "" if limits.max_polls_per_second is None else f" and {limits.max_polls_per_second:g} polls a second"
    paused = [] if limits.paused is None else [Text(f"paused: {one_line(limits.paused)}", "yellow")]
    return Group(
        *paused, Text(f"workers: {status.workers:,} at work; {items}"), Text(f"limits: {jobs} at one time{polls}")
    )


def counts_line(batch: str, counts: Mapping[Word, int]) -> Text:
    """Show a batch and its items by state in one line."""
    line = Text(one_line(batch), "bold").append(f"  {sum(counts.values()):,} items: ", "not bold dim")
    for place, word in enumerate(word for word in Word if counts.get(word)):
        line.append(", " if place else "", "not bold")
        line.append(f"{counts[word]:,} {word}", f"not bold {word.colour}")
    return line


class ItemsTable:
    """Items, a row each; where the terminal is narrow their batches and jobs stand below their keys and prompts."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table in the width that there is."""
        is_wide = options.max_width >= _WIDE
        has_batches = len({item.batch for item in self._items}) > 1
        longest = max((len(one_line(item.key)) for item in self._items), default=0)
        width = max(min(longest, _KEY_WIDTH if is_wide else _NARROW_KEY_WIDTH), 8)
        table = _open_table()
        table.add_column("begun (local)", no_wrap=True, min_width=16, style="dim")
        table.add_column("state", no_wrap=True, min_width=9)
        overflow: Literal["fold", "ellipsis"] = "fold" if is_wide else "ellipsis"
        table.add_column("key", width=width, overflow=overflow, no_wrap=not is_wide)
        if is_wide and has_batches:
            table.add_column("batch", no_wrap=True, overflow="ellipsis", max_width=_BATCH_WIDTH)
        if is_wide:
            table.add_column("job", min_width=36, overflow="fold")
        table.add_column("prompt or error", ratio=1, overflow="fold")
        for item in self._items:
            key, batch, job = (Text(one_line(words or "")) for words in (item.key, item.batch, item.job_id))
            # These two are looked for at the service by their prompts, and why they are so is the same for all.
            error = None if word_of_item(item) in (Word.UNCLEAR, Word.NEEDS_YOU) else item.error
            note = _note(error or f"“{item.request.prompt}”")
            begun = Text(local_time(begun_at(item)))
            if is_wide:
                table.add_row(begun, _state(item), key, *([batch] if has_batches else []), job, note)
            else:
                batch.stylize("dim")
                job.stylize("dim")
                table.add_row(
                    begun,
                    _state(item),
                    Group(key, *([batch] if has_batches else [])),
                    Group(note, *([job] if item.job_id else [])),
                )
        yield table


def item_table(item: Item, history: tuple[History, ...] | None) -> RenderableType:
    """Show one item with all that is known of it, and its history if that was asked for."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _values(item):
        if value is not None:
            table.add_row(name, Text(one_line(value, limit=_VALUE_LIMIT)))
    return table if history is None else Group(table, Text(), _history(history))


def _values(item: Item) -> Iterator[tuple[str, str | None]]:
    yield "batch", item.batch
    yield "key", item.key
    yield "state", f"{word_of_item(item)} ({item.state})"
    yield "job", item.job_id
    yield "status", item.status
    yield "error", redacted(item.error)
    yield "follows", item.parent
    yield "prompt", redacted(item.request.prompt)
    yield "style", item.request.style_reference_url
    for attachment in item.request.attachments:
        yield "attachment", redacted(attachment.url)
    yield "metadata", None if item.metadata is None else json.dumps(item.metadata)
    yield "planned", _moment(item.planned_at)
    yield "sent", None if item.intent_at is None else _moment(item.intent_at)
    yield "changed", _moment(item.changed_at)


def _history(steps: tuple[History, ...]) -> Table:
    table = _open_table(expand=False)
    table.add_column("at (UTC)", no_wrap=True, style="dim")
    table.add_column("state", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("", overflow="fold")
    for step in steps:
        words = "; ".join(filter(None, (step.job_id and f"job {step.job_id}", redacted(step.detail))))
        state = Text(step.state or "", END_OF_STATE[step.state].word.colour if step.state else "")
        table.add_row(_moment(step.at), state, Text(one_line(step.status or "")), Text(one_line(words)))
    return table


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
