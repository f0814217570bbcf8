"""Creates and followups: at most once, and the id in somebody's hands."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from motion_async import (
    ConnectFailedError,
    ConnectImpossibleError,
    ConnectionLostError,
    CreateUncertainError,
    ExchangeTimeoutError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    InvalidRequestError,
    JobAccepted,
    JobState,
    LedgerError,
    MotionError,
    NotSentError,
    RateLimitedError,
    SendAbandoned,
    SendDisturbed,
    ServiceUnavailableError,
    SessionClosedError,
)
from motion_async.contract.protocol import Answer, Call
from motion_async.events import Event
from motion_async.http.transport import Exchange
from motion_async.sending.gate import SendGate
from motion_async.sending.journal import NotOursToSend
from motion_async.sending.sender import Sender
from motion_async.sending.submission import Submission
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing
from motion_async.timing.pace import Pace

CREATE = Call("create", "/sessions", b"{}")
FOLLOWUP = Call("followup", "/sessions/a/followups", b"{}", "a")
ACCEPTED = Answer(202, b'{"job_id": "a", "status": "queued"}')

pytestmark = pytest.mark.virtual_time


class Wire:
    """A transport that is a script: each exchange connects, sends, and answers when it is let."""

    def __init__(self, *answers: Answer | MotionError) -> None:
        self.answers = list(answers)
        self.posts = 0
        self.connects = asyncio.Event()
        self.replies = asyncio.Event()
        self.connects.set()
        self.replies.set()
        self.places_to_send = anyio.Semaphore(10)

    async def exchange(self, _call: Call, exchange: Exchange) -> Answer:
        await self.connects.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, ConnectFailedError):
            raise answer
        exchange.leaves()
        self.posts += 1
        await self.replies.wait()
        if isinstance(answer, MotionError):
            raise answer
        return answer


class Bench:
    """A sender over a script, and what it published and took."""

    def __init__(self, wire: Wire, *, grace: float = 5.0) -> None:
        self.events: list[Event] = []
        self.paused: list[MotionError] = []
        self.taken: list[JobState] = []
        self.pace = Pace(100)
        closing = Closing()
        self.gate = SendGate(self.pace, backoff=Backoff(first=0, cap=0), random=lambda: 0.5, closing=closing)
        transport: Any = wire
        self.sender = Sender(
            transport,
            self.gate,
            self.events.append,
            paused=lambda error, _: self.paused.append(error),
            grace=grace,
            now=lambda: datetime(2026, 4, 28, tzinfo=UTC),
            closing=closing,
        )

    def submission(self, call: Call = CREATE, **terms: Any) -> Submission[str]:
        def take(accepted: JobState) -> str:
            self.taken.append(accepted)
            return accepted.job_id

        return Submission(call=call, on_accepted=take, **terms)

    def start(self, call: Call = CREATE, **terms: Any) -> asyncio.Task[str]:
        return asyncio.create_task(self.sender.send(self.submission(call, **terms)))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_accepted_create_gives_its_id() -> None:
    """The answer is taken and told of once."""
    bench = Bench(Wire(ACCEPTED))
    assert await bench.start() == "a"
    assert bench.events == [JobAccepted("a")]
    assert len(bench.taken) == 1


async def test_the_status_of_each_answer_is_told_at_once() -> None:
    """Whatever it means; a try without an answer has none."""
    told: list[int] = []
    bench = Bench(Wire(Answer(429, b"{}"), ConnectFailedError("no route"), Answer(503, b"")))
    with pytest.raises(CreateUncertainError):
        await bench.start(on_answer=told.append)
    assert told == [429, 503]


@pytest.mark.parametrize("error", [ConnectFailedError("no route"), RateLimitedError("slow", http_status=429)], ids=repr)
async def test_what_was_provably_not_taken_goes_out_again(error: MotionError) -> None:
    """No connection and 429 are tried again until the service takes it."""
    bench = Bench(Wire(error, error, ACCEPTED))
    assert await bench.start() == "a"
    assert bench.events == [SendDisturbed(None, error, 1, 0.0), SendDisturbed(None, error, 2, 0.0), JobAccepted("a")]


async def test_in_a_pause_nothing_leaves_and_nothing_is_written_down() -> None:
    """The service has asked for it; whoever gives up meanwhile has sent nothing."""
    wire, book = Wire(ACCEPTED), Book()
    bench = Bench(wire)
    now = asyncio.get_running_loop().time()
    bench.pace.slow_down(sent_at=now, now=now, retry_after=0.05)
    waits, leaves = bench.start(journal=book), bench.start()
    await settle()
    assert (wire.posts, book.noted) == (0, [])
    leaves.cancel()
    await asyncio.wait([leaves])
    assert await waits == "a"
    assert asyncio.get_running_loop().time() >= now + 0.04
    assert wire.posts == 1
    assert bench.events == [JobAccepted("a")]


async def test_what_a_record_does_not_hold_any_more_does_not_leave() -> None:
    """It is asked when there is a connection; what was noted is taken back, and noted anew before it leaves."""
    wire, book = Wire(ACCEPTED, ACCEPTED), Book()
    wire.connects.clear()
    sending = Bench(wire).start(journal=book)
    await settle()
    book.is_held = False
    wire.connects.set()
    await settle()
    assert (wire.posts, book.noted[:2]) == (0, ["sending", "not taken: NoneType"])
    book.is_held = True
    assert await sending == "a"
    assert wire.posts == 1
    assert book.noted[-2:] == ["sending", "taken: a"]


async def test_what_is_not_to_be_sent_any_more_once_it_is_written_down_is_taken_back() -> None:
    """The disk was slow, and somebody else's 402 has come meanwhile."""
    wire, book, refused = Wire(ACCEPTED), Book(), list[MotionError]()
    book.disk.clear()

    def check() -> None:
        if refused:
            raise refused[0]

    sending = Bench(wire).start(journal=book, check=check)
    await settle()
    refused.append(NotSentError("an earlier request ended all new ones"))
    book.disk.set()
    with pytest.raises(NotSentError):
        await sending
    assert wire.posts == 0
    assert book.noted == ["sending", "not taken: NoneType"]


async def test_what_must_be_looked_at_is_before_each_try() -> None:
    """A followup finds its job anew after a refusal; what the look raises ends it."""
    busy, looks = RateLimitedError("slow", http_status=429), list[int]()
    wire = Wire(busy, busy, ACCEPTED)

    async def look() -> None:
        looks.append(wire.posts)

    assert await Bench(wire).start(before_try=look) == "a"
    assert looks == [0, 1, 2]

    async def ends() -> None:
        raise FollowupNotAllowedError("it runs", http_status=409, status="running")

    wire = Wire(ACCEPTED)
    with pytest.raises(FollowupNotAllowedError):
        await Bench(wire).start(before_try=ends)
    assert wire.posts == 0


async def test_a_look_that_fails_again_and_again_does_not_outlast_its_batch() -> None:
    """It is tried for as long as it takes, until the batch wants no more sent."""
    wire, looks, stopped = Wire(ACCEPTED), list[int](), list[NotSentError]()

    async def look() -> None:
        looks.append(wire.posts)
        if len(looks) == 20:
            stopped.append(NotSentError("an earlier request ended all new ones"))
        raise ServiceUnavailableError("down", http_status=503)

    def check() -> None:
        if stopped:
            raise stopped[0]

    with pytest.raises(NotSentError):
        await Bench(wire).start(FOLLOWUP, before_try=look, check=check, is_patient=True)
    assert looks == [0] * 20


BODY = b'{"status": "queued", "note": "' + b"x" * 300 + b'", "job_id": "405d47cf", "cut'


@pytest.mark.parametrize(
    "answer",
    [Answer(202, BODY, flaw=ConnectionLostError("lost")), Answer(202, BODY), Answer(500, BODY), Answer(303, BODY)],
    ids=["cut", "no JSON", "500", "303"],
)
async def test_an_id_that_cannot_be_believed_is_shown(answer: Answer) -> None:
    """A person may find the video by it, whatever is the matter with the answer."""
    with pytest.raises(CreateUncertainError, match="405d47cf"):
        await Bench(Wire(answer)).start()


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
    [ExchangeTimeoutError("late"), Answer(500, b""), Answer(202, b"{")],
    ids=["time", "500", "cut"],
)
async def test_a_lost_answer_is_uncertain_and_nothing_goes_out_again(call: Call, kind: Any, lost: Any) -> None:
    """One POST, and the error that says what is not known; its cause hangs on it."""
    wire = Wire(lost, ACCEPTED)
    with pytest.raises(kind) as caught:
        await Bench(wire).start(call)
    assert wire.posts == 1
    assert isinstance(caught.value.__cause__, MotionError)


async def test_the_log_names_the_key_of_what_is_uncertain(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever runs an app has to find out which one of many it was; the key is shown as text, whatever is in it."""
    caplog.set_level(logging.INFO, "motion_async")
    with pytest.raises(CreateUncertainError):
        await Bench(Wire(Answer(500, b""))).start(key="order-17\n")
    assert "nobody knows whether the service took a create of the key order-17\\n" in caplog.text


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


async def test_a_caller_who_leaves_as_the_session_does_is_cancelled() -> None:
    """A cancellation is never taken for something else, whatever happens in the same step."""
    bench = Bench(Wire(ACCEPTED))
    sending = bench.start()
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(bench.sender.aclose())
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending, closing])
    assert sending.cancelled()
    assert bench.taken == []


async def test_closing_after_the_grace_leaves_the_create_uncertain() -> None:
    """An answer that does not come in the grace is lost, and the caller is told what that means."""
    _, bench, sending = await under_way(ACCEPTED, grace=0.01)
    await bench.sender.aclose()
    with pytest.raises(CreateUncertainError):
        await sending


# What is written down.


class Book:
    """A record on a disk that is as slow as the test wants: what was noted, and how much of it is kept."""

    def __init__(self, *, ours: bool = True) -> None:
        self.noted: list[str] = []
        self.kept = 0
        self.ours = ours
        self.disk = asyncio.Event()
        self.disk.set()
        self.broken: LedgerError | None = None
        self.is_held = True

    def still_owned(self) -> bool:
        return self.is_held

    def begin(self) -> asyncio.Future[bool]:
        return self._note("sending", self.ours)

    def released(self, error: MotionError | None) -> asyncio.Future[None]:
        return self._note(f"not taken: {type(error).__name__}", None)

    def unknown(self, error: MotionError) -> asyncio.Future[None]:
        return self._note(f"lost: {type(error).__name__}", None)

    def accepted(self, accepted: JobState) -> asyncio.Future[None]:
        return self._note(f"taken: {accepted.job_id}", None)

    def _note(self, what: str, answer: Any) -> asyncio.Future[Any]:
        self.noted.append(what)

        async def keep() -> Any:
            await self.disk.wait()
            if self.broken is not None:
                raise self.broken
            self.kept += 1
            return answer

        return asyncio.ensure_future(keep())


async def test_nothing_leaves_before_it_is_written_down() -> None:
    """The POST waits for the disk."""
    wire, book = Wire(ACCEPTED), Book()
    book.disk.clear()
    task = Bench(wire).start(journal=book)
    await settle()
    assert (book.noted, wire.posts) == (["sending"], 0)
    book.disk.set()
    assert await task == "a"
    assert (book.noted, wire.posts) == (["sending", "taken: a"], 1)


async def test_nobody_is_told_of_an_id_before_it_is_written_down() -> None:
    """Neither the caller, nor who takes it, nor who reads events."""
    wire, book = Wire(ACCEPTED), Book()
    wire.replies.clear()
    bench = Bench(wire)
    task = bench.start(journal=book)
    await settle()
    book.disk.clear()
    wire.replies.set()
    await settle()
    assert (book.noted, bench.events, bench.taken, task.done()) == (["sending", "taken: a"], [], [], False)
    book.disk.set()
    assert await task == "a"
    assert bench.events == [JobAccepted("a")]


async def test_each_try_is_written_down_and_what_came_of_it() -> None:
    """Between two tries the record says that nothing is under way."""
    refused, book = RateLimitedError("slow", http_status=429), Book()
    wire = Wire(refused, ConnectFailedError("no route"), ACCEPTED)
    assert await Bench(wire).start(journal=book) == "a"
    assert book.noted == [
        "sending", "not taken: RateLimitedError", "sending", "not taken: ConnectFailedError", "sending", "taken: a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "noted"),
    [
        (Answer(400, b"{}"), "not taken: InvalidRequestError"),
        (Answer(402, b"{}"), "not taken: InsufficientCreditsError"),
        (Answer(401, b"{}"), "not taken: AuthenticationError"),
        (ConnectImpossibleError("no such host"), "not taken: ConnectImpossibleError"),
        (Answer(500, b"{}"), "lost: CreateUncertainError"),
        (Answer(202, b"{"), "lost: CreateUncertainError"),
        (ExchangeTimeoutError("slow"), "lost: CreateUncertainError"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_the_end_of_a_create_is_written_down(answer: Answer | MotionError, noted: str) -> None:
    """Refused, or uncertain."""
    book = Book()
    with pytest.raises(MotionError):
        await Bench(Wire(answer)).start(journal=book)
    assert book.noted == ["sending", noted]
    assert book.kept == 2


@pytest.mark.parametrize("is_sent", [False, True], ids=["before the first byte", "after it"])
async def test_whatever_ends_an_exchange_is_written_down(is_sent: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Where bytes may have left it is uncertain, and where none has, nothing was taken; no intent is left behind."""
    wire, book = Wire(ACCEPTED), Book()

    async def break_off(_call: Call, exchange: Exchange) -> Answer:
        exchange.sent = is_sent
        raise ZeroDivisionError("a mistake")

    wire.exchange = break_off  # type: ignore[method-assign]
    kind: type[Exception] = CreateUncertainError if is_sent else ZeroDivisionError
    with pytest.raises(kind):
        await Bench(wire).start(journal=book)
    await settle()
    assert book.noted == ["sending", "lost: CreateUncertainError" if is_sent else "not taken: NoneType"]
    assert ("a job may exist" in caplog.text) is is_sent


async def test_what_is_somebody_elses_to_send_is_not_sent() -> None:
    """And nothing more is noted of it."""
    wire, book = Wire(ACCEPTED), Book(ours=False)
    with pytest.raises(NotOursToSend):
        await Bench(wire).start(journal=book)
    assert (wire.posts, book.noted) == (0, ["sending"])


async def test_a_caller_who_leaves_before_it_was_kept_sends_nothing() -> None:
    """The record is told that the intent came to nothing."""
    wire, book = Wire(ACCEPTED), Book()
    book.disk.clear()
    task = Bench(wire).start(journal=book)
    await settle()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    book.disk.set()
    await settle()
    assert (wire.posts, book.noted) == (0, ["sending", "not taken: NoneType"])


async def test_a_caller_who_leaves_under_way_still_has_the_id_written_down() -> None:
    """The exchange and its note outlive the cancellation."""
    wire, book = Wire(ACCEPTED), Book()
    wire.replies.clear()
    bench = Bench(wire)
    task = bench.start(journal=book)
    await settle()
    task.cancel()
    await settle()
    wire.replies.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert book.noted == ["sending", "taken: a"]
    assert bench.events == [JobAccepted("a"), SendAbandoned("a", None)]


async def test_leaving_the_session_does_not_wait_for_a_disk_for_ever() -> None:
    """After the grace the id is told although its note, which was made, is not kept yet."""
    wire, book = Wire(ACCEPTED), Book()
    wire.replies.clear()
    bench = Bench(wire, grace=0.05)
    task = bench.start(journal=book)
    await settle()
    book.disk.clear()
    wire.replies.set()
    await settle()
    await bench.sender.aclose()
    assert await task == "a"
    assert book.noted == ["sending", "taken: a"]
    book.disk.set()
    await settle()


async def test_a_ledger_that_breaks_hides_nothing_that_is_known() -> None:
    """The id comes out, and so does what was refused or lost."""
    for answer, error in ((ACCEPTED, None), (Answer(400, b"{}"), InvalidRequestError)):
        wire, book = Wire(answer), Book()
        wire.replies.clear()
        task = Bench(wire).start(journal=book)
        await settle()
        book.broken = LedgerError("gone")
        wire.replies.set()
        if error is None:
            assert await task == "a"
        else:
            with pytest.raises(error):
                await task


async def test_a_ledger_that_cannot_take_an_intent_keeps_it_from_being_sent() -> None:
    """Its error is what the caller gets."""
    wire, book = Wire(ACCEPTED), Book()
    book.broken = LedgerError("disk full")
    with pytest.raises(LedgerError, match="disk full"):
        await Bench(wire).start(journal=book)
    assert wire.posts == 0


async def test_leaving_the_session_does_not_wait_for_the_note_of_a_loss_either() -> None:
    """After the grace the create is uncertain, and told so although the note of that is not kept yet."""
    wire, book = Wire(ACCEPTED), Book()
    wire.replies.clear()
    bench = Bench(wire, grace=0.01)
    task = bench.start(journal=book)
    await settle()
    book.disk.clear()
    async with asyncio.timeout(5):
        await bench.sender.aclose()
    with pytest.raises(CreateUncertainError):
        await task
    assert book.noted == ["sending", "lost: CreateUncertainError"]
    book.disk.set()
    await settle()


async def test_a_scope_of_the_callers_that_ends_gives_what_was_sent_its_grace() -> None:
    """A cancel scope that is cancelled ends each await at once, but not the wait for the id."""
    wire = Wire(ACCEPTED)
    wire.replies.clear()
    bench = Bench(wire)
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_later(0.01, scope.cancel)
        asyncio.get_running_loop().call_later(0.05, wire.replies.set)
        await bench.sender.send(bench.submission())
    assert [state.job_id for state in bench.taken] == ["a"]
    await settle()


@pytest.mark.parametrize("is_left", [False, True], ids=["no time", "left"])
async def test_an_answer_that_did_not_end_in_time_may_hold_the_id(is_left: bool) -> None:
    """What had come of it is read, before a job is taken for lost."""
    wire = Wire(ExchangeTimeoutError("no answer in time"))
    whole = wire.exchange

    async def cut(call: Call, exchange: Exchange) -> Answer:
        exchange.cut = ACCEPTED
        return await whole(call, exchange)

    wire.exchange = cut  # type: ignore[method-assign]
    bench = Bench(wire, grace=0.01)
    if is_left:
        wire.replies.clear()
    task = bench.start()
    await settle()
    await bench.sender.aclose()
    assert await task == "a"


async def test_what_waits_for_a_connection_is_in_no_record_and_asks_before_it_is_sent() -> None:
    """Its intent is noted when it is about to leave, and not at all if it is not to be sent any more."""
    wire, first, second = Wire(ACCEPTED), Book(), Book()
    wire.places_to_send = anyio.Semaphore(1)
    wire.replies.clear()
    bench = Bench(wire)
    under_way = bench.start(journal=first)
    await settle()

    def check() -> None:
        raise NotSentError("an earlier one was refused")

    waiting = bench.start(journal=second, check=check)
    await settle()
    assert (first.noted, second.noted) == (["sending"], [])
    wire.replies.set()
    assert await under_way == "a"
    with pytest.raises(NotSentError):
        await waiting
    assert (wire.posts, second.noted) == (1, [])
