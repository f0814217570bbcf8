"""The tables of the ledger, their version, and how a ledger of an older version becomes one of this.

Only SQLAlchemy Core, and nothing that one database alone knows. A change of the tables is a change here and a new
function at the end of `UPGRADES`; those that are there never change, because ledgers of their versions exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.errors import LedgerVersionError
from motion_async.ledger.upgrades import add_batches, write_names_canonically

__all__ = [
    "ITEM_COLUMNS",
    "OLDEST_WITH_THESE_TABLES",
    "ROW_COLUMNS",
    "TABLES",
    "UPGRADES",
    "batches",
    "bring_up_to_date",
    "history",
    "items",
    "ledger",
    "newest_version",
    "read_version",
    "tables_of",
]

_Number: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up by itself in INTEGER alone
_metadata: Final = sa.MetaData()

ledger: Final = sa.Table("motion_ledger", _metadata, sa.Column("version", sa.Integer, nullable=False))

items: Final = sa.Table(
    "motion_items",
    _metadata,
    sa.Column("id", _Number, primary_key=True, autoincrement=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("parent", sa.Text),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text),
    sa.Column("planned_at", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("claim", sa.Text),
    sa.Column("intent_at", sa.Text),
    sa.Column("taken_at", sa.Text),
    sa.Column("job_id", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("job_state", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.UniqueConstraint("batch", "key", name="motion_items_batch_key"),
    sa.Index("motion_items_state", "state", "id", "batch"),
    sa.Index("motion_items_digest", "digest"),
    sqlite_autoincrement=True,
)
"""An item a row. `claim` tells the intents of an item from each other."""

history: Final = sa.Table(
    "motion_history",
    _metadata,
    sa.Column("id", _Number, primary_key=True, autoincrement=True),
    sa.Column("item", _Number, sa.ForeignKey("motion_items.id"), nullable=False, index=True),
    sa.Column("op", sa.Text, nullable=False, unique=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("state", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("job_id", sa.Text),
    sa.Column("detail", sa.Text),
)
"""What happened to the items, a row each. No two have the same `op`: a write that is tried again leaves one row."""

batches: Final = sa.Table(
    "motion_batches",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("bound_at", sa.Text, nullable=False),
)
"""Whose the batches are, a row each; one whose items are older than this table has none until it is known."""

ITEM_COLUMNS: Final[Sequence[sa.Column[Any]]] = tuple(column for column in items.c if column.name != "claim")
"""What `motion_async.ledger.codec.read_item` reads."""
ROW_COLUMNS: Final[Sequence[sa.Column[Any]]] = tuple(
    items.c[name]
    for name in (
        "id", "digest", "parent", "state", "owner", "claim", "intent_at", "taken_at", "job_id", "status", "job_state",
        "error", "changed_at",
    )
)  # fmt: skip
"""What `motion_async.ledger.transitions.ItemRow` is made of."""
TABLES: Final = {table.name: frozenset(table.c.keys()) for table in (ledger, items, history, batches)}
"""The columns of each table."""
_SINCE: Final = {batches.name: 3}
"""The version in which a table was added."""


UPGRADES: Final[list[Callable[[AsyncConnection], Awaitable[None]]]] = [write_names_canonically, add_batches]
"""The function at place n makes a ledger of version n + 2 out of one of version n + 1; a new ledger needs none."""

OLDEST_WITH_THESE_TABLES: Final = 1
"""The version since which the items have been as they are: they can be read as they are from there on."""


def newest_version() -> int:
    """Give the version that this library makes."""
    return 1 + len(UPGRADES)


def tables_of(version: int) -> Sequence[str]:
    """Name the tables that a ledger of a version has."""
    return [name for name in TABLES if _SINCE.get(name, 1) <= version]


async def read_version(connection: AsyncConnection) -> int:
    """Give the version of the tables that are there."""
    return await connection.scalar(sa.select(ledger.c.version)) or 0


async def bring_up_to_date(connection: AsyncConnection, exists: bool) -> None:
    """Make the tables, or bring those of an older version up to this one, in a transaction that no other can overlap.

    Those of a newer version stay as they are, and raise a `LedgerVersionError`.
    """
    newest = newest_version()
    if not exists:
        await connection.run_sync(_metadata.create_all)
        await connection.execute(sa.insert(ledger).values(version=newest))
        return
    found = await read_version(connection)
    if found > newest:
        raise LedgerVersionError(found=found, known=newest)
    if found < newest:
        for upgrade in UPGRADES[found - 1 :]:
            await upgrade(connection)
        await connection.execute(sa.update(ledger).values(version=newest))
