"""Lines of a batch's file with their items in the ledger, a few hundred at a time. It changes neither of the two."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Final

from motion_async.cli.batch.spool import Spool
from motion_async.cli.sheets.filelines import Line
from motion_async.ledger import Item, ItemState, Ledger

__all__ = ["count_states", "in_chunks", "standings"]

_AT_ONCE: Final = 200


async def in_chunks(lines: Iterator[Line]) -> AsyncIterator[list[Line]]:
    """Give lines a few hundred at a time, letting other tasks run in between."""
    while chunk := list(islice(lines, _AT_ONCE)):
        # Reading and checking never wait: without this a long file would keep the picture and Ctrl-C from being served.
        await asyncio.sleep(0)
        yield chunk


async def standings(
    lines: Iterator[Line], ledger: Ledger | None, batch: str
) -> AsyncIterator[tuple[Line, Item | None]]:
    """Give each line that has its key with its item, None if there is none.

    A line that follows neither a line before it nor an item of the batch is given without its request.
    A step raises a `LedgerError` if the ledger cannot be read.
    """
    async for chunk in in_chunks(lines):
        keys = [key for line in chunk for key in (line.key, line.beyond) if key is not None]
        items = {} if ledger is None or not keys else await ledger.many(batch, keys)
        for line in chunk:
            if line.beyond is None or line.beyond in items:
                yield line, items.get(line.key or "")
            else:
                what = f"follows: {line.beyond!r:.80} is the id of no line before this one, nor of an item"
                yield Line(line.number, problems=(f"{what} that batch {batch!r:.80} has made",)), None


async def count_states(spool: Spool, ledger: Ledger, batch: str, *, but: Callable[[int], bool]) -> Counter[ItemState]:
    """Count the file's own lines, but for some, by the states of their items: a batch may have another file's as well.

    Raises a `LedgerError` if the ledger cannot be read.
    """
    states: Counter[ItemState] = Counter()
    async for line, item in standings(spool.lines(), ledger, batch):
        if item is not None and not but(line.number):
            states[item.state] += 1
    return states
