"""Refuses lines of a batch's file that would be paid for although the ledger has made the same before."""

from __future__ import annotations

from typing import Final

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.sources import Source
from motion_async.cli.batch.standing import Standing, standings
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.ledger import Account, Item, ItemState, Ledger

__all__ = ["refuse_repeats"]

_AT_ONCE: Final = 200


async def refuse_repeats(source: Source, ledger: Ledger, order: BatchOrder, account: Account) -> None:
    """Raise a `ConfigurationError` if a line that is to be sent asks for what other lines have made before.

    What this file's own lines have made is none of that: equal lines are as many videos.
    """
    own: set[bytes] = set()
    new: list[Standing] = []
    async for standing in standings(source.lines(), ledger, order.batch):
        own.add(fingerprint(standing.key or ""))
        if standing.line.given is not None and standing.line.given.follows is None and _is_new(standing.item):
            new.append(standing)
    repeats = 0
    example: tuple[int, Item] | None = None
    for first in range(0, len(new), _AT_ONCE):
        some = new[first : first + _AT_ONCE]
        requests = [standing.line.given.request for standing in some if standing.line.given is not None]
        for standing, made in zip(some, await ledger.find_made_of(requests, account=account), strict=True):
            others = [it for it in made if it.batch != order.batch or fingerprint(it.key) not in own]
            repeats += bool(others)
            example = example or ((standing.line.number, others[-1]) if others else None)
    if example is not None:
        raise ConfigurationError(_explain(repeats, *example))


def _is_new(item: Item | None) -> bool:
    return item is None or item.state in (ItemState.PLANNED, ItemState.REJECTED)


def _explain(repeats: int, number: int, item: Item) -> str:
    what = "1 line asks" if repeats == 1 else f"{repeats:,} lines ask"
    made = f"{one_line(item.key)} of batch {one_line(item.batch)}, planned on {item.planned_at:%Y-%m-%d} ({item.state})"
    return (
        f"nothing was sent: {what} for what this ledger has made before, such as line {number}, which is {made}; "
        "take the video that is there, or add --make-again to pay for it once more"
    )
