"""What every test has: asyncio as the loop, and no task left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio; a test of time replaces this with a loop of virtual time."""
    return "asyncio"


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
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Apply `all_tasks_end` to every asynchronous test."""
    if "anyio_backend" in request.fixturenames:
        request.getfixturevalue("all_tasks_end")
    yield


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in ("MOTION_API_KEY", "MOTION_BASE_URL", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
