"""The database under a ledger that is kept on a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.store.base import Horizon, Store, make_engine
from motion_async.ledger.store.failures import POOLED, spares_session, translate_error
from motion_async.ledger.store.recognition import recognise_server

__all__ = ["ServerStore"]

_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 30.0
"""A server that says nothing for so long is taken for lost."""
_UPGRADE_LOCK: Final = 0x6D6F74696F6E
"""The advisory lock under which tables are made and upgraded; "motion" in ASCII."""
_take: Final = sa.text("SELECT pg_try_advisory_lock_shared(:number)")
# A machine that dies says nothing: the server has to ask, or it would believe for two hours that the owner is alive.
_watch_client: Final = sa.text(
    "SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '25000', false)"
)
_session: Final = sa.text("SELECT pg_backend_pid()")
_horizon: Final = sa.text(
    "SELECT (SELECT coalesce(max(id), 0) FROM motion_history),"
    " pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
_holders: Final = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND ((classid::bigint << 32) | objid::bigint) = :number"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class ServerStore(Store):
    """PostgreSQL.

    The lock that shows that the owner is alive belongs to the session that writes: no intent is ever committed
    by a session that does not hold it. A pooler that hands sessions around between transactions is refused; a machine
    that dies without a word holds the lock for half a minute.
    """

    def __init__(self, url: sa.URL, options: Mapping[str, Any], *, read_only: bool = False) -> None:
        arguments = {"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS, **options}
        only_reads = {"execution_options": {"postgresql_readonly": True}} if read_only else {}
        engine = make_engine(url, connect_args=arguments, pool_size=5, max_overflow=0, **only_reads)
        # A server may repeat what it was sent.
        unshown = [str(secret) for secret in (url.password, os.environ.get("PGPASSWORD")) if secret]
        super().__init__(engine, read_only=read_only, unshown=unshown)
        self._losses = 0
        self._connect = partial(asyncpg.connect, **{**engine.dialect.create_connect_args(url)[1], **arguments})

    async def connect_apart(self) -> Any:
        """Give a connection of the driver beside those of the ledger; whoever asks for it closes it."""
        return await self._connect()

    def explain(self, error: Exception) -> Exception:
        """Give what an error of such a connection means, without what must not be shown."""
        found = translate_error(error, self._unshown)
        # While a session breaks, the driver finds itself out of step; what blames a value is a `ValueError` as well.
        is_out_of_step = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError)
        return TransientStoreError(str(found)) if is_out_of_step and not isinstance(error, ValueError) else found

    @property
    def lock_generation(self) -> int:
        """How often the session that writes has ended, whoever ended it; see `Store.lock_generation`."""
        return self._losses

    async def probe_owner(self, owner: str) -> bool:
        """Whether any session holds the owner's lock; see `Store.probe_owner`."""
        try:
            number = _lock_number(owner)
        except ValueError:
            return False  # no owner of this library's
        [(holders,)] = await self.fetch(_holders, {"number": number})
        return bool(holders)

    async def read_horizon(self) -> Horizon:
        """Tell how far the history reaches, and which transactions run; see `Horizon`."""
        [row] = await self.fetch(_horizon)
        return Horizon(*row)

    async def _prepare(self, connection: AsyncConnection) -> None:
        """Hold the owner's lock for as long as the session lives, and notice when it ends."""
        async with connection.begin():
            # Shared, as the session before this one may not have noticed yet that its connection is gone.
            await connection.execute(_take, {"number": _lock_number(self.owner)})
            await connection.execute(_watch_client)

        def ended(_: Any) -> None:
            if connection is self._writing:  # else it was left, and another has taken its place
                self._is_lost = True
                self._losses += 1
                if self.on_lock_lost is not None:
                    self.on_lock_lost()

        driver: Any = (await connection.get_raw_connection()).driver_connection
        driver.add_termination_listener(ended)

    async def _check_sessions(self) -> None:
        """Raise if a pooler gives each transaction whichever session is free, as the owner's lock belongs to one."""
        async with self._transaction() as connection:
            before = await connection.scalar(_session)
        # Another transaction takes the session that was given back just now, if it was.
        async with self._engine.connect() as other:
            await other.scalar(_session)
            async with self._transaction() as connection:
                after = await connection.scalar(_session)
        if before != after:
            raise PermanentStoreError(POOLED)

    def _spares_session(self, error: Exception) -> bool:
        # With the session goes the lock: others would take for lost what is being sent just then.
        return spares_session(error)

    async def _drop_writing(self) -> None:
        self._losses += self._writing is not None
        await super()._drop_writing()

    async def _upgrade(self, connection: AsyncConnection) -> None:
        # Up to the end of the transaction: two that make the tables at the same time would both fail.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        await super()._upgrade(connection)

    async def _find_tables(self, connection: AsyncConnection) -> bool:
        return await recognise_server(connection)


def _lock_number(owner: str) -> int:
    return int.from_bytes(bytes.fromhex(owner), "big", signed=True)
