"""A service that is not who it says it is: the key goes only where a trusted certificate stands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import trustme

from motion_async import (
    Backoff,
    ConnectImpossibleError,
    ConnectionLostError,
    CreateUncertainError,
    MotionSession,
)
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Peer, hostile_server, http, state
from tests.sockets import Sockets

CALLS: dict[str, Callable[[MotionSession], Any]] = {
    "create": lambda motion: motion.create("A launch video"),
    "poll": lambda motion: motion.poll(JOB),
}


def session(url: str, **options: Any) -> MotionSession:
    return MotionSession(KEY, base_url=url, backoff=Backoff(first=0, cap=0), send_timeout=10, **options)


def server_side(*, name: str, authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def answer(peer: Peer) -> None:
    await peer.say(http(state()))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # uvloop closes sockets behind their backs
@pytest.mark.parametrize("mine", [False, True], ids=["connections of its own", "the caller's connector"])
async def test_a_connection_ends_with_its_exchange_whatever_the_other_side_does(mine: bool) -> None:
    """A service that never says farewell, as TLS would have it, keeps no socket open: not one more than the bound."""
    authority = trustme.CA()

    async def answer_and_fall_silent(peer: Peer) -> None:
        await peer.say(http(state(), status=b"202 Accepted") if hostile.posts else http(state()))
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # no farewell is read, so none is answered

    sockets = Sockets()
    context = server_side(name="127.0.0.1", authority=authority)
    async with AsyncExitStack() as stack:
        hostile = await stack.enter_async_context(hostile_server(context))
        hostile.script = answer_and_fall_silent
        connector = aiohttp.TCPConnector(limit=0, socket_factory=sockets)
        client = await stack.enter_async_context(aiohttp.ClientSession(connector=connector)) if mine else None
        options = {"ssl": trusting(authority), "client_session": client, "max_connections": 2}
        async with session(hostile.url, **options) as motion:
            if not mine:
                motion._client._transport._polls.connector._socket_factory = sockets  # type: ignore[union-attr]
            for _ in range(5):
                await motion.create("A launch video")
        await asyncio.sleep(0)
        assert (sockets.made, sockets.most, sockets.now) == (5, 1, 0)
        for peer in hostile.peers:
            peer.writer.transport.abort()
        await connector.close()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(wrong: str, call: str) -> None:
    """Neither the key nor a prompt leaves, and it is said that none was sent."""
    ours, theirs = trustme.CA(), trustme.CA()
    context = server_side(
        name="127.0.0.1" if wrong == "authority" else "elsewhere.example",
        authority=theirs if wrong == "authority" else ours,
    )
    async with hostile_server(context) as hostile, session(hostile.url, ssl=trusting(ours)) as motion:
        hostile.script = answer
        with pytest.raises(ConnectImpossibleError) as caught:
            await CALLS[call](motion)
        assert KEY not in f"{caught.value!r} {caught.value}"
    assert hostile.requests == []


@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_speaks_plain_where_tls_is_due_gets_nothing(hostile: HostileServer, call: str) -> None:
    """The handshake fails before anything of the request has left."""

    async def plain(peer: Peer) -> None:
        await peer.say(http(b"plain"))
        peer.hang_up()

    plain.unasked = True  # type: ignore[attr-defined]
    hostile.script = plain
    async with session(hostile.url.replace("http:", "https:"), ssl=ssl.create_default_context()) as motion:
        with pytest.raises(ConnectImpossibleError):
            await CALLS[call](motion)
    assert hostile.requests == []


@pytest.mark.parametrize("call", CALLS)
async def test_a_handshake_that_is_never_answered_ends_in_time(hostile: HostileServer, call: str) -> None:
    """The deadline is over connecting too, and nothing has left by then."""
    plain = Peer.until_gone

    async def silent(peer: Peer) -> None:
        await plain(peer)

    silent.unasked = True  # type: ignore[attr-defined]
    hostile.script = silent
    url = hostile.url.replace("http:", "https:")
    async with MotionSession(
        KEY,
        base_url=url,
        ssl=ssl.create_default_context(),
        exchange_timeout=0.1,
        send_timeout=0.1,
        backoff=Backoff(first=0, cap=0),
    ) as motion:
        with pytest.raises(Exception, match=r"could not be made|brought no answer") as caught:
            await CALLS[call](motion)
    assert type(caught.value).__name__ == ("ConnectFailedError" if call == "create" else "ExchangeTimeoutError")
    assert hostile.requests == []


async def test_an_answer_cut_short_under_tls_is_lost_like_any_other() -> None:
    """Without TLS's own end, too: what is whole by its length counts, and what is not does not."""
    authority = trustme.CA()
    context = server_side(name="127.0.0.1", authority=authority)

    async def cut(peer: Peer) -> None:
        await peer.say(http(state())[:-60])
        peer.writer.transport.abort()

    async with hostile_server(context) as hostile, session(hostile.url, ssl=trusting(authority)) as motion:
        hostile.script = answer
        assert (await motion.create("A launch video")).id == JOB
        hostile.script = cut
        with pytest.raises(CreateUncertainError):
            await motion.create("A launch video")
        with pytest.raises(ConnectionLostError):
            await motion.poll(JOB)
        assert len(hostile.posts) == 2
