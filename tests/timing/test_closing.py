"""Tests of `motion_async.timing.closing`."""

from __future__ import annotations

import asyncio
from typing import Any

import looptime
import pytest

from motion_async import SessionClosedError
from motion_async.timing.closing import Closing


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": looptime.new_event_loop}


async def test_it_ends_every_pause_and_none_before() -> None:
    """Who sleeps goes on as soon as it begins, and who comes later does not sleep at all."""
    closing, start = Closing(), asyncio.get_running_loop().time()
    await closing.pause(3.0)
    assert asyncio.get_running_loop().time() - start == pytest.approx(3.0, abs=0.1)
    sleeping = [asyncio.create_task(closing.pause(1_000.0)) for _ in range(3)]
    await asyncio.sleep(1)
    closing.begin()
    closing.begin()
    await asyncio.gather(*sleeping, closing.pause(1_000.0))
    assert asyncio.get_running_loop().time() - start == pytest.approx(4.0, abs=0.1)


async def test_it_raises_once_it_has_begun() -> None:
    """With what the session was left before."""
    closing = Closing()
    closing.raise_if_begun("anything happened")
    closing.begin()
    with pytest.raises(SessionClosedError, match="left before anything happened"):
        closing.raise_if_begun("anything happened")
