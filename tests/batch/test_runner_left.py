"""A batch that is left at any moment, or a program that ends in a send: nothing more starts, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from motion_async import CreateUncertainError, MotionSession
from motion_async.ledger import ItemState, Ledger, open_ledger
from motion_async.sandbox import Sandbox, SlowBody
from tests.batches import run
from tests.hostile.hostile_server import hostile_server
from tests.hostile.stepping import Service, serve, session
from tests.waiting import until


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=0) as sandbox:
        yield sandbox


@pytest.mark.parametrize("with_ledger", [False, True], ids=["without a ledger", "with one"])
@pytest.mark.parametrize("steps", range(8))
async def test_nothing_is_sent_after_a_batch_was_left_in_the_step_in_which_its_place_came_free(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, steps: int, with_ledger: bool
) -> None:
    """However far the request had come by then: what has not begun to be sent never is, and its place is free."""
    limiter, other = anyio.CapacityLimiter(1), object()
    options: dict[str, Any] = {"ledger": ledger} if with_ledger else {}
    await limiter.acquire_on_behalf_of(other)
    async with motion.generate_many(["p0", "p1"], limiter=limiter, **options):
        await until(lambda: limiter.statistics().tasks_waiting == 1, every=0.001)
        limiter.release_on_behalf_of(other)
        for _ in range(steps):
            await asyncio.sleep(0)
    sent = sandbox.counts.creates
    assert sent == sandbox.counts.creates_accepted <= 1
    assert limiter.borrowed_tokens == 0
    await asyncio.sleep(0.05)
    assert sandbox.counts.creates == sent


async def test_leaving_in_a_cancelled_scope_waits_for_what_is_being_sent(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Each await would end at once in it, and the answers would be heard by nobody: their ids are on record instead."""
    sandbox.faults.next(SlowBody(0.3), on="create", times=3)
    with anyio.CancelScope() as scope:
        async with motion.generate_many([f"p{number}" for number in range(3)], ledger=ledger):
            await until(lambda: sandbox.counts.creates_accepted == 3, every=0.001)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    found = [item async for item in ledger.items("batch")]
    assert [item.state for item in found] == [ItemState.SUBMITTED] * 3
    assert {item.job_id for item in found} == set(sandbox.jobs)


async def test_leaving_in_a_cancelled_scope_leaves_no_task_and_no_place(
    motion: MotionSession, sandbox: Sandbox
) -> None:
    """Without a ledger, too: whoever comes after the block finds all that was in it ended."""
    sandbox.faults.next(SlowBody(0.3), on="create", times=3)
    limiter = anyio.CapacityLimiter(3)
    before = {task for task in asyncio.all_tasks() if task.get_name().startswith("motion_async")}
    with anyio.CancelScope() as scope:
        async with motion.generate_many([f"p{number}" for number in range(5)], limiter=limiter):
            await until(lambda: sandbox.counts.creates_accepted == 3, every=0.001)
            scope.cancel()
            await anyio.sleep_forever()
    left = {task.get_name() for task in asyncio.all_tasks() - before if task.get_name().startswith("motion_async")}
    assert left <= {"motion_async.poll"}
    assert (limiter.borrowed_tokens, sandbox.counts.creates) == (0, 3)


# A job that is left to another process.


async def test_a_job_that_is_let_go_goes_on_and_has_no_outcome_here(motion: MotionSession, sandbox: Sandbox) -> None:
    """Its place is free at once, and it is polled no more; the others come out, and the batch ends without it."""
    limiter = anyio.CapacityLimiter(2)
    polls = sandbox.counts.polls
    async with motion.generate_many(["p0", "p1", "p2"], limiter=limiter) as outcomes:
        assert not outcomes.let_go(0), "it has not begun"
        await until(lambda: sandbox.counts.polls >= polls + 4, every=0.001)
        assert outcomes.let_go(0)
        assert not outcomes.let_go(0)
        assert not outcomes.let_go(17)
        await until(lambda: sandbox.counts.creates_accepted == 3, every=0.001)
        sandbox.advance(10_000)
        assert sorted([outcome.index async for outcome in outcomes]) == [1, 2]
    assert limiter.borrowed_tokens == 0
    assert len(sandbox.jobs) == 3


async def test_what_is_being_sent_is_not_let_go(motion: MotionSession, sandbox: Sandbox) -> None:
    """Nobody else can watch it before its id is known."""
    sandbox.faults.next(SlowBody(0.2), on="create")
    async with motion.generate_many(["p0"]) as outcomes:
        await until(lambda: sandbox.counts.creates_accepted, every=0.001)
        assert not outcomes.let_go(0)
        sandbox.advance(10_000)
        assert [outcome.ok async for outcome in outcomes] == [True]


async def test_a_batch_whose_last_job_is_let_go_ends(motion: MotionSession, sandbox: Sandbox) -> None:
    """Nothing comes any more."""
    async with motion.generate_many(["p0"]) as outcomes:
        await until(lambda: outcomes.let_go(0), every=0.001)
        assert [outcome async for outcome in outcomes] == []


# A program that ends.

_IN_A_SEND = ("on_request_headers_sent", "on_request_end")


def _interrupting(at: str) -> aiohttp.TraceConfig:
    async def hook(*_: object) -> None:
        raise KeyboardInterrupt

    trace = aiohttp.TraceConfig()
    getattr(trace, at).append(hook)
    return trace


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the server's sockets, as its loop is gone
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("in_a_batch", [False, True], ids=["a create", "a batch"])
@pytest.mark.parametrize("at", _IN_A_SEND)
def test_ctrl_c_inside_of_a_sends_task_ends_the_program(tmp_path: Path, at: str, in_a_batch: bool) -> None:
    """It is no outcome and no error of the library's; and what was under way is sent by no later run."""
    url = f"sqlite:///{tmp_path}/launch.db"
    services: list[Service] = []
    came_out: list[object] = []

    async def program(*, interrupts: bool) -> None:
        async with hostile_server() as hostile, open_ledger(url) as ledger:
            services.append(serve(hostile))
            hooks = [_interrupting(at)] if interrupts else []
            if in_a_batch and not interrupts:
                await ledger.adopt("launch", origin=hostile.url)
            async with session(hostile, trace_configs=hooks) as motion:
                if in_a_batch or not interrupts:
                    came_out.extend(await run(motion, ledger, ["first"] if in_a_batch else []))
                else:
                    came_out.append(await motion.create("first"))

    with pytest.raises(KeyboardInterrupt), asyncio.Runner() as runner:
        runner.run(program(interrupts=True))
    assert came_out == []
    with asyncio.Runner() as runner:
        runner.run(program(interrupts=False))
    if in_a_batch:
        [outcome] = came_out
        assert isinstance(outcome.error, CreateUncertainError) or outcome.job_id in services[0].made.values()  # type: ignore[attr-defined]
    assert services[1].posts["first"] == 0
