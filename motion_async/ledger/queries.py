"""What is read from a ledger: the statements, and values made of what they give.

Every read is one short transaction of its own, so that a slow reader holds up no writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import sqlalchemy as sa

from motion_async.jobs import JobState, JobStatus
from motion_async.ledger.account_rows import WAS_SENT, find_binding
from motion_async.ledger.accounts import Binding
from motion_async.ledger.codec import describe_damage, read_change, read_history, read_item, read_job_state, read_time
from motion_async.ledger.items import History, Item, ItemState, LedgerChange, job_of_parent
from motion_async.ledger.legacy import EARLIER_DIGITS, EARLIER_KEY
from motion_async.ledger.outage import PermanentStoreError
from motion_async.ledger.schema import ITEM_COLUMNS, batches, history, items, ledger, tables_of
from motion_async.ledger.transaction import split
from motion_async.ledger.transitions import EXPIRED
from motion_async.timing.learned import agrees

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store

__all__ = ["Queries"]

_item: Final = sa.select(*ITEM_COLUMNS, items.c.claim).where(items.c.id == sa.bindparam("number"))
_numbered: Final = sa.select(*ITEM_COLUMNS).where(items.c.id.in_(sa.bindparam("numbers", expanding=True)))
_keys: Final = sa.select(*ITEM_COLUMNS).where(
    items.c.batch == sa.bindparam("name"), items.c.key.in_(sa.bindparam("keys", expanding=True))
)
_of_job: Final = sa.select(*ITEM_COLUMNS).where(items.c.job_id == sa.bindparam("job_id")).order_by(items.c.id)
_earlier: Final = (
    sa.select(*ITEM_COLUMNS)
    .where(items.c.batch == sa.bindparam("name"), items.c.key.like(EARLIER_KEY), items.c.id > sa.bindparam("after"))
    .order_by(items.c.id)
    .limit(sa.bindparam("most"))
)
_newest: Final = (
    sa.select(*ITEM_COLUMNS)
    .where(items.c.batch == sa.bindparam("name"), items.c.state == sa.bindparam("state"))
    .order_by(items.c.id.desc())
    .limit(sa.bindparam("most"))
)
_version: Final = sa.select(ledger.c.version)
_sent: Final = sa.select(items.c.id).where(items.c.batch == sa.bindparam("name"), WAS_SENT).limit(1)
_MADE: Final = [
    state.value for state in (ItemState.INTENT, ItemState.UNCERTAIN, ItemState.SUBMITTED, ItemState.COMPLETED)
]
_made: Final = (
    sa.select(*ITEM_COLUMNS)
    .where(
        items.c.parent.is_(None),
        items.c.state.in_(_MADE),
        items.c.id > sa.bindparam("after"),
    )
    .order_by(items.c.id)
    .limit(sa.bindparam("most"))
)
_parents: Final = items.alias()
_followed: Final = (
    sa.select(items.c.parent, items.c.job_id, _parents.c.job_id)
    .outerjoin_from(items, _parents, (_parents.c.batch == items.c.batch) & (_parents.c.key == items.c.parent))
    .where(items.c.parent.is_not(None))
)
_shared: Final = (
    sa.select(items.c.job_id)
    .where(items.c.parent.is_(None), items.c.job_id.is_not(None))
    .group_by(items.c.job_id)
    .having(sa.func.count(items.c.batch.distinct()) > 1)
)
_sharers: Final = (
    sa.select(items.c.job_id, items.c.batch)
    .where(items.c.parent.is_(None), items.c.job_id.in_(_shared))
    .order_by(items.c.id)
)
_history: Final = (
    sa.select(history.c.at, history.c.state, history.c.status, history.c.job_id, history.c.detail)
    .where(history.c.item == sa.bindparam("number"))
    .order_by(history.c.id)
)
_changes: Final = (
    sa.select(
        history.c.at, history.c.state, history.c.status, history.c.job_id, history.c.detail, history.c.id,
        items.c.batch, items.c.key,
    )
    .join_from(history, items, history.c.item == items.c.id)
    .where(history.c.id > sa.bindparam("after"), history.c.id <= sa.bindparam("up_to"))
    .order_by(history.c.id)
    .limit(sa.bindparam("most"))
)  # fmt: skip
_of_item: Final = sa.select(sa.func.min(history.c.at)).where(history.c.item == items.c.id)
_durations: Final = (
    sa.select(
        items.c.batch,
        items.c.key,
        items.c.parent,
        items.c.job_state,
        items.c.intent_at,
        items.c.taken_at,
        # When it was seen to have ended for the first time, and when it was last seen before that.
        _of_item.where(history.c.status == items.c.status).scalar_subquery(),
        _of_item.with_only_columns(sa.func.max(history.c.at))
        .where(history.c.status != items.c.status)
        .scalar_subquery(),
    )
    .where(
        items.c.state == ItemState.COMPLETED.value,
        items.c.job_state.is_not(None),
        items.c.intent_at.is_not(None),  # else it was made by another item, which was timed
        # While it waited for a person, the person was timed, and not the service.
        ~sa.exists().where(
            history.c.item == items.c.id, sa.func.lower(history.c.status) == str(JobStatus.AWAITING_USER_INPUT)
        ),
    )
    .order_by(items.c.id.desc())
    .limit(sa.bindparam("most"))
)
_STATES: Final = frozenset(state.value for state in ItemState)
_in_state: Final = (
    sa.select(items.c.key)
    .where(items.c.batch == sa.bindparam("name"), items.c.state == sa.bindparam("state"))
    .order_by(items.c.id)
    .limit(1)
)
_owners: Final = (
    sa.select(items.c.owner).where(items.c.state == ItemState.INTENT.value, items.c.owner.is_not(None)).distinct()
)

Dead: TypeAlias = Sequence[str]
"""Owners that are dead, and whose intents count as uncertain although nobody has noted that yet."""


def _is_expired(dead: Dead) -> sa.ColumnElement[bool]:
    """Whether a row is an intent of a dead owner's."""
    return (items.c.state == ItemState.INTENT.value) & items.c.owner.is_not(None) & items.c.owner.in_(dead)


def _is_in(states: Sequence[ItemState], dead: Dead) -> sa.ColumnElement[bool]:
    """Whether a row counts as being in one of some states."""
    stands = items.c.state.in_([state.value for state in states])
    if not dead or (ItemState.INTENT in states) == (ItemState.UNCERTAIN in states):
        return stands
    return stands | _is_expired(dead) if ItemState.UNCERTAIN in states else stands & ~_is_expired(dead)


def _read_item(row: Sequence[Any], dead: Dead = ()) -> Item:
    item = read_item(row)
    is_expired = item.state is ItemState.INTENT and item.owner in dead
    return attrs.evolve(item, state=ItemState.UNCERTAIN, error=EXPIRED) if is_expired else item


class Queries:
    """Reads over one database.

    Where the ledger is only read, nobody notes that owners are dead; so it is found out at each reading, and their
    intents are given as uncertain.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def _find_dead(self) -> Dead:
        if not self._store.is_read_only:
            return ()
        owners = [owner for (owner,) in await self._store.fetch(_owners) if isinstance(owner, str)]
        return [owner for owner in owners if not await self._store.probe_owner(owner)]

    async def find_item(self, number: int) -> tuple[Item, str | None] | None:
        """Give an item and the claim of its newest intent, None if there is none."""
        dead = await self._find_dead()
        for row in await self._store.fetch(_item, {"number": number}):
            return _read_item(row[:-1], dead), row[-1]
        return None

    async def find_by_keys(self, batch: str, keys: Sequence[str]) -> dict[str, Item]:
        """Give the items of a batch that have one of some keys."""
        dead = await self._find_dead()
        found: dict[str, Item] = {}
        for some in split(keys):
            for row in await self._store.fetch(_keys, {"name": batch, "keys": some}):
                item = _read_item(row, dead)
                found[item.key] = item
        return found

    async def find_by_numbers(self, numbers: Sequence[int]) -> list[Item]:
        """Give the items of some numbers that are there, in no order."""
        found: list[Item] = []
        for some in split(numbers):
            found += map(_read_item, await self._store.fetch(_numbered, {"numbers": some}))
        return found

    async def find_by_job(self, job_id: str) -> list[Item]:
        """Give the items that have one job, in the order of planning."""
        return [_read_item(row) for row in await self._store.fetch(_of_job, {"job_id": job_id})]

    async def read_earlier(self, batch: str, *, after: int, most: int) -> list[Item]:
        """Give at most so many items after the one of a number whose keys may be of the first ledgers' time."""
        rows = await self._store.fetch(_earlier, {"name": batch, "after": after, "most": most})
        return [_read_item(row) for row in rows]

    async def read_newest(self, batch: str, state: ItemState, count: int) -> list[Item]:
        """Give at most so many items of a batch in a state, the newest first."""
        rows = await self._store.fetch(_newest, {"name": batch, "state": state.value, "most": count})
        return [_read_item(row) for row in rows]

    async def find_binding(self, batch: str) -> Binding | None:
        """Give whose a batch is, None if that is not known, as in a ledger of before that is only read."""
        if self._store.is_read_only and batches.name not in tables_of((await self._store.fetch(_version, {}))[0][0]):
            return None
        for row in await self._store.fetch(find_binding, {"batch": batch}):
            return Binding(*row)
        return None

    async def was_sent(self, batch: str) -> bool:
        """Whether the service may have made anything for a batch."""
        return bool(await self._store.fetch(_sent, {"name": batch}))

    async def read_made(self, digests: Sequence[str] | None, *, after: int, most: int) -> list[Item]:
        """Give at most so many creates of some digests that have a video or may have one, of all older ones if None."""
        is_older = sa.func.length(items.c.digest) == EARLIER_DIGITS
        has_digest = is_older if digests is None else items.c.digest.in_(digests)
        rows = await self._store.fetch(_made.where(has_digest), {"after": after, "most": most})
        return [_read_item(row) for row in rows]

    async def find_followed(self) -> set[str]:
        """Give the jobs that followups have, or are to have."""
        found: set[str] = set()
        for parent, *jobs in await self._store.fetch(_followed):
            found.update(job_id for job_id in (job_of_parent(parent), *jobs) if job_id is not None)
        return found

    async def find_shared(self) -> dict[str, list[str]]:
        """Give the jobs that requests of several batches have, each with these batches."""
        found: dict[str, list[str]] = {}
        for job_id, batch in await self._store.fetch(_sharers):
            found.setdefault(job_id, []).append(batch)
        return found

    async def read_page(self, batch: str | None, states: Sequence[ItemState], *, after: int, most: int) -> list[Item]:
        """Give at most so many items after the one of a number, in the order of planning; of all batches, if None."""
        return await self._read_some(batch, states, items.c.id > after, order=items.c.id, most=most)

    async def read_back(
        self, batch: str | None, states: Sequence[ItemState], since: str | None, *, before: int | None, most: int
    ) -> list[Item]:
        """Give at most so many items before the one of a number, the newest first; see `Ledger.newest_first`."""
        where = [] if before is None else [items.c.id < before]
        if since is not None:  # times are written in one form, in which they stand in their order
            where.append(sa.func.coalesce(items.c.intent_at, items.c.planned_at) >= since)
        return await self._read_some(batch, states, *where, order=items.c.id.desc(), most=most)

    async def _read_some(
        self,
        batch: str | None,
        states: Sequence[ItemState],
        *where: sa.ColumnElement[bool],
        order: sa.ColumnElement[int],
        most: int,
    ) -> list[Item]:
        dead = await self._find_dead()
        statement = sa.select(*ITEM_COLUMNS).where(*where).order_by(order).limit(most)
        if batch is not None:
            statement = statement.where(items.c.batch == batch)
        if states:
            statement = statement.where(_is_in(states, dead))
        return [_read_item(row, dead) for row in await self._store.fetch(statement)]

    async def read_history(self, item: Item) -> list[History]:
        """Give what happened to an item, in order."""
        return [read_history(row, of=item) for row in await self._store.fetch(_history, {"number": item.id})]

    async def read_changes(self, batch: str | None, *, after: int, up_to: int, most: int) -> list[LedgerChange]:
        """Give at most so many changes after one position and up to another; of all batches, if None."""
        statement = _changes if batch is None else _changes.where(items.c.batch == batch)
        rows = await self._store.fetch(statement, {"after": after, "up_to": up_to, "most": most})
        return [read_change(row) for row in rows]

    async def count(self, batch: str | None) -> dict[str, dict[ItemState, int]]:
        """Give how many items of each batch are in each state."""
        dead = await self._find_dead()
        state = sa.case((_is_expired(dead), ItemState.UNCERTAIN.value), else_=items.c.state) if dead else items.c.state
        statement = sa.select(items.c.batch, state, sa.func.count()).group_by(items.c.batch, state)
        if batch is not None:
            statement = statement.where(items.c.batch == batch)
        found: dict[str, dict[ItemState, int]] = {}
        for name, stands, number in await self._store.fetch(statement):
            if not isinstance(name, str) or stands not in _STATES:
                key = await self._store.fetch(_in_state, {"name": name, "state": stands})
                item = f"item {key[0][0]!r:.80} of batch {name!r:.80}" if key else f"an item of batch {name!r:.80}"
                raise PermanentStoreError(
                    f"{item} is damaged: it is in the state {stands!r:.80}, and there is none of that name"
                )
            found.setdefault(name, {})[ItemState(stands)] = number
        return found

    async def read_durations(self, most: int) -> list[tuple[float, int]]:
        """Give how many seconds the newest finished jobs took, with 1 for a followup, else 0; the newest last."""
        found: list[tuple[float, int]] = []
        for batch, key, parent, written, *moments in await self._store.fetch(_durations, {"most": most}):
            try:
                state = read_job_state(written)
                times = [None if moment is None else read_time(moment) for moment in moments]
                seconds = state and _find_duration(state, *times, is_followup=parent is not None)
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                problem = describe_damage(f"item {key!r:.80} of batch {batch!r:.80}", error)
                break  # what was raised holds the row
            if seconds and seconds > 0:
                found.append((seconds, 0 if parent is None else 1))
        else:
            return found[::-1]
        raise problem


def _find_duration(
    state: JobState,
    sent_at: datetime | None,
    taken_at: datetime | None,
    ended_at: datetime | None,
    last_at: datetime | None,
    *,
    is_followup: bool,
) -> float | None:
    """Give how many seconds a turn took: by the service's times, or by those of this clock where the two disagree.

    They may, as a sandbox's time runs at its own speed, and clocks are off. It was sent at `sent_at`, seen to go on up
    to `last_at`, and seen to have ended at `ended_at`.
    """
    # A followup's job was created long before its turn began.
    began_at = taken_at if is_followup else state.created_at
    if began_at is None or state.completed_at is None:
        return None
    stamped = (state.completed_at - began_at).total_seconds()
    if taken_at is None or ended_at is None:
        return stamped
    # Not before the sending: of an answer that came late, or an id that a person named, the note is later than the job.
    age = (ended_at - (sent_at or taken_at)).total_seconds()
    since = 0.0 if last_at is None else (last_at - taken_at).total_seconds()
    return stamped if agrees(stamped, since=since, age=age) else (ended_at - taken_at).total_seconds()
