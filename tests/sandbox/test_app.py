"""Tests of `motion_async.sandbox.app`, over real connections."""

import asyncio
import errno
import io
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientOSError, ClientSession, ServerDisconnectedError

from motion_async.sandbox import (
    AwaitInput,
    Fail,
    Hang,
    LostAnswer,
    NewStatus,
    RateLimited,
    Reset,
    Sandbox,
    ServerError,
    SlowBody,
    StaleCompleted,
)
from tests.waiting import until

PROMPT = {"prompt": "A launch video for a calendar app"}


class Api:
    """A sandbox whose time stands still, and plain calls to it."""

    def __init__(self, sandbox: Sandbox, client: ClientSession) -> None:
        self.sandbox = sandbox
        self.client = client

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.sandbox.api_key}", **options.pop("headers", {})}
        async with self.client.request(method, self.sandbox.url + path, headers=headers, **options) as response:
            assert response.content_type == "application/json"
            return response.status, await response.json()

    async def create(self, body: Any = PROMPT) -> tuple[int, Any]:
        return await self.call("POST", "/sessions", json=body)

    async def created(self) -> str:
        status, answer = await self.create()
        assert status == 202
        return str(answer["job_id"])

    async def followup(self, job_id: str) -> tuple[int, Any]:
        return await self.call("POST", f"/sessions/{job_id}/followups", json={"prompt": "faster"})

    async def poll(self, job_id: str) -> tuple[int, Any]:
        return await self.call("GET", f"/sessions/{job_id}")

    async def raw(self, data: bytes) -> bytes:
        """Send bytes as they are, and read until the service closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(self.sandbox.url).port)
        try:
            writer.write(data)
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Give the calls to a fresh sandbox without chance in its times."""
    async with Sandbox(speed=0, spread=0) as sandbox, ClientSession() as client:
        yield Api(sandbox, client)


async def test_the_whole_contract_in_one_life(api: Api) -> None:
    """A job is made, polled to its end, followed up, and polled to its end again."""
    status, answer = await api.create()
    job_id = answer["job_id"]
    assert (status, answer["status"], answer["status_url"]) == (
        202,
        "queued",
        f"/api/motion/sessions/{job_id}",
    )
    seen = []
    for _ in range(2):
        for seconds in (0, 5, 50, 1_000):
            api.sandbox.advance(seconds)
            seen.append((await api.poll(job_id))[1]["status"])
        assert seen[-4:] == ["queued", "created", "running", "completed"]
        assert await api.followup(job_id) == (status, answer)


async def test_the_last_credit_is_answered_with_402() -> None:
    """What the engine refuses arrives with its status and its body."""
    async with Sandbox(credits=299) as sandbox, ClientSession() as client:
        status, answer = await Api(sandbox, client).create()
        assert (status, answer["error"], answer["current_balance"]) == (402, "insufficient_credits", 299)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer motion_no", "bearer {key}", "{key}"])
async def test_another_authorization_is_refused(api: Api, authorization: str) -> None:
    """The key must stand in its header as documented."""
    headers = {"Authorization": authorization.format(key=api.sandbox.api_key)}
    refused = (401, {"error": "Mosaic Motion API key authentication required"})
    assert await api.call("POST", "/sessions", json=PROMPT, headers=headers) == refused
    assert await api.call("GET", "/sessions/x", headers=headers) == refused


async def test_two_keys_are_no_key(api: Api) -> None:
    """A call that carries two authorizations is refused, whichever of them is right."""
    key = f"Authorization: Bearer {api.sandbox.api_key}\r\n"
    request = f"GET /api/motion/sessions/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{key}{key}\r\n"
    assert b"HTTP/1.1 401 " in await api.raw(request.encode())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "", 404),
        ("POST", "/session", 404),
        ("POST", "/sessions/", 404),
        ("GET", "/sessions/x/followups/y", 404),
        ("GET", "/sessions", 405),
        ("DELETE", "/sessions/x", 405),
        ("POST", "/sessions/x", 405),
        ("GET", "/sessions/x/followups", 405),
        ("PATCH", "/sessions", 405),
    ],
)
async def test_other_paths_and_methods_are_refused(api: Api, method: str, path: str, status: int) -> None:
    """The API has three calls and no more."""
    got, answer = await api.call(method, path)
    assert got == status
    assert list(answer) == ["error"]


@pytest.mark.parametrize("job_id", ["x", "%ff%zz", "a%2Fb", "%00", "..%2f..", "x" * 4_000, "%E2%9C%93"])
async def test_odd_job_ids_are_unknown(api: Api, job_id: str) -> None:
    """Whatever stands for an id in the path, there is no such job."""
    request = (
        f"GET /api/motion/sessions/{job_id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {api.sandbox.api_key}\r\n\r\n"
    )
    head, _, body = (await api.raw(request.encode())).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body) == {"error": "Job not found"}


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b"[" * 200_000, {}),
        (b'{"prompt": NaN}', {}),
        (b'{"prompt": "p"}', {"Content-Type": "text/plain"}),
        (b"\x1f\x8b no gzip", {"Content-Encoding": "gzip"}),
    ],
)
async def test_what_cannot_be_read_is_a_400(api: Api, data: bytes, headers: dict[str, str]) -> None:
    """A body that is no JSON is refused in the shape of every other 400."""
    headers = {"Content-Type": "application/json", **headers}
    status, answer = await api.call("POST", "/sessions", data=data, headers=headers)
    assert (status, answer["error"]) == (400, "Invalid request")
    assert set(answer["details"][0]) >= {"code", "message", "path"}


async def test_a_deep_field_that_nobody_knows_is_ignored(api: Api) -> None:
    """What the contract does not name changes nothing, however deep it is."""
    assert (await api.create({"prompt": "p", "x": json.loads("[" * 500 + "]" * 500)}))[0] == 202


async def test_a_body_without_bound_is_refused(api: Api) -> None:
    """More than a megabyte is not read."""
    status, answer = await api.call("POST", "/sessions", data=io.BytesIO(b" " * 1_100_000))
    assert (status, answer) == (413, {"error": "Request body too large"})


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (2, "2"), (0.5, "0.5")])
async def test_a_rate_limit_refuses_before_the_call(api: Api, retry_after: float | None, header: str | None) -> None:
    """A 429 makes no job, and names a time to wait only if it was told to."""
    api.sandbox.faults.next(RateLimited(retry_after))
    async with api.client.post(api.sandbox.url + "/sessions", json=PROMPT) as response:
        assert (response.status, response.headers.get("Retry-After")) == (429, header)
    assert api.sandbox.counts.creates_accepted == 0


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("taken", [False, True])
async def test_a_server_error_hides_whether_the_job_was_made(api: Api, status: int, taken: bool) -> None:
    """The answer is the same whether the call was carried out before it or not."""
    api.sandbox.faults.next(ServerError(status, taken=taken))
    got, answer = await api.create()
    assert (got, list(answer)) == (status, ["error"])
    assert len(api.sandbox.jobs) == taken
    assert api.sandbox.counts.refused == {status: 1}


async def test_a_proxy_answers_in_html(api: Api) -> None:
    """A server error can be a page for people instead of JSON."""
    api.sandbox.faults.next(ServerError(502, html=True))
    async with api.client.post(api.sandbox.url + "/sessions", json=PROMPT) as response:
        assert (response.status, response.content_type) == (502, "text/html")
        assert "502 Bad Gateway" in await response.text()


async def test_a_lost_answer_has_made_the_job(api: Api) -> None:
    """The connection ends without a byte, and the credits are spent."""
    api.sandbox.faults.next(LostAnswer())
    with pytest.raises(ServerDisconnectedError):
        await api.create()
    assert len(api.sandbox.jobs) == 1
    assert api.sandbox.balance(api.sandbox.api_key) == 99_700


async def test_a_reset_has_made_no_job(api: Api) -> None:
    """The connection is reset, not closed, and nothing is spent."""
    api.sandbox.faults.next(Reset())
    with pytest.raises(ClientOSError) as caught:
        await api.create()
    assert caught.value.errno == errno.ECONNRESET
    assert not api.sandbox.jobs


async def test_a_hang_ends_when_the_client_leaves(api: Api) -> None:
    """The call is never carried out for a client that did not wait, and holds nothing for it."""
    before = asyncio.all_tasks()
    api.sandbox.faults.next(Hang())
    create = asyncio.create_task(api.create())
    await until(lambda: api.sandbox.counts.faults)
    create.cancel()
    await until(lambda: asyncio.all_tasks() == before, every=0.01, within=2)
    assert (api.sandbox.counts.creates, api.sandbox.counts.creates_accepted) == (1, 0)


async def test_a_short_hang_ends_with_the_right_answer(api: Api) -> None:
    """A client that waits long enough gets its job."""
    api.sandbox.faults.next(Hang(0.01))
    assert (await api.create())[0] == 202


async def test_a_slow_body_is_whole_in_the_end(api: Api) -> None:
    """The right answer comes in several pieces."""
    job_id = await api.created()
    right = await api.poll(job_id)
    api.sandbox.faults.next(SlowBody(0.02))
    url, key = f"{api.sandbox.url}/sessions/{job_id}", {"Authorization": f"Bearer {api.sandbox.api_key}"}
    async with api.client.get(url, headers=key) as response:
        pieces = [piece async for piece in response.content.iter_any()]
    assert json.loads(b"".join(pieces)) == right[1]
    assert len(pieces) > 2


async def test_a_client_may_leave_in_the_middle_of_a_slow_body(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """The service goes on as if nothing had happened, and logs nothing."""
    job_id = await api.created()
    api.sandbox.faults.next(SlowBody(60))
    url, key = f"{api.sandbox.url}/sessions/{job_id}", {"Authorization": f"Bearer {api.sandbox.api_key}"}
    async with api.client.get(url, headers=key) as response:
        assert response.status == 200
    assert (await api.poll(job_id))[0] == 200
    assert not caplog.records


async def test_a_client_may_leave_in_the_middle_of_its_body(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Half a create makes no job, and logs nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(api.sandbox.url).port)
    writer.write(b"POST /api/motion/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
    await writer.drain()
    await until(lambda: api.sandbox.counts.creates)
    writer.close()
    await writer.wait_closed()
    assert (await api.create())[0] == 202
    assert len(api.sandbox.jobs) == 1
    assert not caplog.records


async def test_a_job_ordered_to_fail_fails(api: Api) -> None:
    """A fault for a prompt befalls the job of that prompt and no other."""
    api.sandbox.faults.for_prompt("calendar", Fail("no scene"))
    failing = await api.created()
    fine = (await api.create({"prompt": "A cat"}))[1]["job_id"]
    api.sandbox.advance(1_000)
    assert [(await api.poll(job_id))[1]["error"] for job_id in (failing, fine)] == ["no scene", None]


async def test_a_refused_create_leaves_the_fault_to_the_next_one(api: Api) -> None:
    """What befalls a job waits for a create that makes one."""
    api.sandbox.faults.next(Fail("no scene"))
    assert (await api.create({"prompt": ""}))[0] == 400
    job_id = await api.created()
    api.sandbox.advance(1_000)
    assert (await api.poll(job_id))[1]["error"] == "no scene"


async def test_polls_of_a_prompt_s_job_can_be_struck(api: Api) -> None:
    """An order for a prompt and polls strikes those of its job, and no other's."""
    struck, spared = await api.created(), (await api.create({"prompt": "A cat"}))[1]["job_id"]
    api.sandbox.faults.for_prompt("calendar", RateLimited(), on="poll")
    assert [(await api.poll(job_id))[0] for job_id in (struck, spared)] == [429, 200]


async def test_stories_can_be_ordered_over_http(api: Api) -> None:
    """A new status, a wait for input and a stale answer are all seen by polls."""
    for fault in (NewStatus("polishing"), AwaitInput(until_answered=True), StaleCompleted(polls=1)):
        api.sandbox.faults.next(fault)
    job_id = await api.created()
    seen = []
    for _ in range(60):
        api.sandbox.advance(5)
        seen.append((await api.poll(job_id))[1]["status"])
        if seen[-1] == "awaiting_user_input":
            api.sandbox.give_input(job_id)
    assert [status for status, _ in itertools.groupby(seen)] == [
        "created",
        "running",
        "awaiting_user_input",
        "running",
        "polishing",
        "running",
        "completed",
    ]
    await api.followup(job_id)
    assert [(await api.poll(job_id))[1]["status"] for _ in range(2)] == ["completed", "queued"]
