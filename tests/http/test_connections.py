"""Tests of `motion_async.http.connections`: the private names of aiohttp's that it leans on are where they were."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from motion_async.http.connections import OwnConnections, PollRequest, _Line, make_client, make_pool


async def test_a_pool_makes_its_connections_by_a_factory_of_ours() -> None:
    """`TCPConnector._factory` makes the protocol of each connection."""
    connector = make_pool(ssl=True)
    stock = aiohttp.TCPConnector()
    assert callable(stock._factory)
    assert isinstance(connector._factory(), ResponseHandler)
    assert type(connector._factory()) is not type(stock._factory())
    await connector.close()
    await stock.close()


@pytest.mark.parametrize("name", ["_waiter", "_buffer", "_payload", "_reading_paused"])
async def test_a_protocol_keeps_its_reader_and_what_came(name: str) -> None:
    """`ResponseHandler` says by these whether anyone waits for an answer, and what came unasked."""
    assert hasattr(ResponseHandler(asyncio.get_running_loop()), name)


async def test_a_protocol_says_whether_its_connection_can_be_used_again() -> None:
    """`ResponseHandler.should_close` is false of a new one, and true when something came that nobody asked for."""
    protocol = ResponseHandler(asyncio.get_running_loop())
    assert protocol.should_close is False
    protocol.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    assert protocol.should_close


async def test_a_connection_parses_once_more_after_a_pause_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ResponseHandler.resume_reading` hands the parser what came before a pause, by an empty `data_received`."""
    protocol, fed = _Line(asyncio.get_running_loop()), list[bytes]()
    monkeypatch.setattr(ResponseHandler, "data_received", lambda _, data: fed.append(data))
    protocol.resume_reading()
    assert fed == []
    protocol._reading_paused = True
    protocol.resume_reading()
    assert fed == [b""]
    assert not protocol._reading_paused


@pytest.mark.parametrize("name", ["_create_connection", "_release", "_release_acquired"])
async def test_a_connector_opens_and_lets_go_of_connections_by_methods_that_can_be_overridden(name: str) -> None:
    """`BaseConnector` calls them by these names."""
    assert callable(getattr(aiohttp.BaseConnector, name))
    assert name == "_release_acquired" or name in vars(OwnConnections)


async def test_a_request_is_sent_by_its_own_method() -> None:
    """`ClientRequest.send` takes the connection, and `ClientSession` takes a class of requests."""
    assert list(inspect.signature(aiohttp.ClientRequest.send).parameters) == ["self", "conn"]
    connector: Any = make_pool(ssl=True)
    client = make_client(connector, True, {}, [], request_class=PollRequest)
    assert client._request_class is PollRequest
    await client.close()


async def test_a_connection_reads_what_an_answer_needs_and_no_more_at_once() -> None:
    """Asyncio's own transport says by `max_size` how much room it makes for each read; others may have no such name."""
    loop = asyncio.get_running_loop()
    served = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    connector: Any = make_pool(ssl=True)
    try:
        address = served.sockets[0].getsockname()
        transport, _ = await loop.create_connection(connector._factory, *address)
        assert getattr(transport, "max_size", 65_536) == 65_536
        transport.abort()
    finally:
        await connector.close()
        served.close()
        await served.wait_closed()
