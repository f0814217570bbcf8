"""Real servers in processes of their own, with streams open: they end at once, and browsers go on with the next one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest

import motion_async.web.aiohttp
import motion_async.web.fastapi
from tests.waiting import until
from tests.web.conftest import SlowSandbox
from tests.web.guides import END, examples, read
from tests.web.servers import AIOHTTP, HYPERCORN, RUN_APP, UVICORN, Server, serving

FASTAPI, AIOHTTP_APP = examples(motion_async.web.fastapi)[0], examples(motion_async.web.aiohttp)[0] + RUN_APP


def _asking(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, timeout=60)


async def _make(client: httpx.AsyncClient) -> str:
    made = await client.post("/videos", json={"prompt": "A launch video"})
    assert made.status_code == 202
    job_id: str = made.json()["job_id"]
    return job_id


@asynccontextmanager
async def _stream(client: httpx.AsyncClient, job_id: str, *, after: str = "") -> AsyncIterator[StringIO]:
    """Read a job's stream as it comes; leaving waits for its end."""
    told = StringIO()

    async def read_on() -> None:
        async with client.stream("GET", f"/videos/{job_id}/changes", headers={"Last-Event-ID": after}) as answer:
            assert answer.status_code == 200
            async for text in answer.aiter_text():
                told.write(text)

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_on())
        await until(lambda: reading.done() or told.getvalue(), every=0.01)
        yield told


async def _sees_a_status(told: StringIO) -> str:
    """Wait for the first status of a stream, and give its id."""
    [event, *_] = await until(lambda: read(told.getvalue()), every=0.01)
    assert event[:1] == ("status",)
    assert event[1]["current"] == "queued"
    return str(event[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("command", "example"),
    [(UVICORN, FASTAPI), (HYPERCORN, FASTAPI), (AIOHTTP, AIOHTTP_APP)],
    ids=["uvicorn", "hypercorn", "aiohttp"],
)
async def test_a_server_with_open_streams_ends_at_once(
    slow: SlowSandbox, tmp_path: Path, command: list[str], example: str, number: signal.Signals
) -> None:
    """Without a traceback, and without an event `end`, upon which browsers would stay away."""
    async with serving(command, example, tmp_path) as server, _asking(server) as client:
        job_id = await _make(client)
        async with _stream(client, job_id) as first, _stream(client, job_id) as second:
            for told in (first, second):
                await _sees_a_status(told)
            await server.end(number)
    for told in (first, second):
        assert END not in told.getvalue()
    assert "Traceback" not in server.words()
    assert "exceeded" not in server.words()  # what uvicorn says of a time-out


async def test_browsers_go_on_after_a_reload(slow: SlowSandbox, tmp_path: Path) -> None:
    """The stream ends when the code changes, and the next server begins where it was."""
    async with serving(["uvicorn", "--reload", *UVICORN[1:]], FASTAPI, tmp_path) as server, _asking(server) as client:
        job_id = await _make(client)
        async with _stream(client, job_id) as told:
            last = await _sees_a_status(told)
            os.utime(tmp_path / "example.py", (2_000_000_000, 2_000_000_000))
        assert END not in told.getvalue()
        await until(lambda: server.words().count("startup complete") == 2, every=0.05)
        async with _stream(client, job_id, after=last) as told:
            slow.finish_jobs()
        (name, ended, _), end = read(told.getvalue())
        assert (name, ended["current"], end[0]) == ("status", "completed", "end")
        await server.end(signal.SIGTERM)
    assert "Traceback" not in server.words()
