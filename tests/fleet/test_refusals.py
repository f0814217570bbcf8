"""Tests of `motion_async.fleet.refusals`, against the sandbox: what is said to one worker holds all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motion_async import MotionSession, RateLimitedError
from motion_async.fleet import Fleet, QueueCounts
from motion_async.fleet.refusals import SharedRefusals
from motion_async.ledger import ItemState
from motion_async.sandbox import RateLimited, Sandbox
from motion_async.sending import gate
from tests.fleets import at_rest, counts, numbered, session, states, working
from tests.waiting import until

C = ItemState.COMPLETED


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


async def test_a_refusal_without_a_pause_slows_all(fleet: Fleet, second: Fleet, sandbox: Sandbox) -> None:
    """That of a create holds back sends until one is tried; that of a poll halves the pace of polls."""
    async with (
        session(sandbox) as motion,
        session(sandbox) as other,
        working(fleet, motion),
        working(second, other),
    ):
        clients = [it._client for it in (motion, other) if it._client is not None]
        sandbox.faults.next(RateLimited(), on="create")
        await fleet.enqueue("launch", numbered(1))
        await at_rest(fleet)
        # Whoever was refused has had it taken since; the other one has nothing to try.
        await until(lambda: [it.gate._service.is_closed for it in clients].count(True) == 1, every=0.01)
        sandbox.faults.next(RateLimited(), on="poll")
        await fleet.enqueue("launch", numbered(2))
        await until(lambda: all(it._pace.rate(asyncio.get_running_loop().time()) < 9_999 for it in clients), every=0.01)
        await at_rest(fleet)
    assert set((await states(fleet)).values()) == {C}


async def test_a_wave_of_refusals_is_told_of_once(
    fleet: Fleet, second: Fleet, motion: MotionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many polls were under way; those of creates are a wave of their own."""
    monkeypatch.setattr("motion_async.fleet.refusals._WAVE", 3_600.0)
    told: list[Any] = []
    second._connection.hear = told.append
    await second._queue.count()
    refusals = SharedRefusals(fleet._connection, motion, by="me")
    for call in ("poll", "send"):
        for _ in range(10):
            await refusals._tell_of(RateLimitedError("too many calls", 429, retry_after=1.0), call=call)
    await fleet._connection.notify(kind="end")
    await until(lambda: {"kind": "end"} in told, every=0.01)
    slow = [(news["call"], news["seconds"]) for news in told if news.get("kind") == "slow"]
    assert slow == [("poll", 1.0), ("send", 1.0)]


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
            await until(lambda: counts(fleet, QueueCounts(claimed=10)), every=0.01)
            await until(lambda: sandbox.counts.creates >= asked[0] + 2, every=0.01)
            assert sandbox.counts.creates <= asked[0] + 4, "one at a time and worker asks whether there are any"
            sandbox.add_credits(sandbox.api_key, 10_000)
            await at_rest(fleet)
        assert set((await states(fleet)).values()) == {C}
        assert sandbox.counts.creates_accepted == 10
