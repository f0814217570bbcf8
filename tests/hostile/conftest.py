"""What the tests of a hostile network have: a server that does as it likes, another one that must hear nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.hostile.hostile_server import HostileServer, hostile_server


@pytest.fixture(autouse=True)
def many_creates_in_no_time(sends_leave_at_once: None) -> None:
    """Have no test wait for the turns of the many creates that it cuts."""


@pytest.fixture
async def hostile() -> AsyncIterator[HostileServer]:
    """Serve bare bytes as a script says."""
    async with hostile_server() as made:
        yield made


@pytest.fixture
async def elsewhere() -> AsyncIterator[HostileServer]:
    """Serve another origin, to which nothing may ever be sent."""
    async with hostile_server() as made:
        yield made
        assert made.connections == 0
