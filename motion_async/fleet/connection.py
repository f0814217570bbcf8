"""The connection of a fleet beside those of its ledger: made anew after any trouble, and told what others notify.

It knows neither the queue nor the ledger's tables.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import anyio

from motion_async.ledger.outage import Outage

if TYPE_CHECKING:
    from motion_async.ledger.store.postgres import ServerStore

__all__ = ["CHANNEL", "Connection", "FleetConnection", "News"]

CHANNEL: Final = "motion_fleet"
"""Where the processes of a fleet tell each other what concerns all."""

Connection: TypeAlias = Any
"""One of asyncpg's, which has no types."""
News: TypeAlias = Mapping[str, Any]
"""What one process of a fleet tells the others; its `kind` says what it is about."""

_CLOSE_SECONDS: Final = 2.0

_T = TypeVar("_T")
_log = logging.getLogger(__package__)


class FleetConnection:
    """One connection, for one statement or transaction at a time; `hear` is called with what is notified.

    While the database cannot be reached each call waits, as the ledger's do. After each new connection `hear` is called
    with nothing, as what was notified in between is lost.
    """

    def __init__(self, store: ServerStore, outage: Outage, channels: tuple[str, ...]) -> None:
        self._store = store
        self._outage = outage
        self._channels = channels
        self._turn = asyncio.Lock()
        self._connection: Connection = None
        self.hear: Callable[[News], object] = lambda _: None

    async def run(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Do something that does no harm when it is done twice, again until it is done; see `Outage.retry`."""
        return await self._outage.retry(lambda: self._try(work))

    async def _try(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        async with self._turn:
            try:
                return await work(await self._connect())
            except Exception as error:  # noqa: BLE001  # the driver raises what it likes
                failure = self._store.explain(error)
                self._drop()
            except BaseException:
                self._drop()
                raise
        raise failure

    def _drop(self) -> None:
        """Leave the connection for good, in whatever state: a transaction that was cut off would keep its locks."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connect(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            connection = await self._store.connect_apart()
            try:
                for channel in self._channels:
                    await connection.add_listener(channel, self._receive)
            except BaseException:  # whoever asked may have left: the next one must not get a connection that is deaf
                connection.terminate()
                raise
            connection.add_termination_listener(lambda _: self.hear({}))
            self._connection = connection
            self.hear({})
        return self._connection

    def _receive(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        try:
            news = json.loads(str(payload))
        except ValueError:
            news = None
        if isinstance(news, dict):
            self.hear(news)
        else:
            _log.warning("somebody has notified the fleet of what is no news: %.100r", payload)

    async def execute(self, statement: str, *values: object) -> list[Any]:
        """Execute one statement that does no harm when it is done twice, and give its rows."""
        rows: list[Any] = await self.run(lambda connection: connection.fetch(statement, *values))
        return rows

    async def notify(self, **news: Any) -> None:
        """Tell every process of the fleet, this one included."""
        await self.execute("SELECT pg_notify($1, $2)", CHANNEL, json.dumps(news))

    async def aclose(self) -> None:
        """Let go of the connection; this never fails."""
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        with anyio.CancelScope(shield=True):
            try:
                await connection.close(timeout=_CLOSE_SECONDS)
            except Exception as error:  # noqa: BLE001  # it is being left
                connection.terminate()
                _log.debug("the fleet's connection could not be left in good order: %s", type(error).__name__)
