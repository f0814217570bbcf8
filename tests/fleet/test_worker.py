"""Tests of `motion_async.fleet.worker`, against the sandbox: what workers make, and what they leave to others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from motion_async import (
    AuthenticationError,
    BatchRequest,
    ConfigurationError,
    ConnectImpossibleError,
    MotionSession,
    SessionClosedError,
    VideoRequest,
)
from motion_async.batch.resume import LedgerBatch
from motion_async.fleet import Fleet, QueueCounts, open_fleet, worker
from motion_async.fleet.limits import LimitsRow
from motion_async.fleet.queue import Queue
from motion_async.ledger import Item, ItemState
from motion_async.sandbox import AwaitInput, Hang, LostAnswer, RateLimited, Sandbox
from motion_async.sending import gate
from tests.fleets import Link, at_rest, begin_work, end_work, open_link, session, states, working
from tests.postgres import execute
from tests.waiting import until

C, P, S, U = ItemState.COMPLETED, ItemState.PLANNED, ItemState.SUBMITTED, ItemState.UNCERTAIN
LET_DIE = "UPDATE motion_pgqueuer SET heartbeat = heartbeat - interval '2 hours'"
"""Has all who have claimed something until now be taken for dead."""


def numbered(count: int) -> list[BatchRequest]:
    """Give so many requests, the ids of which are their numbers."""
    return [BatchRequest(f"video {n}", id=str(n)) for n in range(count)]


@pytest.fixture
async def second(fresh_postgres: str, fleet: Fleet) -> AsyncIterator[Fleet]:
    """The same fleet as another process has it."""
    async with open_fleet(fresh_postgres, heartbeat=3_600) as second:
        yield second


@pytest.fixture
async def soon(fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have what is left for later be looked at again in a moment, as after a part of a heartbeat."""
    for name in ("_ELSEWHERE", "_WITH_A_PERSON", "_NOT_MINE"):
        monkeypatch.setattr(worker, name, 0.05)

    async def wake(link: Link) -> None:
        while True:
            await link.connection.notify(kind="claims")
            await asyncio.sleep(0.05)

    async with open_link(fresh_postgres) as link:
        waking = asyncio.create_task(wake(link))
        yield
        await end_work(waking)


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
        await until(lambda: still.counts.creates == 2, every=0.01)
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
            await until(lambda: _made(fleet, 1), every=0.01)
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
        await until(lambda: _counts(fleet, QueueCounts(claimed=1)), every=0.01)
        assert await states(fleet) == {"0": S, "1": C}
        await Queue(link.connection, heartbeat=3_600).finish([claim.row])
    assert caplog.text.count("item '0' of batch 'launch' has another worker now") == 1


async def _counts(fleet: Fleet, counts: QueueCounts) -> bool:
    return await fleet._queue.count() == counts


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


# What holds for all.


async def test_the_caps_of_the_fleet_are_never_exceeded_and_change_while_it_runs(
    fleet: Fleet, second: Fleet, still: Sandbox
) -> None:
    """Of jobs at one time, whoever has them; lowered, what runs goes on."""
    await fleet.limit(max_active=3)
    await fleet.enqueue("launch", numbered(12))

    def runs() -> int:
        return sum(not record.status.is_terminal for record in still.jobs.values())

    async with (
        session(still) as motion,
        session(still) as other,
        working(fleet, motion, here=2),
        working(second, other),
    ):
        await until(lambda: runs() == 3, every=0.01)
        await fleet.limit(max_active=6)
        await until(lambda: runs() == 6, every=0.01)
        await second.limit(max_active=2)
        most = 6
        made = asyncio.create_task(at_rest(fleet))
        while not made.done():
            still.advance(20)
            await asyncio.sleep(0.01)
            assert runs() <= most
            most = max(min(most, runs()), 2)
    assert set((await states(fleet)).values()) == {C}


async def test_a_cap_that_is_read_late_is_not_missed(
    fleet: Fleet, still: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the database answers slowly, rows are looked for again once the new limits are known."""
    await fleet.limit(max_active=1)
    await fleet.enqueue("launch", numbered(2))
    read, claim = LimitsRow.read, Queue.claim
    asked = asyncio.Event()

    async def claim_and_tell(queue: Queue, *args: Any, **options: Any) -> Any:
        claimed = await claim(queue, *args, **options)
        asked.set()
        return claimed

    async def read_late(row: LimitsRow) -> Any:
        await asked.wait()
        return await read(row)

    async with session(still) as motion, working(fleet, motion):
        await until(lambda: still.counts.creates == 1, every=0.01)
        monkeypatch.setattr(Queue, "claim", claim_and_tell)
        monkeypatch.setattr(LimitsRow, "read", read_late)
        await fleet.limit(max_active=2)
        await until(lambda: still.counts.creates == 2, every=0.01)


async def test_each_living_worker_polls_at_its_share(fleet: Fleet, second: Fleet, still: Sandbox) -> None:
    """Of the most polls of all; with one worker less it is more at once, and without a limit what the session may."""

    def polls_at(motion: MotionSession) -> float:
        assert motion._client is not None
        return motion._client._pace.rate(asyncio.get_running_loop().time())

    await fleet.limit(max_polls_per_second=100)
    await fleet.enqueue("launch", numbered(2))
    async with session(still) as motion, session(still) as other:
        async with working(fleet, motion, here=1):
            await until(lambda: polls_at(motion) == 100, every=0.01)
            async with working(second, other, here=1):
                await until(lambda: polls_at(motion) == polls_at(other) == 50, every=0.01)
            assert polls_at(other) == 10_000
            await fleet._connection.notify(kind="workers")  # else after a part of a heartbeat
            await until(lambda: polls_at(motion) == 100, every=0.01)
            await second.limit(max_polls_per_second=None)
            await until(lambda: polls_at(motion) == 10_000, every=0.01)
            await second.limit(max_polls_per_second=7)
            await until(lambda: polls_at(motion) == 7, every=0.01)
        assert polls_at(motion) == 10_000


@pytest.mark.parametrize("call", ["create", "poll"])
async def test_a_pause_that_the_service_asks_of_one_is_kept_by_all(
    fleet: Fleet, second: Fleet, sandbox: Sandbox, call: Any
) -> None:
    """Neither polls nor sends until it is over."""
    async with (
        session(sandbox) as motion,
        session(sandbox) as other,
        working(fleet, motion),
        working(second, other),
    ):
        sandbox.faults.next(RateLimited(retry_after=1), on=call)
        await fleet.enqueue("launch", numbered(1))
        paces = [it._client._pace for it in (motion, other) if it._client is not None]
        await until(lambda: all(pace.paused > 0.5 for pace in paces), every=0.01)
        ends = min(pace.resumes_at for pace in paces)
        before = sandbox.counts.creates + sandbox.counts.polls
        await fleet.enqueue("launch", numbered(8))
        while asyncio.get_running_loop().time() < ends - 0.1:
            assert sandbox.counts.creates + sandbox.counts.polls == before
            await asyncio.sleep(0.02)
        await at_rest(fleet)
    assert set((await states(fleet)).values()) == {C}


async def test_no_worker_sends_while_credits_are_missing(
    fleet: Fleet, second: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One was refused for want of them, and the others hear of it; all go on when there are some."""
    monkeypatch.setattr(gate, "CREDITS_INTERVAL", 0.5)
    async with Sandbox(speed=10_000, credits=0) as sandbox, session(sandbox) as motion, session(sandbox) as other:
        async with working(fleet, motion, here=5), working(second, other, here=5):
            await fleet.enqueue("launch", numbered(1))
            gates = [it._client.gate for it in (motion, other) if it._client is not None]
            await until(lambda: all(it._credits.is_closed for it in gates), every=0.01)
            asked = [sandbox.counts.creates]
            await fleet.enqueue("launch", numbered(10))
            await until(lambda: _counts(fleet, QueueCounts(claimed=10)), every=0.01)
            await until(lambda: sandbox.counts.creates >= asked[0] + 2, every=0.01)
            assert sandbox.counts.creates <= asked[0] + 4, "one at a time and worker asks whether there are any"
            sandbox.add_credits(sandbox.api_key, 10_000)
            await at_rest(fleet)
        assert set((await states(fleet)).values()) == {C}
        assert sandbox.counts.creates_accepted == 10


async def test_a_key_that_is_refused_pauses_the_fleet(
    fresh_postgres: str, fleet: Fleet, sandbox: Sandbox, soon: None
) -> None:
    """Its worker ends with the error, gives back what it had, and the others send nothing until somebody resumes."""
    await fleet.enqueue("launch", numbered(3))
    async with open_fleet(fresh_postgres) as wrong, session(sandbox, key="motion_wrong") as refused:
        with pytest.raises(AuthenticationError):
            await wrong.work(refused)
    status = await fleet.status()
    assert "the service refused a worker's key" in (status.limits.paused or "")
    assert status.queue == QueueCounts(waiting=3)
    creates = sandbox.counts.creates
    async with session(sandbox) as motion, working(fleet, motion) as work:
        assert not work.done()
        await fleet.resume()
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("012", C)
    assert sandbox.counts.creates == creates + 3


async def test_a_paused_fleet_claims_and_sends_nothing_and_watches_on(
    fleet: Fleet, still: Sandbox, soon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands at a worker's gate at that moment, too, is not sent; all goes on when it is resumed."""
    monkeypatch.setattr(gate, "CREDITS_INTERVAL", 0.05)
    async with Sandbox(speed=10_000, credits=300) as sandbox, session(sandbox) as motion:
        async with working(fleet, motion):
            await fleet.enqueue("launch", numbered(2))
            await until(lambda: sandbox.counts.refused.get(402), every=0.01)
            await fleet.pause("no more credits this month")
            await until(lambda: _is_waiting(fleet, 1), every=0.01)
            creates = sandbox.counts.creates
            sandbox.add_credits(sandbox.api_key, 10_000)
            await fleet.enqueue("launch", numbered(3))
            await until(lambda: _made(fleet, 1), every=0.01)
            assert (await fleet.status()).limits.paused == "no more credits this month"
            assert (await fleet.progress("launch")).queue == QueueCounts(waiting=2)
            assert sandbox.counts.creates == creates
            await fleet.resume()
            await at_rest(fleet)
        assert await states(fleet) == dict.fromkeys("012", C)


async def _is_waiting(fleet: Fleet, count: int) -> bool:
    return (await fleet._queue.count()).waiting == count


async def _made(fleet: Fleet, count: int) -> bool:
    return [*(await states(fleet)).values()].count(C) == count


async def test_a_job_that_waits_for_a_person_gives_its_place_back(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox, soon: None
) -> None:
    """That of the fleet and that of the worker; it is looked at now and then, by the same worker, too."""
    sandbox.faults.for_prompt("video 0", AwaitInput(until_answered=True))
    await fleet.limit(max_active=1)
    await fleet.enqueue("launch", numbered(3))
    async with working(fleet, motion, here=1):
        await until(lambda: _made(fleet, 2), every=0.01)
        [waits] = [job_id for job_id, record in sandbox.jobs.items() if not record.status.is_terminal]
        sandbox.give_input(waits)
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("012", C)
    assert (sandbox.counts.creates, (await fleet.status()).queue) == (3, QueueCounts())


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

    async def fail(intake: Any, *args: Any, **options: Any) -> Any:
        if intake.key == "1":
            raise ZeroDivisionError("in a hook of somebody's")
        return await send(intake, *args, **options)

    monkeypatch.setattr(motion._client, "send_in_batch", fail)
    async with working(fleet, motion):
        await fleet.enqueue("launch", numbered(3))
        await at_rest(fleet)
        assert (await fleet.status()).queue == QueueCounts(held=1)
        assert (await fleet.progress("launch")).queue == QueueCounts(held=1)
        assert await states(fleet) == {"0": C, "1": P, "2": C}
        monkeypatch.undo()
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
        await until(lambda: _counts(fleet, QueueCounts()), every=0.01)
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


@pytest.mark.parametrize("here", [0, 10_001, 1.5, True])
async def test_a_worker_has_a_whole_number_of_jobs(fleet: Fleet, motion: MotionSession, here: Any) -> None:
    """Within bounds."""
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
