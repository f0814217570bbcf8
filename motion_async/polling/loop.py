"""The one poll loop of a session: which job is polled when, and who hears of what was seen.

A heap of due times and a bounded number of workers serve every watched job: a job costs an entry and a waiting
coroutine a future, never a task, a timer or a scope. Whoever observes a job is told when it has news; nobody is waited
for. What an answer changes is decided by the job itself. Nothing here knows of HTTP: polling is a coroutine function
handed in.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final
from weakref import WeakSet, WeakValueDictionary

from motion_async.canonical import canonical_job_id
from motion_async.contract.protocol import is_passing
from motion_async.errors import ConfigurationError, MotionError, ServiceError, UnexpectedResponseError
from motion_async.events import Event, PollDisturbed, SessionSlowed, WatchEnded
from motion_async.jobs import JobState, StatusChange
from motion_async.loops import HomeLoop
from motion_async.polling.freshness import is_stale
from motion_async.polling.lingering import UndocumentedStatuses
from motion_async.polling.tracked import IN_FLIGHT, UNSCHEDULED, TrackedJob
from motion_async.timing.backoff import Backoff
from motion_async.timing.pace import EARLY, Lane, Pace
from motion_async.timing.schedule import Schedule, jittered

__all__ = ["MAX_UNCHANGED", "MAX_UNREADABLE", "PollLoop"]

MAX_UNREADABLE: Final = 5
"""So many answers in a row that cannot be read end a watch."""
MAX_UNCHANGED: Final = 3
"""So many answers with the end that a followup found end a watch, if nobody knows whether the service took that."""
_MOST_REMEMBERED: Final = 4_096
"""So many jobs with a followup are kept in mind, the latest ones, whether anyone holds them or not."""
_TOLD_AT_ONCE: Final = 500
"""So many jobs hear in one step that the loop has ended; with all of 100,000 in one, nothing else ran for seconds."""


class PollLoop:
    """Polls every followed job when it is due, within the session's pace.

    Args:
        poll: makes one GET and gives the state, or raises a `MotionError`.
        publish: told of every event.
        schedule: how long a job is left alone.
        pace: how fast the whole session may go.
        backoff: how long a job is left alone after a failed poll.
        max_in_flight: the most polls at one time.
        now: gives the time as an aware datetime.
        random: gives a number from 0 to 1.
    """

    def __init__(
        self,
        poll: Callable[[str], Awaitable[JobState]],
        publish: Callable[[Event], None],
        *,
        schedule: Schedule,
        pace: Pace,
        backoff: Backoff,
        max_in_flight: int,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._poll = poll
        self._publish = publish
        self._schedule = schedule
        self._pace = pace
        self._lane = Lane(pace)
        self._backoff = backoff
        self._max_in_flight = max_in_flight
        self._now = now
        self._random = random
        self.home = HomeLoop("the session")
        self._loop = asyncio.get_running_loop()
        # Weakly, so that a session which has made a million jobs keeps those that somebody still follows.
        self._held: WeakValueDictionary[str, TrackedJob] = WeakValueDictionary()
        self._remembered: OrderedDict[str, TrackedJob] = OrderedDict()
        # By their moments; of a job's entries only the newest counts, as a heap gives none out of its middle.
        self._due: list[tuple[float, int, TrackedJob]] = []
        self._entries = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._closed = False
        self._listening = 0
        self._dormant: WeakSet[TrackedJob] = WeakSet()
        # Of no caller's, as the loop outlives the one who follows the first job: neither its spans nor what it holds.
        self._context = contextvars.Context()
        self._undocumented = UndocumentedStatuses()

    # The jobs, and who follows them.

    def job(self, job_id: str) -> TrackedJob:
        """Give the object of a job, the same one for everyone as long as anyone holds it."""
        job_id = canonical_job_id(job_id)
        # An id that cannot be hashed, such as a list, would raise here, and not in the words of the validation.
        job = self._held.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            job = TrackedJob(job_id, began_at=self._loop.time(), schedule=self._schedule)
            self._held[job_id] = job
        return job

    def jobs(self) -> list[TrackedJob]:
        """Give every job that anyone holds."""
        # Its list is made in one step, which no other thread gets into; `values` goes from one to the next.
        return [job for reference in self._held.valuerefs() if (job := reference()) is not None]

    def _remember(self, job: TrackedJob) -> None:
        """Keep a job with a followup, held or not: the end that the followup found must not count for its turn."""
        self._remembered[job.job_id] = job
        self._remembered.move_to_end(job.job_id)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def follow(self, job: TrackedJob) -> None:
        """Have a job polled until it ends, or until `unfollow` has been called as often as this."""
        if self._closed:
            raise job.closed_error()
        job.followers += 1
        if job.entry == UNSCHEDULED or job.error is not None:  # else it is watched: many followers come at once
            self._begin_watch(job)

    def _begin_watch(self, job: TrackedJob) -> None:
        if job.error is not None:
            job.error, job.failures, job.unreadable = None, 0, 0
        self._schedule_poll(job)

    def unfollow(self, job: TrackedJob) -> None:
        """Take back one `follow`."""
        # It stays in the queue: `_take_due` drops it when it comes to the front, which spares a search of the heap.
        job.followers -= 1

    def cover(self, job: TrackedJob) -> None:
        """Have a job polled until it ends while anyone listens, or until `uncover` has been called as often as this."""
        job.listeners += 1
        self._begin_watch(job)

    def uncover(self, job: TrackedJob) -> None:
        """Take back one `cover`."""
        job.listeners -= 1

    def listen(self) -> None:
        """Have all covered jobs polled until `unlisten` has been called as often as this."""
        self._listening += 1
        if self._listening == 1 and self._dormant:
            dormant, self._dormant = self._dormant, WeakSet()
            for job in dormant:
                self._schedule_poll(job)

    def unlisten(self) -> None:
        """Take back one `listen`."""
        self._listening -= 1

    def _is_wanted(self, job: TrackedJob) -> bool:
        """Whether anyone wants a job polled that has not ended."""
        is_followed = job.followers > 0 or (job.listeners > 0 and self._listening > 0)
        return is_followed and not job.has_ended and job.error is None

    # What is seen of a job.

    def change_schedule(self, job: TrackedJob, schedule: Schedule) -> None:
        """Give a job another schedule; if that asks for a sooner poll, it counts at once."""
        job.use_schedule(schedule)
        self._schedule_poll(job, sooner=True)

    def begin_turn(
        self,
        job: TrackedJob,
        accepted: JobState,
        *,
        before: JobState | None,
        turn: int | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        """Note that the service took a create, or a followup that found the state `before`: a turn begins.

        `turn` is the job's turn in which the followup found that, the newest one when None. A `schedule` takes the
        place of the job's own from now on.
        """
        if schedule is not None:
            job.use_schedule(schedule)
        job.trust()
        if before is None and job.state is not None:
            return  # the service gave a create the id of a job that is known here: nothing has begun
        if before is not None and job.has_seen_turn(before, turn):
            job.unchanged = None
            self._schedule_poll(job, sooner=True)
            return
        now = self._loop.time()
        job.begin_turn(before, now=now)
        if before is not None:
            self._remember(job)
        # A poll may have seen the job at work before its 202 was read: `queued` now would be a step back.
        if job.state is None or job.state.has_ended:
            self._take_in(job, accepted, now)
        self._schedule_poll(job, anew=True)

    def doubt_turn(self, job: TrackedJob, *, before: JobState, turn: int) -> None:
        """Note that nobody knows whether the service took a followup, so that the end it found is in doubt.

        Polls clear that up: another end or a job at work is news, and the same end again and again ends the watch.
        """
        if not job.has_seen_turn(before, turn):
            job.doubt_turn(before)
            self._remember(job)
            self._schedule_poll(job, anew=True)

    def resume_turn(self, job: TrackedJob, *, before: JobState) -> None:
        """Note that a followup of an earlier run began a turn: the end that it found does not count for that turn."""
        if job.resume_turn(before):
            self._remember(job)

    def observe(self, job: TrackedJob, seen: JobState) -> None:
        """Take an answer of the service into account, whoever asked for it, and tell all observers of a change."""
        job.forget_failures()
        seen = job.without_earlier_end(seen)
        if not is_stale(seen, known=job.state, before=job.before):
            now = self._loop.time()
            # Before the state counts, which may begin another turn: the schedule is to learn of this one.
            job.teach(seen, now=now)
            self._take_in(job, seen, now)
            if (event := self._undocumented.note(job, seen, now=now)) is not None:
                self._publish(event)
        elif job.unchanged is not None and seen.has_ended:
            job.unchanged += 1
            if job.unchanged >= MAX_UNCHANGED and self._is_wanted(job):
                self._end_watch(job, job.unchanged_error())

    def _take_in(self, job: TrackedJob, seen: JobState, now: float) -> None:
        known = job.state
        if job.take_in(seen, now=now):
            previous = None if known is None else known.status
            change = StatusChange(job.job_id, previous, seen.status, seen, self._now())
            self._publish(change)
            job.notify(change)
        elif known is not None and known.pending_user_input != seen.pending_user_input:
            job.notify()

    def slow_down(self, error: MotionError, *, sent_at: float) -> None:
        """Slow all polls if an error says that the service wants fewer calls."""
        if not isinstance(error, ServiceError) or (error.http_status != 429 and error.retry_after is None):
            return
        now = self._loop.time()
        if self._pace.slow_down(sent_at=sent_at, now=now, retry_after=error.retry_after):
            self._publish(SessionSlowed(self._pace.rate(now), max(self._pace.opens_at - now, 0.0)))

    def count_watched(self) -> int:
        """Count the jobs that somebody wants polled, in whatever thread: gauges are read in one of their own."""
        return sum(map(self._is_wanted, self.jobs()))

    def rest_of_pause(self) -> float | None:
        """Give the seconds that are left of a pause that the service has asked for, None if it wants none now."""
        rest = self._pace.resumes_at - self._loop.time()
        return rest if rest > EARLY else None

    async def aclose(self) -> None:
        """End the loop: everyone who waits gets a `SessionClosedError`, and every worker ends."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._due.clear()
        for worker in self._workers:
            worker.cancel()
        jobs = self.jobs()
        try:
            while len(jobs) > _TOLD_AT_ONCE:
                self._notify_of_closing(jobs[-_TOLD_AT_ONCE:])
                del jobs[-_TOLD_AT_ONCE:]
                await asyncio.sleep(0)
        finally:
            self._notify_of_closing(jobs)
        if self._workers:
            await asyncio.wait(self._workers)

    def _notify_of_closing(self, jobs: Iterable[TrackedJob]) -> None:
        for job in jobs:
            # A watch that had failed before keeps its own reason.
            job.error = job.error or job.closed_error()
            job.notify()

    # When each job is polled.

    def _schedule_poll(self, job: TrackedJob, *, anew: bool = False, sooner: bool = False) -> None:
        """Set the moment of a wanted job's next poll, unless it is set already or a poll is under way.

        With `anew` a moment that is set gives way, with `sooner` only to an earlier one.
        """
        is_there = job.entry != UNSCHEDULED
        if (is_there and not (anew or sooner)) or job.entry == IN_FLIGHT or self._closed:
            return
        if not self._is_wanted(job):
            if job.listeners > 0 and not is_there:
                self._dormant.add(job)
            return
        now = self._loop.time()
        if job.due < math.inf and not (is_there or anew or sooner):
            due = max(job.due, now)  # it waits after a failure, or nobody wanted it polled when it was due
        elif job.state is None and job.before is None:
            due = now  # a job that was taken up by its id: nothing is known of it yet
        else:
            try:
                due = now + jittered(job.schedule, age=now - job.began_at, turn=job.turn, u=self._random())
            except Exception as error:  # noqa: BLE001  # the caller's schedule or chance may raise anything
                self._end_watch(job, _caller_mistake(job, error))
                return
        if not is_there or anew or due < job.due:
            self._entries += 1
            job.entry, job.due = self._entries, due
            heapq.heappush(self._due, (due, job.entry, job))
            if self._due[0][1] == job.entry:
                self._wake_at(due)

    def _wake_at(self, moment: float) -> None:
        """Have a worker started at a moment, unless one is to be started before."""
        if self._timer is not None:
            if self._wakes_at <= moment:
                return
            self._timer.cancel()
        self._wakes_at = moment  # not asked of the handle: for a moment that has come, uvloop's has no time
        self._timer = self._loop.call_at(moment, self._wake, context=self._context)

    def _wake(self) -> None:
        self._timer = None
        if len(self._workers) < self._max_in_flight and not self._closed:
            # Not the loop's own way: an eager task factory would run the worker right here.
            worker = asyncio.Task(self._work(), loop=self._loop, name="motion_async.poll", context=self._context)
            self._workers.add(worker)
            worker.add_done_callback(self._forget_worker)

    def _forget_worker(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if self._due and self._timer is None:
            # A stranger has cancelled it, or its successor's moment came before it was forgotten.
            self._wake_at(self._due[0][0])

    async def _work(self) -> None:
        """Poll whichever job is due, one after the other, until none is."""
        while (job := self._take_due(sent_at := self._loop.time())) is not None:
            try:
                try:
                    seen = await self._poll(job.job_id)
                except MotionError as error:
                    self._handle_failure(job, error, sent_at=sent_at)
                else:
                    self.observe(job, seen)
            except Exception as error:  # noqa: BLE001  # of the caller's: it ends this watch alone
                self._end_watch(job, _caller_mistake(job, error))
            finally:
                # In flight up to here: what observers follow anew must not be scheduled twice. If this worker was
                # cancelled in the middle, another one makes the poll.
                job.entry = UNSCHEDULED
                self._schedule_poll(job)

    def _take_due(self, now: float) -> TrackedJob | None:
        """Take the next job that may be polled now; if there is none, have a worker started when there is."""
        due = self._due
        while due:
            moment, entry, job = due[0]
            if entry != job.entry:
                heapq.heappop(due)  # it is to be polled at another moment
            elif not self._is_wanted(job):
                heapq.heappop(due)
                job.entry = UNSCHEDULED
                if job.listeners > 0:
                    self._dormant.add(job)
            elif moment > now + EARLY:
                self._wake_at(moment)
                break
            elif wait := self._lane.wait(now):
                self._wake_at(now + wait)
                return None
            else:
                heapq.heappop(due)
                job.entry, job.due = IN_FLIGHT, math.inf
                if due and len(self._workers) < self._max_in_flight:
                    # Each worker sets the next one going: there are as many as polls are due, without a count of them.
                    self._wake_at(due[0][0])
                return job
        self._lane.give_back()
        return None

    def _handle_failure(self, job: TrackedJob, error: MotionError, *, sent_at: float) -> None:
        """Poll again later if the trouble may pass, else end the watch."""
        self.slow_down(error, sent_at=sent_at)
        now = self._loop.time()
        job.failures += 1
        job.unreadable = job.unreadable + 1 if isinstance(error, UnexpectedResponseError) else 0
        job.count_refusal(error, now=now)
        may_pass = is_passing(error) or job.doubts(error, now=now)
        if not may_pass or job.unreadable >= MAX_UNREADABLE:
            self._end_watch(job, error)
            return
        retry_after = error.retry_after if isinstance(error, ServiceError) else None
        delay = self._backoff.delay(job.failures, u=self._random(), retry_after=retry_after)
        self._publish(PollDisturbed(job.job_id, error, job.failures, delay))
        # Kept when the poll is scheduled, as the job is in no queue: the backoff holds, whoever else follows it.
        job.due = now + delay

    def _end_watch(self, job: TrackedJob, error: MotionError) -> None:
        error.job_id = error.job_id or job.job_id
        job.error = error
        self._publish(WatchEnded(job.job_id, error))
        job.notify()


def _caller_mistake(job: TrackedJob, error: Exception) -> ConfigurationError:
    """Give the error that ends a watch when something of the caller's has raised, such as a clock or a schedule."""
    if isinstance(error, ConfigurationError):
        return error
    failure = ConfigurationError(f"what was handed in to watch job {job.job_id} with raised {error!r:.200}")
    failure.__cause__ = error
    return failure
