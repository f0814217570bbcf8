"""An event loop that does something after a given number of its steps, and a small service to be cut off from.

A step is one round of the loop, in which each task that is ready goes on to its next await; no time is waited for
and nothing spins, so cutting after 0, 1, 2 … steps cuts at every await there is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from motion_async import Backoff, GrowingSchedule, MotionSession
from tests.hostile.hostile_server import KEY, HostileServer, Peer, http, state

in_strides = pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.slow)])
"""For a test that tries one place after the other: each third one, and all of them where there is time."""
FINISHED: Final = "finished-job"
RUNNING: Final = "running-job"


class SteppingLoop(asyncio.SelectorEventLoop):
    """Calls a function between two rounds, after a number of them."""

    _left = -1
    _act: Callable[[], object] | None = None

    def after(self, steps: int, act: Callable[[], object]) -> None:
        """Call `act` between two rounds, as soon as so many have passed; what was to be called before is forgotten."""
        self._left, self._act = steps, act

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]  # asyncio's own, which has no public name
        if self._act is not None:
            self._left -= 1
            if self._left < 0:
                act, self._act = self._act, None
                act()


class Service:
    """The service in a few lines: a job runs when it is polled first, and is completed at the next poll.

    Attributes:
        made: the id of each job that was made, by its prompt.
        posts: how often each prompt came.
    """

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.posts: Counter[str] = Counter()
        self._polls: Counter[str] = Counter({FINISHED: 1})
        self._turns: Counter[str] = Counter()

    def answer(self, request: bytes) -> bytes:
        method, path = request.split(b" ", 2)[:2]
        segments = path.decode().split("/")[3:]  # after /api/motion
        if method == b"GET":
            return http(self._state(segments[1]))
        prompt = json.loads(request.split(b"\r\n\r\n", 1)[1])["prompt"]
        self.posts[prompt] += 1
        if len(segments) == 1:
            self.made[prompt] = f"made-{len(self.made)}"
            return http(state("queued", self.made[prompt]), status=b"202 Accepted")
        self._polls[segments[1]] = 0
        self._turns[segments[1]] += 1
        return http(state("queued", segments[1]))

    def _state(self, job_id: str) -> bytes:
        self._polls[job_id] += 1
        if self._polls[job_id] == 1:
            return state("running", job_id)
        return state("completed", job_id).replace(b"23:05:00", b"23:05:%02d" % self._turns[job_id])


def serve(hostile: HostileServer) -> Service:
    """Have a hostile server be good from now on, and give what it does."""
    service = Service()

    async def script(peer: Peer) -> None:
        await peer.say(service.answer(hostile.requests[-1]))

    hostile.script = script
    return service


def session(hostile: HostileServer, **options: Any) -> MotionSession:
    """Give a session that polls as soon as it may."""
    quick: dict[str, Any] = {
        "base_url": hostile.url,
        "schedule": GrowingSchedule(first=0.001, growth=0, cap=0.001),
        "backoff": Backoff(first=0, cap=0),
        "max_polls_per_second": 1_000_000,
        "exchange_timeout": 20,
        "send_timeout": 20,
        "cancel_grace": 20,
    }
    return MotionSession(KEY, **quick | options)


@contextmanager
def told(level: int = logging.WARNING) -> Iterator[list[str]]:
    """Collect what the library's log says from a level on."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log, listener = logging.getLogger("motion_async"), Listener(level)
    before = log.level
    log.setLevel(level)
    log.addHandler(listener)
    try:
        yield said
    finally:
        log.setLevel(before)
        log.removeHandler(listener)


async def ended(awaitable: Awaitable[Any]) -> Any:
    """Give what it gives, or the exception that it raises, be it a cancellation; nothing hangs for ever."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.wait([task], timeout=30)
    assert task.done()
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()
