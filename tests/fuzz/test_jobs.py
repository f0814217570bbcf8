"""Jobs, followups, readers and faults in every order, against a model that knows the service's true history.

hypothesis makes the orders; a loop of virtual time is driven from step to step. By default the orders are the same at
every run; with MOTION_FUZZ=long they are new ones each time, and many more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from typing import Any
from unittest import mock

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from motion_async import (
    Backoff,
    FollowupUncertainError,
    GrowingSchedule,
    Job,
    JobFailedError,
    JobState,
    LearnedSchedule,
    MotionError,
    MotionSession,
    RateLimitedError,
    StatusChange,
    UncertainError,
    VideoRequest,
    WatchEnded,
)
from motion_async.batch.requests import Intake
from motion_async.contract.wire import read_state
from tests.fuzz.service import FAILURES, SUCCESSES, Fault, Service, Version, state_of
from tests.virtual import VirtualLoop

LONG = os.environ.get("MOTION_FUZZ") == "long"
GOING_ON = ("created", "running", "awaiting_user_input", "rendering", "Running")
STATUSES = (*GOING_ON, *SUCCESSES, *SUCCESSES, *FAILURES)
LONGER_THAN_ANY_WAIT = 600.0

poll_faults = st.one_of(
    st.builds(Fault, st.sampled_from(["lost", "500", "503", "unreadable", "another's"]), st.sampled_from([0.0, 20.0])),
    st.builds(Fault, st.just("denied"), st.sampled_from([0.0, 1.0])),
    st.builds(Fault, st.sampled_from(["429", "503"]), retry_after=st.sampled_from([None, 0, 7])),
    st.builds(Fault, st.sampled_from(["none", "stale", "behind"]), st.sampled_from([0.0, 1.0, 29.0])),
)
send_faults = st.one_of(
    st.builds(Fault, st.sampled_from(["none", "lost", "untaken"]), st.sampled_from([0.0, 5.0])),
    st.builds(Fault, st.just("429"), st.sampled_from([0.0, 5.0]), retry_after=st.sampled_from([None, 3])),
    st.builds(Fault, st.just("late"), st.sampled_from([0.5, 5.0, 25.0])),
)


@attrs.define(eq=False)
class Reader:
    """Somebody who follows a job, and what they have seen."""

    job_id: str
    turn: int
    task: asyncio.Task[Any] | None = None
    seen: list[StatusChange] = attrs.field(factory=list)
    missed: StatusChange | None = None
    begins_with_it: bool = False


class Jobs(RuleBasedStateMachine):
    """Steps of the service and of the client, in any order."""

    @initialize()
    def open(self) -> None:
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda _, context: self.trouble.append(context))
        self.trouble: list[dict[str, Any]] = []
        self.told: dict[str, list[StatusChange]] = {}
        self.newest_turn: dict[str, int] = {}
        self.jobs: dict[str, Job] = {}
        self.waits: list[Reader] = []
        self.readers: list[Reader] = []
        self.calls: list[asyncio.Task[Any]] = []
        self.events: list[Any] = []
        self.in_doubt: set[str] = set()
        self.following: Counter[str] = Counter()
        self.schedules = GrowingSchedule(), LearnedSchedule()
        with mock.patch("motion_async.session.Transport", Service):
            self.motion = MotionSession("motion_key", base_url="http://127.0.0.1/", backoff=Backoff(cap=5.0))
            self.run(self.motion.__aenter__())
        self.service: Service = self.motion._client._transport  # type: ignore[assignment, union-attr]
        self.stream = self.loop.create_task(self._read_events())
        self.create()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def _read_events(self) -> None:
        async for event in self.motion.events():
            self.events.append(event)
            if isinstance(event, StatusChange):
                self.told.setdefault(event.job_id, []).append(event)

    # What the service does.

    @rule(data=st.data(), status=st.sampled_from(STATUSES))
    def service_goes_on(self, data: st.DataObject, status: str) -> None:
        """A job takes a step, unless it has ended."""
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        self.service_goes_on_to(job_id, status)

    @rule(data=st.data(), statuses=st.lists(st.sampled_from(GOING_ON), max_size=3), seen=st.booleans())
    def a_turn_ends(self, data: st.DataObject, statuses: list[str], seen: bool) -> None:
        """A job goes on to its end, and the client sees each step or only some."""
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        for status in (*statuses, "completed"):
            self.service_goes_on_to(job_id, status)
            self.run(asyncio.sleep(20.0 if seen else 0.5))

    def service_goes_on_to(self, job_id: str, status: str) -> None:
        if not self.service.jobs[job_id].versions[-1].has_ended:
            self.service.step(job_id, status)

    @rule(data=st.data(), faults=st.lists(poll_faults, min_size=1, max_size=4))
    def polls_will_fail(self, data: st.DataObject, faults: list[Fault]) -> None:
        """The next polls of a job go wrong."""
        self.service.jobs[data.draw(st.sampled_from(sorted(self.jobs)))].faults.extend(faults)

    @rule(fault=send_faults)
    def a_send_will_fail(self, fault: Fault) -> None:
        """The next create or followup goes wrong."""
        self.service.sends.append(fault)

    @rule(data=st.data())
    def somebody_else_follows_up(self, data: st.DataObject) -> None:
        """Another process gives a job a new turn, after both have seen the end of the one before.

        Not while a followup is sent here: if that turn began and ended between a look at the job and the send, nobody
        could tell an old answer, which shows that end, from the end of the followup's own turn.
        """
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        if self.following[job_id]:
            return
        newest, known = self.service.jobs[job_id].versions[-1], self.jobs[job_id].state
        if newest.status in SUCCESSES and known is not None and known.completed_at == newest.completed_at:
            self.service.begin_turn(job_id)

    @rule(seconds=st.sampled_from([0.01, 0.06, 1.0, 3.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        """The loop runs for a while."""
        self.run(asyncio.sleep(seconds))

    # What the client does.

    @precondition(lambda self: len(self.jobs) < 3)
    @rule()
    def create(self) -> None:
        """A job is made, or it is not known whether it was."""
        try:
            job = self.run(self.motion.create("a video"))
        except (UncertainError, RateLimitedError):
            if self.jobs:
                return
            self.service.sends.clear()
            job = self.run(self.motion.create("a video"))
        self.jobs[job.id] = job
        self.newest_turn[job.id] = 0

    @rule(data=st.data(), seconds=st.sampled_from([None, 0.5, 30.0]))
    def follow_up(self, data: st.DataObject, seconds: float | None) -> None:
        """A job is given a new turn, if it may be: as it stands, or some time after it has completed."""
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        if seconds is not None:
            self.service_goes_on_to(job_id, "completed")
            self.run(asyncio.sleep(seconds))
        self.calls.append(self.loop.create_task(self._follow_up(job_id)))

    async def _follow_up(self, job_id: str) -> None:
        self.following[job_id] += 1
        try:
            await self.jobs[job_id].followup("faster")
        except FollowupUncertainError:
            self.in_doubt.add(job_id)
        except MotionError:
            return
        finally:
            self.following[job_id] -= 1
        self.newest_turn[job_id] = max(self.service.taken.get(job_id, 0), self.newest_turn[job_id])

    @rule(data=st.data())
    def take_up(self, data: st.DataObject) -> None:
        """A batch takes a followup up that an earlier run has sent."""
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        versions = self.service.jobs[job_id].versions
        turn = data.draw(st.integers(0, versions[-1].turn))
        if turn:
            before = next(version for version in reversed(versions) if version.turn < turn)
            state = read_state(state_of(job_id, before), asked=job_id)
            intake = Intake(VideoRequest("faster"), job_id=job_id, before=state)
            self.motion._client.take_up(intake, schedule=self.schedules[turn % 2])
            self.newest_turn[job_id] = max(turn, self.newest_turn[job_id])

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """A job is polled directly, beside the loop."""
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        self.calls.append(self.loop.create_task(self._ask(job_id)))

    async def _ask(self, job_id: str) -> None:
        with contextlib.suppress(MotionError):
            await self.jobs[job_id].poll()

    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        """Somebody waits for a job."""
        reader = Reader(job_id := data.draw(st.sampled_from(sorted(self.jobs))), self.newest_turn[job_id])
        reader.task = self.loop.create_task(self.jobs[job_id].wait())
        self.waits.append(reader)

    @rule(data=st.data(), pause=st.sampled_from([0.0, 0.0, 17.0]))
    def read(self, data: st.DataObject, pause: float) -> None:
        """Somebody reads the transitions of a job, at once or slowly."""
        reader = Reader(job_id := data.draw(st.sampled_from(sorted(self.jobs))), self.newest_turn[job_id])
        reader.task = self.loop.create_task(self._read(reader, pause))
        self.readers.append(reader)

    async def _read(self, reader: Reader, pause: float) -> None:
        watched = self.jobs[reader.job_id]._tracked
        reader.missed, reader.begins_with_it = watched.change, watched.current is not None
        async for change in self.jobs[reader.job_id].transitions():
            reader.seen.append(change)
            await asyncio.sleep(pause)

    @precondition(lambda self: self.waits or self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody who follows a job goes away."""
        reader = data.draw(st.sampled_from([*self.waits, *self.readers]))
        reader.task.cancel()

    # What holds at every step.

    def version(self, state: JobState) -> Version | None:
        """Give the version that a state tells of, None for what the answer to a create or followup told."""
        return None if state.updated_at is None else self.service.version_of(state.job_id, state.updated_at)

    @invariant()
    def changes_are_told_in_order_and_once(self) -> None:
        """Each change leads from the one before to another status, and none tells of an older version."""
        for changes in getattr(self, "told", {}).values():
            newest = -1
            previous = None
            for change in changes:
                version = self.version(change.state)
                assert change.previous == previous
                # A turn of which an answer was lost, or another process heard, may begin and end between two polls.
                assert change.current != previous or (change.is_end and version is not None)
                previous = change.current
                if version is not None:
                    assert version.number > newest
                    assert version.status == change.current
                    newest = version.number

    @invariant()
    def every_reader_has_seen_the_same(self) -> None:
        """A reader saw the state that it began with, and from there on what all are told, up to an end."""
        for reader in getattr(self, "readers", ()):
            changes = self.told.get(reader.job_id, [])
            missed = 1 + next((at for at, change in enumerate(changes) if change is reader.missed), -1)
            if not reader.seen or not changes or (reader.missed is not None and not missed):
                continue  # those who are told have not come to where it began
            # What it missed last is no beginning where that is the end of a turn before the newest.
            first = changes[missed - 1 if reader.begins_with_it else missed :][: len(reader.seen)]
            assert not first or reader.seen[0].current == first[0].current
            assert reader.seen[1 : len(first)] == first[1:]
            assert not any(change.is_end for change in reader.seen[:-1])

    @invariant()
    def a_wait_gives_the_end_of_the_newest_turn(self) -> None:
        """What a wait gave is an end, and of no turn before the newest that was known when it began."""
        for reader in getattr(self, "waits", ()):
            task = reader.task
            if task is None or not task.done() or task.cancelled():
                continue
            error = task.exception()
            if error is None:
                version = self.version(task.result())
                assert version is not None
                assert version.status in SUCCESSES
                assert version.turn >= reader.turn
            else:
                if isinstance(error, FollowupUncertainError):
                    assert reader.job_id in self.in_doubt
                    continue
                assert isinstance(error, JobFailedError)
                assert any(v.status in FAILURES for v in self.service.jobs[reader.job_id].versions)

    @invariant()
    def nothing_goes_wrong_in_silence(self) -> None:
        """No watch ends, no call fails in an unknown way, and the loop has nothing to complain of."""
        if not hasattr(self, "events"):
            return
        assert not self.trouble
        for event in self.events:
            if isinstance(event, WatchEnded):
                assert isinstance(event.error, FollowupUncertainError)
                assert event.job_id in self.in_doubt
        for task in self.calls:
            if task.done():
                task.result()

    def teardown(self) -> None:
        """When the service has no more trouble, everybody gets to the end, and every last change has been told."""
        if not hasattr(self, "stream"):
            return
        try:
            self._end_watch()
        finally:
            self.run(self.motion.aclose())
            self.run(asyncio.sleep(0))
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.close()
        assert not left

    def _end_watch(self) -> None:
        self.service.sends.clear()
        self.run(asyncio.sleep(LONGER_THAN_ANY_WAIT))
        for job_id, job in self.service.jobs.items():
            job.faults.clear()
            if not job.versions[-1].has_ended:
                self.service.step(job_id, "completed")
        for job_id in self.jobs:
            if not self.jobs[job_id]._tracked.has_ended:
                self.wait_for(job_id)
        self.run(asyncio.sleep(LONGER_THAN_ANY_WAIT))
        followers = [reader.task for reader in (*self.waits, *self.readers)]
        assert all(task is not None and task.done() for task in (*followers, *self.calls))
        for job_id in self.jobs:
            end = self.told[job_id][-1]
            assert end.is_end
        self.changes_are_told_in_order_and_once()
        self.every_reader_has_seen_the_same()
        self.a_wait_gives_the_end_of_the_newest_turn()
        self.nothing_goes_wrong_in_silence()

    def wait_for(self, job_id: str) -> None:
        reader = Reader(job_id, self.newest_turn[job_id])
        reader.task = self.loop.create_task(self.jobs[job_id].wait())
        self.waits.append(reader)


TestJobs = Jobs.TestCase
TestJobs.pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600 if LONG else 600)]  # type: ignore[attr-defined]
TestJobs.settings = settings(
    max_examples=5_000 if LONG else 400,
    stateful_step_count=50 if LONG else 25,
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, *([Phase.shrink] if LONG else [])],  # making a failure small takes many minutes
)
