"""A create that is cut anywhere: one POST at most, and the id or a `CreateUncertainError` in somebody's hands.

Cut by the network at each byte, by a deadline, a cancellation or the session's end while nothing comes back, by what a
hook or a clock of the caller's raises, and by Ctrl-C at each step of the loop.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from types import FrameType
from typing import Any, Final

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from motion_async import (
    CreateUncertainError,
    ExchangeTimeoutError,
    Job,
    MotionError,
    MotionSession,
    SendAbandoned,
    SessionClosedError,
)
from tests.hostile.hostile_server import JOB, HostileServer, Peer, hostile_server, http
from tests.hostile.stepping import Service, SteppingLoop, ended, serve, session, told
from tests.waiting import until

ANSWER: Final = http(b'{"job_id":"%s","status":"queued"}' % JOB.encode(), status=b"202 Accepted")
SIGNALS: Final = tuple(name for name in dir(aiohttp.TraceConfig()) if name.startswith("on_"))


@pytest.mark.parametrize("end", [Peer.reset, Peer.hang_up], ids=["RST", "FIN"])
async def test_an_answer_cut_at_any_byte_gives_the_job_or_says_that_it_is_uncertain(
    hostile: HostileServer, end: Callable[[Peer], None]
) -> None:
    """As soon as the id can be read it is believed, and before that nothing is sent again."""
    known: list[bool] = []
    async with session(hostile) as motion:
        for length in range(len(ANSWER) + 1):

            async def script(peer: Peer, length: int = length) -> None:
                await peer.say(ANSWER[:length])
                end(peer)

            hostile.script = script
            got = await ended(motion.create("A launch video"))
            assert isinstance(got, Job | CreateUncertainError)
            known.append(isinstance(got, Job))
            assert len(hostile.posts) == length + 1
    assert known[-1]
    assert known == sorted(known)


async def test_a_request_cut_at_any_byte_is_uncertain(hostile: HostileServer) -> None:
    """However little the server has read when it resets the connection, it may have read more than it shows."""
    request = 0

    async def whole(peer: Peer) -> None:
        nonlocal request
        request = len(hostile.requests[-1])
        await peer.say(ANSWER)

    hostile.script = whole
    async with session(hostile) as motion:
        await motion.create("A launch video")
        for length in range(0, request, 7):

            async def script(peer: Peer, length: int = length) -> None:
                await peer.reader.readexactly(length)
                peer.reset()

            script.unasked = True  # type: ignore[attr-defined]
            hostile.script = script
            before = hostile.connections
            assert isinstance(await ended(motion.create("A launch video")), CreateUncertainError)
            assert hostile.connections == before + 1


# While nothing comes back.


async def under_way(hostile: HostileServer, motion: MotionSession) -> asyncio.Task[Job]:
    """Give a create that the server has read, and does not answer."""
    hostile.script = Peer.until_gone
    task = asyncio.ensure_future(motion.create("A launch video"))
    await until(lambda: hostile.posts)
    return task


async def test_a_deadline_makes_it_uncertain(hostile: HostileServer) -> None:
    """One POST, and its cause says that time ran out."""
    async with session(hostile, exchange_timeout=0.05, send_timeout=0.05) as motion:
        end = await ended(await under_way(hostile, motion))
    assert isinstance(end, CreateUncertainError)
    assert isinstance(end.__cause__, ExchangeTimeoutError)
    assert len(hostile.posts) == 1


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancelled_caller_leaves_word(hostile: HostileServer, times: int) -> None:
    """Whoever reads the log or the events hears that a job may exist, at the latest when the session is left."""
    with told() as said:
        async with session(hostile, cancel_grace=0.05) as motion:
            events = motion.events()
            task = await under_way(hostile, motion)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            assert isinstance(await ended(task), asyncio.CancelledError)
    abandoned = [event async for event in events if isinstance(event, SendAbandoned)]
    assert [type(event.error) for event in abandoned] == [CreateUncertainError]
    assert any("a job may exist" in line for line in said)
    assert len(hostile.posts) == 1


async def test_a_session_that_is_left_says_that_it_is_uncertain(hostile: HostileServer) -> None:
    """Who still waits gets the error when the grace is over."""
    async with session(hostile, cancel_grace=0.05) as motion:
        task = await under_way(hostile, motion)
    assert isinstance(await ended(task), CreateUncertainError)
    assert len(hostile.posts) == 1


# What the caller hands in, and what it raises.


class _Planned(BaseException):
    """What a hook raises that is none of its business to raise."""


def raising(error: BaseException, at: str) -> aiohttp.TraceConfig:
    """Give a trace configuration whose hook of this name raises."""

    async def hook(*_: object) -> None:
        raise error

    trace = aiohttp.TraceConfig()
    getattr(trace, at).append(hook)
    return trace


NOWHERE: Any = aiohttp.client_reqrep.ConnectionKey("metrics.example", 443, True, True, None, None, None, None)
RAISED: Final[list[BaseException]] = [
    KeyError("hook"),
    TimeoutError(),
    asyncio.CancelledError(),
    # What aiohttp raises when the hook itself asks somebody else, who cannot be reached.
    aiohttp.ClientConnectorError(NOWHERE, ConnectionRefusedError("refused")),
    aiohttp.ClientConnectorCertificateError(NOWHERE, ValueError("expired")),
    aiohttp.ClientHttpProxyError(
        aiohttp.RequestInfo(URL("http://metrics"), "POST", CIMultiDictProxy(CIMultiDict())), ()
    ),
    aiohttp.InvalidURL("metrics"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("at", SIGNALS)
async def test_a_hook_that_raises_at_any_place_costs_no_second_post(
    hostile: HostileServer, at: str, error: BaseException
) -> None:
    """The create succeeds, is uncertain, or provably was not sent."""
    service = serve(hostile)
    with told() as said:
        options = {"trace_configs": [raising(error, at)], "send_timeout": 1_000, "cancel_grace": 0.5}
        async with session(hostile, **options) as motion:
            end = await ended(motion.create("first"))  # within the grace, not at the deadline
    assert service.posts["first"] <= 1
    assert isinstance(end, Job | MotionError), repr(end)
    assert isinstance(end, Job | CreateUncertainError) or not service.posts, (end, said)
    await hostile.all_gone()


def broken_after(calls: int, value: Any) -> Callable[[], Any]:
    """Give a function that gives a value so many times, and then raises."""
    made = count()

    def give() -> Any:
        if next(made) >= calls:
            raise ZeroDivisionError("broken")
        return value

    return give


@pytest.mark.parametrize("with_events", [True, False])
@pytest.mark.parametrize(
    ("what", "calls"),
    [*(("now", calls) for calls in range(1, 6)), *(("random", calls) for calls in range(3))],  # 0: no session is made
)
async def test_a_clock_that_breaks_at_any_call_hides_no_id(
    hostile: HostileServer, what: str, calls: int, with_events: bool
) -> None:
    """What a caller's function raises may come out, but not in the place of what is known of the create."""
    service = serve(hostile)
    value = datetime(2026, 4, 28, tzinfo=UTC) if what == "now" else 0.5
    options = {what: broken_after(calls, value)}
    with told() as said:
        async with session(hostile, **options) as motion:
            events = motion.events() if with_events else None
            end = await ended(motion.create("first"))
    del events
    assert service.posts["first"] <= 1
    for job_id in service.made.values():
        assert isinstance(end, CreateUncertainError) or job_id in f"{getattr(end, 'id', '')} {' '.join(said)}", end


# Ctrl-C.


@pytest.fixture
def sockets_left() -> Iterator[None]:
    """Have the server's sockets, which are left when a program is interrupted, found here and in no later test."""
    yield
    gc.collect()


def interrupted(
    act: Callable[[SteppingLoop], None], **options: Any
) -> tuple[Service, list[str], Any, type[BaseException] | None]:
    """Run a create in a program of its own that something ends, and give what came of it."""
    services: list[Service] = []
    ends: list[Any] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        async with hostile_server() as hostile:
            services.append(serve(hostile))
            async with session(hostile, **options) as motion:
                act(loop)
                ends.append(await motion.create("first"))

    raised: type[BaseException] | None = None
    with told(logging.INFO) as said:
        try:
            with asyncio.Runner(loop_factory=SteppingLoop) as runner:
                runner.run(program())
        except (KeyboardInterrupt, SystemExit, _Planned, MotionError, SessionClosedError) as error:
            raised = type(error)
            if isinstance(error, MotionError):
                ends.append(error)
    return services[0], said, ends, raised


def _raise_interrupt() -> None:
    raise KeyboardInterrupt


def _press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("sockets_left")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("how", [_raise_interrupt, _press_ctrl_c], ids=["raised in the loop", "pressed"])
def test_an_interrupt_at_any_step_loses_no_id(how: Callable[[], None]) -> None:
    """The program ends, the POST went out once at most, and the log says what became of it."""
    for step in count():
        assert step < 1_000
        service, said, ends, raised = interrupted(lambda loop, step=step: loop.after(step, how))  # type: ignore[misc]
        assert service.posts["first"] <= 1
        if service.posts and not ends:
            words = " ".join(said)
            assert "made-0" in words or "a job may exist" in words, f"step {step}"
        if ends:
            assert ends[0].id == "made-0"
            break
        assert raised is KeyboardInterrupt
    assert step > 10


class _AtLine:
    """Ends the program at one of the library's lines: the one that comes after so many others."""

    def __init__(self, number: int) -> None:
        self.left = number
        self._before = sys.gettrace()

    def begin(self, _loop: SteppingLoop) -> None:
        sys.settrace(self._enter)

    def end(self) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._pass if f"{os.sep}motion_async{os.sep}" in frame.f_code.co_filename else None

    def _pass(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.left -= 1
            if self.left < 0:
                self.end()
                raise KeyboardInterrupt
        return self._pass


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.usefixtures("sockets_left")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_line_loses_no_id() -> None:
    """Python may end the program between any two lines: the log, read from INFO on, knows the id or that it may be."""
    for number in count():
        assert number < 2_000
        line = _AtLine(number)
        try:
            service, said, ends, _ = interrupted(line.begin)
        finally:
            line.end()
        assert service.posts["first"] <= 1
        if service.posts and not ends:
            words = " ".join(said)
            assert "made-0" in words or "a job may exist" in words, f"line {number}"
        if line.left >= 0:
            break
        gc.collect()
    assert number > 100


@pytest.mark.usefixtures("sockets_left")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, _Planned])
@pytest.mark.parametrize("at", SIGNALS)
def test_an_interrupt_in_a_hook_loses_no_id(at: str, kind: type[BaseException]) -> None:
    """What ends the program where the exchange is made leaves word of what had been sent."""
    service, said, ends, raised = interrupted(lambda _: None, trace_configs=[raising(kind(), at)])
    assert service.posts["first"] <= 1
    assert ends or raised is kind
    if service.posts and not ends:
        words = " ".join(said)
        assert "made-0" in words or "a job may exist" in words
