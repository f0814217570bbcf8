"""Which items a group of writes has made ready to be begun, for a queue that learns of them in the same transaction.

An item is ready once it is planned and the video that it follows, if it does, is finished; and once its job is known,
which is to be watched. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.ledger.items import Item, ItemState, parent_of_job
from motion_async.ledger.schema import items
from motion_async.ledger.transitions import Accept, Finish
from motion_async.ledger.writes import Plan, Write

__all__ = ["Enqueue", "find_ready"]

Enqueue: TypeAlias = Callable[[AsyncConnection, Sequence[int]], Awaitable[None]]
"""Puts the items of some numbers into a queue, in the transaction of a connection."""

_parent: Final = items.alias()
_OPEN: Final = [state.value for state in (ItemState.PLANNED, ItemState.INTENT, ItemState.SUBMITTED)]
_is_free: Final = (
    (items.c.state != ItemState.PLANNED.value)
    | items.c.parent.is_(None)
    | items.c.parent.startswith(parent_of_job(""), autoescape=True)
    | (_parent.c.state == ItemState.COMPLETED.value)
)
_ready: Final = (
    sa.select(items.c.id)
    .select_from(
        items.outerjoin(_parent, (_parent.c.batch == items.c.batch) & (_parent.c.key == items.c.parent)),
    )
    .where(items.c.state.in_(_OPEN), _is_free)
    .order_by(items.c.id)
)


async def find_ready(connection: AsyncConnection, writes: Sequence[Write], results: Sequence[Any]) -> list[int]:
    """Give the numbers of the items that a group of writes, made in this transaction, has made ready.

    The items that are followed must stay as they are up to its end. Whoever notes the end of one at the same time
    either sees the followup, or is seen by it: else nobody would queue it.
    """
    planned: list[Item] = []
    for write, result in zip(writes, results, strict=True):
        if isinstance(write, Plan):
            planned += result
    # An id may come when the queue has nothing of its item any more: whoever looked meanwhile had taken it for lost.
    accepted = [write.item.id for write in writes if isinstance(write, Accept)]
    ended = [write.item.id for write in writes if isinstance(write, Finish)]
    if not planned and not accepted and not ended:
        return []
    made_ready = items.c.id.in_([*accepted, *(item.id for item in planned)]) | _parent.c.id.in_(ended)
    return list((await connection.execute(_ready.where(made_ready))).scalars())
