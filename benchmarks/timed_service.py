"""A service whose jobs run for as long as it is told, in a process of its own, which counts what it sees of them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import re
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import attrs

from benchmarks.stub import Answers, completed, created, running

__all__ = ["Seen", "TimedService", "timed_service"]

_POLL = re.compile(rb"GET \S*/sessions/([^ /?]+)")


@attrs.frozen
class Seen:
    """What the service has seen since it began anew.

    Args:
        creates: how many have come.
        running: of how many jobs nobody has heard the end.
        watched: how many jobs have been polled since it was told last how long they run.
    """

    creates: int = 0
    running: int = 0
    watched: int = 0


class _Timed(Answers):
    """Answers that a job runs until so many seconds after its create."""

    seconds = 0.0
    begun: dict[str, float] = {}  # noqa: RUF012  # of all connections
    ended: set[str] = set()  # noqa: RUF012
    watched: set[str] = set()  # noqa: RUF012

    def _answer(self, head: bytes) -> None:
        if (found := _POLL.match(head)) is None:
            job_id = f"job-{next(self._numbers)}"
            self.begun[job_id] = time.monotonic()
            self._reply(b"202 Accepted", created(job_id))
            return
        job_id = found[1].decode()
        self.watched.add(job_id)
        if time.monotonic() - self.begun.get(job_id, 0.0) < self.seconds:
            self._reply(b"200 OK", running(job_id))
        else:
            self.ended.add(job_id)
            self._reply(b"200 OK", completed(job_id))

    @classmethod
    def obey(cls, seconds: float | None, anew: bool) -> Seen:
        seen = Seen(len(cls.begun), len(cls.begun.keys() - cls.ended), len(cls.watched))
        if anew:
            cls.begun.clear()
            cls.ended.clear()
        if seconds is not None:
            cls.seconds = seconds
            cls.watched.clear()
        return seen


async def _serve(pipe: Connection) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(_Timed, "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])

    def obey() -> None:
        try:
            told = pipe.recv()
        except EOFError:
            over.set()
            loop.remove_reader(pipe.fileno())
        else:
            pipe.send(_Timed.obey(*told))

    loop.add_reader(pipe.fileno(), obey)
    await over.wait()
    server.close()


def _run(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


class TimedService:
    """The service in the other process.

    Args:
        url: its base URL.
        pipe: the way to it.
    """

    def __init__(self, url: str, pipe: Any) -> None:  # a Connection, or a PipeConnection on Windows
        self.url = url
        self._pipe = pipe

    def seen(self, *, seconds: float | None = None, anew: bool = False) -> Seen:
        """Give what it has seen up to now.

        Args:
            seconds: how long jobs run from now on, those that run already too; as before when None.
            anew: whether it forgets all jobs.
        """
        self._pipe.send((seconds, anew))
        seen: Seen = self._pipe.recv()
        return seen


@contextlib.contextmanager
def timed_service() -> Iterator[TimedService]:
    """Run the service while the block runs.

    Yields:
        The service.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        yield TimedService(f"http://127.0.0.1:{here.recv()}/api/motion", here)
    finally:
        here.close()
        process.join(timeout=10)
