"""What every test has: asyncio as the loop, and no task left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import looptime
import pytest

from motion_async.timing import pace
from tests.postgres import fresh_postgres, postgres_database, postgres_server, postgres_url
from tests.sockets import end_server
from tests.strays import forget_processes, guard_processes, guarded_uvloop, no_strays

pytest_plugins = ["pytester"]  # which only a conftest of the root may name

__all__ = [
    "fresh_postgres",
    "no_strays",
    "postgres_database",
    "postgres_server",
    "postgres_url",
]  # fixtures of a module of their own


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Run asynchronous tests on asyncio, and those with the mark `virtual_time` on a loop whose time jumps.

    With `MOTION_TEST_UVLOOP` set in the environment all others run on uvloop.
    """
    if request.node.get_closest_marker("virtual_time"):
        return "asyncio", {"loop_factory": looptime.new_event_loop}
    return "asyncio", {"loop_factory": guarded_uvloop} if os.environ.get("MOTION_TEST_UVLOOP") else {}


def pytest_configure() -> None:
    """Keep all that the tests do on this machine, and have them be interruptible wherever they run.

    What a script starts in its background ignores interrupts, what `nohup` starts hangups, and so does all that this
    starts in its turn.
    """
    guard_processes()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_unconfigure() -> None:
    """Take away what was written down of what did not stay there."""
    forget_processes()


def _is_the_runners(task: asyncio.Task[object]) -> bool:
    """Whether a task is the one in which anyio's plugin runs the test and its fixtures."""
    return getattr(task.get_coro(), "__qualname__", "").startswith("TestRunner.")


@pytest.fixture
async def all_tasks_end() -> AsyncIterator[None]:
    """Fail a test that leaves a task running."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # a task that was cancelled in the last step may end now
    mine = {asyncio.current_task(), *filter(_is_the_runners, asyncio.all_tasks())}
    left = asyncio.all_tasks() - before - mine
    assert not left, f"tasks left running: {left}"


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> None:
    """Apply `all_tasks_end` to every asynchronous test."""
    if "anyio_backend" in request.fixturenames:
        request.getfixturevalue("all_tasks_end")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in ("MOTION_API_KEY", "MOTION_BASE_URL", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MOTION_LEDGER", raising=False)


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the command, also as a process of its own, find a person's own ledger in a folder that is still to be made.

    No test reads or writes what whoever runs it has made.
    """
    folder = tmp_path_factory.getbasetemp() / f"state-{next(_numbers)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "motion-async"


_numbers = count(1)


@pytest.fixture
def sends_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sessions begin with the quickest pace of creates that there is, where a test is about something else."""
    monkeypatch.setattr(pace, "_FIRST_SEND_GAP", pace._SHORTEST_SEND_GAP)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


class RawServer:
    """A server of bare bytes: each request is read to its end, noted, and given to a handler.

    Attributes:
        requests: the head and body of every request that was read.
        connections: how many connections were made.
        handler: writes what is answered; the connection stays open until it closes it.
    """

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.handler: Handler = answer_nothing
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                await self.handler(reader, writer, self.requests[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, which is often the point
        finally:
            writer.close()


async def answer_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _request: bytes) -> None:
    """Keep the client waiting until it leaves."""
    await reader.read()


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    """Serve bare bytes on loopback; its `handler` is the test's to set."""
    raw = RawServer()
    server = await asyncio.start_server(raw.accept, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/motion"
    yield raw
    await end_server(server, raw.tasks)
