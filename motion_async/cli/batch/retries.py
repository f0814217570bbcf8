"""Has failed lines of a batch made anew, if the person says so: each is another try of the same item, and paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from motion_async.canonical import canonical_text
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import standings
from motion_async.cli.batch.survey import Survey
from motion_async.cli.looks import one_line
from motion_async.cli.output.output import Output
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger

__all__ = ["AGAIN", "find_failed", "plan_retries", "retry_failed"]

AGAIN: Final = "again"
"""What a plan calls lines that have failed and are made anew."""


async def find_failed(spool: Spool, ledger: Ledger | None, order: BatchOrder) -> list[Item]:
    """Give the file's items whose jobs have failed, or those of them that were named, if they are to be made anew.

    Raises a `ConfigurationError` for a key that is named and is none of a line that has failed.
    """
    if not order.retry_failed:
        return []
    named = {canonical_text(key) for key in order.only}
    failed: list[Item] = []
    async for _, item in standings(spool.lines(), ledger, order.batch):
        if item is not None and item.state is ItemState.FAILED and (not named or item.key in named):
            failed.append(item)
    if unknown := named - {item.key for item in failed}:
        key = one_line(min(str(key) for key in unknown))
        raise ConfigurationError(f"--only {key}: no line of that key has failed in batch {one_line(order.batch)}")
    return failed


def plan_retries(failed: Sequence[Item], order: BatchOrder, found: Survey) -> Survey:
    """Give what was found with those of the failed lines that are made anew; they count for the order's limit."""
    anew = len(_creates(failed, order))
    plan = found.plan + Counter({AGAIN: anew}) - Counter(failed=anew)
    return attrs.evolve(found, plan=plan)


async def retry_failed(reporter: Output, failed: Sequence[Item], ledger: Ledger, order: BatchOrder) -> int:
    """Plan creates again whose jobs have failed, and give how many; they come before what is new."""
    anew = await ledger.try_again(_creates(failed, order))
    reporter.notice(f"{'1 line' if len(anew) == 1 else f'{len(anew):,} lines'} that failed will be made anew")
    if any(item.parent is not None for item in failed):
        reporter.notice("a followup is not made anew, as its video has failed: give its line another id")
    return len(anew)


def _creates(failed: Sequence[Item], order: BatchOrder) -> list[Item]:
    return [item for item in failed if item.parent is None][: order.limit]
