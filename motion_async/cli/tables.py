"""Batches and items as tables for a person. Pure: it reads and prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from motion_async.cli.happenings import BatchCounts, BatchPlanned, FleetShown, ItemShown, ItemsShown
from motion_async.cli.looks import counted, one_line
from motion_async.cli.words import END_OF_STATE, Fate, Word, count_words, word_of_item
from motion_async.ledger import History, Item, ItemState
from motion_async.redaction import redacted

__all__ = ["ItemsTable", "counts_line", "fleet_lines", "item_table", "open_table", "plan_table"]

_WIDE: Final = 130
_KEY_WIDTH: Final = 36
_BATCH_WIDTH: Final = 20
_NOTE_LIMIT: Final = 200
_VALUE_LIMIT: Final = 2_000


def open_table(*, expand: bool = True) -> Table:
    """Give an empty table without lines, whose heads stand back."""
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=expand)


def plan_table(plan: BatchPlanned) -> RenderableType:
    """Show what a run of a batch would do."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for fate in Fate:
        if plan.counts.get(fate):
            table.add_row(f"{plan.counts[fate]:,}", fate.words)
    if plan.invalid:
        table.add_row(f"{plan.invalid:,}", "lines that cannot be sent")
    last = Text("nothing is left to send")
    if plan.minimum_balance:
        last = Text(
            f"To begin a video the service asks for at least {plan.minimum_balance} credits in the balance, says its "
            "documentation. That is a minimum balance and no price: what the videos cost it does not say."
        )
    return Group(Text(f"batch {one_line(plan.batch)}: {counted(plan.lines, 'request')}; nothing was sent"), table, last)


def fleet_lines(it: FleetShown) -> RenderableType:
    """Show a fleet in two lines, and why it is paused."""
    status, limits = it.status, it.status.limits
    queue = status.queue
    items = f"{queue.waiting:,} items wait, {queue.claimed:,} are claimed, {queue.held:,} held"
    jobs = "any number of jobs" if limits.max_active is None else f"{limits.max_active:,} jobs"
    polls = "" if limits.max_polls_per_second is None else f" and {limits.max_polls_per_second:g} polls a second"
    paused = [] if limits.paused is None else [Text(f"paused: {one_line(limits.paused)}", "yellow")]
    return Group(
        *paused, Text(f"workers: {status.workers:,} at work; {items}"), Text(f"limits: {jobs} at one time{polls}")
    )


def counts_line(it: BatchCounts) -> Text:
    """Show a batch and its items by state in one line."""
    line = Text(one_line(it.batch), "bold").append(f"  {sum(it.counts.values()):,} items: ", "not bold dim")
    counts = count_words(it.counts)
    for place, word in enumerate(word for word in Word if counts[word]):
        line.append(", " if place else "", "not bold")
        line.append(f"{counts[word]:,} {word}", f"not bold {word.colour}")
    return line


class ItemsTable:
    """Items, a row each; where the terminal is narrow, without their jobs."""

    def __init__(self, it: ItemsShown) -> None:
        self._items = it.items

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table in the width that there is."""
        has_batches = len({item.batch for item in self._items}) > 1
        table = open_table()
        if has_batches:
            table.add_column("batch", max_width=_BATCH_WIDTH, overflow="fold")
        longest = max((len(one_line(item.key)) for item in self._items), default=0)
        table.add_column("key", width=max(min(longest, _KEY_WIDTH), 3), overflow="fold")
        table.add_column("state", no_wrap=True, min_width=9)
        table.add_column("changed (UTC)", no_wrap=True, min_width=13, style="dim")
        has_jobs = options.max_width >= _WIDE
        if has_jobs:
            table.add_column("job", min_width=36, overflow="fold")
        table.add_column("", no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
        for item in self._items:
            # What is uncertain is looked for at the service by its prompt, and why it is so is the same for all.
            error = None if item.state is ItemState.UNCERTAIN else redacted(item.error)
            note = error or f"“{redacted(item.request.prompt)}”"
            table.add_row(
                *([Text(one_line(item.batch))] if has_batches else []),
                Text(one_line(item.key)),
                Text(word := word_of_item(item), word.colour),
                Text(f"{item.changed_at.astimezone(UTC):%d %b %H:%M}"),
                *([Text(one_line(item.job_id or ""))] if has_jobs else []),
                Text(one_line(note, limit=_NOTE_LIMIT)),
            )
        yield table


def item_table(it: ItemShown) -> RenderableType:
    """Show one item with all that is known of it, and its history if that was asked for."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _values(it.item):
        if value is not None:
            table.add_row(name, Text(one_line(value, limit=_VALUE_LIMIT)))
    if it.history is None:
        return table
    return Group(table, Text(), _history(it.history))


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
    table = open_table(expand=False)
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
