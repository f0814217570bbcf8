"""Tests of `motion_async.credits`, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import looptime
import pytest

from motion_async import ConfigurationError, InsufficientCreditsError, JobFailedError, SendDisturbed
from motion_async.credits import Credits, check_on_insufficient_credits

CREDITS_INTERVAL = 60.0  # seconds that are promised, whatever the code says


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": looptime.new_event_loop}


class Account:
    """Takes as many sends as it has credits for, and notes when each came."""

    def __init__(self, credits: int, *, places: int = 100) -> None:
        self.credits = credits
        self.places = anyio.Semaphore(places)
        self.tries: list[float] = []

    async def send(self, hold_back: Callable[[], None]) -> float:
        async with self.places:
            hold_back()
            return await self.sent()

    async def sent(self) -> float:
        now = asyncio.get_running_loop().time()
        self.tries.append(now)
        await asyncio.sleep(0.5)
        if self.credits <= 0:
            raise InsufficientCreditsError("no credits", http_status=402, current_balance=0)
        self.credits -= 1
        return now


async def test_while_there_are_credits_everything_goes_at_once() -> None:
    """Nothing is held back that was not refused."""
    account, events = Account(3), list[Any]()
    gate = Credits(events.append)
    await asyncio.gather(*(gate.send(account.send) for _ in range(3)))
    assert len(set(account.tries)) == 1
    assert not events


async def test_what_waits_to_be_sent_when_credits_run_out_is_held_back() -> None:
    """Only what was under way then is refused; the rest is not tried before its turn."""
    account, events = Account(0, places=2), list[Any]()
    gate = Credits(events.append)
    sends = [asyncio.create_task(gate.send(account.send)) for _ in range(10)]
    await asyncio.sleep(CREDITS_INTERVAL - 1)
    assert len(account.tries) == len(events) == 2
    account.credits = 10
    await asyncio.gather(*sends)
    assert len(account.tries) == 12


async def test_without_credits_one_send_at_a_time_is_tried() -> None:
    """At its interval, whoever waits; and when one is taken, all others follow."""
    account, events = Account(0), list[Any]()
    gate = Credits(events.append)
    sends = [asyncio.create_task(gate.send(account.send)) for _ in range(4)]
    await asyncio.sleep(0.6)
    assert len(account.tries) == 4
    late = asyncio.create_task(gate.send(account.send))
    await asyncio.sleep(10 * (CREDITS_INTERVAL + 0.5))
    assert 13 <= len(account.tries) <= 15
    account.credits = 10
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*sends, late)
    assert asyncio.get_running_loop().time() - began < CREDITS_INTERVAL + 5
    assert account.credits == 5
    assert {type(event) for event in events} == {SendDisturbed}
    assert [event.failures for event in events] == list(range(1, len(events) + 1))
    assert {event.next_wait for event in events} == {CREDITS_INTERVAL}


async def test_who_leaves_the_queue_holds_up_nobody() -> None:
    """A cancelled try hands over to the next."""
    account = Account(0)
    gate = Credits(lambda _: None)
    first, second = (asyncio.create_task(gate.send(account.send)) for _ in range(2))
    await asyncio.sleep(1)
    first.cancel()
    account.credits = 1
    await second
    assert first.cancelled()


async def test_other_errors_pass() -> None:
    """They say nothing about credits."""

    async def fail(_: Any) -> None:
        raise JobFailedError("a", error="no")

    gate, events = Credits(lambda _: None), list[Any]()
    with pytest.raises(JobFailedError):
        await gate.send(fail)
    assert not events


def test_the_option_has_two_values() -> None:
    """Anything else is a setting that cannot be used."""
    given: Any = "ask"
    with pytest.raises(ConfigurationError, match="'stop' or 'wait'"):
        check_on_insufficient_credits(given)
