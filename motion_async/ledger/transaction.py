"""One group of writes as one transaction: plan, then read where the items stand, let the moves work, write it back.

However many kinds of moves a group holds, they cost one SELECT, one UPDATE and one INSERT, and one more SELECT if a
person settles something, or an item that has an id is given another. The rows are locked while the moves work, so
that of two processes one sees what the other did.

No two processes wait for each other: all lock batches by their names first, then items by their numbers, all that a
group needs at once. What a plan only finds it does not lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.ledger.account_rows import write_accounts
from motion_async.ledger.codec import read_item, read_request, write_state
from motion_async.ledger.items import Item, ItemState, job_of_parent
from motion_async.ledger.legacy import asks_for_same, is_earlier
from motion_async.ledger.outage import PermanentStoreError
from motion_async.ledger.schema import ITEM_COLUMNS, ROW_COLUMNS, history, items
from motion_async.ledger.transitions import REPLACEABLE, ItemRow, Move
from motion_async.ledger.writes import Plan, Planned, Write

__all__ = ["commit_group", "split"]

_MOST_PARAMETERS: Final = 256
"""So many values stand in one `IN (…)`."""


# A second path beside SQLAlchemy's own: it spares a fifth of the ledger's time, as three ways to the driver's thread at
# every statement become one, and no value is looked at again.
class _Many:
    """A statement for many rows, as each database has it; a row has its values in the order of `names`."""

    def __init__(self, statements: Mapping[str, sa.Executable], names: Sequence[str]) -> None:
        self._statements = statements
        self._names = list(names)
        self._compiled: dict[str, tuple[str, itemgetter[Any] | None]] = {}

    async def execute(self, connection: AsyncConnection, rows: list[tuple[Any, ...]]) -> None:
        """Execute it for some rows."""
        database = connection.dialect.name
        if database not in self._compiled:
            compiled: Any = self._statements[database].compile(dialect=connection.dialect)  # type: ignore[attr-defined]
            places = [self._names.index(name) for name in compiled.positiontup]
            is_in_order = places == list(range(len(self._names)))
            self._compiled[database] = str(compiled), None if is_in_order else itemgetter(*places)
        statement, order = self._compiled[database]
        ordered = rows if order is None else list(map(order, rows))
        if database == "sqlite":
            # Through SQLAlchemy it would be three times to the driver's thread and back, at every statement.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.executemany(statement, ordered)
        else:
            await connection.exec_driver_sql(statement, ordered)


def _insert_new(table: sa.Table, names: Sequence[str], *, unless: Sequence[str]) -> _Many:
    """Give a statement that inserts rows, but for those that are there."""
    values = {name: sa.bindparam(name, type_=table.c[name].type) for name in names}
    statements: dict[str, sa.Executable] = {
        "sqlite": sqlite.insert(table).values(values).on_conflict_do_nothing(index_elements=unless),
        "postgresql": postgresql.insert(table).values(values).on_conflict_do_nothing(index_elements=unless),
    }
    return _Many(statements, names)


def _update_by_id(table: sa.Table, names: Sequence[str]) -> _Many:
    """Give a statement that updates rows, each known by its number, which follows the other values."""
    values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    statement = sa.update(table).where(table.c.id == sa.bindparam("number", type_=table.c.id.type)).values(values)
    return _Many({"sqlite": statement, "postgresql": statement}, [*(f"new_{name}" for name in names), "number"])


_CHANGING: Final = ("state", *(c.name for c in ROW_COLUMNS if c.name not in ("id", "digest", "parent", "state")))
_other_values: Final = attrgetter(*_CHANGING[1:], "id")
_lock: Final = (
    sa.select(*ROW_COLUMNS)
    .where(items.c.id.in_(sa.bindparam("numbers", expanding=True)))
    .order_by(items.c.id)  # two processes lock in the same order
    .with_for_update()
)
_confirmed: Final = (
    # A status comes from the service alone, and it tells it with the id of the job.
    sa.select(history.c.item)
    .where(history.c.item.in_(sa.bindparam("numbers", expanding=True)), history.c.status.is_not(None))
    .distinct()
)
_hold_batch: Final = sa.select(
    sa.func.pg_advisory_xact_lock(sa.func.hashtext("motion_items"), sa.func.hashtext(sa.bindparam("name")))
)
_has_key: Final = (items.c.batch == sa.bindparam("name")) & items.c.key.in_(sa.bindparam("keys", expanding=True))
_planned: Final = sa.select(*ITEM_COLUMNS).where(_has_key).order_by(items.c.id)
_numbers: Final = sa.select(items.c.id).where(_has_key)
_write_back: Final = _update_by_id(items, _CHANGING)
_plan: Final = _insert_new(
    items,
    ("batch", "key", "parent", "request", "metadata", "planned_at", "digest", "state", "changed_at"),
    unless=("batch", "key"),
)
_plan_anew: Final = _update_by_id(items, ("parent", "request", "metadata", "digest", "state", "error", "changed_at"))
_note: Final = _insert_new(history, ("item", "op", "at", "state", "status", "job_id", "detail"), unless=("op",))


def split(values: Sequence[Any]) -> Iterator[list[Any]]:
    """Give values in pieces that fit into one `IN (…)`.

    The last value of a piece is repeated up to a power of two, so that a database sees few different statements.
    """
    for start in range(0, len(values), _MOST_PARAMETERS):
        piece = values[start : start + _MOST_PARAMETERS]
        yield [*piece, *[piece[-1]] * ((1 << (len(piece) - 1).bit_length()) - len(piece))]


async def commit_group(
    connection: AsyncConnection, writes: Sequence[Write], *, with_parents: bool = False
) -> list[Any]:
    """Write a group in a transaction that the caller commits, batches, plans and moves; give the result of each.

    Always in this order, so that two processes lock rows in the same one. `with_parents` keeps the items that a plan
    follows as they are, up to the end of the transaction.

    A move of an item that the ledger does not have results in a `PermanentStoreError`.
    """
    results = await write_accounts(connection, writes)
    notes: list[tuple[Any, ...]] = []
    results |= await _write_plans(connection, writes, notes, with_parents=with_parents)
    moves = [write for write in writes if isinstance(write, Move)]
    rows = await _lock_rows(connection, moves)
    for move in moves:
        row = rows.get(move.item.id)
        if row is None:
            results[move.op] = PermanentStoreError("the ledger has no such item any more")
            continue
        results[move.op], note = move.apply(row)
        if note is not None:
            row.job_confirmed |= note.status is not None
            state = None if note.state is None else note.state.value
            notes.append((row.id, move.op, move.at, state, note.status, note.job_id, note.detail))
    touched = [row for row in rows.values() if row.touched]
    for row in touched:
        if not isinstance(row.job_state, str):
            row.job_state = write_state(row.job_state)
    if touched:
        await _write_back.execute(connection, [(row.state.value, *_other_values(row)) for row in touched])
    if notes:
        await _note.execute(connection, notes)
    return [results.get(write.op) for write in writes]  # of a `Reconnect` there is none


async def _lock_rows(connection: AsyncConnection, moves: Sequence[Move]) -> dict[int, ItemRow]:
    """Give the rows of the items that are moved, by their numbers; no other process changes them now."""
    rows: dict[int, ItemRow] = {}
    for numbers in split(sorted({move.item.id for move in moves})):
        locked: Any = await connection.execute(_lock, {"numbers": numbers})
        for number, digest, parent, state, *rest in locked:
            rows[number] = ItemRow(number, digest, parent, ItemState(state), *rest)
    asked = [row.id for move in moves if (row := rows.get(move.item.id)) is not None and move.needs_confirmation(row)]
    # After the rows were locked: what another process noted of them before that is found.
    for numbers in split(asked):
        confirmed = set((await connection.execute(_confirmed, {"numbers": numbers})).scalars())
        for number in numbers:
            rows[number].job_confirmed = number in confirmed
    return rows


async def _write_plans(
    connection: AsyncConnection, writes: Sequence[Write], notes: list[tuple[Any, ...]], *, with_parents: bool
) -> dict[str, list[Item]]:
    """Plan, and give the items of each plan by its name; what the moves need is locked too, if anything is."""
    plans = [write for write in writes if isinstance(write, Plan)]
    await _insert_plans(connection, plans)
    found = {plan.op: await _read_planned(connection, plan) for plan in plans}
    replaced = {row["id"] for plan in plans for _, row in _find_replaced(plan, found[plan.op])}
    parents = await _find_parents(connection, plans) if with_parents else set()
    if held := replaced | parents:
        for numbers in split(sorted(held.union(write.item.id for write in writes if isinstance(write, Move)))):
            await connection.execute(_lock, {"numbers": numbers})
    if replaced:
        for plan in plans:
            found[plan.op] = await _replace_entries(connection, plan, replaced, notes)
    return {plan.op: _read_items(plan, found[plan.op]) for plan in plans}


async def _insert_plans(connection: AsyncConnection, plans: Sequence[Plan]) -> None:
    """Insert what is new in plans; nothing is locked but the names of their batches."""
    if connection.dialect.name == "postgresql":
        # Two that insert the same keys in two orders would wait for each other.
        for name in sorted({plan.batch for plan in plans}):
            await connection.execute(_hold_batch, {"name": name})
    planned = ItemState.PLANNED.value
    for plan in plans:
        rows = [
            (plan.batch, entry.key, entry.parent, entry.body, entry.metadata, plan.at, entry.digest, planned, plan.at)
            for entry in plan.entries
        ]
        if rows:
            await _plan.execute(connection, rows)


async def _find_parents(connection: AsyncConnection, plans: Sequence[Plan]) -> set[int]:
    """Give the numbers of the items that plans follow."""
    numbers: set[int] = set()
    for plan in plans:
        followed = {entry.parent for entry in plan.entries if entry.parent and job_of_parent(entry.parent) is None}
        for keys in split(sorted(followed)):
            found = await connection.execute(_numbers, {"name": plan.batch, "keys": keys})
            numbers.update(found.scalars())
    return numbers


async def _replace_entries(
    connection: AsyncConnection, plan: Plan, held: Collection[int], notes: list[tuple[Any, ...]]
) -> Mapping[str, Any]:
    """Put the entries of a plan in the place of what nothing has come of, as far as it is held; give the rows then."""
    planned = ItemState.PLANNED.value
    found = await _read_planned(connection, plan)
    anew: list[tuple[Any, ...]] = []
    for entry, row in _find_replaced(plan, found):
        if row["id"] not in held:
            continue  # nothing came of it only since the first look, and somebody may be claiming it right now
        error = row["error"] if row["state"] == planned else None
        # The same content stays known by the digest that its key was made of.
        digest = row["digest"] if _has_content(entry, row) else entry.digest
        anew.append((entry.parent, entry.body, entry.metadata, digest, planned, error, plan.at, row["id"]))
        if row["state"] == ItemState.REJECTED:
            op = f"{plan.op}-{row['id']}"
            notes.append((row["id"], op, plan.at, planned, None, None, "planned with another content"))
    if not anew:
        return found
    await _plan_anew.execute(connection, anew)
    return await _read_planned(connection, plan)


def _read_items(plan: Plan, found: Mapping[str, Any]) -> list[Item]:
    """Give the items of a plan, in the order of its entries."""
    items_of_plan: list[Item] = []
    for entry in plan.entries:
        row = found[entry.key]
        # Most items are found as they were planned: reading their requests again would cost more than all the rest.
        request = entry.request if row["request"] == entry.body else None
        items_of_plan.append(read_item(list(row.values()), request))
    return items_of_plan


async def _read_planned(connection: AsyncConnection, plan: Plan) -> Mapping[str, Any]:
    rows: dict[str, Any] = {}
    for keys in split([entry.key for entry in plan.entries]):
        result = await connection.execute(_planned, {"name": plan.batch, "keys": keys})
        rows.update((row["key"], row) for row in result.mappings())
    return rows


def _find_replaced(plan: Plan, found: Mapping[str, Any]) -> Iterator[tuple[Planned, Any]]:
    """Give the entries of a plan that take the place of others, each with the other's row."""
    for entry in plan.entries:
        row = found[entry.key]
        if _takes_over(entry, row):
            yield entry, row


def _takes_over(entry: Planned, row: Any) -> bool:
    """Whether an entry takes the place of what stands there, because nothing has come of that."""
    if row["state"] == ItemState.PLANNED:
        return (entry.body, entry.metadata, entry.parent) != (row["request"], row["metadata"], row["parent"])
    return row["state"] in REPLACEABLE and not _has_content(entry, row)


def _has_content(entry: Planned, row: Any) -> bool:
    if is_earlier(row["digest"]):
        return asks_for_same(read_request(row["request"]), entry.request)
    return bool(entry.digest == row["digest"])
