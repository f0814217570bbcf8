"""The rows that say whose the batches are: written when a run begins, and when a person says that a key was replaced.

It runs inside the transaction of a group of writes. It must not decide whether a session may go on with a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.ledger.accounts import Binding
from motion_async.ledger.items import ItemState
from motion_async.ledger.schema import batches, items
from motion_async.ledger.writes import Adopt, Bind, Write

__all__ = ["WAS_SENT", "find_binding", "write_accounts"]

_NOTHING_SENT: Final = (ItemState.PLANNED.value, ItemState.REJECTED.value)
WAS_SENT: Final = items.c.state.not_in(_NOTHING_SENT) | items.c.status.is_not(None)
"""Whether the service may have made anything for an item; one that is tried again keeps the status of the first try."""

find_binding: Final = sa.select(batches.c.name, batches.c.origin, batches.c.fingerprint, batches.c.owner).where(
    batches.c.name == sa.bindparam("batch")
)


async def write_accounts(connection: AsyncConnection, writes: Sequence[Write]) -> dict[str, Any]:
    """Write whose batches are, as far as a group of writes says that, and give the results by the writes' names."""
    results: dict[str, Any] = {}
    # By name, so that two processes lock rows in the same order.
    for write in sorted((write for write in writes if isinstance(write, Bind | Adopt)), key=attrgetter("batch")):
        if isinstance(write, Bind):
            results[write.op] = await _write_binding(connection, write)
        else:
            results[write.op] = await _write_adoption(connection, write)
    return results


async def _write_binding(connection: AsyncConnection, bind: Bind) -> Binding:
    """Bind a batch if it is nobody's, a person has said that its key was replaced, or the other has sent nothing."""
    new = {"origin": bind.origin, "fingerprint": bind.fingerprint, "owner": bind.owner, "bound_at": bind.at}
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(batches)
    await connection.execute(insert.values(name=bind.batch, **new).on_conflict_do_nothing(index_elements=["name"]))
    was_sent = sa.exists().where(items.c.batch == bind.batch, WAS_SENT)
    may_replace = sa.or_(
        batches.c.fingerprint.is_(None) & (batches.c.origin == bind.origin),
        (batches.c.fingerprint == bind.replaces) & ~was_sent,
    )
    await connection.execute(sa.update(batches).where(batches.c.name == bind.batch, may_replace).values(new))
    return Binding(*(await connection.execute(find_binding, {"batch": bind.batch})).one())


async def _write_adoption(connection: AsyncConnection, adopt: Adopt) -> bool:
    """Forget the key of a batch, and say whether it was anybody's."""
    where = {} if adopt.origin is None else {"origin": adopt.origin}
    statement = sa.update(batches).where(batches.c.name == adopt.batch).values(fingerprint=None, **where)
    return bool((await connection.execute(statement)).rowcount)
