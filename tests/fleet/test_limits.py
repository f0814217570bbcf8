"""Tests of `motion_async.fleet.limits`: one row that holds for all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from motion_async import ConfigurationError
from motion_async.fleet.limits import FleetLimits, LimitsRow
from tests.fleets import Link, open_link
from tests.postgres import execute
from tests.waiting import until


@pytest.fixture
async def row(link: Link) -> LimitsRow:
    """The row as one process has it."""
    row = LimitsRow(link.connection)
    await row.open()
    return row


async def test_a_new_fleet_has_no_limits_and_works(row: LimitsRow) -> None:
    """What bounds it are the workers' own."""
    assert await row.read() == FleetLimits(None, None, None)


async def test_only_what_is_named_is_changed_for_everybody(fresh_postgres: str, row: LimitsRow) -> None:
    """Another process that opens it leaves it as it stands; None takes a limit back."""
    await row.write(max_active=45, max_polls_per_second=12.5)
    await row.write(paused="credits are gone")
    async with open_link(fresh_postgres) as link:
        other = LimitsRow(link.connection)
        await other.open()
        assert await other.read() == FleetLimits(45, 12.5, "credits are gone")
        await other.write(max_active=None, paused=None)
    assert await row.read() == FleetLimits(None, 12.5, None)


async def test_a_limit_out_of_bounds_is_refused(row: LimitsRow) -> None:
    """Nothing is changed then."""
    wrong: dict[str, list[Any]] = {
        "max_active": [0, 1_000_001, 1.5, True],
        "max_polls_per_second": [0, 0.009, 1_000_001, "many"],
    }
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ConfigurationError, match=name):
                await row.write(**{"max_active": 7, "max_polls_per_second": 7} | {name: value})
    assert await row.read() == FleetLimits()


async def test_the_bounds_themselves_are_allowed(row: LimitsRow) -> None:
    """On both sides."""
    for most, polls in ((1, 0.01), (1_000_000, 1_000_000)):
        await row.write(max_active=most, max_polls_per_second=polls)
        assert await row.read() == FleetLimits(most, polls)


async def test_all_hear_of_a_change_once_it_can_be_read(fresh_postgres: str, row: LimitsRow) -> None:
    """So that whoever reads then finds what is new."""
    async with open_link(fresh_postgres) as link:
        other = LimitsRow(link.connection)
        await other.open()
        read: list[asyncio.Task[FleetLimits]] = []

        def hear(news: Mapping[str, Any]) -> None:
            if news.get("kind") == "limits":
                read.append(asyncio.create_task(other.read()))

        link.connection.hear = hear
        await row.write(max_active=3)
        await until(lambda: read, every=0.01)
        assert await read[0] == FleetLimits(3)


async def test_many_processes_make_it_at_once(fresh_postgres: str) -> None:
    """There is one row in the end, and each of them can go on."""
    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(open_link(fresh_postgres)) for _ in range(5)]
        rows = [LimitsRow(link.connection) for link in links]
        await asyncio.gather(*(link.session() for link in links))
        await asyncio.gather(*(row.open() for row in rows))
        assert await asyncio.gather(*(row.read() for row in rows)) == [FleetLimits()] * len(rows)
    assert await execute(fresh_postgres, "SELECT count(*) FROM motion_fleet") == [1]


async def test_what_follows_an_item_is_found_by_an_index(row: LimitsRow, fresh_postgres: str) -> None:
    """Each end asks for it, and a batch may have a hundred thousand items."""
    made = "SELECT count(*) FROM pg_indexes WHERE indexname = 'motion_items_parent' AND tablename = 'motion_items'"
    assert await execute(fresh_postgres, made) == [1]
