"""What the tests of batches have: a fast sandbox, a ledger in memory, and a session that polls often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from motion_async import MotionSession
from motion_async.ledger import Ledger, open_ledger
from motion_async.sandbox import Sandbox
from tests.batches import QUICK


@pytest.fixture(autouse=True)
def many_creates_in_no_time(sends_leave_at_once: None) -> None:
    """Have no batch wait for the turns of its creates."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox in which a job ends in a moment."""
    async with Sandbox(speed=10_000) as sandbox:
        yield sandbox


@pytest.fixture(params=["file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger of each kind that several can open can be made."""
    if request.param == "file":
        return f"sqlite:///{tmp_path}/launch.db"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    """A ledger in memory."""
    async with open_ledger("sqlite://") as ledger:
        yield ledger


@pytest.fixture
async def motion(sandbox: Sandbox) -> AsyncIterator[MotionSession]:
    """A session with the sandbox."""
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        yield motion
