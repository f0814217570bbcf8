"""A service whose every step a test decides, and the transport that carries calls to it on virtual time.

It keeps the true history of each job, version by version, and can answer with any version of it. It must know
nothing of how the client judges answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from motion_async.contract.protocol import Answer, Call
from motion_async.errors import ConnectionLostError

__all__ = ["FAILURES", "SUCCESSES", "Fault", "Service", "Version", "state_of"]

START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
SUCCESSES = ("completed", "Succeeded")
FAILURES = ("failed", "cancelled")


@attrs.frozen
class Version:
    """A job at one moment of its true history."""

    number: int
    turn: int
    status: str
    updated_at: datetime
    completed_at: datetime | None

    @property
    def has_ended(self) -> bool:
        return self.status in SUCCESSES + FAILURES


@attrs.frozen
class Fault:
    """What happens to a call: it takes so long, and brings a status, a lost connection or an older version."""

    kind: str
    seconds: float = 0.0
    retry_after: int | None = None


@attrs.define
class _Job:
    versions: list[Version] = attrs.field(factory=list)
    faults: deque[Fault] = attrs.field(factory=deque)
    unreadable: int = 0
    denied: int = 0


class Service:
    """The jobs of a service; made in the place of `Transport`, whose options it takes.

    Attributes:
        taken: the turn of each job that the newest send began which was taken.
    """

    polls_at_once = 75
    places_to_send = contextlib.nullcontext()

    def __init__(self, **_options: Any) -> None:
        self.jobs: dict[str, _Job] = {}
        self.sends: deque[Fault] = deque()
        self.creates = 0
        self.taken: dict[str, int] = {}
        self._steps = 0

    def begin_turn(self, job_id: str) -> None:
        """Take a create or a followup."""
        job = self.jobs.setdefault(job_id, _Job())
        turn = job.versions[-1].turn + 1 if job.versions else 0
        self._add(job, turn, "queued")

    def step(self, job_id: str, status: str) -> None:
        """Have a job change, within its turn."""
        job = self.jobs[job_id]
        self._add(job, job.versions[-1].turn, status)

    def _add(self, job: _Job, turn: int, status: str) -> None:
        self._steps += 1
        now = START + timedelta(seconds=self._steps)
        completed_at = now if status in SUCCESSES else None
        if status == "rendering":  # it still has the time of the turn before
            completed_at = next((one.completed_at for one in reversed(job.versions) if one.turn < turn), None)
        job.versions.append(Version(len(job.versions), turn, status, now, completed_at))

    def version_of(self, job_id: str, updated_at: datetime) -> Version:
        """Give the version that changed at a moment."""
        return next(version for version in self.jobs[job_id].versions if version.updated_at == updated_at)

    async def exchange(self, call: Call, exchange: Any = None) -> Answer:
        """Carry a call to the service and bring back what the test has ordered."""
        if call.body is not None:
            exchange.leaves()
            return await self._send(call)
        assert call.job_id is not None
        job = self.jobs[call.job_id]
        fault = job.faults.popleft() if job.faults else Fault("none")
        seen = _seen(job.versions, fault)
        await asyncio.sleep(0.05 + fault.seconds)
        if job.versions[-1].turn > seen.turn + 1:
            fault = Fault("lost")  # no answer takes as long as a whole turn
        if fault.kind == "denied" and job.denied < 2:  # three may be believed
            job.denied += 1
            return _answer(404, b"{}")
        job.unreadable = job.unreadable + 1 if fault.kind in ("unreadable", "another's") else 0
        if job.unreadable == 5:  # one less than ends a watch
            job.unreadable = 0
        elif fault.kind == "unreadable":
            return _answer(200, b"<html>")
        elif fault.kind == "another's":
            return _answer(200, state_of("another", seen))
        if fault.kind == "lost":
            raise ConnectionLostError("lost", job_id=call.job_id)
        if fault.kind.isdecimal():
            return _answer(int(fault.kind), b"{}", retry_after=fault.retry_after)
        job.denied = 0
        return _answer(200, state_of(call.job_id, seen))

    async def _send(self, call: Call) -> Answer:
        fault = self.sends.popleft() if self.sends else Fault("none")
        if fault.kind != "late":
            await asyncio.sleep(0.05 + fault.seconds)
        if fault.kind.isdecimal():
            return _answer(int(fault.kind), b"{}", retry_after=fault.retry_after)
        job_id = call.job_id
        if job_id is None:
            self.creates += 1
            job_id = f"job-{self.creates}"
        elif self.jobs[job_id].versions[-1].status not in SUCCESSES:
            return _answer(409, b"{}")
        if fault.kind == "untaken":
            raise ConnectionLostError("lost", job_id=call.job_id)
        self.begin_turn(job_id)
        self.taken[job_id] = self.jobs[job_id].versions[-1].turn
        if fault.kind == "late":  # the turn goes on, and may end, before this is heard of
            await asyncio.sleep(0.05 + fault.seconds)
        if fault.kind == "lost":
            raise ConnectionLostError("lost", job_id=call.job_id)
        return _answer(202, json.dumps({"job_id": job_id, "status": "queued"}).encode())

    async def aclose(self) -> None:
        """Close nothing."""


def _seen(versions: list[Version], fault: Fault) -> Version:
    """Give the version that an answer tells of: the newest, the one before, or the end that a followup has found."""
    newest = versions[-1]
    if fault.kind == "stale" and newest.turn and not newest.has_ended:
        return next(version for version in reversed(versions) if version.turn < newest.turn)
    return versions[-2] if fault.kind == "behind" and len(versions) > 1 else newest


def _answer(status: int, body: bytes, *, retry_after: int | None = None) -> Answer:
    return Answer(status, body, None if retry_after is None else str(retry_after))


def state_of(job_id: str, seen: Version) -> bytes:
    """Give the body of an answer that tells of a version."""
    fields = {
        "job_id": job_id,
        "status": seen.status,
        "created_at": START.isoformat(),
        "updated_at": seen.updated_at.isoformat(),
        "completed_at": seen.completed_at.isoformat() if seen.completed_at else None,
        "error": "no cats" if seen.status in FAILURES else None,
        "pending_user_input": seen.status == "awaiting_user_input",
    }
    return json.dumps(fields).encode()
