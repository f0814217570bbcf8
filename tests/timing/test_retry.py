"""Tests of `motion_async.timing.retry`, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from motion_async import (
    ConnectionLostError,
    JobNotFoundError,
    MotionError,
    RateLimitedError,
    SessionClosedError,
)
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing
from motion_async.timing.retry import Retries

pytestmark = pytest.mark.virtual_time


class Tries:
    """Ends each try as the script says, and notes when it began."""

    def __init__(self, *ends: MotionError | str) -> None:
        self.ends = list(ends)
        self.at: list[float] = []
        self.told: list[tuple[MotionError, float]] = []

    async def attempt(self) -> str:
        self.at.append(asyncio.get_running_loop().time())
        end = self.ends.pop(0)
        if isinstance(end, MotionError):
            raise end
        return end

    async def run(self, *, attempts: int = 4) -> str:
        retries = Retries(
            backoff=Backoff(first=1, cap=30),
            random=lambda: 1.0,
            failed=lambda error, at: self.told.append((error, at)),
            closing=Closing(),
        )
        return await retries.run(
            self.attempt, may_repeat=lambda error: not isinstance(error, JobNotFoundError), attempts=attempts
        )


async def test_a_try_that_succeeds_is_the_only_one() -> None:
    """Nothing is repeated, and nobody is told."""
    tries = Tries("done")
    assert await tries.run() == "done"
    assert len(tries.at) == 1
    assert tries.told == []


async def test_waits_grow_between_tries() -> None:
    """Each failure doubles the wait, and each is told of with the time at which its try began."""
    lost = ConnectionLostError("lost")
    tries = Tries(lost, lost, lost, "done")
    assert await tries.run() == "done"
    assert tries.at == pytest.approx([0, 1, 3, 7], abs=0.01)
    assert [at for _, at in tries.told] == tries.at[:3]


async def test_a_retry_after_is_never_undercut() -> None:
    """What the service asks for counts before our own wait."""
    tries = Tries(RateLimitedError("slow", http_status=429, retry_after=20), "done")
    await tries.run()
    assert tries.at == pytest.approx([0, 20], abs=0.01)


async def test_what_will_not_pass_is_raised_at_once() -> None:
    """An error that may not be repeated ends it with that error, told of all the same."""
    gone = JobNotFoundError("gone", http_status=404)
    tries = Tries(gone, "done")
    with pytest.raises(JobNotFoundError):
        await tries.run()
    assert len(tries.at) == len(tries.told) == 1


async def test_closing_ends_the_wait_for_the_next_try() -> None:
    """Whoever waits to try again is told that the session was left, and no further try is made."""
    tries = Tries(RateLimitedError("slow", http_status=429, retry_after=1_000), "done")
    closing = Closing()
    retries = Retries(backoff=Backoff(), random=lambda: 1.0, failed=lambda *_: None, closing=closing)
    running = asyncio.create_task(retries.run(tries.attempt, may_repeat=lambda _: True, attempts=4))
    await asyncio.sleep(5)
    closing.begin()
    with pytest.raises(SessionClosedError):
        await running
    assert asyncio.get_running_loop().time() == pytest.approx(5, abs=0.1)
    assert len(tries.at) == 1


async def test_tries_are_bounded() -> None:
    """The last try's error is raised, without a wait after it."""
    tries = Tries(*[ConnectionLostError(str(number)) for number in range(9)])
    with pytest.raises(ConnectionLostError, match="2"):
        await tries.run(attempts=3)
    assert tries.at == pytest.approx([0, 1, 3], abs=0.01)
    assert asyncio.get_running_loop().time() == pytest.approx(3, abs=0.01)
