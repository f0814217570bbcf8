"""A batch that is killed again and again, at any instant, and run again each time by the same call."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
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
async def test_a_batch_survives_being_killed_again_and_again(url: str) -> None:
    """No prompt is created twice, every job's id is in the ledger or its item uncertain, all others are completed."""
    async with Sandbox(credits=300 * ITEMS * 2, speed=400, seed=3) as sandbox:
        sandbox.faults.at_random(LostAnswer(), 0.02, on="create")
        sandbox.faults.at_random(ServerError(502), 0.02, on="create")
        sandbox.faults.at_random(RateLimited(None), 0.02)
        cut_short = await _kill(sandbox, url, kills=KILLS)
        async with open_ledger(url) as ledger:
            items = [item async for item in ledger.items("launch")]
        assert sandbox.counts.duplicates == 0
        assert cut_short >= KILLS // 2  # else the batch had ended before, and nothing was tried
        _hold(items, sandbox)


def _hold(items: list[Item], sandbox: Sandbox) -> None:
    by_prompt = {item.request.prompt: item for item in items}
    assert len(by_prompt) == len(items) == ITEMS
    states = Counter(item.state for item in items)
    assert set(states) == {ItemState.COMPLETED, ItemState.UNCERTAIN}
    assert states[ItemState.COMPLETED] > ITEMS / 2
    for job_id, job in sandbox.jobs.items():
        item = by_prompt[job.body["prompt"]]
        assert item.job_id == job_id or item.state is ItemState.UNCERTAIN
    assert {item.job_id for item in items if item.state is ItemState.COMPLETED} <= set(sandbox.jobs)


async def _kill(sandbox: Sandbox, url: str, *, kills: int) -> int:
    """Run the batch and kill it so often at random instants, then run it to its end; count the runs cut short."""
    chance = random.Random(11)
    nursery = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("killed_batch.py")), sandbox.api_key, sandbox.url, url, str(ITEMS),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
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
        nursery.stdin.close()
        await nursery.wait()
    return cut_short
