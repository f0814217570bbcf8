"""A day in the life of a session: thousands of jobs, outages of minutes and of hours, followups, passing readers.

On virtual time, with the whole library above the transport and a service in the transport's place. By default 50 jobs
run at a time and 2,500 in all; MOTION_LONG_LIFE=full has 2,000 at a time and 100,000 in all, and takes many minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

import attrs
import pytest

from motion_async import (
    ConnectFailedError,
    ConnectionLostError,
    EventsDropped,
    FollowupUncertainError,
    GrowingSchedule,
    JobStatus,
    MotionError,
    MotionSession,
    StatusChange,
    WaitTimeoutError,
    WatchEnded,
)
from motion_async.contract.protocol import Answer, Call
from tests.virtual import VirtualLoop

FULL = os.environ.get("MOTION_LONG_LIFE") == "full"
PLACES, JOBS = (2_000, 100_000) if FULL else (50, 2_500)
HOUR = 3_600.0
START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
SCHEDULE = GrowingSchedule(first=2, growth=0.2, cap=90)
TAKES = 0.1
"""Seconds that each call takes."""
OUTAGES = {"503": (2 * HOUR, 2.1 * HOUR), "lost": (6 * HOUR, 8.5 * HOUR), "429": (13 * HOUR, 13.2 * HOUR)}
REMEMBERED = PLACES
"""So many jobs with a followup and ends are remembered here; the library's own bounds are reached after the day."""


def now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Course:
    """A job as the service knows it, and all that it has said of it."""

    began_at: float
    seconds: float
    turn: int = 0
    before: dict[str, Any] | None = None
    said: list[str] = attrs.field(factory=lambda: ["queued"])
    answered_at: float | None = None

    def status(self) -> str:
        age = now() - self.began_at
        if age >= self.seconds:
            return "completed"
        return "queued" if age < 4 else "created" if age < 15 else "running"

    def state(self, job_id: str) -> dict[str, Any]:
        status = self.status()
        changed = {"queued": 0.0, "created": 4.0, "running": 15.0, "completed": self.seconds}[status]
        at = (START + timedelta(seconds=self.began_at + changed)).isoformat()
        return {
            "job_id": job_id,
            "status": status,
            "created_at": START.isoformat(),
            "updated_at": at,
            "completed_at": at if status == "completed" else None,
            "error": None,
            "pending_user_input": False,
        }


class Service:
    """The service in the transport's place; it forgets a job when the test has compared what was told of it."""

    polls_at_once = 7_500
    places_to_send = contextlib.nullcontext()

    def __init__(self, **_options: Any) -> None:
        self.courses: dict[str, Course] = {}
        self.chance = random.Random(7)
        self.numbers = itertools.count()
        self.counts: Counter[str] = Counter()
        self.latest = self.earliest = 0.0
        self.punctual: Counter[int] = Counter()

    async def exchange(self, call: Call, exchange: Any = None) -> Answer:
        await asyncio.sleep(TAKES / 2)
        trouble = next((name for name, (begin, end) in OUTAGES.items() if begin <= now() < end), None)
        if trouble is not None:
            self.counts[trouble] += 1
            if call.job_id is not None and call.body is None:
                self.courses[call.job_id].answered_at = None
            if trouble == "lost":
                raise (ConnectFailedError if call.body else ConnectionLostError)("gone", job_id=call.job_id)
            return Answer(int(trouble), b"{}", "5" if trouble == "429" else None)
        status, fields = self._take(call) if call.body is not None else (200, self._poll(call.job_id or ""))
        await asyncio.sleep(TAKES / 2)
        return Answer(status, json.dumps(fields).encode())

    def _take(self, call: Call) -> tuple[int, dict[str, Any]]:
        job_id, before = call.job_id or f"job-{next(self.numbers)}", None
        if call.job_id is not None:
            course = self.courses[call.job_id]
            before = course.state(job_id)
            assert before["status"] == "completed"
        seconds = self.chance.uniform(900, 2_500)
        turn = 0 if before is None else self.courses[job_id].turn + 1
        self.courses[job_id] = Course(now() + TAKES / 2, seconds, turn, before)
        self.counts["followups" if turn else "creates"] += 1
        return 202, {"job_id": job_id, "status": "queued"}

    def _poll(self, job_id: str) -> dict[str, Any]:
        course = self.courses[job_id]
        self.counts["polls"] += 1
        if course.before is not None:
            before, course.before = course.before, None
            course.answered_at = None
            return before  # for a moment the old end stands
        if course.answered_at is not None:
            due = course.answered_at + SCHEDULE.wait(course.answered_at - course.began_at, course.turn)
            late = now() - TAKES / 2 - due
            self.latest, self.earliest = max(late, self.latest), min(late, self.earliest)
            self.punctual[int(now() / HOUR)] += 1
        state = course.state(job_id)
        if state["status"] != course.said[-1]:
            course.said.append(state["status"])
        course.answered_at = None if state["status"] == "completed" else now() + TAKES / 2
        return state

    async def aclose(self) -> None:
        """Close nothing."""


def _fill_caches_of(kind: type[Exception]) -> None:
    """Have it known of an error and all its kinds that they are no mappings.

    `logging` asks that of what it is given. Python keeps the answer for each kind of mapping that this process has,
    so that the first error of a kind costs as many objects as other tests have brought in.
    """
    issubclass(kind, Mapping)
    for one in kind.__subclasses__():
        _fill_caches_of(one)


class Day:
    """What is done in the day, and what is seen of it."""

    def __init__(self, motion: MotionSession, service: Service) -> None:
        self.motion = motion
        self.service = service
        self.told: dict[str, list[str]] = {}
        self.sizes: list[tuple[float, int, int]] = []
        self.chance = random.Random(11)
        self.seen: Counter[str] = Counter()

    async def note_events(self) -> None:
        """Hold what is told of each job against what the service has said of it, turn by turn."""
        async for event in self.motion.events():
            assert not isinstance(event, WatchEnded | EventsDropped)
            if not isinstance(event, StatusChange) or (event.previous is None and event.current.is_terminal):
                continue  # the latter: a job that nobody held any more is taken up to be followed up
            self.told.setdefault(event.job_id, []).append(event.current)
            if event.current.is_terminal:
                assert self.told.pop(event.job_id) == self.service.courses[event.job_id].said
                self.seen["ends"] += 1

    async def note_sizes(self) -> None:
        """Count all objects and all blocks of memory of this process, at every half hour."""
        _fill_caches_of(MotionError)
        while True:
            await asyncio.sleep(HOUR / 2)
            gc.collect()
            self.sizes.append((now(), len(gc.get_objects()), sys.getallocatedblocks()))

    async def come_and_go(self) -> None:
        """Read some job's transitions, or wait for it, for a while; again and again."""
        while True:
            await asyncio.sleep(self.chance.uniform(0, 10))
            job_id = self.chance.choice(list(self.service.courses)) if self.service.courses else None
            if job_id is None or self.service.courses[job_id].status() == "completed":
                continue
            job = self.motion.job(job_id)
            if self.chance.random() < 0.5:
                try:
                    await job.wait(timeout=self.chance.uniform(0, 300))
                except WaitTimeoutError:
                    self.seen["given up"] += 1
                continue
            async with aclosing(job.transitions(timeout=300)) as changes:
                try:
                    async for change in changes:
                        self.seen["read"] += 1
                        if change.current == JobStatus.RUNNING:
                            break
                except WaitTimeoutError:
                    self.seen["given up"] += 1

    async def follow_up(self, job_id: str) -> None:
        """Give a job another turn and wait for its end."""
        try:
            job = await self.motion.followup(job_id, "faster")
        except (ConnectFailedError, ConnectionLostError, FollowupUncertainError):
            self.seen["followups lost"] += 1
        else:
            state = await job.wait()
            course = self.service.courses[job_id]
            assert state.completed_at == START + timedelta(seconds=course.began_at + course.seconds)
            self.seen["followups"] += 1
        del self.service.courses[job_id]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def day(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Day]:
    monkeypatch.setattr("motion_async.session.Transport", Service)
    monkeypatch.setattr("motion_async.polling.loop._MOST_REMEMBERED", REMEMBERED)
    monkeypatch.setattr("motion_async.polling.streams._MAX_ENDS", REMEMBERED)
    async with MotionSession(
        "motion_key",
        base_url="http://127.0.0.1/",
        schedule=SCHEDULE,
        max_polls_per_second=1e6,
        max_connections=10_000,
        random=lambda: 0.5,
        now=lambda: START + timedelta(seconds=now()),
    ) as motion:
        service: Any = motion._client._transport  # type: ignore[union-attr]
        yield Day(motion, service)


def prompts() -> Iterator[str]:
    return (f"video number {number}" for number in range(JOBS))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_day_with_outages_costs_no_memory_loses_no_change_and_keeps_the_schedule(day: Day) -> None:
    """Memory is flat from the second hour on, polls come when they are due, each change is told as it was answered."""
    helpers = [asyncio.create_task(work) for work in (day.note_events(), day.note_sizes())]
    helpers += [asyncio.create_task(day.come_and_go()) for _ in range(20)]
    followups: set[asyncio.Task[None]] = set()
    async with day.motion.generate_many(prompts(), max_active=PLACES) as outcomes:
        async for outcome in outcomes:
            if outcome.error is not None:
                assert isinstance(outcome.error, ConnectFailedError)
                day.seen["never made"] += 1
            elif outcome.index % 4 == 0:
                followups.add(task := asyncio.create_task(day.follow_up(outcome.job_id or "")))
                task.add_done_callback(followups.discard)
            else:
                assert outcome.job_id is not None
                day.seen["made"] += 1
                asyncio.get_running_loop().call_later(1, day.service.courses.pop, outcome.job_id)
    ended_at = now()
    await asyncio.gather(*followups)
    await asyncio.sleep(2)
    for helper in helpers[1:]:
        helper.cancel()
    await asyncio.wait(helpers[1:])
    await day.motion.aclose()
    await helpers[0]
    _hold(day, ended_at)


def _hold(day: Day, ended_at: float) -> None:
    """Hold the day's records against what was promised."""
    if FULL:
        print(f"\nended after {ended_at / HOUR:.1f} h; {day.service.counts}; {day.seen}; {day.sizes}")  # noqa: T201  # a run of its own, for its figures
    assert ended_at > 23 * HOUR
    assert day.told == {}
    assert day.service.counts["creates"] == JOBS - day.seen["never made"]
    assert day.seen["ends"] == day.service.counts["creates"] + day.service.counts["followups"]
    assert min(day.service.counts[name] for name in OUTAGES) > 0
    assert min(day.seen[name] for name in ("given up", "read", "followups")) > 0
    assert -0.01 < day.service.earliest <= day.service.latest < 0.01
    assert day.service.punctual[int(ended_at / HOUR) - 1] > PLACES
    steady = [size for size in day.sizes if HOUR < size[0] < ended_at - HOUR]
    early, late = (
        [size for size in steady if begins * HOUR <= size[0] < (begins + 4) * HOUR]
        for begins in (3, ended_at / HOUR - 6)
    )
    jobs_between = JOBS * (fmean(size[0] for size in late) - fmean(size[0] for size in early)) / ended_at
    for which, of_each_job in ((1, 0.1), (2, 0.5)):
        first = steady[0][which]
        assert max(size[which] for size in steady) < 1.05 * first, day.sizes
        left = fmean(size[which] for size in late) - fmean(size[which] for size in early)
        assert left < of_each_job * jobs_between, day.sizes  # were each to leave one behind, it would be one
