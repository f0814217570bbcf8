"""What the tests in a browser have: one browser a module, a person with a profile of their own, and a README's app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser import anyio_backend, browser, visitor
from tests.web.browser.apps import INTERVAL, App, start
from tests.web.conftest import SlowSandbox
from tests.web.servers import Server

__all__ = ["anyio_backend", "browser", "visitor"]


@pytest.fixture(params=["fastapi", pytest.param("aiohttp", marks=pytest.mark.slow)])
def app(request: pytest.FixtureRequest) -> App:
    """Which app is served."""
    name: App = request.param
    return name


@pytest.fixture
def interval() -> float:
    """Give the seconds between two polls of a job."""
    return INTERVAL


@pytest.fixture
def ping() -> float:
    """Give the seconds of silence after which a stream has a comment."""
    return 15.0


@pytest.fixture
def workers() -> int | None:
    """Give the number of the server's workers, None if it has none beside itself."""
    return None


@pytest.fixture
async def server(
    slow: SlowSandbox, app: App, interval: float, ping: float, workers: int | None, tmp_path: Path
) -> AsyncIterator[Server]:
    """A server of the app, with a sandbox as its service whose time stands still."""
    server = start(app, tmp_path, interval=interval, ping=ping, workers=workers)
    yield server
    server.close()
