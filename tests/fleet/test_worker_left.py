"""Tests of `motion_async.fleet.worker`, against the sandbox: what goes wrong, and how a worker ends."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from motion_async import (
    BatchRequest,
    ConfigurationError,
    ConnectImpossibleError,
    MotionSession,
    SessionClosedError,
    VideoRequest,
)
from motion_async.batch.resume import LedgerBatch
from motion_async.fleet import Fleet, QueueCounts, open_fleet
from motion_async.ledger import Item, ItemState
from motion_async.sandbox import Hang, LostAnswer, Sandbox
from tests.fleets import at_rest, begin_work, counts, end_work, numbered, session, states, working
from tests.postgres import execute
from tests.waiting import until

C, P, S, U = ItemState.COMPLETED, ItemState.PLANNED, ItemState.SUBMITTED, ItemState.UNCERTAIN

# What goes wrong.


async def test_an_answer_that_was_lost_is_in_doubt_and_out_of_the_queue(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """No worker sends it again, however often it is enqueued or queued again."""
    sandbox.faults.for_prompt("video 0", LostAnswer(), on="create")
    async with working(fleet, motion):
        for _ in range(2):
            await fleet.enqueue("launch", numbered(2))
            await at_rest(fleet)
            await fleet.retry("launch", ["0"])
            await at_rest(fleet)
    assert await states(fleet) == {"0": U, "1": C}
    assert sandbox.counts.creates == 2


async def test_what_nobody_has_foreseen_is_held_counted_and_made_when_it_is_retried(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are made, and the worker goes on."""
    assert motion._client is not None
    send = motion._client.send_in_batch
    failing = {"1"}

    async def fail(intake: Any, *args: Any, **options: Any) -> Any:
        if intake.key in failing:
            raise ZeroDivisionError("in a hook of somebody's")
        return await send(intake, *args, **options)

    monkeypatch.setattr(motion._client, "send_in_batch", fail)
    async with working(fleet, motion):
        await fleet.enqueue("launch", numbered(3))
        await at_rest(fleet)
        assert (await fleet.status()).queue == QueueCounts(held=1)
        assert (await fleet.progress("launch")).queue == QueueCounts(held=1)
        assert await states(fleet) == {"0": C, "1": P, "2": C}
        failing.clear()
        [item] = await fleet.retry("launch")
        assert item.key == "1"
        await at_rest(fleet)
        assert (await fleet.status()).queue == QueueCounts()
    assert await states(fleet) == dict.fromkeys("012", C)
    assert sandbox.counts.creates == 3


async def test_an_item_that_no_worker_can_take_up_is_held_and_ends_none(
    fleet: Fleet, motion: MotionSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would end one worker after the other."""
    take = LedgerBatch.take

    async def fail(batch: LedgerBatch, item: Item) -> Any:
        if item.key == "1":
            raise ZeroDivisionError("in what nobody has foreseen")
        return await take(batch, item)

    monkeypatch.setattr(LedgerBatch, "take", fail)
    async with working(fleet, motion):
        await fleet.enqueue("launch", numbered(3))
        await at_rest(fleet)
        assert (await fleet.status()).queue == QueueCounts(held=1)
    assert await states(fleet) == {"0": C, "1": P, "2": C}
    assert "item '1' of batch 'launch'" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_row_whose_item_is_gone_is_taken_out(
    fresh_postgres: str, fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """Somebody has deleted a batch by hand."""
    await fleet.enqueue("launch", numbered(2))
    await execute(fresh_postgres, "DELETE FROM motion_history", "DELETE FROM motion_items WHERE key = '0'")
    async with working(fleet, motion):
        await until(lambda: counts(fleet, QueueCounts()), every=0.01)
    assert await states(fleet) == {"1": C}
    assert sandbox.counts.creates == 1


@pytest.mark.motion_real
async def test_a_machine_that_can_never_reach_the_service_ends_its_worker_alone(
    fleet: Fleet, second: Fleet, motion: MotionSession
) -> None:
    """What it had is there for the others, and they go on."""
    await fleet.enqueue("launch", numbered(2))
    async with MotionSession("motion_key", base_url=f"https://{'a' * 64}.invalid/api/motion") as lost:
        with pytest.raises(ConnectImpossibleError):
            await fleet.work(lost)
    status = await fleet.status()
    assert (status.queue, status.limits.paused) == (QueueCounts(waiting=2), None)


async def test_a_session_that_is_left_ends_its_worker(fleet: Fleet, still: Sandbox) -> None:
    """And what it watched is there for others at once."""
    async with session(still) as motion:
        work = begin_work(fleet, motion)
        await fleet.enqueue("launch", numbered(1))
        await until(lambda: still.counts.creates == 1, every=0.01)
    with pytest.raises(SessionClosedError):
        await work
    with pytest.raises(SessionClosedError):
        await fleet.work(motion)
    assert await fleet._queue.count() == QueueCounts(waiting=1)


async def test_a_fleet_that_is_at_work_is_opened_once_more_for_another_session(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """Else one of them would hear nothing."""
    async with session(sandbox) as other, working(fleet, motion):
        await fleet.enqueue("launch", numbered(1))
        await at_rest(fleet)
        with pytest.raises(ConfigurationError, match="at work already"):
            await fleet.work(other)
        await fleet.enqueue("launch", numbered(2))
        await at_rest(fleet)
    assert sandbox.counts.creates == 2


async def test_a_worker_has_a_whole_number_of_jobs(fleet: Fleet, motion: MotionSession) -> None:
    """Within bounds."""
    wrong: list[Any] = [0, 10_001, 1.5, True]
    for here in wrong:
        with pytest.raises(ConfigurationError, match="here"):
            await fleet.work(motion, here=here)


# How a worker ends.


async def test_a_worker_that_is_told_to_end_gives_back_what_it_has(fleet: Fleet, second: Fleet, still: Sandbox) -> None:
    """Others watch by their ids what it has sent, and send the rest; nothing is sent twice."""
    await fleet.enqueue("launch", numbered(5))
    async with session(still) as motion, session(still) as other:
        async with working(fleet, motion, here=3):
            await until(lambda: still.counts.creates == 3, every=0.01)
        assert await fleet._queue.count() == QueueCounts(waiting=5)
        assert (await fleet.status()).workers == 0
        assert still.counts.creates == 3
        async with working(second, other):
            await until(lambda: still.counts.creates == 5, every=0.01)
            still.advance(10_000)
            await at_rest(fleet)
    assert set((await states(fleet)).values()) == {C}
    assert (still.counts.creates, still.counts.duplicates) == (5, 0)


async def test_an_exchange_under_way_is_heard_out(fleet: Fleet, motion: MotionSession, sandbox: Sandbox) -> None:
    """Its id is in the ledger when the worker is gone, and the next one goes on from there."""
    sandbox.faults.next(Hang(seconds=0.3), on="create")
    work = begin_work(fleet, motion, here=1)
    await fleet.enqueue("launch", numbered(2))
    await until(lambda: sandbox.counts.faults.get("Hang"), every=0.01)
    await end_work(work)
    assert await states(fleet) == {"0": S, "1": P}
    assert await fleet._queue.count() == QueueCounts(waiting=2)
    async with working(fleet, motion):
        await at_rest(fleet)
    assert await states(fleet) == {"0": C, "1": C}
    assert sandbox.counts.creates == 2


async def test_an_answer_that_does_not_come_within_the_grace_is_in_doubt(fleet: Fleet, sandbox: Sandbox) -> None:
    """The worker is gone then, and its claim is given back all the same."""
    sandbox.faults.next(Hang(), on="create")
    async with session(sandbox, cancel_grace=0.1) as motion:
        work = begin_work(fleet, motion)
        await fleet.enqueue("launch", numbered(1))
        await until(lambda: sandbox.counts.faults.get("Hang"), every=0.01)
        await end_work(work)
        assert await fleet._queue.count() == QueueCounts(waiting=1)
    async with session(sandbox) as motion, working(fleet, motion):
        await at_rest(fleet)
    assert await states(fleet) == {"0": U}
    assert sandbox.counts.creates == 1


async def test_nothing_stays_claimed_whenever_a_worker_is_told_to_end(
    fleet: Fleet, second: Fleet, sandbox: Sandbox
) -> None:
    """In whatever it is doing just then: others have it at once, and not after a heartbeat."""
    sent = 0
    async with session(sandbox) as motion:
        for round_ in range(40):
            sent += 3
            await fleet.enqueue("launch", numbered(sent))
            work = begin_work(fleet, motion)
            for _ in range(round_ * 7):
                await asyncio.sleep(0)
            await end_work(work)
            assert (await fleet._queue.count()).claimed == 0
        async with session(sandbox) as other, working(second, other):
            await at_rest(fleet)
    assert set((await states(fleet)).values()) == {C}
    assert (sandbox.counts.creates, sandbox.counts.duplicates) == (sent, 0)


async def test_one_process_can_work_again_after_it_has_ended(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """With the same fleet and session."""
    for count in (1, 2, 3):
        await fleet.enqueue("launch", numbered(count))
        async with working(fleet, motion):
            await at_rest(fleet)
    assert sandbox.counts.creates == 3


async def test_four_workers_that_come_and_go_make_everything_once(fresh_postgres: str, sandbox: Sandbox) -> None:
    """A deploy in the middle of a batch."""
    requests = [BatchRequest(VideoRequest(f"video {n}"), id=str(n)) for n in range(120)]
    async with AsyncExitStack() as stack:
        fleets = [await stack.enter_async_context(open_fleet(fresh_postgres, heartbeat=3_600)) for _ in range(4)]
        sessions = [await stack.enter_async_context(session(sandbox)) for _ in fleets]
        await fleets[0].enqueue("launch", requests)
        works = [begin_work(fleet, motion, here=10) for fleet, motion in zip(fleets, sessions, strict=True)]
        for step in range(8):
            await until(lambda least=12 * (step + 1): sandbox.counts.creates >= least, every=0.005)
            place = step % 4
            await end_work(works[place])
            works[place] = begin_work(fleets[place], sessions[place], here=10)
        await at_rest(fleets[0])
        for work in works:
            await end_work(work)
        assert set((await states(fleets[0])).values()) == {C}
    assert (sandbox.counts.creates, sandbox.counts.duplicates) == (120, 0)
