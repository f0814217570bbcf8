"""`python -m benchmarks load`: 10,000 jobs in flight on real sockets, and a service that has had enough for a while.

What the loop's lag is, as a ticker of 5 ms feels it, idle and while the jobs are polled as fast as the session may;
how many connections the service saw at most; and how many requests came in each second before, in and after a time in
which it answered 429 to all. The service is a process of its own, which counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs

from benchmarks.apart import service_apart
from benchmarks.arms import KEY
from benchmarks.lateness import lateness
from benchmarks.reporting import spread
from benchmarks.stub import Answers
from motion_async import GrowingSchedule, MotionSession

__all__ = ["Counted", "Service", "counting_service", "run", "table", "watching"]

_REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
"""Without a Retry-After: how many fewer requests come is the client's own judgement."""
_OFTEN = GrowingSchedule(first=0.5, growth=0, cap=0.5)
"""Has each job due twice a second, so that 10,000 want far more than a session may poll."""
_PHASES = ("before", "in", "after")
"""The time in which the service refuses, and what lies around it."""


@attrs.frozen
class Counted:
    """What the service has counted.

    Args:
        requests: that have come.
        connections: that are open.
        most_connections: that have been open at one time.
    """

    requests: int
    connections: int
    most_connections: int


class _Counting(Answers):
    """Counts, and answers 429 for as long as it is told to."""

    refuses = False
    requests = 0
    connections = 0
    most_connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        _Counting.connections += 1
        _Counting.most_connections = max(_Counting.most_connections, _Counting.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        _Counting.connections -= 1

    def _answer(self, head: bytes) -> None:
        _Counting.requests += 1
        if not _Counting.refuses:
            super()._answer(head)
            return
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(_REFUSAL)

    @classmethod
    def obey(cls, told: bool) -> Counted:
        """Refuse all from now on, or none, and give what was counted."""
        _Counting.refuses = told
        return Counted(_Counting.requests, _Counting.connections, _Counting.most_connections)


class Service:
    """The service in the other process.

    Args:
        url: its base URL.
        tell: tells it something, and gives its answer.
    """

    def __init__(self, url: str, tell: Callable[[Any], Any]) -> None:
        self.url = url
        self._tell = tell

    def counted(self, *, refuses: bool = False) -> Counted:
        """Give what it has counted up to now.

        Args:
            refuses: whether it answers 429 to all from now on.
        """
        counted: Counted = self._tell(refuses)
        return counted


@contextlib.contextmanager
def counting_service() -> Iterator[Service]:
    """Run the service while the block runs.

    Yields:
        The service.
    """
    with service_apart(_Counting) as (url, tell):
        yield Service(url, tell)


@contextlib.asynccontextmanager
async def watching(url: str, jobs: int, **options: Any) -> AsyncIterator[MotionSession]:
    """Watch so many jobs that run, with one reader of all events, each polled twice a second if the pace allows.

    Args:
        url: the service's base URL.
        jobs: how many.
        options: further ones of the session.

    Yields:
        The session, whose jobs have all been seen.
    """

    async def read() -> None:
        async for _ in motion.events():
            pass

    async with MotionSession(KEY, base_url=url, schedule=_OFTEN, **options) as motion:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        followed = [motion.job(str(uuid.UUID(int=number))) for number in range(jobs)]
        for job in followed:
            await anext(job.transitions())
        yield motion
    await reader


async def _measure(service: Service, jobs: int, connections: int, pace: float, seconds: int) -> dict[str, Any]:
    lag = {"idle": await lateness(asyncio.sleep(seconds))}
    a_second: dict[str, list[int]] = {}
    async with watching(service.url, jobs, max_connections=connections, max_polls_per_second=pace):
        lag["in_flight"] = await lateness(asyncio.sleep(seconds))
        for phase in _PHASES:
            refuses, before = phase == "in", service.counted(refuses=phase == "in")
            for _ in range(seconds):
                await asyncio.sleep(1)
                counted = service.counted(refuses=refuses)
                a_second.setdefault(phase, []).append(counted.requests - before.requests)
                before = counted
        most = service.counted().most_connections
    return {"lag_milliseconds": lag, "requests_a_second": a_second, "most_connections": most}


def run(
    *, rounds: int = 1, jobs: int = 10_000, connections: int = 50, pace: float = 1_000.0, seconds: int = 5
) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often all is measured, each time with a service and a session of its own.
        jobs: how many are in flight.
        connections: the session's bound of them.
        pace: the session's bound of polls a second.
        seconds: how long each part takes.
    """
    found: list[dict[str, Any]] = []
    for _ in range(rounds):
        with counting_service() as service:
            found.append(asyncio.run(_measure(service, jobs, connections, pace, seconds)))
    lag = [of["lag_milliseconds"] for of in found]
    return {
        "rounds": rounds,
        "jobs": jobs,
        "max_connections": connections,
        "max_polls_per_second": pace,
        "lag_milliseconds": {
            when: {which: spread([of[when][which] for of in lag]) for which in cuts} for when, cuts in lag[0].items()
        },
        "most_connections": max(of["most_connections"] for of in found),
        "requests_a_second": {phase: [of["requests_a_second"][phase] for of in found] for phase in _PHASES},
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    pace = f"at most {figures['max_polls_per_second']:,.0f} polls a second"
    rows = [f"load ({figures['jobs']:,} jobs in flight, {pace}, medians of {figures['rounds']} rounds)"]
    for when, lag in figures["lag_milliseconds"].items():
        shown = "  ".join(f"{which} {of['median']:6.2f} ms" for which, of in lag.items())
        rows.append(f"  lag of the loop, {when.replace('_', ' '):9}  {shown}")
    rows.append(f"  connections: {figures['most_connections']} at most, of {figures['max_connections']}")
    for phase, rounds in figures["requests_a_second"].items():
        for counts in rounds:
            row = ", ".join(f"{count:,}" for count in counts)
            rows.append(f"  requests a second, {phase:6} the time of 429s: {row}")
    return "\n".join(rows)
