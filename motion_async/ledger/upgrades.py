"""The steps that bring an older ledger to the next version; `motion_async.ledger.schema` has their list.

Each step knows the tables as they were in its time, and never changes, because ledgers of that time exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.canonical import canonical_job_id, canonical_text

__all__ = ["add_batches", "write_names_canonically"]

_PAGE: Final = 5_000
_NAMES: Final = ("batch", "key", "parent")
_items: Final = sa.table("motion_items", *map(sa.column, ("id", *_NAMES, "job_id", "state")))


async def write_names_canonically(connection: AsyncConnection) -> None:
    """Make version 2, in which a name has one form and a UUID has small letters: so each is found by its text.

    Where items have the same key now, the first one with a video keeps it; the keys of the others end in their numbers.
    """
    changes: dict[int, dict[str, str | None]] = {}
    same: dict[tuple[str, str], list[Any]] = {}
    async for row in _read_rows(connection):
        names = {name: canonical_text(getattr(row, name)) or getattr(row, name) for name in _NAMES}
        new = {**names, "job_id": canonical_job_id(row.job_id)}
        if new != {name: getattr(row, name) for name in new}:
            changes[row.id] = new
        if (names["batch"], names["key"]) != (row.batch, row.key):
            same.setdefault((names["batch"], names["key"]), []).append(row)
    renamed: dict[int, dict[str, str | None]] = {}
    for (batch, key), rows in same.items():
        named_so = (await connection.execute(_where(batch=batch, key=key))).all()
        for row in _without_first(rows, named_so):
            renamed[row.id] = {"key": f"{key} ({row.id})"}
            for child in await connection.execute(_where(batch=row.batch, parent=row.key)):
                changes.setdefault(child.id, {})["parent"] = f"{key} ({row.id})"
    # First those that give up the key that another one gets: a key stands once in a batch at any moment.
    for number in (*renamed, *changes):
        new = changes.get(number, {}) | renamed.get(number, {})
        await connection.execute(sa.update(_items).where(_items.c.id == number).values(new))


def _where(**names: str) -> sa.Select[Any]:
    return sa.select(_items).where(*(_items.c[name] == value for name, value in names.items()))


async def _read_rows(connection: AsyncConnection) -> AsyncIterator[Any]:
    after = 0
    while rows := (
        await connection.execute(sa.select(_items).where(_items.c.id > after).order_by(_items.c.id).limit(_PAGE))
    ).all():
        for row in rows:
            yield row
        after = rows[-1].id


def _without_first(*rows: Iterable[Any]) -> list[Any]:
    """Give all rows but that which keeps the name: what has come to something before what has not, then by age."""
    found = {row.id: row for group in rows for row in group}
    return sorted(found.values(), key=lambda row: (row.state in {"planned", "rejected"}, row.id))[1:]


async def add_batches(connection: AsyncConnection) -> None:
    """Make version 3, which keeps whose a batch is, and finds items by their content."""
    columns = "name TEXT NOT NULL PRIMARY KEY, origin TEXT NOT NULL, fingerprint TEXT, owner TEXT NOT NULL"
    await connection.execute(sa.text(f"CREATE TABLE motion_batches ({columns}, bound_at TEXT NOT NULL)"))
    await connection.execute(sa.text("CREATE INDEX motion_items_digest ON motion_items (digest)"))
