"""Whether a database is a ledger: looked at before anything of it is read, or anything written into it.

A file may be another program's, or made to do harm: a view may stand where a table should, and never come to an end.
So nothing but the database's own catalogue is asked for until that has shown tables as this library makes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.errors import LedgerVersionError
from motion_async.ledger.outage import PermanentStoreError
from motion_async.ledger.schema import TABLES, newest_version, tables_of

__all__ = ["APPLICATION_ID", "recognise_file", "recognise_server"]

APPLICATION_ID: Final = 0x6D6F7469
"""What a SQLite file of this library bears in its header; "moti" in ASCII. The first ledgers bore nothing."""

_columns_on_server: Final = sa.text(
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"
    " AND attgenerated = '' AND format_type(atttypid, NULL) IN ('text', 'bigint', 'integer')"
)
_kind_on_server: Final = sa.text("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(:name)")
_KINDS: Final = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


def recognise_file(connection: sqlite3.Connection) -> bool:
    """Whether a SQLite file has a ledger; else nothing at all is in it."""
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.text_factory = lambda text: text.decode(errors="backslashreplace")
    [mark] = connection.execute("PRAGMA application_id").fetchone()
    if mark not in (0, APPLICATION_ID):
        raise PermanentStoreError(f"it is another program's database, with application_id {mark}; name another file")
    found = connection.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    if not found and not mark:
        return False
    kinds = {name: "virtual table" if str(sql).startswith("CREATE VIRTUAL") else kind for name, kind, sql in found}
    if not mark and not set(TABLES) & set(kinds):
        raise PermanentStoreError("it is another program's database, and gets no ledger's tables; name another file")
    for name in tables_of(1):
        _check_kind(name, kinds.get(name))
    triggers = connection.execute("SELECT name, lower(tbl_name) FROM sqlite_master WHERE type = 'trigger'")
    for name in (name for name, table in triggers if table in TABLES):
        raise PermanentStoreError(f"it has a trigger {name!r:.80}, which no ledger has; it may be made to do harm")
    columns = {  # those that are kept as they were written: neither generated nor hidden
        table: {name for _, name, *_, hidden in connection.execute(f"PRAGMA table_xinfo({table})") if not hidden}
        for table in TABLES
    }
    _check_columns(columns, "motion_ledger")
    _check_version(connection.execute("SELECT version FROM motion_ledger LIMIT 2").fetchall(), kinds, columns)
    return True


async def recognise_server(connection: AsyncConnection) -> bool:
    """Whether a PostgreSQL database has a ledger, where the search path leads; see `recognise_file`."""
    kinds = {name: await connection.scalar(_kind_on_server, {"name": name}) for name in TABLES}
    if not any(kinds.values()):
        return False
    kinds = {name: _KINDS.get(kind or "", kind) for name, kind in kinds.items()}
    for name in tables_of(1):
        _check_kind(name, kinds[name])
    columns = {name: set((await connection.execute(_columns_on_server, {"name": name})).scalars()) for name in TABLES}
    _check_columns(columns, "motion_ledger")
    rows = (await connection.execute(sa.text("SELECT version FROM motion_ledger LIMIT 2"))).all()
    _check_version(rows, kinds, columns)
    return True


def _check_kind(name: str, kind: str | None) -> None:
    if kind is None:
        raise PermanentStoreError(f"it is no whole ledger: it has no table {name}; use a copy of it that is whole")
    if kind != "table":
        raise PermanentStoreError(f"it is no ledger: {name} is a {kind} in it, and no table; it may be made to do harm")


def _check_columns(columns: Mapping[str, set[str]], name: str) -> None:
    if missing := TABLES[name] - columns[name]:
        raise PermanentStoreError(f"it is no whole ledger: its table {name} has no column {min(missing)} of its kind")


def _check_version(rows: Sequence[Any], kinds: Mapping[str, str | None], columns: Mapping[str, set[str]]) -> None:
    [version] = rows[0] if len(rows) == 1 else [None]
    if not isinstance(version, int) or version < 1:
        raise PermanentStoreError(
            "it is no ledger: it has not the one version that every ledger has; use another copy of it"
        )
    if version > newest_version():
        raise LedgerVersionError(found=version, known=newest_version())
    for name in tables_of(version):
        _check_kind(name, kinds.get(name))
        _check_columns(columns, name)
