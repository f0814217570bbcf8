"""Fleets whose workers die, freeze, leave and come, at any instant: nothing is made twice, and all is made."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from motion_async import BatchRequest
from motion_async.fleet import Fleet, open_fleet
from motion_async.ledger import ItemState
from motion_async.sandbox import LostAnswer, RateLimited, Sandbox, ServerError, SlowBody
from tests.fleet.proxy import open_proxy
from tests.fleet.workers import Workers, open_workers
from tests.postgres import PostgresServer, execute, execute_now, open_pair
from tests.waiting import until

BATCH = "launch"
ROWS = "motion_pgqueuer"
"""The queue, whose rows tell which worker has them."""
LONG = 120.0
"""Seconds within which whatever is waited for here comes on the busiest machine."""


async def enqueue(fleet: Fleet, videos: int) -> None:
    await fleet.enqueue(BATCH, [BatchRequest(f"video {number}", id=f"item-{number}") for number in range(videos)])


async def see_it_end(fleet: Fleet, sandbox: Sandbox) -> Counter[ItemState]:
    """Wait until no worker has anything to do, see that each id is known, and count the items in each state."""

    async def is_at_rest() -> bool:
        return (await fleet.progress(BATCH)).is_at_rest

    await until(is_at_rest, every=0.1, within=LONG)
    items = [item async for item in fleet.ledger.items(BATCH)]
    by_prompt = {item.request.prompt: item for item in items}
    assert sandbox.counts.duplicates == 0
    for job_id, job in sandbox.jobs.items():
        item = by_prompt[job.body["prompt"]]
        assert item.job_id == job_id or item.state is ItemState.UNCERTAIN
    states = Counter(item.state for item in items)
    assert set(states) <= {ItemState.COMPLETED, ItemState.UNCERTAIN}
    assert all(item.error for item in items if item.state is ItemState.UNCERTAIN)
    assert {item.job_id for item in items if item.state is ItemState.COMPLETED} <= set(sandbox.jobs)
    return states


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("videos", "kills"), [(40, 3), pytest.param(400, 50, marks=pytest.mark.slow)])
async def test_workers_that_are_killed_make_each_video_once(
    fresh_postgres: str, tmp_path: Path, videos: int, kills: int
) -> None:
    """Four work; one is killed at a random instant, and another one starts. In doubt is only what was being sent."""
    chance = random.Random(11)
    async with (
        Sandbox(credits=600 * videos, speed=400, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log") as workers,
    ):
        sandbox.faults.at_random(LostAnswer(), 0.02, on="create")
        sandbox.faults.at_random(ServerError(502), 0.02, on="create")
        sandbox.faults.at_random(RateLimited(None), 0.02)
        await enqueue(fleet, videos)
        for _ in range(4):
            await workers.start()
        for number in range(kills):
            await until(lambda at_least=videos * number // (kills + 1): sandbox.counts.creates >= at_least, every=0.01)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await workers.end(chance.choice(workers.alive), signal.SIGKILL)
            await workers.start()
        assert sandbox.counts.creates < videos  # else there was nothing left to kill for
        states = await see_it_end(fleet, sandbox)
    assert states[ItemState.COMPLETED] > videos / 2


@pytest.mark.slow
async def test_a_dead_workers_jobs_are_taken_over_within_two_heartbeats(fresh_postgres: str, tmp_path: Path) -> None:
    """Counted by a survivor: it extends its claims four times in the time after which a worker counts as dead."""
    async with (
        Sandbox(speed=0, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log", here=20) as workers,
    ):
        await enqueue(fleet, 25)
        dead = await workers.start()
        await until(lambda: len(sandbox.jobs) == 20, every=0.01)
        [name] = await execute(fresh_postgres, f"SELECT max(queue_manager_id::text) FROM {ROWS}")
        for _ in range(2):
            await workers.start()
        await until(lambda: len(sandbox.jobs) == 25, every=0.01)
        await workers.end(dead, signal.SIGKILL)
        beats = set[object]()

        async def is_taken_over() -> bool:
            rest, beat = await execute(
                fresh_postgres,
                f"SELECT count(*) FROM {ROWS} WHERE queue_manager_id = '{name}'",
                f"SELECT heartbeat FROM {ROWS} ORDER BY id DESC LIMIT 1",  # the last item is a survivor's
            )
            beats.add(beat)
            return rest == 0

        await until(is_taken_over, every=0.05)
        sandbox.advance(10_000)
        assert await see_it_end(fleet, sandbox) == {ItemState.COMPLETED: 25}
    assert len(beats) <= 1 + 2 * 4


async def bring_into_mid_create(fleet: Fleet, sandbox: Sandbox, workers: Workers, url: str | None = None) -> int:
    """Start a worker that watches 15 jobs and is about to hear the ids of 5 more."""
    sandbox.faults.for_prompt("slow", SlowBody(2.0), on="create")
    await enqueue(fleet, 15)
    await fleet.enqueue(BATCH, [BatchRequest(f"slow {number}", id=f"slow-{number}") for number in range(5)])
    worker = await workers.start(url)
    await until(lambda: len(sandbox.jobs) == 20, every=0.01)
    return worker


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["frozen", "cut off for a while", "cut off for ever"])
async def test_a_worker_that_was_taken_for_dead_goes_on(fresh_postgres: str, tmp_path: Path, trouble: str) -> None:
    """Others take over all it has; it lets go of that, has made nothing twice, and takes over from them in its turn.

    It was frozen in the middle of creates, or could not reach the database: what both had sent then comes after all, or
    the connections break.
    """
    async with (
        Sandbox(speed=0, seed=3) as sandbox,
        open_proxy(fresh_postgres) as proxy,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log", here=20) as workers,
    ):
        worker = await bring_into_mid_create(fleet, sandbox, workers, proxy.url)
        [name] = await execute(fresh_postgres, f"SELECT max(queue_manager_id::text) FROM {ROWS}")
        if trouble == "frozen":
            os.kill(worker, signal.SIGSTOP)
        else:
            proxy.swallow()
        other = await workers.start()
        is_taken_over = partial(has_no_claims, fresh_postgres, name)
        await until(is_taken_over, every=0.05)
        if trouble == "frozen":
            os.kill(worker, signal.SIGCONT)
        elif trouble == "cut off for a while":
            proxy.deliver()
        else:
            proxy.cut()
        await until(lambda: workers.said("has another worker now", by=worker) >= 15, every=0.05)
        await until(partial(are_submitted, fleet, 20), every=0.05)
        await workers.end(other, signal.SIGKILL)
        sandbox.advance(10_000)
        assert await see_it_end(fleet, sandbox) == {ItemState.COMPLETED: 20}
    assert sandbox.counts.creates == 20


async def has_no_claims(url: str, name: object) -> bool:
    return await execute(url, f"SELECT count(*) FROM {ROWS} WHERE queue_manager_id = '{name}'") == [0]


async def are_submitted(fleet: Fleet, items: int) -> bool:
    return (await fleet.progress(BATCH)).states == {ItemState.SUBMITTED: items}


@pytest.mark.slow
async def test_a_worker_that_is_sent_away_leaves_all_to_the_others_at_once(fresh_postgres: str, tmp_path: Path) -> None:
    """In the middle of creates, of which it hears the ids, and an hour before it would be taken for dead."""
    async with (
        Sandbox(speed=0, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log", here=20, heartbeat=3_600) as workers,
    ):
        worker = await bring_into_mid_create(fleet, sandbox, workers)
        await workers.start()
        await workers.end(worker, signal.SIGTERM)
        sandbox.advance(10_000)
        assert await see_it_end(fleet, sandbox) == {ItemState.COMPLETED: 20}
    assert sandbox.counts.creates == 20


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_workers_that_are_sent_away_at_any_instant_leave_nothing_behind(
    fresh_postgres: str, tmp_path: Path
) -> None:
    """While they claim, too: else what they had would wait for an hour. Nothing is in doubt, as none was killed."""
    chance = random.Random(13)
    async with (
        Sandbox(credits=300 * 300, speed=400, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log", here=50, heartbeat=3_600) as workers,
    ):
        await enqueue(fleet, 300)
        for _ in range(30):
            worker = await workers.start()
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            await workers.end(worker, signal.SIGTERM)
        await workers.start()
        assert await see_it_end(fleet, sandbox) == {ItemState.COMPLETED: 300}


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_workers_outlive_a_database_that_dies_under_load(
    fresh_postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """It goes without writing anything down, and comes back, five times: all live on, and each video is made once."""
    if not postgres_server.ours:
        return  # then it is not to be stopped
    chance = random.Random(5)
    async with (
        Sandbox(credits=300 * 300, speed=400, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log") as workers,
    ):
        await enqueue(fleet, 300)
        for _ in range(3):
            await workers.start()
        for number in range(5):
            await until(lambda at_least=50 * number + 5: sandbox.counts.creates >= at_least, every=0.01)
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await asyncio.to_thread(postgres_server.crash)
            await asyncio.sleep(chance.uniform(0.0, 2.0))
            await asyncio.to_thread(postgres_server.start)
        assert sandbox.counts.creates < 300
        states = await see_it_end(fleet, sandbox)
    assert states[ItemState.COMPLETED] > 150


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_workers_go_on_with_the_standby_of_a_database_that_died(tmp_path: Path) -> None:
    """What was committed is there, as the standby had it before anybody heard that it was: nothing is made twice."""
    with open_pair() as (primary, standby):
        execute_now(primary.url, "CREATE DATABASE fleet")
        async with (
            Sandbox(credits=300 * 300, speed=400, seed=3) as sandbox,
            open_proxy(primary.database("fleet")) as proxy,
            open_fleet(proxy.url) as fleet,
            open_workers(sandbox, proxy.url, tmp_path / "log") as workers,
        ):
            await enqueue(fleet, 150)
            for _ in range(3):
                await workers.start()
            await until(lambda: sandbox.counts.creates >= 50, every=0.01)
            await asyncio.to_thread(primary.crash)
            await execute(standby.url, "SELECT pg_promote()")
            proxy.target = standby.database("fleet")
            proxy.cut()
            assert sandbox.counts.creates < 150
            states = await see_it_end(fleet, sandbox)
    assert states[ItemState.COMPLETED] > 100


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_more_jobs_run_than_the_fleet_may_have(fresh_postgres: str, tmp_path: Path) -> None:
    """At no moment, by the service's own times, while workers are killed, sent away and started.

    Only what is in doubt may run beside the rest, as nobody knows of it.
    """
    chance = random.Random(7)
    async with (
        Sandbox(credits=300 * 300, speed=100, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log") as workers,
    ):
        await fleet.limit(max_active=15)
        await enqueue(fleet, 150)
        for _ in range(4):
            await workers.start()
        for number in range(10):
            await until(lambda at_least=12 * number: sandbox.counts.creates >= at_least, every=0.01)
            await workers.end(chance.choice(workers.alive), (signal.SIGKILL, signal.SIGTERM)[number % 2])
            await workers.start()
        await see_it_end(fleet, sandbox)
        known = {item.job_id async for item in fleet.ledger.items(BATCH)}
        spans = [(job.history[0].at, job.history[-1].at) for job in sandbox.jobs.values() if job.job_id in known]
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    assert max(itertools.accumulate(change for _, change in changes)) == 15


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_fleet_polls_no_faster_than_it_may(fresh_postgres: str, tmp_path: Path) -> None:
    """Over any ten seconds, while workers are killed and started; each has its share of those that live."""
    chance = random.Random(7)
    noted: list[tuple[float, int]] = []
    async with (
        Sandbox(speed=0, seed=3) as sandbox,
        open_fleet(fresh_postgres) as fleet,
        open_workers(sandbox, fresh_postgres, tmp_path / "log") as workers,
    ):
        await fleet.limit(max_polls_per_second=40)
        await enqueue(fleet, 40)
        for _ in range(4):
            await workers.start()
        await until(lambda: len(sandbox.jobs) == 40, every=0.01)
        for number in range(10):
            polls = sandbox.counts.polls
            await until(lambda at_least=polls + 100: note_polls(sandbox, noted) >= at_least, every=0.25)
            await workers.end(chance.choice(workers.alive), (signal.SIGKILL, signal.SIGTERM)[number % 2])
            await workers.start()
        sandbox.advance(10_000)
        assert await see_it_end(fleet, sandbox) == {ItemState.COMPLETED: 40}
    assert sandbox.counts.creates == 40
    spans = [(one, other) for one, other in itertools.combinations(noted, 2) if other[0] - one[0] >= 10]
    whole = (noted[0], noted[-1])
    assert max((polls - before) / (at - since) for (since, before), (at, polls) in [whole, *spans]) <= 44


def note_polls(sandbox: Sandbox, noted: list[tuple[float, int]]) -> int:
    noted.append((time.monotonic(), sandbox.counts.polls))
    return noted[-1][1]
