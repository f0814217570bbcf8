"""Batches and single creates that are killed again and again, at any instant, and made again by the same call."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from motion_async.ledger import Item, ItemState, open_ledger
from motion_async.sandbox import LostAnswer, RateLimited, Sandbox, ServerError

ITEMS = 300
KILLS = int(os.environ.get("MOTION_TEST_KILLS", "50"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where the ledger is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/launch.db"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("how", "seed", "taken"), [("batch", 3, ItemState.COMPLETED), ("single", 5, ItemState.SUBMITTED)]
)
async def test_what_is_killed_again_and_again_is_made_once(url: str, how: str, seed: int, taken: ItemState) -> None:
    """No prompt is created twice, and every job's id is in the ledger or its item uncertain.

    A batch completes all others; a handler that is called again with the order's key leaves them running.
    """
    async with Sandbox(credits=300 * ITEMS * 2, speed=400, seed=seed) as sandbox:
        sandbox.faults.at_random(LostAnswer(), 0.02, on="create")
        sandbox.faults.at_random(ServerError(502), 0.02, on="create")
        sandbox.faults.at_random(RateLimited(None), 0.02)
        cut_short = await _kill(sandbox, url, kills=KILLS, how=how)
        async with open_ledger(url) as ledger:
            items = [item async for item in ledger.items("launch")]
        assert sandbox.counts.duplicates == 0
        assert cut_short >= KILLS // 2  # else the run had ended before, and nothing was tried
        _hold(items, sandbox, taken=taken)


def _hold(items: list[Item], sandbox: Sandbox, *, taken: ItemState) -> None:
    by_prompt = {item.request.prompt: item for item in items}
    assert len(by_prompt) == len(items) == ITEMS
    states = Counter(item.state for item in items)
    assert set(states) == {taken, ItemState.UNCERTAIN}
    assert states[taken] > ITEMS / 2
    for job_id, job in sandbox.jobs.items():
        item = by_prompt[job.body["prompt"]]
        assert item.job_id == job_id or item.state is ItemState.UNCERTAIN
    assert {item.job_id for item in items if item.state is taken} <= set(sandbox.jobs)


async def _kill(sandbox: Sandbox, url: str, *, kills: int, how: str) -> int:
    """Kill it so often at random instants, then let it come to its end; count the runs that were cut short."""
    chance = random.Random(11)
    nursery = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("killed_process.py")),
        sandbox.api_key, sandbox.url, url, str(ITEMS), how,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    cut_short = 0
    try:
        for number in range(kills + 1):
            nursery.stdin.write(b"go\n")
            child = int(await nursery.stdout.readline())
            ended = asyncio.create_task(nursery.stdout.readline())
            if number < kills:
                await asyncio.wait([ended], timeout=chance.uniform(0.0, 0.5))
                if not ended.done():
                    os.kill(child, signal.SIGKILL)
            status = int(await asyncio.wait_for(ended, 60))
            cut_short += status == signal.SIGKILL
            assert status in (0, signal.SIGKILL)
        assert status == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(nursery.pid, signal.SIGKILL)
        await nursery.wait()
    return cut_short
