"""Tests of `motion_async.sandbox.server`."""

import asyncio
import itertools
import math
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from aiohttp import ClientConnectorError, ClientError, ClientSession

from motion_async.sandbox import Counts, FaultBook, Hang, LostAnswer, RateLimited, Sandbox, SlowBody, engine
from tests.waiting import until

PROMPT = {"prompt": "A launch video"}


async def call(client: ClientSession, sandbox: Sandbox, method: str, path: str, **options: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {options.pop('key', sandbox.api_key)}"}
    async with client.request(method, sandbox.url + path, headers=headers, **options) as response:
        return response.status, await response.json()


async def create(client: ClientSession, sandbox: Sandbox, **options: Any) -> tuple[int, Any]:
    return await call(client, sandbox, "POST", "/sessions", json=PROMPT, **options)


async def test_the_url_is_a_base_url_on_loopback() -> None:
    """It listens on loopback alone, at the path of the service's own base URL."""
    async with Sandbox() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        assert sandbox.url.endswith("/api/motion")
        assert sandbox.api_key.startswith("motion_")
        assert not sandbox.is_public


@pytest.mark.parametrize(
    ("host", "url", "is_public"),
    [
        ("127.0.0.2", "http://127.0.0.2:8080/api/motion", False),
        ("::1", "http://[::1]:8080/api/motion", False),
        ("localhost", "http://localhost:8080/api/motion", False),
        ("0.0.0.0", "http://127.0.0.1:8080/api/motion", True),
        ("::", "http://[::1]:8080/api/motion", True),
        ("192.0.2.7", "http://192.0.2.7:8080/api/motion", True),
        ("motion.example", "http://motion.example:8080/api/motion", True),
    ],
)
def test_another_host_is_said_to_be_public(host: str, url: str, is_public: bool) -> None:
    """Whoever listens on more than loopback can be warned, and gets a URL that leads there."""
    sandbox = Sandbox(host=host, port=8080)
    assert (sandbox.url, sandbox.is_public) == (url, is_public)


def test_a_free_port_is_unknown_before_entering() -> None:
    """A URL without a port would lead nowhere."""
    with pytest.raises(RuntimeError, match="before it is entered"):
        _ = Sandbox().url


async def test_the_counts_tell_what_came() -> None:
    """Calls, refusals, faults and duplicates are each counted where they belong."""
    async with Sandbox(speed=0) as sandbox, ClientSession() as client:
        before = sandbox.counts
        _, job = await create(client, sandbox)
        await create(client, sandbox)
        await call(client, sandbox, "POST", "/sessions", json={})
        path = f"/sessions/{job['job_id']}"
        await call(client, sandbox, "POST", path + "/followups", json=PROMPT)
        sandbox.advance(10_000)
        await call(client, sandbox, "POST", path + "/followups", json=PROMPT)
        await call(client, sandbox, "GET", path)
        sandbox.faults.next(RateLimited())
        await call(client, sandbox, "GET", path)
        assert sandbox.counts == Counts(
            creates=3,
            creates_accepted=2,
            followups=2,
            followups_accepted=1,
            polls=2,
            duplicates=1,
            refused={400: 1, 409: 1, 429: 1},
            faults={"RateLimited": 1},
        )
        assert before.creates == 0


async def test_jobs_tell_what_became_of_each() -> None:
    """A record shows owner, body, status and history of a job, and jobs can be listed."""
    async with Sandbox(speed=0, spread=0) as sandbox, ClientSession() as client:
        key = sandbox.add_account("bob", credits=300)
        _, job = await create(client, sandbox, key=key)
        sandbox.advance(5)
        record = sandbox.jobs[job["job_id"]]
        assert (record.owner, record.body, record.status) == ("bob", PROMPT, "created")
        assert [step.status for step in record.history] == ["queued", "created"]
        assert list(sandbox.jobs) == [job["job_id"]]
        assert "nothing" not in sandbox.jobs


async def test_accounts_are_apart() -> None:
    """Each key has its own balance and its own jobs."""
    async with Sandbox(credits=300) as sandbox, ClientSession() as client:
        key = sandbox.add_account("bob", credits=0)
        _, job = await create(client, sandbox)
        assert (await create(client, sandbox, key=key))[0] == 402
        assert (await call(client, sandbox, "GET", f"/sessions/{job['job_id']}", key=key))[0] == 404
        sandbox.add_credits(key, 450)
        assert (await create(client, sandbox, key=key))[0] == 202
        assert (sandbox.balance(sandbox.api_key), sandbox.balance(key)) == (0, 150)


async def test_time_runs_by_the_clock_that_was_handed_in() -> None:
    """At 200 times the speed a second takes a job from queued to running."""
    seconds = 0.0
    async with (
        Sandbox(speed=200, spread=0, clock=lambda: seconds, start=1e9) as sandbox,
        ClientSession() as client,
    ):
        _, job = await create(client, sandbox)
        assert sandbox.now == 1e9
        seconds = 0.5
        assert sandbox.now == 1e9 + 100
        _, state = await call(client, sandbox, "GET", f"/sessions/{job['job_id']}")
        assert (state["status"], state["created_at"]) == ("running", "2001-09-09T01:46:40.000Z")


async def test_equal_seeds_give_equal_answers() -> None:
    """Two sandboxes of one seed cannot be told apart, not even by their keys."""
    seen = []
    for _ in range(2):
        async with Sandbox(seed=9, speed=0) as sandbox, ClientSession() as client:
            _, job = await create(client, sandbox)
            sandbox.advance(1_000)
            seen.append((sandbox.api_key, await call(client, sandbox, "GET", f"/sessions/{job['job_id']}")))
    assert seen[0] == seen[1]


async def test_it_is_entered_and_left_in_different_tasks() -> None:
    """Fixtures and web frameworks do that."""
    sandbox = Sandbox()
    await asyncio.create_task(sandbox.__aenter__())
    async with ClientSession() as client:
        assert (await create(client, sandbox))[0] == 202
    await asyncio.create_task(sandbox.__aexit__())


async def test_leaving_ends_whatever_hangs() -> None:
    """No call, connection or task outlives the sandbox, and leaving takes but a moment."""
    before = asyncio.all_tasks()
    sandbox = Sandbox()
    await sandbox.__aenter__()
    sandbox.faults.next(Hang())
    sandbox.faults.next(SlowBody(3_600))
    _, half = await asyncio.open_connection("127.0.0.1", urlsplit(sandbox.url).port)
    half.write(b"POST /api/motion/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
    async with ClientSession() as client:
        calls = {asyncio.create_task(create(client, sandbox)) for _ in range(2)}
        await until(lambda: sandbox.counts.creates >= 3)
        with anyio.fail_after(2):
            await sandbox.__aexit__()
            assert asyncio.all_tasks() - calls == before
            ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, Exception) for error in ended)
    half.close()
    await half.wait_closed()


@pytest.mark.parametrize("steps", range(5))
async def test_a_connection_of_the_last_moment_is_closed(steps: int) -> None:
    """However far the server had come with it when the sandbox was left, no socket stays open."""
    sandbox = Sandbox()
    async with sandbox:
        client = socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port or 0), timeout=5)
        for _ in range(steps):
            await asyncio.sleep(0)
    with client:
        assert client.recv(1) == b""


async def test_a_caller_that_is_cancelled_leaves_nothing_behind() -> None:
    """Socket, connections and tasks end even when the block around the sandbox has run out of time."""
    before = asyncio.all_tasks()
    sandbox = Sandbox()
    sandbox.faults.next(Hang())
    async with ClientSession() as client:
        with anyio.CancelScope() as scope:
            async with sandbox:
                call = asyncio.create_task(create(client, sandbox))
                await until(lambda: sandbox.counts.faults)
                scope.cancel()
                await anyio.sleep(1)
        assert scope.cancelled_caught
        assert asyncio.all_tasks() - {call} == before
        with pytest.raises(ClientError):
            await call
        with pytest.raises(ClientConnectorError):
            await create(client, sandbox)


async def test_a_service_that_was_away_comes_back_with_its_jobs() -> None:
    """Entered again, it has the same address, jobs and credits, and no time has passed for it."""
    sandbox = Sandbox(speed=1e6)
    async with sandbox, ClientSession() as client:
        _, job = await create(client, sandbox)
        url = sandbox.url
    left_at = sandbox.now
    assert sandbox.now == left_at
    async with sandbox, ClientSession() as client:
        assert sandbox.url == url
        assert (await call(client, sandbox, "GET", f"/sessions/{job['job_id']}"))[0] == 200
        assert sandbox.balance(sandbox.api_key) == 99_700


async def test_it_cannot_be_entered_twice_at_once() -> None:
    """One sandbox has one address."""
    async with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="entered already"):
            await sandbox.__aenter__()


async def test_an_address_in_use_is_told_and_leaves_nothing_behind() -> None:
    """A port that another listens on raises, and entering can be tried again."""
    async with Sandbox() as first:
        second = Sandbox(port=urlsplit(first.url).port or 0)
        with pytest.raises(OSError, match="address already in use"):
            await second.__aenter__()
    async with second:
        assert second.url == first.url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("credits", -1),
        ("price", 0.5),
        ("speed", -1),
        ("speed", math.nan),
        ("median_seconds", 0),
        ("spread", 4),
        ("failure_rate", 2),
        ("input_rate", -0.1),
        ("port", 65_536),
        ("start", math.inf),
    ],
)
def test_arguments_have_bounds(name: str, value: float) -> None:
    """A bad argument is refused by its name, before anything is listened on."""
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} must be"):
        Sandbox(**arguments)


async def test_many_calls_at_once_are_served() -> None:
    """A thousand creates at a time each make one job, whatever was lost on the way."""
    async with Sandbox(speed=0, credits=10**6) as sandbox, ClientSession() as client:
        sandbox.faults.at_random(LostAnswer(), 0.1)
        bodies = ({"prompt": f"Video {number}"} for number in itertools.count())
        ended = await asyncio.gather(
            *(call(client, sandbox, "POST", "/sessions", json=next(bodies)) for _ in range(1_000)),
            return_exceptions=True,
        )
        lost = sum(isinstance(answer, BaseException) for answer in ended)
        assert lost == sandbox.counts.faults["LostAnswer"] > 50
        assert len(sandbox.jobs) == sandbox.counts.creates_accepted == 1_000
        assert sandbox.counts.duplicates == 0


def test_a_thread_of_its_own_serves_code_without_a_loop() -> None:
    """It is there for the time of the block, and everything of it may be read and called beside it."""
    with Sandbox.in_thread(speed=0, credits=300, api_key="motion_x") as sandbox:
        made = httpx.post(f"{sandbox.url}/sessions", json=PROMPT, headers={"Authorization": "Bearer motion_x"})
        (record,) = sandbox.jobs.values()
        assert (record.job_id, record.status) == (made.json()["job_id"], "queued")
        sandbox.advance(10_000)
        assert sandbox.jobs[record.job_id].status == "completed"
        assert sandbox.balance("motion_x") == 0
        sandbox.add_credits("motion_x", 7)
        assert sandbox.balance("motion_x") == 7
    with pytest.raises(httpx.ConnectError):
        httpx.get(sandbox.url)


def test_a_thread_that_cannot_listen_says_so() -> None:
    """What an argument or the machine forbids is raised where the sandbox was wanted."""
    with pytest.raises(ValueError, match="speed"), Sandbox.in_thread(speed=-1):
        pass
    with Sandbox.in_thread() as other:
        port = urlsplit(other.url).port
        with pytest.raises(OSError, match=str(port)), Sandbox.in_thread(port=port):
            pass


def test_orders_of_many_threads_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credits are all there although another thread gives some while some are being given."""
    check = engine._credits

    def check_slowly(name: str, value: int) -> int:
        time.sleep(0.001)
        return check(name, value)

    monkeypatch.setattr(engine, "_credits", check_slowly)
    with Sandbox.in_thread(credits=0) as sandbox, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sandbox.add_credits(sandbox.api_key, 1), range(100)))
        assert sandbox.balance(sandbox.api_key) == 100


def test_no_order_of_another_thread_is_lost_to_a_call() -> None:
    """A fault that is ordered while a call uses another one up stays ordered."""
    book, stop = FaultBook(), threading.Event()

    def strike() -> None:
        while not stop.is_set():
            book.strike_exchange("poll", ())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            striking = pool.submit(strike)
            for _ in range(8_000):
                book.next(RateLimited(), on="poll")
            while book._orders:
                time.sleep(0.001)
            stop.set()
            striking.result()
    finally:
        sys.setswitchinterval(before)
    assert book.injected == {"RateLimited": 8_000}


def test_jobs_may_be_looked_at_while_more_are_made() -> None:
    """Whoever goes through the jobs is not disturbed by one that is made meanwhile."""
    headers = {"Authorization": "Bearer motion_x"}
    with Sandbox.in_thread(api_key="motion_x") as sandbox, httpx.Client(headers=headers) as client:
        client.post(f"{sandbox.url}/sessions", json=PROMPT)
        for _ in sandbox.jobs:
            client.post(f"{sandbox.url}/sessions", json=PROMPT)
        assert len(sandbox.jobs) == 2
