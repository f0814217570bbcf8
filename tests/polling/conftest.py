"""What the tests of waiters and streams have: a poll loop that is fed by hand, and a job that it follows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from motion_async import JobState, JobStatus
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from tests.quiet import quiet_loop


@pytest.fixture
async def polls() -> AsyncIterator[PollLoop]:
    """A poll loop whose own polls bring no news."""
    loop = quiet_loop()
    yield loop
    await loop.aclose()


@pytest.fixture
def job(polls: PollLoop) -> TrackedJob:
    """Job `a`, just accepted."""
    watched = polls.job("a")
    polls.begin_turn(watched, JobState("a", JobStatus.QUEUED), before=None)
    return watched
