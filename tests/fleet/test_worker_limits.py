"""Tests of `motion_async.fleet.worker`, against the sandbox: what holds for all workers together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motion_async import AuthenticationError, BatchRequest, JobStatus, MotionSession, PermissionDeniedError
from motion_async.fleet import Fleet, QueueCounts, open_fleet
from motion_async.fleet.limits import FleetLimits, LimitsRow
from motion_async.fleet.queue import Queue
from motion_async.ledger import ItemState
from motion_async.sandbox import AwaitInput, Sandbox
from motion_async.sending import gate
from tests.batches import QUICK
from tests.fleets import at_rest, completed, counts, numbered, session, states, working
from tests.waiting import until

C = ItemState.COMPLETED


async def test_the_caps_of_the_fleet_are_never_exceeded_and_change_while_it_runs(
    fleet: Fleet, second: Fleet, still: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of jobs at one time, whoever has them; lowered, what runs goes on, and nothing new begins above it."""
    await fleet.limit(max_active=3)
    await fleet.enqueue("launch", numbered(12))
    read, known = LimitsRow.read, dict[LimitsRow, FleetLimits]()

    async def read_and_note(row: LimitsRow) -> FleetLimits:
        known[row] = limits = await read(row)
        return limits

    def runs() -> int:
        return sum(not record.status.is_terminal for record in still.jobs.values())

    monkeypatch.setattr(LimitsRow, "read", read_and_note)
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
        await until(lambda: [*known.values()] == [FleetLimits(2)] * 2, every=0.01)
        most, made = 6, asyncio.create_task(at_rest(fleet))
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


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_what_no_key_may_do_pauses_the_fleet(
    fleet: Fleet, raw_server: Any, status: int, kind: type[Exception]
) -> None:
    """Be it told of a poll: what nobody can watch is not to be paid for."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        body, told = b'{"job_id":"a","status":"queued"}', b"202 Accepted"
        if request.startswith(b"GET"):
            body, told = b'{"error":"no"}', b"%d No" % status
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (told, len(body), body))

    raw_server.handler = answer
    [item] = await fleet.enqueue("launch", numbered(1))
    async with MotionSession("motion_key", base_url=raw_server.url, **QUICK) as motion:
        await fleet.ledger.resolve(item, job_id="a")  # a person's word: the service's would outweigh a denial for long
        with pytest.raises(kind):
            await fleet.work(motion)
    status_ = await fleet.status()
    assert "refused a worker's key" in (status_.limits.paused or "")
    assert status_.queue == QueueCounts(waiting=1)


async def is_given_back(fleet: Fleet) -> bool:
    return (await fleet.status()).queue.waiting == 1


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
            await until(lambda: is_given_back(fleet), every=0.01)
            creates = sandbox.counts.creates
            sandbox.add_credits(sandbox.api_key, 10_000)
            await fleet.enqueue("launch", numbered(3))
            await until(lambda: completed(fleet, 1), every=0.01)
            assert (await fleet.status()).limits.paused == "no more credits this month"
            assert (await fleet.progress("launch")).queue == QueueCounts(waiting=2)
            assert sandbox.counts.creates == creates
            await fleet.resume()
            await at_rest(fleet)
        assert await states(fleet) == dict.fromkeys("012", C)


async def test_a_job_that_waits_for_a_person_gives_its_place_back(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox, soon: None
) -> None:
    """That of the fleet and that of the worker; it is looked at now and then, by the same worker, too."""
    sandbox.faults.for_prompt("video 0", AwaitInput(until_answered=True))
    await fleet.limit(max_active=1)
    await fleet.enqueue("launch", numbered(3))
    async with working(fleet, motion, here=1):
        await until(lambda: completed(fleet, 2), every=0.01)
        [waits] = [job_id for job_id, record in sandbox.jobs.items() if not record.status.is_terminal]
        sandbox.give_input(waits)
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("012", C)
    assert (sandbox.counts.creates, (await fleet.status()).queue) == (3, QueueCounts())


async def test_a_chain_of_followups_goes_on_after_a_person(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox, soon: None
) -> None:
    """The turn that waited was left here and taken up again here; what follows it, and its siblings, are sent."""
    sandbox.faults.for_prompt("turn b", AwaitInput(until_answered=True), on="followup")
    await fleet.enqueue("launch", [BatchRequest("make", id="a"), BatchRequest("turn b", id="b", follows="a")])
    async with working(fleet, motion):
        await until(lambda: _waits(sandbox), every=0.01)
        await until(lambda: counts(fleet, QueueCounts(waiting=1)), every=0.01)
        await fleet.enqueue("launch", [BatchRequest("c", id="c", follows="b"), BatchRequest("d", id="d", follows="a")])
        sandbox.give_input(*sandbox.jobs)
        await until(lambda: completed(fleet, 4), every=0.01)
    assert (sandbox.counts.creates, sandbox.counts.followups_accepted) == (1, 3)


def _waits(sandbox: Sandbox) -> bool:
    return any(record.status == JobStatus.AWAITING_USER_INPUT for record in sandbox.jobs.values())
