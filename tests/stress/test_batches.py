"""Batches under random stress: several runners on one ledger and one limiter, that are cut in every way there is.

Each run draws a seed of its own, and says it when it fails; `MOTION_STRESS_SEED` gives one, and `MOTION_STRESS_SECONDS`
says for how long rounds are drawn from it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from motion_async import (
    BatchRequest,
    Event,
    FollowupNotAllowedError,
    JobFailedError,
    MotionError,
    MotionSession,
    NotSentError,
    UncertainError,
)
from motion_async.ledger import Item, ItemState, Ledger, open_ledger
from motion_async.sandbox import ExchangeFault, Hang, RateLimited, Sandbox, SlowBody, every_fault
from tests.batches import QUICK
from tests.postgres import has_no_session
from tests.waiting import until

SECONDS: Final = float(os.environ.get("MOTION_STRESS_SECONDS", "10"))
SEED: Final = int(os.environ.get("MOTION_STRESS_SEED") or random.SystemRandom().randrange(1_000_000))
RUNNERS: Final = 3
REQUESTS: Final = 40
FOLLOWUPS: Final = 0.4
MOST_FAULTS: Final = 0.25
LONGEST_ROUND: Final = 90.0
"""Seconds after which a round is stuck, a bound that is far above what one takes."""
QUICKER: Final = {Hang: Hang(), SlowBody: SlowBody(0.1), RateLimited: RateLimited(0.05)}
"""Faults that take long enough to be felt, and no longer."""
SESSION: Final[dict[str, Any]] = QUICK | {
    "exchange_timeout": 0.6,
    "send_timeout": 0.6,
    "cancel_grace": 0.3,
    "max_connections": 12,
}
OVER: Final = {ItemState.COMPLETED, ItemState.FAILED, ItemState.UNCERTAIN, ItemState.PLANNED}
"""Where items may stand at the end; planned are those whose parents have no video, and so will have none."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where the ledger is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/launch.db"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.fixture(params=["lazy", "eager"])
def task_factory(request: pytest.FixtureRequest) -> Any:
    """What makes the tasks of the loop."""
    if request.param == "lazy":
        return None
    if sys.version_info < (3, 12):
        pytest.skip("this Python has no eager tasks")
    return asyncio.eager_task_factory


@pytest.mark.slow
@pytest.mark.timeout(600 + 2 * SECONDS)
async def test_batches_that_are_cut_at_random_pay_for_nothing_twice_and_lose_nothing(
    url: str, task_factory: Any
) -> None:
    """However they were cut: what the service has made stands in the ledger, or a person is told to look."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    over, number = time.monotonic() + SECONDS, 0
    try:
        loop.set_task_factory(task_factory)
        while number == 0 or time.monotonic() < over:
            with drawn_from(SEED, number):
                await one_round(url, f"batch {number}", random.Random(f"{SEED} {number}"))
            number += 1
    finally:
        loop.set_task_factory(before)


@contextmanager
def drawn_from(seed: int, number: int) -> Iterator[None]:
    """Say what a round that fails was drawn from."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"round {number} of MOTION_STRESS_SEED={seed}")
        raise


async def one_round(url: str, batch: str, chance: random.Random) -> None:
    """Run a batch by several runners that are cut, then once more in peace, and see what has come of it."""
    gc.collect()
    tasks, files = asyncio.all_tasks(), open_files()
    requests = draw_requests(batch, chance)
    limiter = anyio.CapacityLimiter(chance.randint(1, 12))
    async with (
        asyncio.timeout(LONGEST_ROUND),
        Sandbox(credits=10_000_000, speed=chance.choice([300, 3_000]), seed=chance.randrange(1_000)) as sandbox,
        open_ledger(url) as ledger,
    ):
        order_faults(sandbox, chance)
        runners = [Runner(sandbox, ledger, batch, requests, limiter, chance) for _ in range(RUNNERS)]
        await asyncio.gather(*(runner.run() for runner in runners))
        assert limiter.borrowed_tokens == 0
        sandbox.faults.clear()
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **SESSION) as motion:
            outcomes = motion.generate_many(requests, ledger=ledger, batch=batch, limiter=limiter)
            async with outcomes:
                ended = [outcome async for outcome in outcomes]
        assert sorted(outcome.index for outcome in ended) == list(range(REQUESTS))
        strange = [outcome.error for outcome in ended if not is_to_be_expected(outcome.error)]
        assert not strange
        assert limiter.borrowed_tokens == 0
        hold([item async for item in ledger.items(batch)], sandbox)
    await nothing_left(url, tasks, files)


def is_to_be_expected(error: MotionError | None) -> bool:
    """Tell whether a request may end so in peace: a job that a sibling's turn has made fail takes no followup."""
    if isinstance(error, FollowupNotAllowedError):
        return error.status == "failed"
    return error is None or isinstance(error, UncertainError | JobFailedError | NotSentError)


def draw_requests(batch: str, chance: random.Random) -> list[BatchRequest]:
    """Draw requests of which so many follow an earlier one; each prompt is known of once."""
    requests: list[BatchRequest] = []
    for number in range(REQUESTS):
        parent = chance.choice(requests).id if requests and chance.random() < FOLLOWUPS else None
        requests.append(BatchRequest(f"{batch}, video {number}", id=f"item-{number}", follows=parent))
    return requests


def order_faults(sandbox: Sandbox, chance: random.Random) -> None:
    """Order each fault of an exchange for a share of the calls, and each of a job for a share of these."""
    faults = [QUICKER.get(type(fault), fault) for fault in every_fault().values()]
    exchanges = sum(isinstance(fault, ExchangeFault) for fault in faults)
    share = chance.uniform(0, MOST_FAULTS)
    for fault in faults:
        each = share / exchanges if isinstance(fault, ExchangeFault) else chance.uniform(0, MOST_FAULTS) / 4
        sandbox.faults.at_random(fault, each)


class Runner:
    """Runs a batch again and again, and is cut in another way each time."""

    def __init__(
        self,
        sandbox: Sandbox,
        ledger: Ledger,
        batch: str,
        requests: Sequence[BatchRequest],
        limiter: anyio.CapacityLimiter,
        chance: random.Random,
    ) -> None:
        self.sandbox = sandbox
        self.requests = requests
        self.options: dict[str, Any] = {"ledger": ledger, "batch": batch, "limiter": limiter}
        self.chance = random.Random(chance.random())
        self.told: list[Event] = []

    async def run(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            cut = self.chance.choice([self.cancelled, self.cancelled_twice, self.closed, self.left, self.read])
            async with MotionSession(self.sandbox.api_key, base_url=self.sandbox.url, **SESSION) as motion:
                reader = asyncio.ensure_future(self.listen(motion)) if self.chance.random() < 0.3 else None
                await cut(motion)
            if reader is not None:
                await reader

    async def listen(self, motion: MotionSession) -> None:
        self.told += [event async for event in motion.events()]

    def soon(self) -> float:
        return self.chance.choice([0.0, 0.005, self.chance.uniform(0, 0.1), self.chance.uniform(0, 1)])

    async def read(self, motion: MotionSession, most: int = REQUESTS + 1) -> None:
        """Read outcomes; no request has two."""
        seen: Counter[int] = Counter()
        async with motion.generate_many(self.requests, **self.options) as outcomes:
            async for outcome in outcomes:
                seen[outcome.index] += 1
                assert outcome.error is None or isinstance(outcome.error, MotionError)
                if seen.total() == most:
                    break
            else:
                assert set(seen) == set(range(REQUESTS))
        assert seen.total() == len(seen)

    async def left(self, motion: MotionSession) -> None:
        await self.read(motion, self.chance.randint(1, 10))

    async def cancelled(self, motion: MotionSession, times: int = 1) -> None:
        reading = asyncio.ensure_future(self.read(motion))
        for _ in range(times):
            await asyncio.wait([reading], timeout=self.soon())
            reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading

    async def cancelled_twice(self, motion: MotionSession) -> None:
        await self.cancelled(motion, 2)

    async def closed(self, motion: MotionSession) -> None:
        reading = asyncio.ensure_future(self.read(motion))
        await asyncio.wait([reading], timeout=self.soon())
        await motion.aclose()
        with suppress(MotionError):
            await reading


def hold(items: list[Item], sandbox: Sandbox) -> None:
    """See that each prompt was made once at most, and that each that was is known of."""
    by_prompt = {item.request.prompt: item for item in items}
    assert len(by_prompt) == len(items) == REQUESTS
    assert {item.state for item in items} <= OVER, Counter(item.state for item in items)
    assert sandbox.counts.duplicates == 0
    made = [(turn.body["prompt"], job_id) for job_id, job in sandbox.jobs.items() for turn in job.turns]
    assert max(Counter(prompt for prompt, _ in made).values(), default=1) == 1
    for prompt, job_id in made:
        item = by_prompt[prompt]
        assert item.state is ItemState.UNCERTAIN or item.job_id == job_id, item
    known = {item.job_id for item in items if item.job_id is not None}
    assert known <= set(sandbox.jobs)


def open_files() -> set[str]:
    """Give the files and sockets of this process, where they can be seen."""
    found = set()
    with suppress(OSError):
        for file in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                found.add(f"{file.name} {file.readlink()}")
    return found


async def nothing_left(url: str, tasks: set[asyncio.Task[Any]], files: set[str]) -> None:
    """See that neither a task nor a file nor a connection is open that was not before."""
    await asyncio.sleep(0.01)  # what was closed in the last step closes in the next ones
    gc.collect()
    left = asyncio.all_tasks() - tasks
    assert not left, left
    assert not open_files() - files, open_files() - files
    await until(lambda: has_no_session(url), every=0.05)
