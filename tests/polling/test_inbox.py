"""Tests of `motion_async.polling.inbox`: what is unread is kept in order, up to a limit, and sleepers are woken."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from motion_async.polling.inbox import Inbox

pytestmark = pytest.mark.virtual_time


def test_an_inbox_gives_what_came_in_in_order() -> None:
    """And then nothing."""
    inbox: Inbox[int] = Inbox(limit=3)
    for number in range(3):
        inbox.put(number)
    assert [inbox.take() for _ in range(4)] == [0, 1, 2, None]
    assert inbox.take_dropped() == 0


def test_of_what_nobody_reads_an_inbox_keeps_the_newest() -> None:
    """As many as its limit, and it tells once how many went."""
    inbox: Inbox[int] = Inbox(limit=3)
    for number in range(10):
        inbox.put(number)
    assert [inbox.take_dropped() for _ in range(2)] == [7, 0]
    assert [inbox.take() for _ in range(4)] == [7, 8, 9, None]


async def test_everyone_who_sleeps_at_an_inbox_is_woken_and_whoever_gave_up_is_forgotten() -> None:
    """By an item, by other news, and by the end."""
    inbox: Inbox[int] = Inbox(limit=3)
    for wake in (lambda: inbox.put(1), inbox.wake, inbox.close):
        sleepers = [inbox.news() for _ in range(3)]
        sleepers[0].cancel()
        assert not any(sleeper.done() for sleeper in sleepers[1:])
        wake()
        assert all(sleeper.done() for sleeper in sleepers)
        assert inbox.is_closed is (wake == inbox.close)


async def test_steps_that_were_cancelled_while_nothing_came_leave_nothing_behind() -> None:
    """As `wait_for(anext(changes), …)` in a loop cancels one each second."""
    inbox: Inbox[int] = Inbox(limit=3)
    cancelled = weakref.WeakSet[asyncio.Future[None]]()
    for _ in range(3):
        future = inbox.news()
        cancelled.add(future)
        future.cancel()
        del future
    await asyncio.sleep(0)
    assert len(cancelled) == 1
