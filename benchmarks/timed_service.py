"""A service whose jobs run for as long as it is told, in a process of its own, which counts what it sees of them."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from benchmarks.apart import service_apart
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
    def obey(cls, told: tuple[float | None, bool]) -> Seen:
        """Give what was seen; let jobs run for so many seconds from now on, and forget all if it is to begin anew."""
        seconds, anew = told
        seen = Seen(len(cls.begun), len(cls.begun.keys() - cls.ended), len(cls.watched))
        if anew:
            cls.begun.clear()
            cls.ended.clear()
        if seconds is not None:
            cls.seconds = seconds
            cls.watched.clear()
        return seen


class TimedService:
    """The service in the other process.

    Args:
        url: its base URL.
        tell: tells it something, and gives its answer.
    """

    def __init__(self, url: str, tell: Callable[[Any], Any]) -> None:
        self.url = url
        self._tell = tell

    def seen(self, *, seconds: float | None = None, anew: bool = False) -> Seen:
        """Give what it has seen up to now.

        Args:
            seconds: how long jobs run from now on, those that run already too; as before when None.
            anew: whether it forgets all jobs.
        """
        seen: Seen = self._tell((seconds, anew))
        return seen


@contextlib.contextmanager
def timed_service() -> Iterator[TimedService]:
    """Run the service while the block runs.

    Yields:
        The service.
    """
    with service_apart(_Timed) as (url, tell):
        yield TimedService(url, tell)
