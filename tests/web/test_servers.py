"""Real servers in processes of their own, with streams open: they end at once, and browsers go on with the next one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Final

import httpx
import pytest

import motion_async.web.aiohttp
import motion_async.web.fastapi
from tests.waiting import until
from tests.web.conftest import SlowSandbox
from tests.web.guides import END, examples, read

LIMIT: Final = 45.0
"""Seconds in which a server has to end: more than a busy machine needs, less than servers wait for their streams."""
FASTAPI, AIOHTTP = examples(motion_async.web.fastapi)[0], examples(motion_async.web.aiohttp)[0]
UVICORN: Final = ["uvicorn", "example:app", "--timeout-graceful-shutdown", "60", "--fd"]
RUN_APP: Final = """
import socket, sys
web.run_app(app, sock=socket.socket(fileno=int(sys.argv[1])), shutdown_timeout=60)
"""


class Server:
    """A server of `example.py` in a process of its own.

    Attributes:
        url: where it listens, from before it has started.
        process: the process; it was given the number of its socket.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        self.log = folder / "server.log"
        with self.log.open("wb") as log, socket.create_server(("127.0.0.1", 0)) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", *command, str(listening.fileno())],
                cwd=folder,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )

    def words(self) -> str:
        return self.log.read_text(encoding="utf-8")

    async def ended(self) -> None:
        await until(lambda: self.process.poll() is not None, every=0.01, within=LIMIT)


@asynccontextmanager
async def serving(command: list[str], example: str, folder: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """Serve an example, and end whatever is left of it."""
    (folder / "example.py").write_text(example, encoding="utf-8")
    server = Server(command, folder)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            yield server, client
    finally:
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


async def _make(client: httpx.AsyncClient) -> str:
    made = await client.post("/videos", params={"prompt": "A launch video"})
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
    [(UVICORN, FASTAPI), (["example"], AIOHTTP + RUN_APP)],
    ids=["uvicorn", "aiohttp"],
)
async def test_a_server_with_open_streams_ends_at_once(
    slow: SlowSandbox, tmp_path: Path, command: list[str], example: str, number: signal.Signals
) -> None:
    """Without a traceback, and without an event `end`, upon which browsers would stay away."""
    async with serving(command, example, tmp_path) as (server, client):
        job_id = await _make(client)
        async with _stream(client, job_id) as first, _stream(client, job_id) as second:
            for told in (first, second):
                await _sees_a_status(told)
            server.process.send_signal(number)
            await server.ended()
    for told in (first, second):
        assert END not in told.getvalue()
    assert "Traceback" not in server.words()
    assert "exceeded" not in server.words()  # what uvicorn says of a time-out


async def test_browsers_go_on_after_a_reload(slow: SlowSandbox, tmp_path: Path) -> None:
    """The stream ends when the code changes, and the next server begins where it was."""
    async with serving(["uvicorn", "--reload", *UVICORN[1:]], FASTAPI, tmp_path) as (server, client):
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
        server.process.terminate()
        await server.ended()
    assert "Traceback" not in server.words()
