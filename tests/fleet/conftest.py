"""What the tests of fleets have: a fast sandbox, and a fleet on an empty PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from motion_async import MotionSession
from motion_async.fleet import Fleet, open_fleet, worker
from motion_async.sandbox import Sandbox
from tests.fleets import Link, end_work, open_link, session


@pytest.fixture(autouse=True)
def many_creates_in_no_time(sends_leave_at_once: None) -> None:
    """Have no worker wait for the turns of its creates."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox in which a job ends in a moment."""
    async with Sandbox(speed=10_000) as sandbox:
        yield sandbox


@pytest.fixture
async def still() -> AsyncIterator[Sandbox]:
    """A sandbox whose time stands still, so that jobs run until a test has them go on."""
    async with Sandbox(speed=0) as sandbox:
        yield sandbox


@pytest.fixture
async def fleet(fresh_postgres: str) -> AsyncIterator[Fleet]:
    """A fleet of which nobody is told that a worker has died before the test is over."""
    async with open_fleet(fresh_postgres, heartbeat=3_600) as fleet:
        yield fleet


@pytest.fixture
async def link(fresh_postgres: str) -> AsyncIterator[Link]:
    """A process of a fleet without a worker."""
    async with open_link(fresh_postgres) as link:
        yield link


@pytest.fixture
async def motion(sandbox: Sandbox) -> AsyncIterator[MotionSession]:
    """A session with the sandbox."""
    async with session(sandbox) as motion:
        yield motion


@pytest.fixture
async def second(fresh_postgres: str, fleet: Fleet) -> AsyncIterator[Fleet]:
    """The same fleet as another process has it."""
    async with open_fleet(fresh_postgres, heartbeat=3_600) as second:
        yield second


@pytest.fixture
async def soon(fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have what is left for later be looked at again in a moment, as after a part of a heartbeat."""
    for name in ("_ELSEWHERE", "_WITH_A_PERSON", "_NOT_MINE"):
        monkeypatch.setattr(worker, name, 0.05)

    async def wake(link: Link) -> None:
        while True:
            await link.connection.notify(kind="claims")
            await asyncio.sleep(0.05)

    async with open_link(fresh_postgres) as link:
        waking = asyncio.create_task(wake(link))
        yield
        await end_work(waking)
