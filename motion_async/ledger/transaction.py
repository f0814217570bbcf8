"""One group of writes as one transaction: plan, then read where the items stand, let the moves work, write it back.

However many kinds of moves a group holds, it costs one SELECT, one UPDATE and one INSERT, and one more SELECT if a
person settles something, or an item that has an id is given another. The rows are locked while the moves work, so
that of two processes one sees what the other did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.ledger.codec import read_item, read_request, write_state
from motion_async.ledger.earlier import asks_for_same, is_earlier
from motion_async.ledger.items import Item, ItemState
from motion_async.ledger.outage import PermanentStoreError
from motion_async.ledger.plans import Plan, Planned, Write
from motion_async.ledger.schema import ITEM_COLUMNS, ROW_COLUMNS, history, items
from motion_async.ledger.transitions import REPLACEABLE, ItemRow, Move, Note

__all__ = ["MOST_PARAMETERS", "commit_group", "pad", "split"]

MOST_PARAMETERS: Final = 256
"""So many values stand in one `IN (…)`."""

_INSERT: Final[dict[str, Callable[[sa.Table], Any]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


# A second path beside SQLAlchemy's own: it spares a fifth of the ledger's time, as three ways to the driver's thread at
# every statement become one, and no value is looked at again.
class _Many:
    """A statement for many rows."""

    def __init__(self, make: Callable[[str], sa.Executable], names: Sequence[str]) -> None:
        self._make = make
        self._names = list(names)
        self._compiled: dict[str, tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]] | None]] = {}

    async def execute(self, connection: AsyncConnection, rows: list[tuple[Any, ...]]) -> None:
        """Execute it for some rows."""
        statement, order = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        ordered = rows if order is None else list(map(order, rows))
        if connection.dialect.name == "sqlite":
            # Through SQLAlchemy it would be three times to the driver's thread and back, at every statement.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.executemany(statement, ordered)
        else:
            await connection.exec_driver_sql(statement, ordered)

    def _compile(self, dialect: sa.Dialect) -> tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]] | None]:
        compiled: Any = self._make(dialect.name).compile(dialect=dialect)  # type: ignore[attr-defined]
        places = [self._names.index(name) for name in compiled.positiontup]
        order = None if places == list(range(len(self._names))) else itemgetter(*places)
        self._compiled[dialect.name] = found = (str(compiled), order)
        return found


def _insert_new(table: sa.Table, names: Sequence[str], *, unless: Sequence[str]) -> _Many:
    """Give a statement that inserts rows, but for those that are there."""

    def make(database: str) -> sa.Executable:
        values = {name: sa.bindparam(name, type_=table.c[name].type) for name in names}
        statement: sa.Executable = _INSERT[database](table).values(values).on_conflict_do_nothing(index_elements=unless)
        return statement

    return _Many(make, names)


def _update_by_id(table: sa.Table, names: Sequence[str]) -> _Many:
    """Give a statement that updates rows, each known by its number, which follows the other values."""

    def make(_database: str) -> sa.Executable:
        values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        return sa.update(table).where(table.c.id == sa.bindparam("number", type_=table.c.id.type)).values(values)

    return _Many(make, [*(f"new_{name}" for name in names), "number"])


_CHANGING: Final = ("state", *(c.name for c in ROW_COLUMNS if c.name not in ("id", "digest", "parent", "state")))
_other_values: Final = attrgetter(*_CHANGING[1:], "id")
_lock_rows: Final = (
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
_planned: Final = (
    sa.select(*ITEM_COLUMNS)
    .where(items.c.batch == sa.bindparam("name"), items.c.key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(items.c.id)
    .with_for_update()
)
_write_back: Final = _update_by_id(items, _CHANGING)
_plan: Final = _insert_new(
    items,
    ("batch", "key", "parent", "request", "metadata", "planned_at", "digest", "state", "changed_at"),
    unless=("batch", "key"),
)
_plan_anew: Final = _update_by_id(items, ("parent", "request", "metadata", "digest", "state", "error", "changed_at"))
_note: Final = _insert_new(history, ("item", "op", "at", "state", "status", "job_id", "detail"), unless=("op",))


def split(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Give values in pieces that fit into one `IN (…)`."""
    for start in range(0, len(values), MOST_PARAMETERS):
        yield values[start : start + MOST_PARAMETERS]


def pad(values: Sequence[Any]) -> list[Any]:
    """Repeat the last value up to a power of two, so that a database sees few different statements."""
    return [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]


async def commit_group(connection: AsyncConnection, writes: Sequence[Write]) -> list[Any]:
    """Write a group in a transaction that the caller commits, plans first; give the result of each.

    A move of an item that the ledger does not have results in a `PermanentStoreError`.
    """
    results: dict[str, Any] = {}
    notes: list[tuple[Any, ...]] = []
    for plan in writes:
        if isinstance(plan, Plan):
            results[plan.op] = await _write_plan(connection, plan, notes)
    moves = [write for write in writes if isinstance(write, Move)]
    if moves:
        await _apply_moves(connection, moves, results, notes)
    if notes:
        await _note.execute(connection, notes)
    return [results.get(write.op) for write in writes]  # of a `Reconnect` there is none


async def _apply_moves(
    connection: AsyncConnection, moves: Sequence[Move], results: dict[str, Any], notes: list[tuple[Any, ...]]
) -> None:
    rows: dict[int, ItemRow] = {}
    for chunk in split(sorted({move.item.id for move in moves})):
        locked: Any = await connection.execute(_lock_rows, {"numbers": pad(chunk)})
        for number, digest, parent, state, *rest in locked:
            rows[number] = ItemRow(number, digest, parent, ItemState(state), *rest)
    asked = [row.id for move in moves if (row := rows.get(move.item.id)) is not None and move.needs_confirmation(row)]
    await _look_up_confirmed(connection, asked, rows)
    for move in moves:
        row = rows.get(move.item.id)
        if row is None:
            results[move.op] = PermanentStoreError("the ledger has no such item any more")
            continue
        results[move.op], note = move.apply(row)
        if note is not None:
            row.job_confirmed |= note.status is not None
            notes.append(_note_row(move.op, move.item.id, move.at, note))
    touched = [row for row in rows.values() if row.touched]
    for row in touched:
        if not isinstance(row.job_state, str):
            row.job_state = write_state(row.job_state)
    if touched:
        await _write_back.execute(connection, [(row.state.value, *_other_values(row)) for row in touched])


async def _look_up_confirmed(connection: AsyncConnection, numbers: list[int], rows: dict[int, ItemRow]) -> None:
    # After the rows were locked: what another process noted of them before that is found.
    for chunk in split(numbers):
        confirmed = set((await connection.execute(_confirmed, {"numbers": pad(chunk)})).scalars())
        for number in chunk:
            rows[number].job_confirmed = number in confirmed


def _note_row(op: str, number: int, at: str, note: Note) -> tuple[Any, ...]:
    state = None if note.state is None else note.state.value
    return (number, op, at, state, note.status, note.job_id, note.detail)


async def _write_plan(connection: AsyncConnection, plan: Plan, notes: list[tuple[Any, ...]]) -> list[Item]:
    if not plan.entries:
        return []
    state = ItemState.PLANNED.value
    await _plan.execute(
        connection,
        [(plan.batch, e.key, e.parent, e.body, e.metadata, plan.at, e.digest, state, plan.at) for e in plan.entries],
    )
    found = await _read_planned(connection, plan)
    anew = {entry.key: entry for entry in plan.entries if _takes_over(entry, found[entry.key])}
    if anew:
        await _plan_anew.execute(connection, [_replan_row(entry, found[key], plan.at) for key, entry in anew.items()])
        for key in anew:
            if found[key]["state"] == ItemState.REJECTED:
                note = Note(ItemState.PLANNED, detail="planned with another content")
                notes.append(_note_row(f"{plan.op}-{found[key]['id']}", found[key]["id"], plan.at, note))
        found = await _read_planned(connection, plan)
    return [read_item(*_choose_request(found[entry.key], entry)) for entry in plan.entries]


async def _read_planned(connection: AsyncConnection, plan: Plan) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for chunk in split([entry.key for entry in plan.entries]):
        result = await connection.execute(_planned, {"name": plan.batch, "keys": pad(chunk)})
        rows.update((row["key"], row) for row in result.mappings())
    return rows


def _takes_over(entry: Planned, row: Any) -> bool:
    """Whether an entry takes the place of what stands there, because nothing has come of that."""
    if row["state"] == ItemState.PLANNED:
        return (entry.body, entry.metadata, entry.parent) != (row["request"], row["metadata"], row["parent"])
    return row["state"] in REPLACEABLE and not _has_content(entry, row)


def _has_content(entry: Planned, row: Any) -> bool:
    if is_earlier(row["digest"]):
        return asks_for_same(read_request(row["request"]), entry.request)
    return bool(entry.digest == row["digest"])


def _replan_row(entry: Planned, row: Any, at: str) -> tuple[Any, ...]:
    error = row["error"] if row["state"] == ItemState.PLANNED else None
    state = ItemState.PLANNED.value
    # The same content stays known by the digest that its key was made of.
    digest = row["digest"] if _has_content(entry, row) else entry.digest
    return (entry.parent, entry.body, entry.metadata, digest, state, error, at, row["id"])


def _choose_request(row: Any, entry: Planned) -> tuple[Sequence[Any], Any]:
    # Most items are found as they were planned: reading their requests again would cost more than all the rest.
    return list(row.values()), entry.request if row["request"] == entry.body else None
