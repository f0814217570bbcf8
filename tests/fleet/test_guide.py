"""The guide of `motion_async.fleet`: its examples as they stand, the rights that it names, and the probe."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from contextlib import aclosing
from typing import Any

import anyio
import asyncpg
import pytest

import motion_async.fleet
from motion_async import MotionSession
from motion_async.fleet import Fleet, open_fleet
from motion_async.sandbox import Sandbox
from tests.postgres import execute
from tests.readme import FLEET
from tests.web.guides import examples, run

ORDER, WORK, RIGHTS, _UNIT, DEPLOYMENT = examples(motion_async.fleet)
ROLES = ("motion_app", "motion_worker")


def as_role(url: str, role: str) -> str:
    """The URL of the same database as another role, who needs no password here."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.partition('@')[2]}"


async def has_completed(fleet: Fleet, batch: str, key: str) -> None:
    """Wait until an item has its video."""
    async with aclosing(fleet.changes(batch)) as changes:
        async for change in changes:
            if change.key == key and change.state == "completed":
                return


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), task


@pytest.fixture
def sandbox(motion_sandbox: Sandbox) -> Sandbox:
    return motion_sandbox


async def test_what_the_guides_app_orders_is_made_by_the_guides_worker(fresh_postgres: str, sandbox: Sandbox) -> None:
    """The app follows it from any position on."""
    names = run(f"{ORDER}\n{WORK}")
    await names["order"](fresh_postgres, "A launch video", "order-17")
    worker = asyncio.create_task(names["work"](fresh_postgres))
    seen: list[tuple[int, str, str]] = []
    async with aclosing(names["follow"](fresh_postgres, None)) as changes:
        async for change in changes:
            seen.append(change)
            if change[2] == "completed":
                break
    async with aclosing(names["follow"](fresh_postgres, seen[-2][0])) as changes:
        assert await anext(changes) == seen[-1]
    await cancel(worker)
    assert sandbox.counts.creates == 1


async def test_readmes_worker_makes_what_readmes_app_enqueues(
    fresh_postgres: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app, whose stream never ends by itself, tells of the end."""
    names = run(FLEET)
    tasks = [asyncio.create_task(names[one](fresh_postgres)) for one in ("order", "work")]
    async with open_fleet(fresh_postgres) as fleet:
        await has_completed(fleet, "autumn", "launch")
    told = ""
    while "launch completed" not in told:
        await asyncio.sleep(0.01)
        told += capsys.readouterr().out
    for task in tasks:
        await cancel(task)


async def test_the_rights_that_the_guide_names_are_enough(fresh_postgres: str, sandbox: Sandbox) -> None:
    """The owner makes the tables; the app enqueues, follows, cancels and retries; the worker makes all of it."""
    async with open_fleet(fresh_postgres) as fleet:
        await fleet.limit(max_active=10, max_polls_per_second=1_000)
    try:
        await execute(fresh_postgres, *(line for line in RIGHTS.splitlines() if line))
        async with open_fleet(as_role(fresh_postgres, "motion_app")) as app:
            await app.enqueue("autumn", ["A launch video", "Another one"])
            await app.cancel("autumn")
            assert len(await app.retry("autumn")) == 2
            async with open_fleet(as_role(fresh_postgres, "motion_worker")) as fleet, MotionSession() as motion:
                worker = asyncio.create_task(fleet.work(motion, here=5))
                while not (progress := await app.progress("autumn")).is_at_rest:
                    await asyncio.sleep(0.05)
                assert progress.states == {"completed": 2}
                await fleet.pause()
                await cancel(worker)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await execute(as_role(fresh_postgres, "motion_app"), "UPDATE motion_fleet SET paused = NULL")
    finally:
        drop = [line for role in ROLES for line in (f"DROP OWNED BY {role}", f"DROP ROLE IF EXISTS {role}")]
        await execute(fresh_postgres, *drop)
    assert sandbox.counts.creates == 2


async def test_the_probe_of_the_deployment_ends_well_only_where_the_key_is_taken(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes runs it: by Python, with the settings of the environment."""
    code = textwrap.dedent(DEPLOYMENT.partition("- |\n")[2])
    command = [sys.executable, "-c", code]
    assert (await anyio.run_process(command, check=False)).returncode == 0
    monkeypatch.setenv("MOTION_API_KEY", "motion_another")
    assert (await anyio.run_process(command, check=False)).returncode != 0
