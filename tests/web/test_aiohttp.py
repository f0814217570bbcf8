"""Tests of `motion_async.web.aiohttp`: the guide's app, as it stands there, and what it does when things go wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import motion_async.web.aiohttp as adapter
from motion_async import SessionClosedError
from motion_async.sandbox import LostAnswer, Sandbox
from motion_async.web.aiohttp import MOTION, answer_errors, cleanup_ctx, end_streams, event_stream, setup
from tests.batches import QUICK
from tests.waiting import until
from tests.web.conftest import SlowSandbox
from tests.web.guides import END, RETRY, examples, read, run

APP, BY_HAND = examples(adapter)
Client = TestClient[web.Request, web.Application]


def serve(app: web.Application) -> Client:
    return TestClient(TestServer(app))


async def stream(request: web.Request) -> web.StreamResponse:
    return await event_stream(request, request.query["jobs"].split(","))


def streaming_app(**options: Any) -> web.Application:
    app = web.Application()
    setup(app, **options)
    app.router.add_get("/changes", stream)
    return app


async def test_the_guides_app_makes_a_video_and_streams_its_changes(sandbox: Sandbox) -> None:
    """A browser that closes at the end, or comes back all the same, costs no further poll."""
    async with serve(run(APP)["app"]) as client:
        made = await client.post("/videos", json={"prompt": "A launch video"})
        job_id = (await made.json())["job_id"]
        assert (made.status, list(sandbox.jobs)) == (202, [job_id])
        changes = await client.get(f"/videos/{job_id}/changes")
        told = await changes.text()
        polls, last = sandbox.counts.polls, read(told)[-2]
        over = await client.get(f"/videos/{job_id}/changes", headers={"Last-Event-ID": last[2] or ""})
    assert changes.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert changes.headers["X-Accel-Buffering"] == "no"
    assert told.startswith(RETRY)
    assert told.endswith(END)
    assert (last[0], last[1]["current"]) == ("status", "completed")
    assert (over.status, sandbox.counts.polls) == (204, polls)


async def test_errors_are_problems(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """All that is wrong with a request is told, and an uncertain create invites nobody to pay twice."""
    sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
    caplog.set_level(logging.INFO, "motion_async.web")
    async with serve(run(APP)["app"]) as client:
        refused = await client.post("/videos", json={"prompt": ""})
        uncertain = await client.post("/videos", json={"prompt": "a lost cat"})
        unknown = await client.get("/nowhere")
        assert (refused.status, refused.content_type) == (422, "application/problem+json")
        assert (await refused.json())["problems"]
        assert (uncertain.status, (await uncertain.json())["type"]) == (500, "urn:motion-async:uncertain")
        assert "motion.so" not in await uncertain.text()
        assert unknown.status == 404
    logged = [record for record in caplog.records if record.name == "motion_async.web"]
    assert [(record.levelname, vars(record)["job_id"]) for record in logged] == [("INFO", None), ("WARNING", None)]
    assert "motion.so" in logged[1].getMessage()


async def test_an_unknown_job_is_told_of_and_the_stream_ends(sandbox: Sandbox) -> None:
    """So that the page closes it; an id that cannot be one is refused before the stream begins."""
    async with serve(streaming_app()) as client:
        answer = await client.get("/changes", params={"jobs": "nobodys"})
        (name, told, _), end = read(await answer.text())
        refused = await client.get("/changes", params={"jobs": "a,"})
    assert (name, told["status"], told["job_id"], end[0]) == ("failed", 404, "nobodys", "end")
    assert refused.status == 422


async def test_several_jobs_are_one_stream_that_goes_on_where_it_was(sandbox: Sandbox) -> None:
    """The id of one job's end is no end of the others."""
    app = streaming_app(**QUICK)
    async with serve(app) as client:
        ids = [(await app[MOTION].create(prompt)).id for prompt in ("one", "two")]
        first = read(await (await client.get("/changes", params={"jobs": ",".join(ids)})).text())
        last = [event for event in first if event[0] == "status"][-1]
        seen = {"Last-Event-ID": last[2] or ""}
        second = read(await (await client.get("/changes", params={"jobs": ",".join(ids)}, headers=seen)).text())
    assert {event[1].get("job_id") for event in first} == {*ids, None}
    ended, end = second
    assert (ended[1]["job_id"], ended[1]["is_end"], end[0]) == ((set(ids) - {last[1]["job_id"]}).pop(), True, "end")


async def test_the_parts_by_hand_are_the_same() -> None:
    """The guide's second example adds all that `setup` adds, with what it says of their order."""
    parts = {"answer_errors": answer_errors, "cleanup_ctx": cleanup_ctx, "end_streams": end_streams}
    by_hand, by_setup = run(BY_HAND, web=web, **parts)["app"], web.Application()
    setup(by_setup)
    for app in (by_hand, by_setup):
        assert list(app.middlewares) == [answer_errors]
        assert list(app.on_shutdown) == [end_streams]
        assert len(app.cleanup_ctx) == 1


async def test_a_ledger_makes_a_key_one_job(sandbox: Sandbox, tmp_path: Path) -> None:
    """Whatever ends the server."""
    jobs = []
    for _ in range(2):
        app = streaming_app(ledger_url=f"sqlite:///{tmp_path / 'orders.db'}")
        async with serve(app):
            jobs.append((await app[MOTION].create("A launch video", key="order-17")).id)
    assert jobs[0] == jobs[1]
    assert sandbox.counts.creates == 1
    with pytest.raises(SessionClosedError):
        await app[MOTION].create("A launch video", key="order-18")


@pytest.fixture
async def outer(slow: SlowSandbox) -> AsyncIterator[tuple[Client, str]]:
    """Serve an app inside another one, which has the session, with the id of a job that runs."""
    app, inner = streaming_app(**QUICK), web.Application()
    inner.router.add_get("/changes", stream)
    app.add_subapp("/inner", inner)
    async with serve(app) as client:
        yield client, (await app[MOTION].create("A launch video")).id


async def test_a_server_that_is_shut_down_ends_its_streams(outer: tuple[Client, str]) -> None:
    """Before its time-out of a minute, and without an event `end`: browsers come back."""
    client, job_id = outer
    answer = await client.get("/inner/changes", params={"jobs": job_id})
    told = await answer.content.readuntil(b"queued")
    async with asyncio.timeout(45):
        await asyncio.gather(client.server.close(), rest := asyncio.ensure_future(answer.content.read()))
    assert "end" not in {event[0] for event in read((told + await rest).decode())}


async def test_a_reader_that_goes_ends_the_polls(
    outer: tuple[Client, str], slow: SlowSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a moment, however long the job is silent."""
    monkeypatch.setattr(adapter, "_LOOK_EVERY", 0.01)
    client, job_id = outer
    answer = await client.get("/inner/changes", params={"jobs": job_id})
    await answer.content.readuntil(b"queued")
    answer.close()
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == adapter.__name__])
    polls = slow.sandbox.counts.polls
    await asyncio.sleep(0.5)  # ten polls, if it still had any
    assert slow.sandbox.counts.polls <= polls + 1
