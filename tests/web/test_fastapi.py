"""Tests of `motion_async.web.fastapi`: the guide's app, as it stands there, and what it does when things go wrong."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.testclient import TestClient

import motion_async.web.fastapi as adapter
from motion_async import ConfigurationError, MotionSession, SessionClosedError
from motion_async.sandbox import LostAnswer, Sandbox
from motion_async.web.fastapi import Motion, add_exception_handlers, event_stream, lifespan
from tests.batches import QUICK
from tests.waiting import until
from tests.web.conftest import SlowSandbox
from tests.web.guides import END, RETRY, examples, read, run

APP, WITH_OWN = examples(adapter)
IMPORTS = """
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fastapi import FastAPI
from motion_async.web.fastapi import lifespan
"""


def browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


def streaming_app(**options: Any) -> FastAPI:
    app = FastAPI(lifespan=lifespan(**options))
    add_exception_handlers(app)

    @app.get("/changes")
    async def changes(request: Request, jobs: str) -> Any:
        return event_stream(request, jobs.split(","), ping=0.05)

    return app


async def test_the_guides_app_makes_a_video_and_streams_its_changes(sandbox: Sandbox) -> None:
    """A browser that closes at the end, or comes back all the same, costs no further poll."""
    app = run(APP)["app"]
    async with app.router.lifespan_context(app), browser(app) as client:
        made = await client.post("/videos", json={"prompt": "A launch video"})
        job_id = made.json()["job_id"]
        assert (made.status_code, list(sandbox.jobs)) == (202, [job_id])
        changes = await client.get(f"/videos/{job_id}/changes")
        polls, last = sandbox.counts.polls, read(changes.text)[-2]
        over = await client.get(f"/videos/{job_id}/changes", headers={"Last-Event-ID": last[2] or ""})
    assert changes.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert changes.headers["x-accel-buffering"] == "no"
    assert changes.text.startswith(RETRY)
    assert changes.text.endswith(END)
    assert (last[0], last[1]["current"]) == ("status", "completed")
    assert (over.status_code, over.content, sandbox.counts.polls) == (204, b"", polls)


async def test_errors_are_problems(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """All that is wrong with a request is told, and an uncertain create invites nobody to pay twice."""
    sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
    app = run(APP)["app"]
    caplog.set_level(logging.INFO, "motion_async.web")
    async with app.router.lifespan_context(app), browser(app) as client:
        refused = await client.post("/videos", json={"prompt": ""})
        uncertain = await client.post("/videos", json={"prompt": "a lost cat"})
        unknown = await client.get("/videos/no/job/changes")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json()["problems"]
    assert (uncertain.status_code, uncertain.json()["type"]) == (500, "urn:motion-async:uncertain")
    assert unknown.status_code == 404
    logged = [record for record in caplog.records if record.name == "motion_async.web"]
    assert [(record.levelname, vars(record)["job_id"]) for record in logged] == [("INFO", None), ("WARNING", None)]
    assert "motion.so" in logged[1].getMessage()
    assert "motion.so" not in uncertain.text


async def test_an_unknown_job_is_told_of_and_the_stream_ends(sandbox: Sandbox) -> None:
    """So that the page closes it; an id that cannot be one is refused before the stream begins."""
    app = streaming_app()
    async with app.router.lifespan_context(app), browser(app) as client:
        stream = await client.get("/changes", params={"jobs": "nobodys"})
        refused = await client.get("/changes", params={"jobs": "a,"})
    (name, told, _), end = read(stream.text)
    assert (name, told["status"], told["job_id"], end[0]) == ("failed", 404, "nobodys", "end")
    assert refused.status_code == 422


async def test_several_jobs_are_one_stream_that_goes_on_where_it_was(sandbox: Sandbox) -> None:
    """The id of one job's end is no end of the others."""
    app = streaming_app(**QUICK)
    async with app.router.lifespan_context(app), browser(app) as client:
        ids = [(await app.state.motion.create(prompt)).id for prompt in ("one", "two")]
        first = await client.get("/changes", params={"jobs": ",".join(ids)})
        last = [event for event in read(first.text) if event[0] == "status"][-1]
        second = await client.get("/changes", params={"jobs": ",".join(ids)}, headers={"Last-Event-ID": last[2] or ""})
    assert {event[1].get("job_id") for event in read(first.text)} == {*ids, None}
    ended, end = read(second.text)
    assert (ended[1]["job_id"], ended[1]["is_end"], end[0]) == ((set(ids) - {last[1]["job_id"]}).pop(), True, "end")


async def test_a_lifespan_of_ones_own_runs_inside_with_a_ledger_beside(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guide's second example: its state is the app's, and a key is one job."""
    monkeypatch.chdir(tmp_path)
    app = run(f"{IMPORTS}\n{WITH_OWN}")["app"]
    jobs = []
    for _ in range(2):
        async with app.router.lifespan_context(app) as state:
            assert list(state) == ["began_at"]
            jobs.append((await app.state.motion.create("A launch video", key="order-17")).id)
    assert jobs[0] == jobs[1]
    assert sandbox.counts.creates == 1
    with pytest.raises(SessionClosedError):
        await app.state.motion.create("A launch video", key="order-18")


async def test_an_app_that_was_not_started_says_what_is_missing() -> None:
    """As in a test that starts none of it."""
    app = FastAPI()

    @app.get("/")
    async def show(motion: Motion) -> str:
        return type(motion).__name__

    async with browser(app) as client:
        with pytest.raises(ConfigurationError, match=r"lifespan=lifespan\(\)"):
            await client.get("/")
    app.state.motion = MotionSession("motion_key")
    async with browser(app) as client:
        assert (await client.get("/")).json() == "MotionSession"


async def test_a_test_client_and_a_web_socket_have_the_session_too(sandbox: Sandbox) -> None:
    """The client starts the app in a thread and loop of its own; the session is no parameter of the API."""
    app = run(APP)["app"]

    @app.websocket("/socket")
    async def talk(socket: WebSocket, motion: Motion) -> None:
        await socket.accept()
        await socket.send_text((await motion.create(await socket.receive_text())).id)
        await socket.close()

    def use() -> tuple[str, Any]:
        with TestClient(app) as client, client.websocket_connect("/socket") as socket:
            socket.send_text("A launch video")
            return socket.receive_text(), client.get("/openapi.json").json()

    job_id, schema = await asyncio.to_thread(use)
    assert job_id in sandbox.jobs
    assert "parameters" not in schema["paths"]["/videos"]["post"]


async def test_five_tabs_cost_what_one_costs(sandbox: Sandbox) -> None:
    """One poll of the job at a time, however many read it."""
    app = streaming_app()  # its first poll comes after two seconds, when the job has long ended
    async with app.router.lifespan_context(app), browser(app) as client:
        job = await app.state.motion.create("A launch video")
        tabs = await asyncio.gather(*(client.get("/changes", params={"jobs": job.id}) for _ in range(5)))
    assert [tab.text.endswith(END) for tab in tabs] == [True] * 5
    assert (sandbox.counts.creates, sandbox.counts.polls) == (1, 1)


async def test_a_reader_that_goes_ends_the_polls(slow: SlowSandbox) -> None:
    """At once, and not at the next ping."""
    app, sent = streaming_app(**QUICK), list[dict[str, Any]]()
    has_gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await has_gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app):
        job = await app.state.motion.create("A launch video")
        asked = {"type": "http", "method": "GET", "path": "/changes", "query_string": f"jobs={job.id}".encode()}
        serving = asyncio.create_task(app({**asked, "headers": [], "asgi": {"spec_version": "2.3"}}, receive, send))
        await until(lambda: b"queued" in b"".join(message.get("body", b"") for message in sent))
        has_gone.set()
        await asyncio.wait_for(serving, 60)
        polls = slow.sandbox.counts.polls
        await asyncio.sleep(0.5)  # ten polls, if it still had any
        assert slow.sandbox.counts.polls <= polls + 1
