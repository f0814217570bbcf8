"""Refuses lines of a batch's file that would be paid for although the ledger has made the same before."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.sources import Source
from motion_async.cli.batch.standing import standings
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.jobs import VideoRequest
from motion_async.ledger import Account, Item, ItemState, Ledger

__all__ = ["refuse_repeats"]

_AT_ONCE: Final = 200


async def refuse_repeats(source: Source, ledger: Ledger, order: BatchOrder, account: Account) -> None:
    """Raise a `ConfigurationError` if a line that is to be sent asks for what other lines have made before.

    What this file's own lines have made is none of that: equal lines are as many videos.
    """
    lines = standings(source.lines(), ledger, order.batch, of=lambda _: False)  # their keys alone
    own = {fingerprint(standing.key or "") async for standing in lines}
    repeats = 0
    example: tuple[int, Item] | None = None
    async with aclosing(_chunks_of_new(source, ledger, order)) as chunks:
        async for chunk in chunks:
            made = await ledger.find_made_of([request for _, request in chunk], account=account)
            for (number, _), items in zip(chunk, made, strict=True):
                others = [it for it in items if it.batch != order.batch or fingerprint(it.key) not in own]
                repeats += bool(others)
                example = example or ((number, others[-1]) if others else None)
    if example is not None:
        raise ConfigurationError(_explain(repeats, *example))


async def _chunks_of_new(
    source: Source, ledger: Ledger, order: BatchOrder
) -> AsyncGenerator[list[tuple[int, VideoRequest]]]:
    """Give the creates that are to be sent, with their lines, a few hundred at a time."""
    chunk: list[tuple[int, VideoRequest]] = []
    async for standing in standings(source.lines(), ledger, order.batch):
        given = standing.line.given
        if given is not None and given.follows is None and _is_new(standing.item):
            chunk.append((standing.line.number, given.request))
            if len(chunk) == _AT_ONCE:
                yield chunk
                chunk = []
    yield chunk


def _is_new(item: Item | None) -> bool:
    return item is None or item.state in (ItemState.PLANNED, ItemState.REJECTED)


def _explain(repeats: int, number: int, item: Item) -> str:
    what = "1 line asks" if repeats == 1 else f"{repeats:,} lines ask"
    made = f"{one_line(item.key)} of batch {one_line(item.batch)}, planned on {item.planned_at:%Y-%m-%d} ({item.state})"
    return (
        f"nothing was sent: {what} for what this ledger has made before, such as line {number}, which is {made}; "
        "take the video that is there, or add --make-again to pay for it once more"
    )
