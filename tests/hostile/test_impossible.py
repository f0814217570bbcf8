"""What stands between a caller and the service and does not go by itself: it is told of at once, by every call.

Real sockets throughout, and the session's own patience: a test here is over long before a second try would be made.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from motion_async import (
    Backoff,
    ConnectFailedError,
    ConnectImpossibleError,
    GrowingSchedule,
    MotionSession,
    NotSentError,
    PollDisturbed,
    WatchEnded,
)
from motion_async.ledger import ItemState, Ledger, open_ledger
from tests.batches import run, states
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Peer, hostile_server, http, state, unasked
from tests.waiting import until

PASSWORD: Final = "hunter2-of-the-proxy"
SLOW: Final = Backoff(first=600, cap=600)
"""A second try would come so late that its test fails."""


async def until_ended(motion: MotionSession) -> object:
    return await motion.job(JOB).wait()


async def first_change(motion: MotionSession) -> object:
    async with motion.job(JOB).transitions() as changes:
        return await anext(changes)


async def end_of_watch(motion: MotionSession) -> object:
    """Have a job watched by nobody but a reader of events."""
    job = motion.job(JOB)
    async with motion.events() as events:
        async for event in events:
            if isinstance(event, WatchEnded):
                assert event.job_id == job.id
                raise event.error
    raise AssertionError


CALLS: Final[dict[str, Callable[[MotionSession], Awaitable[object]]]] = {
    "create": lambda motion: motion.create("A launch video"),
    "generate": lambda motion: motion.generate("A launch video"),
    "followup": lambda motion: motion.followup(JOB, "Faster"),
    "poll": lambda motion: motion.poll(JOB),
    "wait": until_ended,
    "transitions": first_change,
    "events": end_of_watch,
}


def server_side(name: str = "127.0.0.1") -> ssl.SSLContext:
    """Give a context with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(name).configure_cert(context)
    return context


async def fails_at_once(call: str, **options: Any) -> ConnectImpossibleError:
    """Make one call, and give its error; it is one of those in the session, wherever it goes from there."""
    async with MotionSession(KEY, **({"backoff": SLOW} | options)) as motion, asyncio.timeout(10):
        with pytest.raises(ConnectImpossibleError) as caught:
            await CALLS[call](motion)
    error = caught.value
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), type(error)(*error.args)):
        assert (type(same), str(same), vars(same)) == (type(error), str(error), vars(error))
    said = f"{error!r} {error} {vars(error)}"
    assert KEY not in said
    assert PASSWORD not in said
    return error


@pytest.mark.parametrize("call", CALLS)
async def test_a_certificate_that_cannot_be_verified(call: str) -> None:
    """The sentence names both ways to trust it."""
    async with hostile_server(server_side()) as hostile:
        error = await fails_at_once(call, base_url=hostile.url)
        assert hostile.requests == []
    assert "ssl=" in str(error)
    assert "SSL_CERT_FILE" in str(error)


async def test_a_certificate_with_another_fingerprint() -> None:
    """The caller has pinned one, and it is not this."""
    pinned = aiohttp.Fingerprint(b"x" * 32)
    async with hostile_server(server_side()) as hostile:
        for call in ("create", "poll"):
            assert "fingerprint" in str(await fails_at_once(call, base_url=hostile.url, ssl=pinned))
        assert hostile.requests == []


@pytest.mark.parametrize("call", ["create", "wait"])
async def test_plain_http_where_tls_is_due(hostile: HostileServer, call: str) -> None:
    """A wrong port, mostly."""

    @unasked
    async def plain(peer: Peer) -> None:
        await peer.say(http(b"plain", status=b"400 Bad Request"))
        peer.hang_up()

    hostile.script = plain
    error = await fails_at_once(call, base_url=hostile.url.replace("http:", "https:"))
    assert "scheme and port" in str(error)


@contextmanager
def only_tls_1_2() -> Iterator[str]:
    """Serve an older TLS alone, in a thread: asyncio's server hangs up without the alert that says so."""
    context = server_side()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            peer, _ = listening.accept()
            with peer:
                if not peer.recv(1, socket.MSG_PEEK):
                    return  # the end of the test
                with suppress(ssl.SSLError, ConnectionError):
                    context.wrap_socket(peer, server_side=True)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/api/motion"
    finally:
        socket.create_connection(listening.getsockname()).close()
        thread.join()
        listening.close()


@pytest.mark.parametrize("call", ["create", "wait"])
async def test_another_version_of_tls(call: str) -> None:
    """One side is too old for the other."""
    newest = ssl.create_default_context()
    newest.minimum_version = ssl.TLSVersion.TLSv1_3
    with only_tls_1_2() as url:
        assert "no version or cipher of TLS" in str(await fails_at_once(call, base_url=url, ssl=newest))


@asynccontextmanager
async def proxy(*heads: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer each CONNECT with the next of these heads, the last one for ever; the requests are noted."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % heads[min(len(asked), len(heads)) - 1])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://user:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.mark.motion_real
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"407 Proxy Authentication Required", "the proxy wants a password"),
        (b"403 Forbidden", "the proxy lets nothing through"),
        (b"302 Found", "the proxy lets nothing through"),
    ],
    ids=["407", "403", "302"],
)
async def test_a_proxy_that_does_not_let_through(call: str, head: bytes, words: str) -> None:
    """It is asked once; neither its password nor the key is shown."""
    async with proxy(head) as (url, asked):
        error = await fails_at_once(call, base_url="https://service.invalid/api/motion", proxy=url)
    assert words in str(error)
    assert len(asked) == 1


@pytest.mark.motion_real
async def test_a_proxy_that_is_in_trouble_itself_is_asked_again() -> None:
    """What a gateway says of a service that is down passes, however often it is said."""
    async with proxy(b"503 Unavailable", b"502 Bad Gateway", b"407 Password") as (url, asked):
        await fails_at_once(
            "create", base_url="https://service.invalid/api/motion", proxy=url, backoff=Backoff(first=0, cap=0)
        )
    assert len(asked) == 3


class Resolver(AbstractResolver):
    """Knows no name, or is out of order, or knows all names, as it is told."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.asked = 0
        self.port = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        if self.errors and (error := self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]):
            raise socket.gaierror(error, "as the test has it")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def resolving(resolver: Resolver) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
    ) as client:
        yield client


@pytest.mark.motion_real
@pytest.mark.parametrize("call", CALLS)
async def test_a_host_that_does_not_exist_is_looked_for_twice(call: str) -> None:
    """As the first answer may come of a hiccup."""
    resolver = Resolver(socket.EAI_NONAME)
    async with resolving(resolver) as client:
        error = await fails_at_once(
            call, base_url="https://service.invalid/api", client_session=client, backoff=Backoff(first=0.3, cap=0.3)
        )
    assert "there is no host of that name" in str(error)
    assert resolver.asked == 2


@pytest.mark.motion_real
async def test_a_resolver_that_is_out_of_order_is_waited_for(hostile: HostileServer) -> None:
    """And so is a name that is not found once."""
    hostile.script = answer
    resolver = Resolver(*[socket.EAI_AGAIN] * 4, socket.EAI_NONAME, 0)
    resolver.port = int(hostile.url.split(":")[2].split("/")[0])
    async with resolving(resolver) as client:
        options: dict[str, Any] = {"client_session": client, "backoff": Backoff(first=0, cap=0)}
        url = f"http://service.invalid:{resolver.port}/api/motion"
        async with MotionSession(KEY, base_url=url, plain_http_hosts=["service.invalid"], **options) as motion:
            assert (await motion.create("A launch video")).id == JOB
    assert resolver.asked == 6


async def answer(peer: Peer) -> None:
    await peer.say(http(state()))


@pytest.mark.motion_real
async def test_a_way_that_was_open_may_be_so_again(hostile: HostileServer) -> None:
    """A laptop that has left its network: whoever watches a job, or wants to send, outlives that."""
    hostile.script = answer
    resolver = Resolver(0)
    resolver.port = int(hostile.url.split(":")[2].split("/")[0])
    quick = GrowingSchedule(first=0.01, growth=0, cap=0.01)
    async with resolving(resolver) as client:
        options: dict[str, Any] = {"client_session": client, "backoff": Backoff(first=0.05, cap=0.05)}
        url = f"http://service.invalid:{resolver.port}/api/motion"
        async with MotionSession(
            KEY, base_url=url, plain_http_hosts=["service.invalid"], schedule=quick, **options
        ) as motion:
            job = await motion.create("A launch video")
            waiting = asyncio.create_task(job.wait())
            resolver.errors = [socket.EAI_NONAME]
            async with motion.events() as events:
                failures = 0
                while failures < 6:
                    event = await anext(events)
                    if isinstance(event, PollDisturbed):
                        assert type(event.error) is ConnectFailedError
                        failures = event.failures
            with pytest.raises(ConnectFailedError) as caught:
                await motion.create("Another one")
            assert type(caught.value) is ConnectFailedError

            async def completed(peer: Peer) -> None:
                await peer.say(http(state("completed")))

            hostile.script = completed
            resolver.errors = []
            assert (await waiting).status == "completed"


async def all_come_to_be(ledger: Ledger, expected: ItemState) -> None:
    """Wait for the last notes: of what was taken back before its first byte nobody waits for that."""

    async def are() -> bool:
        return set((await states(ledger)).values()) == {expected}

    await until(are, every=0.01)


async def test_a_batch_ends_as_after_a_401() -> None:
    """It would end in the same way for each of its requests: nothing is left in doubt, and all are planned."""
    async with hostile_server(server_side()) as hostile, open_ledger("sqlite://") as ledger:
        async with MotionSession(KEY, base_url=hostile.url, backoff=SLOW) as motion, asyncio.timeout(10):
            outcomes = await run(motion, ledger, [f"p{number}" for number in range(50)], max_active=4)
        await all_come_to_be(ledger, ItemState.PLANNED)
        assert hostile.connections <= 8
    errors = [outcome.error for outcome in outcomes]
    assert len(errors) == 50
    assert sum(type(error) is ConnectImpossibleError for error in errors) in range(1, 5)
    for error in errors:
        if not isinstance(error, ConnectImpossibleError):
            assert isinstance(error, NotSentError)
            assert isinstance(error.__cause__, ConnectImpossibleError)


async def test_a_batch_goes_on_once_that_is_mended() -> None:
    """The next run sends all of it, each once."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def made(peer: Peer) -> None:
        body = hostile.requests[-1]
        job_id = f"job-{len(hostile.posts)}" if body.startswith(b"POST") else body.split()[1].decode().split("/")[-1]
        await peer.say(http(state("completed", job_id)))

    async with hostile_server(context) as hostile, open_ledger("sqlite://") as ledger:
        hostile.script = made
        for ssl_option, expected in ((True, ItemState.PLANNED), (trusting, ItemState.COMPLETED)):
            async with MotionSession(KEY, base_url=hostile.url, ssl=ssl_option) as motion, asyncio.timeout(20):
                await run(motion, ledger, ["p0", "p1", "p2"])
            await all_come_to_be(ledger, expected)
        assert len(hostile.posts) == 3
