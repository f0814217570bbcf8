"""`motion-async ledger show`: the batches of a ledger, the items of one, or one item with its history.

Any number of items is told of a page at a time, also by `motion-async jobs`, and then what can be done about them.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

from cyclopts import Parameter

from motion_async.cli.arguments import Access, BatchName, Json, LedgerName, Limit, States
from motion_async.cli.commandline import access_options, command_line
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address
from motion_async.cli.ledger.opening import find_item, find_ledger, opened
from motion_async.cli.ledger.selection import select
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.words import Word, count_words, possible_words, word_of_item
from motion_async.ledger import Item, ItemState, Ledger
from motion_async.options import check_whole_number

__all__ = ["list_items", "show"]

_FIRST: Final = (Word.UNCLEAR, Word.NEEDS_YOU, Word.FAILED)
"""What a person has to look at comes before all else."""
_OPEN: Final = tuple(state for state in ItemState if len(possible_words(state)) > 1)
"""States that alone do not give an item's word."""
_PAGE: Final = 500
"""So many items are told of at once, however many there are, and no more are in memory."""
_NAMED: Final = 3
"""So many running jobs are named in the command that asks after them."""


def show(
    ledger: LedgerName = None,
    /,
    *,
    batch: BatchName = None,
    state: States = None,
    key: Annotated[str | None, Parameter(help="Only this item, with its history.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> ExitStatus:
    """Show the batches of a ledger; with --batch or --state the items, those with problems first."""

    async def work(output: Output) -> ExitStatus:
        selection = select(state or ())
        address = find_ledger(ledger, Access())
        async with opened(output, address, batch, read_only=True) as found:
            if key is not None:
                item = await find_item(found, address, key, batch)
                output.show_item(item, tuple(await found.history(item)))
            elif batch is None and not state:
                for name, counts in sorted((counted := await _count(found)).items()):
                    output.show_counts(name, counts)
                if not counted:
                    output.notice("the ledger is empty")
            else:
                items = selection.of(_problems_first(found, batch))
                await list_items(output, address, items, limit=limit)
        return ExitStatus.DONE

    return execute(work, json=json or None)


async def list_items(output: Output, address: Address, items: AsyncGenerator[Item], *, limit: int) -> int:
    """Tell of items, at most `limit`, 0 for all of them, and give how many that were.

    Raises a `ConfigurationError` for a limit below 0, or a `LedgerError` if the ledger cannot be read.
    """
    left = check_whole_number("--limit", limit, low=0, high=1_000_000_000) or sys.maxsize
    told = 0
    running: list[str] = []
    unclear: Item | None = None
    async with aclosing(items):
        while page := await _take(items, min(left - told, _PAGE)):
            output.show_items(page)
            told += len(page)
            running += [item.job_id for item in page if item.state is ItemState.SUBMITTED and item.job_id is not None]
            unclear = unclear or next((item for item in page if item.state is ItemState.UNCERTAIN), None)
        has_more = await anext(items, None) is not None
    if not told:
        output.notice("there is nothing of that kind in the ledger")
    if has_more:
        output.notice(f"these are the first {told:,}; --limit 0 shows all, `motion-async ledger export` writes them")
    _say_what_next(output, address, running, unclear)
    return told


async def _take(items: AsyncGenerator[Item], most: int) -> list[Item]:
    taken: list[Item] = []
    while len(taken) < most and (item := await anext(items, None)) is not None:
        taken.append(item)
    return taken


def _say_what_next(output: Output, address: Address, running: list[str], unclear: Item | None) -> None:
    if running:
        names = [("JOB_ID", job_id) for job_id in running[:_NAMED]]
        see = command_line("status", options=dict(access_options.get()), names=names)
        output.notice(f"{len(running):,} had not ended when they were seen last; how they stand now: {see}")
    if unclear is not None:
        settle = address.resolve_line(unclear.batch, unclear.key)
        output.say(
            "what is unclear may have been sent: look at https://motion.so whether its video is there, then settle "
            f"each (--send-again or --drop in place of --job-id), as with: {settle}"
        )


async def _count(ledger: Ledger) -> dict[str, Counter[Word]]:
    """Count the items of each batch by word; those are read whose state alone does not give it."""
    counts: dict[str, Counter[Word]] = defaultdict(Counter)
    for batch, states in (await ledger.counts()).items():
        decided = {state: number for state, number in states.items() if state not in _OPEN}
        counts[batch] = count_words(decided)
    async for item in ledger.items(states=_OPEN):
        counts[item.batch][word_of_item(item)] += 1
    return counts


async def _problems_first(ledger: Ledger, batch: str | None) -> AsyncGenerator[Item]:
    for words in (*({word} for word in _FIRST), set(Word).difference(_FIRST)):
        group = select(words)
        async with aclosing(group.of(ledger.items(batch, states=group.states))) as items:
            async for item in items:
                yield item
