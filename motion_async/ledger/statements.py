"""Statements that are executed for many rows at a time, compiled once for each kind of database.

SQLAlchemy makes them, so that they fit the database; the rows then go to the driver as they are, because looking
at every value again would cost more than writing it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Many", "insert_new", "update_by_id"]

_INSERT: Final[dict[str, Callable[[sa.Table], Any]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Many:
    """A statement for many rows.

    Args:
        make: gives the statement for a kind of database; its parameters are named as the values.
        names: of the values of a row, in their order.
    """

    def __init__(self, make: Callable[[str], sa.Executable], names: Sequence[str]) -> None:
        self._make = make
        self._names = list(names)
        self._compiled: dict[str, tuple[str, Callable[[tuple[Any, ...]], tuple[Any, ...]] | None]] = {}

    async def execute(self, connection: AsyncConnection, rows: list[tuple[Any, ...]]) -> None:
        """Execute it for some rows.

        Args:
            connection: in a transaction.
            rows: at least one, each of text, whole numbers and None in the order of the names.
        """
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


def insert_new(table: sa.Table, names: Sequence[str], *, unless: Sequence[str]) -> Many:
    """Give a statement that inserts rows, but for those that are there.

    Args:
        table: where to.
        names: of the columns whose values are given.
        unless: the columns by which a row that is there is known.
    """

    def make(database: str) -> sa.Executable:
        values = {name: sa.bindparam(name, type_=table.c[name].type) for name in names}
        statement: sa.Executable = _INSERT[database](table).values(values).on_conflict_do_nothing(index_elements=unless)
        return statement

    return Many(make, names)


def update_by_id(table: sa.Table, names: Sequence[str]) -> Many:
    """Give a statement that updates rows, each known by its number, which follows the other values.

    Args:
        table: which one.
        names: of the columns whose values are given.
    """

    def make(_database: str) -> sa.Executable:
        values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        return sa.update(table).where(table.c.id == sa.bindparam("number", type_=table.c.id.type)).values(values)

    return Many(make, [*(f"new_{name}" for name in names), "number"])
