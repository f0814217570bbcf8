"""Creates and followups: at most once, and the id in somebody's hands."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async import (
    ConnectFailedError,
    CreateUncertainError,
    ExchangeTimeoutError,
    FollowupUncertainError,
    JobAccepted,
    JobState,
    MotionError,
    RateLimitedError,
    SendAbandoned,
    SendDisturbed,
    SessionClosedError,
)
from motion_async.events import Event
from motion_async.pacing import Backoff
from motion_async.protocol import Answer, Call
from motion_async.retrying import Retries
from motion_async.sending import Sender
from motion_async.transport import Exchange

CREATE = Call("create", "/sessions", b"{}")
FOLLOWUP = Call("followup", "/sessions/a/followups", b"{}", "a")
ACCEPTED = Answer(202, b'{"job_id": "a", "status": "queued"}', 1_000)


class Wire:
    """A transport that is a script: each exchange connects, sends, and answers when it is let."""

    def __init__(self, *answers: Answer | MotionError) -> None:
        self.answers = list(answers)
        self.posts = 0
        self.connects = asyncio.Event()
        self.replies = asyncio.Event()
        self.connects.set()
        self.replies.set()

    async def exchange(self, _call: Call, exchange: Exchange) -> Answer:
        await self.connects.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, ConnectFailedError):
            raise answer
        exchange.sent = True
        self.posts += 1
        await self.replies.wait()
        if isinstance(answer, MotionError):
            raise answer
        return answer


class Bench:
    """A sender over a script, and what it published and took."""

    def __init__(self, wire: Wire, *, grace: float = 5.0) -> None:
        self.events: list[Event] = []
        self.failed: list[MotionError] = []
        self.taken: list[JobState] = []
        transport: Any = wire
        retries = Retries(
            backoff=Backoff(first=0, cap=0), random=lambda: 0.5, failed=lambda error, _: self.failed.append(error)
        )
        self.sender = Sender(
            transport,
            self.events.append,
            retries,
            grace=grace,
            now=lambda: datetime(2026, 4, 28, tzinfo=UTC),
        )

    def start(self, call: Call = CREATE) -> asyncio.Task[str]:
        def take(accepted: JobState) -> str:
            self.taken.append(accepted)
            return accepted.job_id

        return asyncio.create_task(self.sender.send(call, take))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_accepted_create_gives_its_id() -> None:
    """The answer is taken and told of once."""
    bench = Bench(Wire(ACCEPTED))
    assert await bench.start() == "a"
    assert bench.events == [JobAccepted("a")]
    assert len(bench.taken) == 1


@pytest.mark.parametrize("error", [ConnectFailedError("no route"), RateLimitedError("slow", http_status=429)], ids=repr)
async def test_what_was_provably_not_taken_goes_out_again(error: MotionError) -> None:
    """No connection and 429 are tried again until the service takes it."""
    bench = Bench(Wire(error, error, ACCEPTED))
    assert await bench.start() == "a"
    assert bench.failed == [error, error]
    assert bench.events == [SendDisturbed(None, error, 1, 0.0), SendDisturbed(None, error, 2, 0.0), JobAccepted("a")]


async def test_tries_are_bounded() -> None:
    """After the last try the refusal itself is raised."""
    wire = Wire(*[RateLimitedError("slow", http_status=429)] * 20)
    with pytest.raises(RateLimitedError):
        await Bench(wire).start()
    assert wire.posts == 8


@pytest.mark.parametrize(
    ("call", "kind"), [(CREATE, CreateUncertainError), (FOLLOWUP, FollowupUncertainError)], ids=["create", "followup"]
)
@pytest.mark.parametrize(
    "lost",
    [ExchangeTimeoutError("late"), Answer(500, b"", 1_000), Answer(202, b"{", 1_000)],
    ids=["time", "500", "cut"],
)
async def test_a_lost_answer_is_uncertain_and_nothing_goes_out_again(call: Call, kind: Any, lost: Any) -> None:
    """One POST, and the error that says what is not known; its cause hangs on it."""
    wire = Wire(lost, ACCEPTED)
    with pytest.raises(kind) as caught:
        await Bench(wire).start(call)
    assert wire.posts == 1
    assert isinstance(caught.value.__cause__, MotionError)


async def under_way(answer: Answer | MotionError, *, grace: float = 5.0) -> tuple[Wire, Bench, asyncio.Task[str]]:
    """Give a create whose bytes have left, and whose answer comes when `replies` is set."""
    wire = Wire(answer)
    wire.replies.clear()
    bench = Bench(wire, grace=grace)
    sending = bench.start()
    await settle()
    return wire, bench, sending


# A caller who is cancelled.


async def test_a_caller_cancelled_before_the_first_byte_sends_nothing() -> None:
    """While the connection is being made a cancellation ends the create for good."""
    wire = Wire(ACCEPTED)
    wire.connects.clear()
    bench = Bench(wire)
    sending = bench.start()
    await settle()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    wire.connects.set()
    await settle()
    assert wire.posts == 0
    assert bench.taken == []


async def test_a_caller_cancelled_while_bytes_are_under_way_loses_no_id(caplog: pytest.LogCaptureFixture) -> None:
    """The exchange is finished, the id is taken, told of and logged, and then the cancellation goes on."""
    caplog.set_level(logging.WARNING, "motion_async")
    wire, bench, sending = await under_way(ACCEPTED)
    sending.cancel()
    await settle()
    assert not sending.done()
    wire.replies.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await settle()
    assert [state.job_id for state in bench.taken] == ["a"]
    assert bench.events == [JobAccepted("a"), SendAbandoned("a", None)]
    assert "job a" in caplog.text


async def test_an_answer_after_the_grace_is_still_told_of() -> None:
    """The cancellation does not wait longer than the grace; the id is reported whenever it comes."""
    wire, bench, sending = await under_way(ACCEPTED, grace=0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert bench.events == []
    wire.replies.set()
    await settle()
    assert bench.events == [JobAccepted("a"), SendAbandoned("a", None)]


async def test_a_second_cancellation_does_not_wait() -> None:
    """Whoever cancels twice wants to go at once; the exchange goes on without the caller."""
    wire, bench, sending = await under_way(ACCEPTED)
    sending.cancel()
    await settle()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    wire.replies.set()
    await settle()
    assert bench.events == [JobAccepted("a"), SendAbandoned("a", None)]


async def test_a_cancelled_callers_lost_answer_is_told_as_uncertain() -> None:
    """What became of an exchange that nobody waits for any more is an event."""
    wire, bench, sending = await under_way(ExchangeTimeoutError("late"))
    sending.cancel()
    await settle()
    wire.replies.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await settle()
    (event,) = bench.events
    assert isinstance(event, SendAbandoned)
    assert isinstance(event.error, CreateUncertainError)


@pytest.mark.parametrize("step", range(12))
async def test_a_cancellation_at_any_step_loses_no_id_that_was_sent(step: int) -> None:
    """Cancelled after any number of steps of the loop, every POST that went out has its id reported."""
    wire = Wire(ACCEPTED)
    bench = Bench(wire)
    sending = bench.start()
    for _ in range(step):
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    await settle()
    assert wire.posts == len(bench.taken) <= 1
    told = [event.job_id for event in bench.events if isinstance(event, JobAccepted)]
    assert len(told) == wire.posts
    if not sending.cancelled():
        assert sending.result() == "a"


# Closing.


async def test_closing_gives_what_was_sent_its_grace() -> None:
    """`aclose` waits for an answer that may still come, and the caller gets it."""
    wire, bench, sending = await under_way(ACCEPTED)
    closing = asyncio.create_task(bench.sender.aclose())
    await settle()
    assert not closing.done()
    wire.replies.set()
    await closing
    assert await sending == "a"


async def test_closing_ends_what_was_not_sent_at_once() -> None:
    """A create that is still connecting ends with a `SessionClosedError`: nothing was sent."""
    wire = Wire(ACCEPTED)
    wire.connects.clear()
    bench = Bench(wire, grace=1_000)
    sending = bench.start()
    await settle()
    await bench.sender.aclose()
    with pytest.raises(SessionClosedError):
        await sending
    assert wire.posts == 0


async def test_closing_before_the_first_step_is_no_cancellation_of_the_caller() -> None:
    """The caller of a create that never began gets a `SessionClosedError`, not a `CancelledError`."""
    bench = Bench(Wire(ACCEPTED))
    sending = bench.start()
    await asyncio.sleep(0)
    await bench.sender.aclose()
    with pytest.raises(SessionClosedError):
        await sending


async def test_closing_after_the_grace_leaves_the_create_uncertain() -> None:
    """An answer that does not come in the grace is lost, and the caller is told what that means."""
    _, bench, sending = await under_way(ACCEPTED, grace=0.01)
    await bench.sender.aclose()
    with pytest.raises(CreateUncertainError):
        await sending
