"""What is read from a ledger: the statements, and values made of what they give.

Every read is one short transaction of its own, so that a slow reader holds up no writer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from motion_async.jobs import JobStatus
from motion_async.ledger.committing import in_chunks, padded
from motion_async.ledger.items import History, Item, ItemState
from motion_async.ledger.rows import item_of, read_history, read_job_state, read_time
from motion_async.ledger.schema import ITEM_COLUMNS, history, items
from motion_async.ledger.troubles import Unwritable

__all__ = ["Reading"]

_item: Final = sa.select(*ITEM_COLUMNS, items.c.claim).where(items.c.id == sa.bindparam("number"))
_keys: Final = sa.select(*ITEM_COLUMNS).where(
    items.c.batch == sa.bindparam("name"), items.c.key.in_(sa.bindparam("keys", expanding=True))
)
_of_job: Final = sa.select(*ITEM_COLUMNS).where(items.c.job_id == sa.bindparam("job_id")).order_by(items.c.id)
_history: Final = (
    sa.select(history.c.at, history.c.state, history.c.status, history.c.job_id, history.c.detail)
    .where(history.c.item == sa.bindparam("number"))
    .order_by(history.c.id)
)
_durations: Final = (
    sa.select(items.c.parent, items.c.taken_at, items.c.job_state)
    .where(
        items.c.state == ItemState.COMPLETED.value,
        items.c.job_state.is_not(None),
        # While it waited for a person, the person was timed, and not the service.
        ~sa.exists().where(history.c.item == items.c.id, history.c.status == str(JobStatus.AWAITING_USER_INPUT)),
    )
    .order_by(items.c.id.desc())
    .limit(sa.bindparam("most"))
)


def _read_item(row: Sequence[Any]) -> Item:
    try:
        return item_of(row)
    except (ValueError, TypeError, KeyError) as error:
        reason = f"item {row[2]!r:.80} of batch {row[1]!r:.80} is damaged ({error!s:.200})"
    raise Unwritable(reason)  # out here, as what was raised holds the row


class Reading:
    """Reads over one database.

    Args:
        rows: gives the rows of a statement.
    """

    def __init__(self, rows: Callable[..., Awaitable[Sequence[Any]]]) -> None:
        self._rows = rows

    async def item(self, number: int) -> tuple[Item, str | None] | None:
        """Give an item and the claim of its newest intent, None if there is none.

        Args:
            number: the item's.
        """
        for row in await self._rows(_item, {"number": number}):
            return _read_item(row[:-1]), row[-1]
        return None

    async def keys(self, batch: str, keys: Sequence[str]) -> dict[str, Item]:
        """Give the items of a batch that have one of some keys.

        Args:
            batch: the batch's name.
            keys: any number.
        """
        found: dict[str, Item] = {}
        for chunk in in_chunks(keys):
            for row in await self._rows(_keys, {"name": batch, "keys": padded(chunk)}):
                item = _read_item(row)
                found[item.key] = item
        return found

    async def of_job(self, job_id: str) -> list[Item]:
        """Give the items that have one job, in the order of planning.

        Args:
            job_id: the job's id.
        """
        return [_read_item(row) for row in await self._rows(_of_job, {"job_id": job_id})]

    async def page(self, batch: str | None, states: Sequence[ItemState], *, after: int, most: int) -> list[Item]:
        """Give some items in the order of planning.

        Args:
            batch: of this batch, or of all.
            states: in one of these states, or in any.
            after: the number of the last item before.
            most: how many to give at most.
        """
        statement = sa.select(*ITEM_COLUMNS).where(items.c.id > after).order_by(items.c.id).limit(most)
        if batch is not None:
            statement = statement.where(items.c.batch == batch)
        if states:
            statement = statement.where(items.c.state.in_([state.value for state in states]))
        return [_read_item(row) for row in await self._rows(statement)]

    async def history(self, number: int) -> list[History]:
        """Give what happened to an item, in order.

        Args:
            number: the item's.
        """
        return [read_history(row) for row in await self._rows(_history, {"number": number})]

    async def counts(self, batch: str | None) -> dict[str, dict[ItemState, int]]:
        """Give how many items of each batch are in each state.

        Args:
            batch: of this batch, or of all.
        """
        statement = sa.select(items.c.batch, items.c.state, sa.func.count()).group_by(items.c.batch, items.c.state)
        if batch is not None:
            statement = statement.where(items.c.batch == batch)
        found: dict[str, dict[ItemState, int]] = {}
        for name, state, number in await self._rows(statement):
            found.setdefault(name, {})[ItemState(state)] = number
        return found

    async def durations(self, most: int) -> list[tuple[float, int]]:
        """Give how long the newest finished jobs took.

        Args:
            most: how many at most.

        Returns:
            The seconds, and 1 for a followup, else 0; in the order of planning.
        """
        found: list[tuple[float, int]] = []
        for parent, taken_at, written in await self._rows(_durations, {"most": most}):
            state = read_job_state(written)
            if state is None:
                continue
            # A followup's job was created long before its turn began.
            began_at = state.created_at if parent is None else taken_at and read_time(taken_at)
            if began_at and state.completed_at and state.completed_at > began_at:
                found.append(((state.completed_at - began_at).total_seconds(), 0 if parent is None else 1))
        return found[::-1]
