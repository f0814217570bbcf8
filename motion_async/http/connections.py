"""Connections as this library needs them: all that leans on the inside of aiohttp.

Creates and followups travel each on a connection of its own, which whoever listens to it ends; polls share a pool, and
are never answered by what came unasked. It must not send anything, nor know what is sent. Each private name of
aiohttp's has a test, so that a release that moves one breaks there.
"""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from motion_async.http.frames import MOST_OF_A_HEAD, Heard

__all__ = ["OwnConnections", "PollRequest", "listener", "make_client", "make_pool"]

_MOST_UNASKED: Final = 16
"""So many answers that no request waits for may lie on one connection; the answer to the next may be early, too."""
_READ_SIZE: Final = 65_536
"""Bytes: far more than a job's state has, and a quarter of what asyncio makes room for at each read."""
_MOST_OF_A_FIELD: Final = 65_536
_USUAL_FIELD: Final = 256
"""Bytes of a header: at most, and for the number of them, of which aiohttp has a bound and none for all together."""
listener: Final[ContextVar[Heard]] = ContextVar("listener")
"""Hears the connection of a create or a followup; a context variable, as aiohttp hands nothing of ours down there."""


def _lose(line: ResponseHandler, lost: Callable[[Any], None], exc: BaseException | None) -> None:
    """Tell the reader of a body that its connection has ended, which aiohttp does not after a broken chunk."""
    payload = line._payload  # noqa: SLF001  # the one place where aiohttp keeps the body that is read
    lost(exc)
    if payload is not None and not payload.is_eof() and payload.exception() is None:
        payload.set_exception(aiohttp.ClientPayloadError("the answer's frame is broken"))


class _Line(ResponseHandler):
    """A connection that ends as soon as it is given up, and keeps little of what nobody asked for.

    That of aiohttp waits for its last bytes to leave, and over TLS for the other side's farewell, half a minute or for
    ever, and no limit counts it; and it keeps every answer that comes unasked.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if hasattr(transport, "max_size"):  # asyncio's own, without TLS: it is allocated anew for each read
            transport.max_size = _READ_SIZE

    def close(self) -> None:
        self.abort()

    def resume_reading(self, resume_parser: bool = True) -> None:
        # aiohttp parses once more after each read, in case that something compressed is left; nothing is unpacked here.
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def connection_lost(self, exc: BaseException | None) -> None:
        _lose(self, super().connection_lost, exc)

    def data_received(self, data: bytes) -> None:
        # aiohttp's private future of the request that waits for an answer; nothing public tells whether one does.
        is_awaited = self._waiter is not None
        super().data_received(data)
        if not is_awaited and len(self._buffer) > _MOST_UNASKED:
            self.abort()


class OwnConnections(aiohttp.BaseConnector):
    """Opens a new connection for each send by means of another connector; the `listener` ends it."""

    def __init__(self, means: aiohttp.BaseConnector) -> None:
        # Never kept alive: a create on a connection that has gone stale is lost, and nobody knows whether it was taken.
        super().__init__(limit=0, force_close=True)
        self._means = means
        # aiohttp asks a connector for the schemes that it can open; here the other one opens all of them.
        self.allowed_protocol_schema_set = means.allowed_protocol_schema_set

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        if self._means.closed:
            raise aiohttp.ClientConnectionError("Connector is closed.")
        await asyncio.sleep(0)  # the one that has just been given up closes in this step, and must not count with it
        line = await self._means._create_connection(*args, **options)  # noqa: SLF001  # the documented way to extend
        if line.transport is not None:
            lost = partial(_lose, line, line.connection_lost)  # of whatever kind the other connector has made it
            line.transport = listener.get().listen(line.transport, line, lost)
        return line

    def _release(self, key: Any, protocol: ResponseHandler, **_: Any) -> None:
        if not self.closed:
            self._release_acquired(key, protocol)
        protocol.abort()  # not `close`, which the other connector's kind may delay; the listener still hears


class PollRequest(aiohttp.ClientRequest):
    """A request that is never answered by what came on its connection while that was idle.

    aiohttp's pool hands out such a connection, and would take the bytes for the answer; it makes the request
    again on another one, as it does when a kept-alive connection turns out to be closed.
    """

    def send(self, conn: Any) -> Any:
        """Send the request, unless something lies on the connection already."""
        if conn.protocol is not None and conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError("something came before it was asked for")
        return super().send(conn)


def make_pool(ssl: tls.SSLContext | aiohttp.Fingerprint | bool) -> aiohttp.TCPConnector:
    """Make the connector of a session that was given none."""
    # No limit of aiohttp's: the transport's semaphores bound polls and sends apart from each other.
    connector = aiohttp.TCPConnector(limit=0, ssl=ssl)
    factory: Any = partial(_Line, loop=asyncio.get_running_loop())
    connector._factory = factory  # noqa: SLF001  # it has no public name
    return connector


def make_client(
    connector: aiohttp.BaseConnector,
    owned: bool,
    headers: Mapping[str, str],
    traces: Iterable[aiohttp.TraceConfig],
    request_class: type[aiohttp.ClientRequest] = aiohttp.ClientRequest,
) -> aiohttp.ClientSession:
    """Make a client session for one origin: nothing but connections and headers, no cookies and no time-outs."""
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=owned,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        # None of aiohttp's, which sets a timer for each request: `Deadlines` has one for all of them.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        # aiohttp would unpack a bomb without any bound; `inflate` has one.
        auto_decompress=False,
        max_line_size=_MOST_OF_A_FIELD,
        max_field_size=_MOST_OF_A_FIELD,
        max_headers=MOST_OF_A_HEAD // _USUAL_FIELD,
        trace_configs=list(traces),
        request_class=request_class,
    )
