"""Tests of `motion_async.fleet.worker`, against the sandbox: what workers make, and what they leave to others."""

from __future__ import annotations

import asyncio
import logging

import pytest

from motion_async import BatchRequest, MotionSession
from motion_async.fleet import Fleet, QueueCounts, open_fleet
from motion_async.fleet.queue import Queue
from motion_async.ledger import ItemState
from motion_async.sandbox import Sandbox
from tests.fleets import LET_DIE, at_rest, completed, counts, numbered, open_link, session, states, working
from tests.postgres import execute
from tests.waiting import until

C, S, U = ItemState.COMPLETED, ItemState.SUBMITTED, ItemState.UNCERTAIN

# What is made.


async def test_what_is_enqueued_is_made_once_and_at_once(fleet: Fleet, motion: MotionSession, sandbox: Sandbox) -> None:
    """Before the worker began or after, without waiting for a heartbeat."""
    await fleet.enqueue("launch", numbered(3))
    async with working(fleet, motion):
        await at_rest(fleet)
        await fleet.enqueue("launch", numbered(5))
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("01234", C)
    assert (sandbox.counts.creates, sandbox.counts.duplicates) == (5, 0)
    assert await fleet._queue.count() == QueueCounts()


async def test_workers_share_what_is_there(fleet: Fleet, second: Fleet, still: Sandbox) -> None:
    """Each takes as many as it may have at a time, and more when some of its own have ended."""
    async with (
        session(still) as motion,
        session(still) as other,
        working(fleet, motion, here=3),
        working(second, other, here=4),
    ):
        await second.enqueue("launch", numbered(20))
        await until(lambda: still.counts.creates == 7, every=0.01)
        status = await fleet.status()
        assert (status.workers, status.queue) == (2, QueueCounts(waiting=13, claimed=7))
        made = asyncio.create_task(at_rest(fleet))
        await until(made.done, every=0.01, meanwhile=lambda: still.advance(20))
    assert set((await states(second)).values()) == {C}
    assert (still.counts.creates, still.counts.duplicates) == (20, 0)


async def test_what_is_enqueued_twice_before_during_and_after_is_made_once(
    fleet: Fleet, second: Fleet, still: Sandbox
) -> None:
    """By whichever process; each call gives the item as it stands."""
    requests = ["a launch video", BatchRequest("another", id="b")]
    async with session(still) as motion, session(still) as other, working(fleet, motion):
        await asyncio.gather(*(it.enqueue("launch", requests) for it in (fleet, second)))

        async def are_submitted() -> bool:
            return set((await states(fleet)).values()) == {S}

        await until(are_submitted, every=0.01)
        async with working(second, other):
            under_way = await second.enqueue("launch", requests)
            still.advance(10_000)
            await at_rest(fleet)
            ended = await fleet.enqueue("launch", requests)
            await at_rest(fleet)
    assert {item.state for item in under_way} == {S}
    assert [(item.id, item.state) for item in ended] == [(item.id, C) for item in under_way]
    assert (still.counts.creates, still.counts.duplicates) == (2, 0)


async def test_a_chain_of_followups_goes_from_worker_to_worker(
    fleet: Fleet, second: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """Each is queued when the one before it has ended, and not before."""
    chain = [BatchRequest(f"turn {n}", id=str(n), follows=str(n - 1) if n else None) for n in range(5)]
    await fleet.enqueue("launch", chain)
    assert (await fleet.progress("launch")).queue == QueueCounts(waiting=1)
    async with session(sandbox) as other, working(fleet, motion, here=1), working(second, other, here=1):
        await until(lambda: sandbox.counts.followups_accepted == 4, every=0.01)
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("01234", C)
    assert (sandbox.counts.creates, len(sandbox.jobs)) == (1, 1)


async def test_siblings_on_different_workers_have_their_turns(
    fleet: Fleet, second: Fleet, motion: MotionSession, sandbox: Sandbox, soon: None
) -> None:
    """A job takes one followup at a time, and neither worker knows that of the other."""
    await fleet.enqueue("launch", [BatchRequest("make", id="a")])
    async with session(sandbox) as other, working(fleet, motion, here=1), working(second, other, here=1):
        await at_rest(fleet)
        await fleet.enqueue("launch", [BatchRequest(f"more {n}", id=n, follows="a") for n in "bcd"])
        await at_rest(fleet)
        status = await fleet.status()
    assert status.queue == QueueCounts()
    assert await states(fleet) == dict.fromkeys("abcd", C)
    assert sandbox.counts.followups_accepted == 3


# Who else works on it.


async def test_what_a_dead_process_was_sending_is_in_doubt_and_sent_by_nobody(
    fresh_postgres: str, fleet: Fleet, motion: MotionSession, sandbox: Sandbox, soon: None
) -> None:
    """As long as its session lives it is its own, whatever its heartbeat says; what it had not begun is made."""
    async with open_link(fresh_postgres) as dying:
        sending, _ = await fleet.enqueue("launch", numbered(2))
        queue = Queue(dying.connection, heartbeat=3_600)
        assert len(await queue.claim(2, cap=None)) == 2
        assert await dying.ledger.journal(sending).begin()
        await execute(fresh_postgres, LET_DIE)
        async with working(fleet, motion):
            await until(lambda: completed(fleet, 1), every=0.01)
            assert await states(fleet) == {"0": ItemState.INTENT, "1": C}
    async with working(fleet, motion):
        await at_rest(fleet)
    assert await states(fleet) == {"0": U, "1": C}
    assert sandbox.counts.creates == 1


async def test_what_a_dead_process_had_sent_is_watched_by_its_id(
    fresh_postgres: str, fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """And is not sent again."""
    async with open_link(fresh_postgres) as dying:
        [item] = await fleet.enqueue("launch", numbered(1))
        await Queue(dying.connection, heartbeat=3_600).claim(1, cap=None)
        journal = dying.ledger.journal(item)
        assert await journal.begin()
        job = await motion.create(item.request)
        await journal.accepted(await motion.poll(job.id))
    await execute(fresh_postgres, LET_DIE)
    async with working(fleet, motion):
        await at_rest(fleet)
    assert await states(fleet) == {"0": C}
    assert sandbox.counts.creates == 1


async def test_what_another_worker_has_taken_over_is_let_go(
    fresh_postgres: str, fleet: Fleet, still: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """This one was taken for dead; it has room for others then, and polls no more what is not its own."""
    caplog.set_level(logging.INFO, "motion_async.fleet")
    await fleet.enqueue("launch", numbered(2))
    async with open_link(fresh_postgres) as link, session(still) as motion, working(fleet, motion, here=1):
        await until(lambda: still.counts.creates == 1, every=0.01)
        await execute(fresh_postgres, LET_DIE)
        [claim] = await Queue(link.connection, heartbeat=3_600).claim(1, cap=1)
        await fleet._connection.notify(kind="limits")
        await until(lambda: still.counts.creates == 2, every=0.01)
        still.advance(10_000)
        await until(lambda: counts(fleet, QueueCounts(claimed=1)), every=0.01)
        assert await states(fleet) == {"0": S, "1": C}
        await Queue(link.connection, heartbeat=3_600).finish([claim.row])
    assert caplog.text.count("item '0' of batch 'launch' has another worker now") == 1


async def test_a_worker_tells_again_and_again_that_it_lives(fresh_postgres: str, still: Sandbox) -> None:
    """Else others would take what it watches."""
    async with open_fleet(fresh_postgres, heartbeat=1) as fleet, session(still) as motion, working(fleet, motion):
        await fleet.enqueue("launch", numbered(1))
        told = "SELECT coalesce(max(heartbeat - updated), '0') > interval '0.5 seconds' FROM motion_pgqueuer"

        async def has_told() -> bool:
            return await execute(fresh_postgres, told) == [True]

        await until(has_told, every=0.02)


async def test_two_accounts_have_workers_on_one_fleet(
    fleet: Fleet, second: Fleet, sandbox: Sandbox, soon: None, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch belongs to the account that began it: workers of the other leave it to those of that one."""
    key = sandbox.add_account("other")
    async with session(sandbox) as motion, session(sandbox, key=key) as other:
        for mine, theirs, batch in ((motion, fleet, "ours"), (other, second, "theirs")):
            await fleet.enqueue(batch, numbered(1))
            async with working(theirs, mine):
                await at_rest(fleet, batch)
            await fleet.enqueue(batch, numbered(6))
        async with working(second, other):
            await at_rest(fleet, "theirs")
            await until(lambda: "of batch 'ours' is left to other workers" in caplog.text, every=0.01)
            assert not (await fleet.progress("ours")).is_at_rest
            async with working(fleet, motion):
                await at_rest(fleet, "ours")
    assert {state for batch in ("ours", "theirs") for state in (await states(fleet, batch)).values()} == {C}
    owners = sorted(record.owner for record in sandbox.jobs.values())
    assert owners == ["other"] * 6 + ["owner"] * 6
