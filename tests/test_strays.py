"""Tests of the guard that keeps the tests and benchmarks on this machine: every way out is seen, and stopped."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import httpx
import pytest

from motion_async import Backoff, MotionError, MotionSession
from tests.strays import guarded_uvloop, strays

AWAY = "192.0.2.1"
"""An address that no machine has, kept for documentation."""


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def connect(family: socket.AddressFamily, address: Any) -> None:
    with socket.socket(family) as made:
        made.setblocking(False)
        made.connect_ex(address)


def send() -> None:
    with udp() as made:
        made.sendto(b"x", (AWAY, 9))


def listen() -> None:
    with socket.socket() as made:
        made.bind(("0.0.0.0", 0))


WAYS: dict[str, Callable[[], object]] = {
    "a socket": lambda: socket.create_connection((AWAY, 9), timeout=1),
    "a socket that does not wait": lambda: connect(socket.AF_INET, (AWAY, 9)),
    "IPv6": lambda: connect(socket.AF_INET6, ("2001:db8::1", 9, 0, 0)),
    "a datagram": send,
    "whom all can reach": listen,
    "a name": lambda: socket.getaddrinfo("motion.so", 443),
    "a name as bytes": lambda: socket.getaddrinfo(b"motion.so", 443),
    "a name, in the old way": lambda: socket.gethostbyname("motion.so"),
    "urllib": lambda: urllib.request.urlopen(f"http://{AWAY}:9/", timeout=1),
    "httpx": lambda: httpx.get(f"http://{AWAY}:9/", timeout=1),
}


async def by_aiohttp() -> None:
    async with aiohttp.ClientSession() as client:
        await client.get(f"http://{AWAY}:9/")


async def by_a_name() -> None:
    async with aiohttp.ClientSession() as client:
        await client.get("http://motion.so/")


async def by_a_socket() -> None:
    with socket.socket() as made:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (AWAY, 9))


async def by_asyncpg() -> None:
    asyncpg = pytest.importorskip("asyncpg")
    await asyncpg.connect(f"postgresql://postgres@{AWAY}:9/postgres", timeout=5)


async def by_a_session() -> None:
    async with MotionSession("motion_key", backoff=Backoff(first=0, cap=0)) as motion:
        await motion.poll("a")


ASYNC_WAYS: dict[str, Callable[[], Awaitable[object]]] = {
    "asyncio": lambda: asyncio.open_connection(AWAY, 9),
    "asyncio, by a name": lambda: asyncio.open_connection("motion.so", 9),
    "a server": lambda: asyncio.start_server(lambda *_: None, "0.0.0.0", 0),
    "the loop": by_a_socket,
    "anyio": lambda: anyio.connect_tcp(AWAY, 9),
    "aiohttp": by_aiohttp,
    "aiohttp, by a name": by_a_name,
    "asyncpg": by_asyncpg,
    "the library itself": by_a_session,
}
STOPPED = (OSError, aiohttp.ClientError, MotionError, httpx.HTTPError, ExceptionGroup)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_another_machine_is_stopped_and_told_of(way: str) -> None:
    """At once, and whatever the library makes of it that is on its way."""
    with strays() as found, pytest.raises(STOPPED):
        WAYS[way]()
    assert found
    assert all(said.startswith("not on this machine: ") for said in found)


@pytest.mark.motion_real  # the sessions' own guard would be before this one
@pytest.mark.parametrize("way", ASYNC_WAYS)
async def test_so_is_every_way_of_an_event_loop(way: str) -> None:
    """In the loop itself as in a thread of its own."""
    with strays() as found, pytest.raises(STOPPED):
        await ASYNC_WAYS[way]()
    assert found


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
@pytest.mark.motion_real
@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_so_is_every_way_of_uvloop(way: str) -> None:
    """It has connections of its own, of which Python does not hear."""
    with strays() as found, pytest.raises(STOPPED), asyncio.Runner(loop_factory=guarded_uvloop) as runner:
        runner.run(ASYNC_WAYS[way]())  # type: ignore[arg-type]
    assert found


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", None])
def test_this_machine_can_be_found(host: str | None) -> None:
    """By each of its names."""
    assert socket.getaddrinfo(host, 80)


def test_a_name_that_nobody_has_is_not_asked_for() -> None:
    """Nor is it held against anyone."""
    for name in ("nowhere.invalid", "256.256.256.256", "no such host"):
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(name, 80)


def test_a_process_of_a_test_stays_here_too() -> None:
    """Whatever it runs, a benchmark of its own as well, and its test hears of it."""
    leave = f"import socket; socket.create_connection(({AWAY!r}, 9), timeout=1)"
    with strays() as found:
        done = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OffLoopbackError" in done.stderr
    assert found == [f"not on this machine: address ({AWAY!r}, 9)"]


def test_a_benchmark_stays_here_whoever_runs_it() -> None:
    """Its command line begins with the guard."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    leave = (
        "import socket, benchmarks.__main__ as command, benchmarks.registry as registry;"
        f"command._run = lambda *_: socket.create_connection(({AWAY!r}, 9), timeout=1);"
        "command.main(['subscribers'])"
    )
    with strays() as found:
        done = subprocess.run([sys.executable, "-c", leave], env=plain, capture_output=True, text=True, check=False)
    assert "OffLoopbackError" in done.stderr
    assert len(found) == 1


A_STRAY_AND_ANOTHER = f"""
import contextlib, socket
from tests.strays import no_strays

def test_it():
    with contextlib.suppress(OSError):
        socket.create_connection(({AWAY!r}, 9), timeout=1)

def test_another():
    pass
"""


def test_a_test_that_leaves_this_machine_fails(tmp_path: Path) -> None:
    """Although it has hidden what was raised; and no other test fails for it."""
    (tmp_path / "test_strays_of_this.py").write_text(A_STRAY_AND_ANOTHER)
    root = Path(__file__).parent.parent
    options = ["-q", "-p", "no:cacheprovider", "-c", str(root / "pyproject.toml"), "--rootdir", str(root)]
    with strays():
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-p", "no:xdist", str(tmp_path)],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert "2 passed, 1 error" in done.stdout
    assert "ERROR" in done.stdout
    assert "test_it - " in done.stdout
