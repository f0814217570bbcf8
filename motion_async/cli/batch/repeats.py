"""Refuses lines of a batch's file that would be paid for although the ledger has made the same before."""

from __future__ import annotations

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import in_chunks
from motion_async.cli.looks import one_line
from motion_async.errors import ConfigurationError
from motion_async.ledger import Account, Item, Ledger

__all__ = ["refuse_repeats"]


async def refuse_repeats(spool: Spool, ledger: Ledger, order: BatchOrder, account: Account | None) -> None:
    """Raise a `ConfigurationError` if a line that is to be sent asks for what other lines have made before.

    What this file's own lines have made is none of that: equal lines are as many videos.
    """
    own = {fingerprint(line.key or "") async for chunk in in_chunks(spool.lines()) for line in chunk}
    repeats = 0
    example: tuple[int, Item] | None = None
    async for chunk in in_chunks(spool.lines()):
        new = [
            (line.number, line.given.request)
            for line in chunk
            if line.is_unsent and line.given is not None and line.given.follows is None
        ]
        made = await ledger.find_made_of([request for _, request in new], account=account) if new else []
        for (number, _), items in zip(new, made, strict=True):
            others = [it for it in items if it.batch != order.batch or fingerprint(it.key) not in own]
            repeats += bool(others)
            example = example or ((number, others[-1]) if others else None)
    if example is not None:
        raise ConfigurationError(_explain(repeats, *example))


def _explain(repeats: int, number: int, item: Item) -> str:
    what = "1 line asks" if repeats == 1 else f"{repeats:,} lines ask"
    made = f"{one_line(item.key)} of batch {one_line(item.batch)}, planned on {item.planned_at:%Y-%m-%d} ({item.state})"
    return (
        f"nothing was sent: {what} for what this ledger has made before, such as line {number}, which is {made}; "
        "take the video that is there, or add --make-again to pay for it once more"
    )
