"""One HTTP exchange, against a server of bare bytes."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import aiohttp.client_exceptions
import pytest
import trustme

from motion_async import (
    ConfigurationError,
    ConnectFailedError,
    ConnectImpossibleError,
    ConnectionLostError,
    ExchangeTimeoutError,
    MotionError,
    NotSentError,
    SessionClosedError,
    UnexpectedResponseError,
)
from motion_async.contract.protocol import Call
from motion_async.http.endpoint import check_base_url
from motion_async.http.transport import Exchange, Transport
from tests.sockets import Sockets
from tests.waiting import until

KEY = "motion_secret_key_of_the_tests"
POLL = Call("poll", "/sessions/a", None, "a")
CREATE = Call("create", "/sessions", b"{}")
BODY = b'{"job_id": "a", "status": "queued"}'


def http(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


def says(*pieces: bytes, close: bool = False) -> Callable[..., Any]:
    """Give a handler that writes these pieces, and then closes or stays."""

    async def handler(_reader: object, writer: asyncio.StreamWriter, _request: bytes) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            writer.close()

    return handler


@asynccontextmanager
async def transport(url: str, **options: Any) -> AsyncIterator[Transport]:
    settings: dict[str, Any] = {
        "client_session": None,
        "trace_configs": (),
        "proxy": None,
        "trust_env": False,
        "ssl": True,
        "max_connections": 10,
        "timeout": 5.0,
        "send_timeout": 5.0,
        "max_answer_bytes": 10_000,
    }
    made = Transport(api_key=KEY, base_url=check_base_url(url), **settings | options)
    try:
        yield made
    finally:
        await made.aclose()


async def failure(transport: Transport, call: Call) -> MotionError:
    with pytest.raises(MotionError) as caught:
        await transport.exchange(call, None if call.body is None else Exchange())
    return caught.value


async def test_an_answer_comes_back_as_it_is(raw_server: Any) -> None:
    """Status, body and the headers that count are handed on, whatever they mean."""
    raw_server.handler = says(http(BODY, b"Retry-After: 7", status=b"429 Slow"))
    async with transport(raw_server.url) as made:
        answer = await made.exchange(POLL)
    assert (answer.status, answer.body, answer.retry_after, answer.flaw) == (429, BODY, "7", None)


async def test_a_request_carries_the_key_and_nothing_to_decompress(raw_server: Any) -> None:
    """The key travels as a bearer token, the body as JSON, and no compression is asked for."""
    raw_server.handler = says(http(BODY))
    async with transport(raw_server.url) as made:
        await made.exchange(CREATE, Exchange())
    (request,) = raw_server.requests
    assert request.startswith(b"POST /api/motion/sessions HTTP/1.1\r\n")
    for line in (
        b"Authorization: Bearer " + KEY.encode(),
        b"Content-Type: application/json",
        b"Accept-Encoding: identity",
    ):
        assert line in request
    assert request.endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize("mine", [False, True], ids=["connections of its own", "the caller's session"])
async def test_no_cookie_is_ever_sent_back(raw_server: Any, mine: bool) -> None:
    """Neither one that an answer to the same address has set, nor one of the caller's own jar."""
    raw_server.handler = says(http(BODY, b"Set-Cookie: a=b; Path=/", b"Set-Cookie: c=d; Path=/api"))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(raw_server.url) as answer:
            await answer.read()
        async with session.get(raw_server.url):
            assert b"Cookie: " in raw_server.requests.pop(), "the jar would send them"
        async with transport(raw_server.url, client_session=session if mine else None) as made:
            for _ in range(2):
                await made.exchange(POLL)
                await made.exchange(CREATE, Exchange())
                await made.exchange(Call("followup", "/sessions/a/followups", b"{}", "a"), Exchange())
    assert len(raw_server.requests) == 7
    assert not [request for request in raw_server.requests if b"cookie" in request.lower()]


async def test_polls_share_connections_and_creates_never_ride_on_an_old_one(raw_server: Any) -> None:
    """A poll uses a kept-alive connection; every create opens its own, even right after a poll."""
    raw_server.handler = says(http(BODY))
    async with transport(raw_server.url) as made:
        for _ in range(3):
            await made.exchange(POLL)
        assert raw_server.connections == 1
        for number in range(3):
            await made.exchange(CREATE, Exchange())
            assert raw_server.connections == 2 + number
        await made.exchange(POLL)
        assert raw_server.connections == 4


async def test_a_create_on_the_callers_connector_opens_its_own_connection_too(raw_server: Any) -> None:
    """A handed-in session's pool serves the polls; creates are opened by its means and never pooled."""
    raw_server.handler = says(http(BODY))
    async with aiohttp.ClientSession() as mine, transport(raw_server.url, client_session=mine) as made:
        await made.exchange(POLL)
        await made.exchange(CREATE, Exchange())
        await made.exchange(CREATE, Exchange())
        await made.exchange(POLL)
    assert raw_server.connections == 3


async def test_redirects_are_not_followed(raw_server: Any) -> None:
    """The key goes nowhere but to the base URL: a redirect is an answer like any other."""
    raw_server.handler = says(http(b"", b"Location: http://127.0.0.1:1/elsewhere", status=b"307 There"))
    async with transport(raw_server.url) as made:
        assert (await made.exchange(POLL)).status == 307
        assert (await made.exchange(CREATE, Exchange())).status == 307
    assert len(raw_server.requests) == 2


async def test_an_escaped_id_stays_one_segment(raw_server: Any) -> None:
    """What the protocol has escaped reaches the wire unchanged."""
    raw_server.handler = says(http(BODY))
    async with transport(raw_server.url) as made:
        await made.exchange(Call("poll", "/sessions/..%2F..%2Fx%3Fy%23z", None, "a"))
    assert raw_server.requests[0].startswith(b"GET /api/motion/sessions/..%2F..%2Fx%3Fy%23z HTTP/1.1")


# What goes wrong.


async def test_no_connection_means_nothing_was_sent() -> None:
    """A refused connection is a `ConnectFailedError`, for a create as for a poll."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with transport(f"http://127.0.0.1:{port}/api") as made:
        exchange = Exchange()
        with pytest.raises(ConnectFailedError):
            await made.exchange(CREATE, exchange)
        assert not exchange.sent
        assert type(await failure(made, POLL)) is ConnectFailedError


@pytest.mark.motion_real
async def test_a_host_without_an_address_means_nothing_was_sent() -> None:
    """A name that cannot be resolved is a `ConnectFailedError`, and a moment later one that no further try helps."""
    for call in (CREATE, POLL):
        async with transport("https://nowhere.invalid/api") as made:
            assert type(await failure(made, call)) is ConnectFailedError
            await asyncio.sleep(0.1)
            error = await failure(made, call)
    assert type(error) is ConnectImpossibleError
    assert "check the base URL" in str(error)


@pytest.mark.motion_real
async def test_a_host_that_cannot_be_one_is_not_tried_again() -> None:
    """Its name has a part that is longer than any may be."""
    async with transport(f"https://{'a' * 64}.invalid/api") as made:
        for call in (CREATE, POLL):
            found = type(await failure(made, call))
            if found is ConnectFailedError:  # uvloop leaves that to the resolver, whose word counts the second time
                await asyncio.sleep(0.2)
                found = type(await failure(made, call))
            assert found is ConnectImpossibleError


async def test_a_foreign_certificate_means_nothing_was_sent() -> None:
    """A server whose certificate is not trusted gets no key; with its authority's context it is served."""
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(BODY, b"Connection: close"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"
    async with server:
        async with transport(url) as made:
            error = await failure(made, CREATE)
            assert type(error) is ConnectImpossibleError
            assert "SSL_CERT_FILE" in str(error)
        async with transport(url, ssl=client_side) as made:
            assert (await made.exchange(POLL)).body == BODY
            assert (await made.exchange(Call("create", "/sessions", b""), Exchange())).body == BODY


@pytest.mark.parametrize("call", [POLL, CREATE], ids=["poll", "create"])
@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"nonsense\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",),
    ],
    ids=["nothing", "half a head", "no HTTP", "negative length"],
)
async def test_a_connection_that_ends_without_an_answer_is_lost(raw_server: Any, call: Call, pieces: Any) -> None:
    """Whatever came instead of a head, one request was made, and there is no answer that could be read."""
    is_unreadable = call is POLL and pieces and b"\r\n\r\n" in pieces[0]
    raw_server.handler = says(*pieces, close=True)
    async with transport(raw_server.url) as made:
        exchange = Exchange() if call is CREATE else None
        with pytest.raises(UnexpectedResponseError if is_unreadable else ConnectionLostError) as caught:
            await made.exchange(call, exchange)
        assert exchange is None or exchange.sent
    assert len([request for request in raw_server.requests if request.startswith(b"POST")]) == (call is CREATE)
    assert caught.value.job_id == call.job_id
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert KEY not in repr(caught.value)


async def test_no_answer_in_time_is_a_timeout(raw_server: Any) -> None:
    """The deadline is over the whole exchange, and a server that says nothing meets it."""
    async with transport(raw_server.url, timeout=0.05, send_timeout=0.05) as made:
        assert type(await failure(made, POLL)) is ExchangeTimeoutError
        exchange = Exchange()
        with pytest.raises(ExchangeTimeoutError):
            await made.exchange(CREATE, exchange)
        assert exchange.sent


async def test_a_body_that_drips_meets_the_deadline_too(raw_server: Any) -> None:
    """Bytes that keep coming do not stretch the deadline."""

    async def drip(_reader: object, writer: asyncio.StreamWriter, _request: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    raw_server.handler = drip
    async with transport(raw_server.url, timeout=0.1, send_timeout=0.1, max_answer_bytes=200_000) as made:
        assert type(await failure(made, POLL)) is ExchangeTimeoutError


async def test_a_body_cut_short_is_a_flaw_of_an_answer_whose_status_is_known(raw_server: Any) -> None:
    """What the service decided is not lost with the rest of its sentence."""
    raw_server.handler = says(b"HTTP/1.1 402 No\r\nContent-Length: 100\r\n\r\n{", close=True)
    async with transport(raw_server.url) as made:
        answer = await made.exchange(CREATE, Exchange())
    assert answer.status == 402
    assert isinstance(answer.flaw, ConnectionLostError)


@pytest.mark.parametrize(
    "head", [b"Content-Length: 50000", b"Transfer-Encoding: chunked"], ids=["announced", "chunked"]
)
async def test_a_body_over_the_bound_is_read_no_further(raw_server: Any, head: bytes) -> None:
    """Memory for an answer is bounded, whether its length is announced or not."""
    chunk = b"x" * 5_000 if b"Length" in head else b"1388\r\n" + b"x" * 5_000 + b"\r\n"
    raw_server.handler = says(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", *([chunk] * 10))
    async with transport(raw_server.url) as made:
        answer = await made.exchange(POLL)
        assert len(answer.body) <= 10_000
        assert isinstance(answer.flaw, UnexpectedResponseError)
        raw_server.handler = says(http(BODY))
        assert (await made.exchange(POLL)).body == BODY


async def test_a_chunked_body_is_read_whole(raw_server: Any) -> None:
    """An answer of unannounced length within the bound has no flaw."""
    raw_server.handler = says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    async with transport(raw_server.url) as made:
        answer = await made.exchange(POLL)
    assert (answer.body, answer.flaw) == (b"abcde", None)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
@pytest.mark.parametrize("more", [0, 1])
async def test_a_compressed_body_is_unpacked_up_to_its_bound(raw_server: Any, status: bytes, more: int) -> None:
    """A body that comes compressed unasked is read as if it had not, and may not grow by a byte beyond the bound."""
    raw_server.handler = says(http(gzip.compress(bytes(10_000 + more)), b"Content-Encoding: gzip", status=status))
    async with transport(raw_server.url) as made:
        found = await made.exchange(POLL)
    if more:
        assert (found.body, type(found.flaw)) == (b"", UnexpectedResponseError)
        assert "more than 10000 bytes when decompressed" in str(found.flaw)
    else:
        assert (found.body, found.flaw) == (bytes(10_000), None)


@pytest.mark.parametrize("encoding", [b"br", b"gzip, gzip", b"gzip"])
async def test_a_body_that_cannot_be_unpacked_has_a_flaw(raw_server: Any, encoding: bytes) -> None:
    """Nothing of it is believed; the status is."""
    raw_server.handler = says(http(b"packed", b"Content-Encoding: " + encoding, status=b"503 Busy"))
    async with transport(raw_server.url) as made:
        found = await made.exchange(POLL)
    assert isinstance(found.flaw, UnexpectedResponseError)
    assert (found.status, found.body, found.flaw.http_status, found.flaw.job_id) == (503, b"", 503, POLL.job_id)


async def test_nothing_leaves_if_it_may_not_at_the_last_moment(raw_server: Any) -> None:
    """There is a connection, and not a byte goes over it; what kept it back is raised, as it is and nothing on it."""
    asked = 0

    def hold_back() -> None:
        nonlocal asked
        asked += 1
        raise NotSentError("an earlier request ended all new ones")

    exchange = Exchange(hold_back)
    async with transport(raw_server.url) as made:
        with pytest.raises(NotSentError) as caught:
            await made.exchange(CREATE, exchange)
        assert caught.value is exchange.kept_back
        assert caught.value.__context__ is None
        assert (exchange.sent, asked, raw_server.connections, raw_server.requests) == (False, 1, 1, [])


@pytest.mark.parametrize("call", [POLL, CREATE], ids=["poll", "create"])
async def test_a_cancellation_that_a_hook_takes_for_something_else_is_one(raw_server: Any, call: Call) -> None:
    """Whoever cancels a followup in the poll before it must not have it sent all the same."""

    async def convert(*_: object) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise ValueError("hook") from None

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(convert)
    async with transport(raw_server.url, trace_configs=[trace]) as made:
        task = asyncio.create_task(made.exchange(call, None if call is POLL else Exchange()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert raw_server.requests == []


async def test_what_a_trace_hook_raises_loses_the_answer_and_nothing_else(raw_server: Any) -> None:
    """A caller's hook that fails makes a `TransportError`, and a create whose bytes had left counts as sent."""

    async def fail(*_: object) -> None:
        raise KeyError("hook")

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(fail)
    raw_server.handler = says(http(BODY))
    async with transport(raw_server.url, trace_configs=[trace]) as made:
        exchange = Exchange()
        with pytest.raises(ConnectionLostError, match="hook"):
            await made.exchange(CREATE, exchange)
        assert exchange.sent


async def test_a_closed_transport_says_so(raw_server: Any) -> None:
    """After `aclose` a call is a `SessionClosedError`, and nothing is sent."""
    async with transport(raw_server.url) as made:
        await made.aclose()
        for call in (POLL, CREATE):
            assert type(await failure(made, call)) is SessionClosedError
    assert raw_server.requests == []


async def test_the_callers_connector_may_close_under_way(raw_server: Any) -> None:
    """A session of the caller's that is closed early is told of like a closed session."""
    raw_server.handler = says(http(BODY))
    mine = aiohttp.ClientSession()
    async with transport(raw_server.url, client_session=mine) as made:
        await made.exchange(POLL)
        await mine.close()
        for call in (POLL, CREATE):
            assert type(await failure(made, call)) is SessionClosedError


async def test_exchanges_at_one_time_are_bounded(raw_server: Any) -> None:
    """Of five connections one is for creates and followups, and four are for polls."""
    under_way: Counter[bytes] = Counter()
    most: Counter[bytes] = Counter()

    async def answer(_reader: object, writer: asyncio.StreamWriter, request: bytes) -> None:
        verb = request[:4].strip()
        under_way[verb] += 1
        most.update({verb: max(0, under_way[verb] - most[verb])})
        await asyncio.sleep(0.01)
        under_way[verb] -= 1
        writer.write(http(BODY))

    raw_server.handler = answer
    async with transport(raw_server.url, max_connections=5) as made:
        assert made.polls_at_once == 4

        async def create() -> None:
            async with made.places_to_send:
                await made.exchange(CREATE, Exchange())

        await asyncio.gather(*(made.exchange(POLL) if n % 2 else create() for n in range(20)))
    assert most == {b"GET": 4, b"POST": 1}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # uvloop closes sockets behind their backs
async def test_a_create_opens_its_connection_when_the_one_before_is_closed(raw_server: Any) -> None:
    """One after the other they never have two."""
    raw_server.handler = says(http(BODY))
    sockets = Sockets()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=sockets)) as mine,
        transport(raw_server.url, client_session=mine) as made,
    ):
        for _ in range(5):
            await made.exchange(CREATE, Exchange())
    assert (sockets.made, sockets.most) == (5, 1)


async def test_whoever_looks_into_a_request_sees_no_key(raw_server: Any) -> None:
    """A debugger, or a traceback with locals of aiohttp's own frames, shows the headers as they are printed."""
    raw_server.handler = says(http(BODY))
    async with transport(raw_server.url) as made:
        for client in (made._polls, made._sends):
            assert KEY not in repr(client.headers)
            assert KEY in client.headers["Authorization"]


async def test_a_create_whose_answer_is_lost_stays_lost_when_its_connector_has_closed(raw_server: Any) -> None:
    """It was sent, so it must not pass for one that was not, whatever has been closed meanwhile."""
    mine = aiohttp.ClientSession()

    async def answer(_reader: object, writer: asyncio.StreamWriter, _request: bytes) -> None:
        await mine.close()
        writer.close()

    raw_server.handler = answer
    async with transport(raw_server.url, client_session=mine) as made:
        assert type(await failure(made, CREATE)) is ConnectionLostError


@pytest.mark.parametrize("call", [POLL, CREATE], ids=["poll", "create"])
@pytest.mark.parametrize("limit", [1, 10_000, 200_000])
@pytest.mark.parametrize("more", [-1, 0, 1, 2])
@pytest.mark.parametrize("cut", [None, 1, 2, 3], ids=["at once", "before the last byte", "before two", "before three"])
@pytest.mark.parametrize("framing", ["announced", "chunked", "to the end"])
async def test_the_bound_of_an_answer_is_exact(
    raw_server: Any, framing: str, cut: int | None, more: int, limit: int, call: Call
) -> None:
    """A body of just so many bytes is whole, one byte more is too many, however it is framed and cut into packets."""
    body = b"x" * (limit + more)
    if framing == "announced":
        answer = http(body)
    elif framing == "chunked":
        chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    else:
        answer = b"HTTP/1.1 200 OK\r\n\r\n" + body
    at = len(answer) - (cut or 0)

    async def handler(_reader: object, writer: asyncio.StreamWriter, _request: bytes) -> None:
        writer.write(answer[:at])
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.write(answer[at:])
        writer.close()

    raw_server.handler = handler
    async with transport(raw_server.url, max_answer_bytes=limit) as made:
        found = await made.exchange(call, None if call is POLL else Exchange())
    assert (len(found.body), found.flaw is None) == (min(limit, limit + more), more <= 0)


async def test_what_had_come_of_an_answer_when_its_time_was_over_is_kept(raw_server: Any) -> None:
    """For a create or a followup, as the id may be in it."""
    raw_server.handler = says(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n" + BODY)
    exchange = Exchange()
    async with transport(raw_server.url, timeout=0.05, send_timeout=0.05) as made:
        with pytest.raises(ExchangeTimeoutError):
            await made.exchange(CREATE, exchange)
    assert exchange.cut is not None
    assert (exchange.cut.status, exchange.cut.body) == (202, BODY)


@pytest.mark.parametrize("call", [POLL, CREATE], ids=["a poll", "a create that was sent"])
def test_no_exception_of_aiohttp_escapes_or_passes_for_a_refusal(call: Call) -> None:
    """Each of aiohttp's is translated; none can make believe that a create was not sent whose bytes have left."""

    async def translated() -> list[tuple[str, str]]:
        exchange = None if call is POLL else Exchange()
        if exchange is not None:
            exchange.sent = True
        async with transport("http://127.0.0.1:9/api") as made:
            kinds = [
                kind
                for _, kind in inspect.getmembers(aiohttp.client_exceptions, inspect.isclass)
                if issubclass(kind, aiohttp.ClientError | TimeoutError) and kind.__module__.startswith("aiohttp")
            ]
            found = []
            for kind in kinds:
                error = kind.__new__(kind)
                error.__dict__.update(message="", status=0, request_info=None, _conn_key=None, _os_error=OSError())
                if issubclass(kind, aiohttp.ClientConnectorError | aiohttp.InvalidURL | aiohttp.ClientResponseError):
                    kind.__str__ = lambda self: type(self).__name__  # type: ignore[method-assign]
                found.append((kind.__name__, type(made._translate(call, error, exchange)).__name__))
            return found

    found = dict(asyncio.run(translated()))
    assert len(found) > 15
    # A poll's answer that no parser can read did come; of a create's the bytes are looked at before it is lost.
    unreadable = {name for name, translation in found.items() if translation == "UnexpectedResponseError"}
    assert ("ClientResponseError" in unreadable) if call is POLL else not unreadable
    assert set(found.values()) - {"UnexpectedResponseError"} <= {
        "ConnectFailedError",
        "ConnectImpossibleError",
        "ConnectionLostError",
        "ExchangeTimeoutError",
    }
    never = {
        name for name, translation in found.items() if translation.startswith("Connect") and "Lost" not in translation
    }
    assert never >= {"ClientConnectorError", "ClientConnectorCertificateError"} if call is POLL else not never
    assert found["ServerDisconnectedError"] == found["ClientPayloadError"] == "ConnectionLostError"


# Proxies.


@pytest.mark.motion_real
async def test_a_proxy_is_asked_for_a_tunnel_with_its_own_credentials(raw_server: Any) -> None:
    """`proxy` gets a CONNECT with its user and password, never the key, and its password shows nowhere."""
    raw_server.handler = says(http(b"no", status=b"407 Proxy Authentication Required"))
    proxy = raw_server.url.replace("/api/motion", "").replace("http://", "http://user:pass-word@")
    async with transport("https://service.invalid/api", proxy=proxy) as made:
        error = await failure(made, CREATE)
    assert type(error) is ConnectImpossibleError
    assert "the proxy wants a password" in str(error)
    assert "pass-word" not in str(error)
    (request,) = raw_server.requests
    assert request.startswith(b"CONNECT service.invalid:443 HTTP/1.1")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNzLXdvcmQ=" in request
    assert KEY.encode() not in request


@pytest.mark.motion_real
async def test_the_environments_proxy_counts_when_it_is_trusted(
    raw_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`trust_env` takes the proxy of the environment; without it the environment counts for nothing."""
    raw_server.handler = says(http(b"no", status=b"502 Bad"))
    monkeypatch.setenv("https_proxy", raw_server.url.replace("/api/motion", ""))
    monkeypatch.delenv("no_proxy", raising=False)
    async with transport("https://service.invalid/api", trust_env=True) as made:
        assert type(await failure(made, CREATE)) is ConnectFailedError
    assert len(raw_server.requests) == 1
    async with transport("https://service.invalid/api") as made:
        assert type(await failure(made, CREATE)) is ConnectFailedError
    assert len(raw_server.requests) == 1


async def test_plain_http_goes_through_no_proxy(raw_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy could read the key: the environment's is passed by, and one that was given is refused."""
    raw_server.handler = says(http(BODY))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    async with transport(raw_server.url, trust_env=True) as made:
        assert (await made.exchange(POLL)).body == BODY
    with pytest.raises(ConfigurationError, match="proxy"):
        async with transport(raw_server.url, proxy="http://127.0.0.1:9"):
            pass


async def test_a_netrc_never_takes_the_place_of_the_key(
    raw_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Whatever a netrc says of the host, the key is what is sent."""
    raw_server.handler = says(http(BODY))
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with transport(raw_server.url, trust_env=True) as made:
        await made.exchange(POLL)
    assert b"Authorization: Bearer " + KEY.encode() in raw_server.requests[0]


async def test_leaving_ends_exchanges_that_are_under_way(raw_server: Any) -> None:
    """On a caller's connector too, nobody goes on waiting without a deadline."""
    async with aiohttp.ClientSession() as mine, transport(raw_server.url, client_session=mine) as made:
        polling = asyncio.create_task(made.exchange(POLL))
        await until(lambda: raw_server.requests, every=0.001)
        await made.aclose()
        with pytest.raises(SessionClosedError):
            await polling


async def test_a_connector_that_closes_cancels_nobody(raw_server: Any) -> None:
    """Who waits for a connection of the caller's when it closes gets an error, not a cancellation."""
    mine = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
    async with transport(raw_server.url, client_session=mine) as made:
        polling = [asyncio.create_task(made.exchange(POLL)) for _ in range(3)]
        await until(lambda: raw_server.requests, every=0.001)
        await mine.close()
        ends = await asyncio.gather(*polling, return_exceptions=True)
    assert {type(end) for end in ends} <= {SessionClosedError, ConnectionLostError}


@pytest.mark.motion_real
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense", 5, "http://"], ids=str)
async def test_a_proxy_that_cannot_be_used_is_refused(proxy: Any) -> None:
    """A bad proxy is told when the transport is made, not by the first call."""
    with pytest.raises(ConfigurationError, match="proxy"):
        async with transport("https://service.invalid/api", proxy=proxy):
            pass


@pytest.mark.motion_real
async def test_a_proxy_that_refuses_the_tunnel_means_nothing_was_sent(raw_server: Any) -> None:
    """An error to CONNECT is a `ConnectFailedError`: the service never saw the create."""
    raw_server.handler = says(http(b"no", status=b"502 Bad"), close=True)
    proxy = raw_server.url.replace("/api/motion", "")
    async with transport("https://service.invalid/api", proxy=proxy) as made:
        assert type(await failure(made, CREATE)) is ConnectFailedError


@pytest.mark.motion_real
def test_the_transport_shows_no_key() -> None:
    """Its repr names the base URL alone."""

    async def shown() -> str:
        async with transport("https://api.motion.so/api/motion") as made:
            return repr(made)

    assert asyncio.run(shown()) == "Transport('https://api.motion.so/api/motion')"
