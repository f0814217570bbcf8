"""Has failed lines of a batch made anew, if the person says so: each is another try of the same item, and paid for."""

from __future__ import annotations

from motion_async.canonical import canonical_text
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import standings
from motion_async.cli.looks import one_line
from motion_async.cli.reporter import Reporter
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger

__all__ = ["retry_failed"]


async def retry_failed(reporter: Reporter, spool: Spool, ledger: Ledger, order: BatchOrder) -> int:
    """Plan the file's creates again whose jobs have failed, or those of them that were named, and give how many.

    They count for the order's limit, and come before what is new.

    Raises a `ConfigurationError` for a key that is named and is none of a line that has failed.
    """
    named = {canonical_text(key) for key in order.only}
    failed: list[Item] = []
    async for _, item in standings(spool.lines(), ledger, order.batch):
        if item is not None and item.state is ItemState.FAILED and (not named or item.key in named):
            failed.append(item)
    if unknown := named - {item.key for item in failed}:
        key = one_line(min(str(key) for key in unknown))
        raise ConfigurationError(f"--only {key}: no line of that key has failed in batch {one_line(order.batch)}")
    anew = await ledger.try_again([item for item in failed if item.parent is None][: order.limit])
    reporter.notice(f"{'1 line' if len(anew) == 1 else f'{len(anew):,} lines'} that failed will be made anew")
    if any(item.parent is not None for item in failed):
        reporter.notice("a followup is not made anew, as its video has failed: give its line another id")
    return len(anew)
