"""The ticker that feels what holds up the loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from benchmarks.lateness import lateness


async def test_work_that_holds_up_the_loop_is_felt() -> None:
    """A ticker cannot go off before the loop is free again, however fast the machine is."""

    async def work() -> None:
        await asyncio.sleep(0.01)
        time.sleep(0.1)  # noqa: ASYNC251  # that is what is to be felt
        await asyncio.sleep(0.01)

    figures = await lateness(work())
    assert list(figures) == ["p50", "p99", "max"]
    assert figures["p50"] <= figures["p99"] <= figures["max"]
    assert figures["max"] >= 50


async def test_work_that_ends_before_the_first_tick_has_figures_too() -> None:
    """There is nothing to tell of it, which is no error."""
    assert await lateness(asyncio.sleep(0)) == {"p50": 0, "p99": 0, "max": 0}


async def test_an_error_of_the_work_comes_through_and_the_ticker_ends() -> None:
    """No task is left behind, which every asynchronous test here is asked for."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        await lateness(fail())
