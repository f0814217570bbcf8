"""Every code block of the README, run as a reader would run it, against the sandbox."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import motion_async.ledger
from motion_async import MotionSession
from motion_async.sandbox import LostAnswer, Sandbox
from tests.conftest import RawServer
from tests.demands import demand_modules
from tests.readme import AIOHTTP, BLOCKS, FASTAPI, FLEET, PAGE, PYTHON, SHELL
from tests.web.guides import examples, read

SANDBOX, BATCH = SHELL[2:]
SCRIPTS = [code for code in PYTHON if "asyncio.run(" in code]
[ELSEWHERE] = [code for code in examples(motion_async.ledger) if "from orders import" in code]


@pytest.fixture
def sandbox(motion_sandbox: Sandbox) -> Sandbox:
    """A fast sandbox that the environment points at, as it would point at the service."""
    return motion_sandbox


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """No block stands there untried: scripts, web apps and shell lines are all."""
    others = [PAGE, FASTAPI, AIOHTTP, FLEET]
    assert {code for _, code in BLOCKS} == {*SCRIPTS, *SHELL, *others}
    assert (len(SCRIPTS), len(SHELL)) == (5, 4)


@pytest.mark.parametrize("script", SCRIPTS, ids=["twelve lines", "order", "many", "ledger", "stream"])
async def test_a_script_runs_to_its_end(script: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Saved to a file and run, it ends well and shows a completed video."""
    file = anyio.Path(tmp_path / "example.py")
    await file.write_text(script, encoding="utf-8")
    done = await anyio.run_process([sys.executable, "-W", "error", str(file)], check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b"completed" in done.stdout


def test_the_first_example_has_twelve_lines() -> None:
    """The README counts right."""
    assert len(SCRIPTS[0].splitlines()) == 12


def _names_of(app: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(ast.parse(app), "README.md", "exec"), names)
    return names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an app where its ledger may be."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
async def test_the_fastapi_app_makes_a_video_and_streams_its_changes(sandbox: Sandbox) -> None:
    """A post gives the job's id, a get the changes as server-sent events to the end, and the page reads these."""
    app = _names_of(FASTAPI)["app"]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
    ):
        made = await client.post("/videos", json={"prompt": "A launch", "key": "order-17"})
        job_id = made.json()["job_id"]
        assert job_id in sandbox.jobs
        changes = await client.get(f"/videos/{job_id}/changes")
        assert (await client.post("/videos", json={"prompt": "", "key": "order-18"})).status_code == 422
        unknown = await client.get("/videos/nobodys/changes")
    told = read(changes.text)
    assert told[-2][1]["current"] == "completed"
    assert all(f'"{name}"' in PAGE for name, _, _ in told + read(unknown.text))


@pytest.mark.usefixtures("folder")
async def test_the_aiohttp_app_does_the_same(sandbox: Sandbox) -> None:
    """A create whose answer was lost invites nobody to send it again."""
    sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
    app = _names_of(AIOHTTP)["app"]
    assert isinstance(app, web.Application)
    async with TestClient(TestServer(app)) as client:
        job_id = (await (await client.post("/videos", json={"prompt": "A launch", "key": "order-17"})).json())["job_id"]
        changes = await client.get(f"/videos/{job_id}/changes")
        assert read(await changes.text())[-2][1]["current"] == "completed"
        assert (await client.post("/videos", json={"prompt": "", "key": "order-18"})).status == 422
        assert (await client.post("/videos", json={"prompt": "A lost one", "key": "order-19"})).status == 500
    assert job_id in sandbox.jobs


@pytest.mark.slow
@pytest.mark.parametrize("app", [FASTAPI, AIOHTTP], ids=["fastapi", "aiohttp"])
async def test_an_app_is_typed_as_strictly_as_can_be(app: str, tmp_path: Path) -> None:
    """By mypy and by pyright, which find nothing to say."""
    demand_modules("mypy", "basedpyright")
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    settings = {"include": ["app.py"], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    commands = {
        "Success: no issues found": ["mypy", "--strict", "--no-incremental", "app.py"],
        "0 errors, 0 warnings, 0 notes": ["basedpyright", "--pythonpath", sys.executable],
    }
    for said, command in commands.items():
        done = await anyio.run_process([sys.executable, "-m", *command], check=False, cwd=tmp_path)
        assert said in done.stdout.decode(), done.stdout.decode() + done.stderr.decode()


@pytest.fixture
def elsewhere(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The functions for queues and frameworks, beside the example that they import."""
    (tmp_path / "orders.py").write_text(SCRIPTS[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield _names_of(ELSEWHERE)
    sys.modules.pop("orders", None)


async def test_a_celery_task_that_is_delivered_twice_makes_one_video(
    elsewhere: dict[str, Any], sandbox: Sandbox
) -> None:
    """Each delivery has a loop and a session of its own."""
    celery = pytest.importorskip("celery")
    task = celery.Celery("orders", set_as_current=False).task(acks_late=True)(elsewhere["celery_task"])
    told = [(await asyncio.to_thread(task.apply, ("order-17", "A launch video"))).get() for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].endswith("has completed")
    assert sandbox.counts.creates == 1


async def test_a_temporal_activity_that_is_tried_again_makes_one_video(
    elsewhere: dict[str, Any], sandbox: Sandbox
) -> None:
    """The workflow's id is the key."""
    activity = pytest.importorskip("temporalio.activity")
    environment = pytest.importorskip("temporalio.testing").ActivityEnvironment
    video = activity.defn(elsewhere["temporal_activity"])
    told = [await environment().run(video, "A launch video") for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].endswith("has completed")
    assert sandbox.counts.creates == 1


async def test_a_django_view_makes_one_video_an_order(elsewhere: dict[str, Any], sandbox: Sandbox) -> None:
    """Under ASGI in the server's loop, under WSGI in one that Django makes for the request."""
    django = pytest.importorskip("django")
    conf = pytest.importorskip("django.conf")
    to_sync = pytest.importorskip("asgiref.sync").async_to_sync
    if not conf.settings.configured:
        conf.settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    factory = pytest.importorskip("django.test").RequestFactory()
    order = {"order": "order-17", "prompt": "A launch video"}
    answers = [
        await elsewhere["django_view"](factory.post("/", order)),
        await asyncio.to_thread(to_sync(elsewhere["django_view"]), factory.post("/", order)),
    ]
    videos = [json.loads(answer.content)["video"] for answer in answers]
    assert videos[0] == videos[1]
    assert videos[0].endswith("has completed")
    assert sandbox.counts.creates == 1


async def test_a_notebooks_session_serves_many_cells(elsewhere: dict[str, Any], sandbox: Sandbox) -> None:
    """Each cell is a task of its own, in the one loop of the notebook."""
    named = re.findall(r"`(motion = await .*?|await motion\.aclose\(\))`", motion_async.ledger.__doc__ or "")
    assert len(named) == 2
    names: dict[str, Any] = {"make": elsewhere["make"], "MotionSession": MotionSession, "ledger": None}

    async def run_cell(cell: str) -> None:
        found = eval(compile(cell, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        await asyncio.create_task(found)

    told = 'told = await make("order-17", "A launch video")'
    for cell in (told, named[0], 'job = await motion.create("A cat")', "state = await job.wait()", named[1]):
        await run_cell(cell)
    assert names["told"].endswith("has completed")
    assert names["state"].status == "completed"


def test_the_two_commands_set_everything_up_themselves() -> None:
    """Each is one line that makes its own environment; what it then runs is this package's."""
    for command in SHELL[:2]:
        assert len(command.splitlines()) == 1
        assert command.startswith("python3.11 -m venv .venv && .venv/bin/pip install")
    assert ".venv/bin/motion-async demo" in SHELL[0]
    assert '.venv/bin/pytest -n 4 --dist worksteal -m "not slow"' in SHELL[1]


async def test_the_batch_command_makes_what_the_file_says(sandbox: Sandbox, tmp_path: Path) -> None:
    """The line as it stands, in a directory with such a file."""
    lines = '{"prompt": "A launch video"}\n{"prompt": "A second one", "id": "second"}\n'
    await anyio.Path(tmp_path / "videos.jsonl").write_text(lines, encoding="utf-8")
    words = BATCH.split()
    assert words[:2] == [".venv/bin/motion-async", "batch"]
    done = await anyio.run_process([sys.executable, "-m", "motion_async.cli", *words[1:]], check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    results = await anyio.Path(tmp_path / "results.csv").read_text(encoding="utf-8-sig")
    assert results.count(",done,") == 2
    assert await anyio.Path(tmp_path / "report.html").is_file()
    assert sandbox.counts.creates_accepted == 2


async def test_the_sandbox_command_prints_the_lines_that_point_the_client_at_it() -> None:
    """The line as it stands, but for the port, which is any free one here."""
    words = SANDBOX.split()
    assert words[:2] == [".venv/bin/motion-async", "sandbox"]
    words[words.index("--port") + 1] = "0"
    command = [sys.executable, "-m", "motion_async.cli", *words[1:]]
    async with await anyio.open_process(command, stderr=subprocess.DEVNULL, env={**os.environ}) as process:
        assert process.stdout is not None
        said = b""
        with anyio.fail_after(90):
            while said.count(b"export ") < 2:
                said += await process.stdout.receive()
        process.terminate()
    assert re.search(rb"^export MOTION_BASE_URL=.?http://127\.0\.0\.1:\d+/api/motion", said, re.MULTILINE)
    assert re.search(rb"^export MOTION_API_KEY=.?motion_", said, re.MULTILINE)


@pytest.mark.usefixtures("folder")
async def test_a_stream_of_events_has_no_words_of_others_as_they_came(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status with ends of lines in it stays one event, as JSON; the words of a refusal are for operators alone."""
    words = "no\n\nevent: forged\ndata: x\r\rdata: y"

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        first = len(raw_server.requests) == 1
        body = json.dumps({"job_id": "job-1", "status": words} if first else {"error": words}).encode()
        status = "200 OK" if first else "401 No"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    raw_server.handler = answer
    monkeypatch.setenv("MOTION_API_KEY", "motion_key")
    monkeypatch.setenv("MOTION_BASE_URL", raw_server.url)
    app = _names_of(FASTAPI)["app"]
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        changes = (await client.get("/videos/job-1/changes")).text
    status, failed, end = read(changes)
    assert (status[0], status[1]["current"]) == ("status", words)
    assert (failed[0], end) == ("failed", ("end", {}, "end"))
    assert "forged" not in json.dumps(failed)
