"""Tests of `motion_async.reading`: how a session stands, and whether the service is there and takes the key."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motion_async import AuthenticationError, ConnectFailedError, MotionSession, SessionClosedError, SessionStats
from motion_async.sandbox import Hang, RateLimited, Sandbox
from tests.batches import QUICK
from tests.waiting import until


async def test_a_session_says_how_it_stands() -> None:
    """Jobs that somebody follows, calls that are under way, and those that wait for their turn."""
    async with (
        Sandbox(speed=0) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, cancel_grace=0.1, **QUICK) as motion,
    ):
        assert motion.stats() == SessionStats(0, 0, 10_000.0, 0.0, 0, 0)
        jobs = [await motion.create(f"video {number}") for number in range(3)]
        assert motion.stats().watched == 0
        waiting = [asyncio.create_task(job.wait()) for job in jobs[:2]]
        await until(lambda: motion.stats().polls > 2, every=0.01)
        assert motion.stats().watched == 2
        sandbox.faults.next(Hang(None), on="create")
        sending = asyncio.create_task(motion.create("slow"))
        await until(lambda: motion.stats().sending, every=0.01)
        sandbox.advance(10_000)
        await asyncio.gather(*waiting)
        assert motion.stats().watched == 0
        sending.cancel()
        await asyncio.wait([sending])
    with pytest.raises(SessionClosedError):
        motion.stats()


async def test_a_pause_and_what_it_holds_up_are_told() -> None:
    """A Retry-After of the service's holds up all calls."""
    async with Sandbox() as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        sandbox.faults.next(RateLimited(30), on="create")
        sending = [asyncio.create_task(motion.create(f"video {number}")) for number in range(3)]
        await until(lambda: motion.stats().paused_for > 20 and motion.stats().waiting_to_send == 3, every=0.01)
        assert motion.stats().sending == 0
        for send in sending:
            send.cancel()
        await asyncio.wait(sending)
        assert motion.stats().waiting_to_send == 0


async def test_a_service_that_takes_the_key_is_told_from_one_that_does_not() -> None:
    """Nothing is made by that, and nothing paid."""
    async with Sandbox() as sandbox:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            await motion.check()
        async with MotionSession("motion_unknown", base_url=sandbox.url, **QUICK) as motion:
            with pytest.raises(AuthenticationError):
                await motion.check()
        assert (sandbox.counts.creates, len(sandbox.jobs)) == (0, 0)
        gone: Any = sandbox.url
    async with MotionSession("motion_key", base_url=gone, **QUICK) as motion:
        with pytest.raises(ConnectFailedError):
            await motion.check()
