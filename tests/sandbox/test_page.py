"""Tests of `motion_async.sandbox.page`: the page as it is served, and the stream that it lives on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import weakref
from collections.abc import AsyncIterator
from importlib.metadata import files
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from motion_async.sandbox import Sandbox, page
from motion_async.sandbox.live import LiveView
from tests.waiting import until


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox with a page, whose time stands still."""
    async with Sandbox(speed=0, control=True) as sandbox:
        yield sandbox


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """Whoever reads the page and the stream."""
    async with ClientSession() as client:
        yield client


async def create(client: ClientSession, sandbox: Sandbox) -> str:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with client.post(f"{sandbox.url}/sessions", json={"prompt": "A video"}, headers=headers) as answer:
        return str((await answer.json())["job_id"])


async def next_event(stream: ClientResponse, name: str) -> dict[str, Any]:
    """Read up to the next event of this name, as a browser does, and give its data."""
    while line := await stream.content.readuntil(b"\n\n"):
        if found := re.fullmatch(rb"event: (\w+)\ndata: (.*)\n\n", line):
            if found[1].decode() == name:
                return json.loads(found[2])  # type: ignore[no-any-return]
        else:
            assert line == b"retry: 3000\n\n"
    raise AssertionError(f"no {name} came")


async def test_the_page_is_one_file_that_may_talk_to_its_own_sandbox_alone(
    sandbox: Sandbox, client: ClientSession
) -> None:
    """The browser is told so, and runs what stands in it and nothing else; nobody keeps or frames it."""
    async with client.get(f"{sandbox.control_url}/") as answer:
        text, headers = await answer.text(), answer.headers
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert headers["Cache-Control"] == "no-store"
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert policy.pop(f"{tag}-src") == f"'sha256-{digest}'"
    assert policy.pop("connect-src") == "'self'"
    assert (policy.pop("img-src"), policy.pop("require-trusted-types-for")) == ("data:", "'script'")
    assert set(policy) == {"default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types"}
    assert set(policy.values()) == {"'none'"}
    hosts = set(re.findall(r"(?:https?:)?//[\w.-]+", text))
    assert hosts == {"http://www.w3.org"}  # the name of SVG, which nothing is loaded from
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bstyle=|\son\w+=", text)


async def test_the_path_without_a_slash_leads_to_it(sandbox: Sandbox, client: ClientSession) -> None:
    """As the page's own paths are relative."""
    assert sandbox.control_url is not None
    async with client.get(sandbox.control_url) as answer:
        assert (answer.status, str(answer.url)) == (200, f"{sandbox.control_url}/")
        assert [before.status for before in answer.history] == [308]


def test_it_comes_with_the_package() -> None:
    """Beside the module that serves it, in what is installed as well."""
    assert page.files("motion_async.sandbox").joinpath("page.html").is_file()
    installed = {str(file) for file in files("motion-async") or ()}
    assert "motion_async/sandbox/page.html" in installed or any("editable" in name for name in installed)


async def test_the_stream_tells_of_new_jobs_and_of_changes(sandbox: Sandbox, client: ClientSession) -> None:
    """From everything that there is on, without being asked again."""
    first = await create(client, sandbox)
    async with client.get(f"{sandbox.control_url}/changes") as stream:
        assert stream.content_type == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        assert (await next_event(stream, "sandbox"))["exports"][0].endswith(sandbox.url)
        (job,) = (await next_event(stream, "jobs"))["jobs"]
        assert (job["job_id"], job["status"]) == (first, "queued")
        second = await create(client, sandbox)
        told = await next_event(stream, "jobs")
        assert ([job["job_id"] for job in told["jobs"]], told["total"]) == ([second], 2)
        sandbox.advance(10_000)
        told = await next_event(stream, "jobs")
        assert {job["job_id"]: job["status"] for job in told["jobs"]} == dict.fromkeys((first, second), "completed")


async def test_the_stream_ends_with_the_sandbox(client: ClientSession) -> None:
    """Well, and at once: it holds up nobody who stops the sandbox."""
    async with Sandbox(speed=0, control=True) as sandbox:
        stream = await client.get(f"{sandbox.control_url}/changes")
        await next_event(stream, "jobs")
    assert await stream.read() == b""


async def test_the_stream_ends_with_its_reader(
    sandbox: Sandbox, client: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks at the sandbox any more then."""
    views: list[weakref.ref[LiveView]] = []

    def look_at(seen: Sandbox) -> LiveView:
        view = LiveView(seen)
        views.append(weakref.ref(view))
        return view

    monkeypatch.setattr(page, "LiveView", look_at)
    stream = await client.get(f"{sandbox.control_url}/changes")
    await next_event(stream, "orders")
    assert [view() is None for view in views] == [False]
    stream.close()
    await until(lambda: views[0]() is None, every=0.01)
