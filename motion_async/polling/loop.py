"""The one poll loop of a session.

A heap of due times and a bounded number of workers serve every watched job: a job costs an entry
and a waiting coroutine a future, never a task, a timer or a scope. Whoever observes a job is told when it has
news; nobody is waited for. It knows nothing of HTTP: polling is a coroutine function handed in.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from weakref import WeakSet

from motion_async.contract.protocol import is_passing
from motion_async.errors import (
    ConfigurationError,
    MotionError,
    ServiceError,
    UnexpectedResponseError,
)
from motion_async.events import Event, PollDisturbed, SessionSlowed, WatchEnded
from motion_async.jobs import JobState, StatusChange
from motion_async.loops import HomeLoop
from motion_async.polling.due import DueQueue
from motion_async.polling.freshness import is_older, is_stale
from motion_async.polling.known import KnownJobs
from motion_async.polling.tracked import IN_FLIGHT, UNSCHEDULED, TrackedJob
from motion_async.timing.learned import LearningSchedule
from motion_async.timing.pace import EARLY, Pace
from motion_async.timing.retry import Backoff
from motion_async.timing.schedule import Schedule, jittered

__all__ = ["MAX_UNCHANGED", "MAX_UNREADABLE", "PollLoop"]

MAX_UNREADABLE = 5
"""So many answers in a row that cannot be read end a watch."""
MAX_UNCHANGED = 3
"""So many answers with the end that a followup found end a watch, if nobody knows whether the service took that."""
_TOLD_AT_ONCE = 500
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
        self._pace = pace
        self._backoff = backoff
        self._max_in_flight = max_in_flight
        self._now = now
        self._random = random
        self.home = HomeLoop("the session")
        self._loop = asyncio.get_running_loop()
        self._known = KnownJobs(lambda job_id: TrackedJob(job_id, began_at=self._loop.time(), schedule=schedule))
        self._due = DueQueue()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._slot: float | None = None
        self._closed = False
        self._listening = 0
        self._dormant: WeakSet[TrackedJob] = WeakSet()
        # Of no caller's, as the loop outlives the one who follows the first job: neither its spans nor what it holds.
        self._context = contextvars.Context()

    def job(self, job_id: str) -> TrackedJob:
        """Give what is known of a job, the same object for everyone as long as anyone holds it."""
        return self._known.get(job_id)

    def jobs(self) -> list[TrackedJob]:
        """Give every job that anyone holds."""
        return self._known.all()

    def follow(self, job: TrackedJob) -> None:
        """Have a job polled until it ends, or until `unfollow` has been called as often as this."""
        if self._closed:
            raise job.closed_error()
        job.followers += 1
        self._begin_watch(job)

    def _begin_watch(self, job: TrackedJob) -> None:
        if job.error is not None:
            job.error, job.failures, job.unreadable = None, 0, 0
        self._schedule_poll(job)

    def unfollow(self, job: TrackedJob) -> None:
        """Take back one `follow`."""
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

    def change_schedule(self, job: TrackedJob, schedule: Schedule) -> None:
        """Have a job left alone as another schedule says; one that is more urgent counts at once."""
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
        """Note that the service took a create, or a followup: a turn begins.

        Args:
            job: the job.
            accepted: the service's answer.
            before: the state that the followup found, None for a create.
            turn: the job's turn in which it found that; the newest one when None.
            schedule: says how long the job is left alone from now on; as before when None.
        """
        if schedule is not None:
            job.use_schedule(schedule)
        if before is None:
            if job.state is not None:
                return  # the service gave a create the id of a job that is known here: nothing has begun
        elif job.has_seen_turn(before, turn):
            job.unchanged = None
            self._schedule_poll(job, sooner=True)
            return
        else:
            job.turn += 1
            job.await_end_after(before)
            self._known.remember(job)
        job.began_at = self._loop.time()
        job.told = 0.0 if isinstance(job.schedule, LearningSchedule) else None
        if job.state is None or job.state.status.is_terminal:
            self._take_in(job, accepted)
        self._schedule_poll(job, anew=True)

    def doubt_turn(self, job: TrackedJob, *, before: JobState, turn: int) -> None:
        """Note that nobody knows whether the service took a followup: the end that it found is in doubt.

        Polls show it: another end or a job at work is news, and the same end again and again ends the watch.
        """
        if not job.has_seen_turn(before, turn):
            job.await_end_after(before)
            job.unchanged = 0
            self._known.remember(job)
            self._schedule_poll(job, anew=True)

    def resume_turn(self, job: TrackedJob, *, before: JobState) -> None:
        """Note that a followup which somebody else sent began a turn: the end that it found does not count for it."""
        is_later_known = job.before is not None and (job.before == before or is_older(before, job.before))
        if is_later_known or job.has_seen_turn(before, None):
            return
        job.turn += 1
        job.await_end_after(before)
        job.told = None  # when the turn really began is not known
        self._known.remember(job)

    def observe(self, job: TrackedJob, seen: JobState) -> None:
        """Take an answer into account, whoever asked for it: tell of a change if it is one."""
        job.failures = job.unreadable = 0
        if not is_stale(seen, known=job.state, before=job.before):
            job.teach(seen, now=self._loop.time())
            self._take_in(job, seen)
        elif job.unchanged is not None and seen.status.is_terminal:
            job.unchanged += 1
            if job.unchanged >= MAX_UNCHANGED and self._is_wanted(job):
                self._end_watch(job, job.unchanged_error())

    def _take_in(self, job: TrackedJob, seen: JobState) -> None:
        known, job.state = job.state, seen
        is_at_work_again = job.has_ended and not seen.status.is_terminal
        if known is not None and (is_at_work_again or job.unchanged is not None):
            # Somebody else's followup, or one whose answer was lost: the old end must not count for it either.
            job.before = known
            job.turn += 1
            job.unchanged = None
            job.began_at = self._loop.time()
            job.told = None  # when that turn really began is not known
        ends = seen.status.is_terminal and not job.has_ended
        job.has_ended = seen.status.is_terminal
        if known is None or known.status != seen.status or ends:  # a turn may begin and end between two polls
            previous = None if known is None else known.status
            change = StatusChange(job.job_id, previous, seen.status, seen, self._now())
            self._publish(change)
            job.notify(change)
        elif known.pending_user_input != seen.pending_user_input:
            job.notify()

    def slow_down(self, error: MotionError, *, sent_at: float) -> None:
        """Slow all polls if an error says that the service wants fewer calls."""
        if not isinstance(error, ServiceError) or (error.http_status != 429 and error.retry_after is None):
            return
        now = self._loop.time()
        if self._pace.slow_down(sent_at=sent_at, now=now, retry_after=error.retry_after):
            self._publish(SessionSlowed(self._pace.rate(now), max(self._pace.opens_at - now, 0.0)))

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
            job.error = job.error or job.closed_error()
            job.notify()

    # When each job is polled.

    def _schedule_poll(self, job: TrackedJob, *, anew: bool = False, sooner: bool = False) -> None:
        """Say when a job that is wanted is to be polled, unless that is known already or it is being polled.

        A moment that is known gives way to one that is to be told anew, or that may be sooner and is.
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
        if (not is_there or anew or due < job.due) and self._due.put(job, due):
            self._wake_at(due)

    def _wake_at(self, due: float) -> None:
        when = due if self._slot is None else max(self._slot, self._pace.resumes_at)
        if self._timer is not None:
            if self._wakes_at <= when:
                return
            self._timer.cancel()
        self._wakes_at = when  # not asked of the handle: for a moment that has come, uvloop's has no time
        self._timer = self._loop.call_at(when, self._wake, context=self._context)

    def _wake(self) -> None:
        self._timer = None
        self._start_worker()

    def _start_worker(self) -> None:
        while self._idle:
            parked = self._idle.pop()
            if not parked.done():
                parked.set_result(None)
                return
        if len(self._workers) < self._max_in_flight and not self._closed:
            # Not the loop's own way: an eager task factory would run the worker right here, in the middle of a push.
            worker = asyncio.Task(self._work(), loop=self._loop, name="motion_async.poll", context=self._context)
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def _next_due(self) -> TrackedJob | None:
        """Take the next job that may be polled now; if there is none, make sure to be woken when there is."""
        while (job := self._due.first()) is not None and not self._is_wanted(job):
            self._due.drop_first()
            if job.listeners > 0:
                self._dormant.add(job)
        now = self._loop.time()
        if job is not None and job.due <= now + EARLY:
            if not self._has_slot(now):
                self._wake_at(job.due)
                return None
            self._due.take_first()
            if (following := self._due.first()) is not None:
                if following.due > now + EARLY:
                    self._wake_at(following.due)
                else:
                    self._start_worker()
            return job
        if self._slot is not None:  # whoever was due is not wanted any more
            self._pace.give_back(self._slot)
            self._slot = None
        if job is not None:
            self._wake_at(job.due)
        return None

    def _has_slot(self, now: float) -> bool:
        """Use a slot of the pace, or keep the next one, in the order of asking among those who poll beside the loop."""
        if self._slot is None:
            if self._pace.take(now):
                return True
            self._slot = self._pace.reserve(now)
        if max(self._slot, self._pace.resumes_at) > now + EARLY:
            return False
        self._slot = None
        self._pace.sent(now)
        return True

    async def _work(self) -> None:
        while not self._closed:  # a caller's trace hook may have taken a cancellation for something else
            job = self._next_due()
            if job is not None:
                await self._poll_once(job)
                continue
            parked = self._loop.create_future()
            self._idle.append(parked)
            job = None  # a parked worker must keep no job alive
            await parked

    async def _poll_once(self, job: TrackedJob) -> None:
        sent_at = self._loop.time()
        try:
            try:
                seen = await self._poll(job.job_id)
            except MotionError as error:
                job.entry = UNSCHEDULED
                self._handle_failure(job, error, sent_at=sent_at)
            else:
                self.observe(job, seen)
                job.entry = UNSCHEDULED
                self._schedule_poll(job)
        except Exception as error:  # noqa: BLE001  # of the caller's: it ends this watch alone
            job.entry = UNSCHEDULED
            self._end_watch(job, _caller_mistake(job, error))
        finally:
            if job.entry == IN_FLIGHT:  # somebody else's hand has ended this worker; another one polls on
                job.entry = UNSCHEDULED
                self._schedule_poll(job)

    def _handle_failure(self, job: TrackedJob, error: MotionError, *, sent_at: float) -> None:
        """Try again later if the trouble may pass, else end the watch."""
        self.slow_down(error, sent_at=sent_at)
        job.failures += 1
        job.unreadable = job.unreadable + 1 if isinstance(error, UnexpectedResponseError) else 0
        if not is_passing(error) or job.unreadable >= MAX_UNREADABLE:
            self._end_watch(job, error)
            return
        retry_after = error.retry_after if isinstance(error, ServiceError) else None
        delay = self._backoff.delay(job.failures, u=self._random(), retry_after=retry_after)
        self._publish(PollDisturbed(job.job_id, error, job.failures, delay))
        job.due = self._loop.time() + delay
        self._schedule_poll(job)

    def _end_watch(self, job: TrackedJob, error: MotionError) -> None:
        error.job_id = error.job_id or job.job_id
        job.error = error
        self._publish(WatchEnded(job.job_id, error))
        job.notify()


def _caller_mistake(job: TrackedJob, error: Exception) -> ConfigurationError:
    """Give the error that ends a watch when a clock, a schedule, a backoff or a chance of the caller's has raised."""
    if isinstance(error, ConfigurationError):
        return error
    failure = ConfigurationError(f"what was handed in to watch job {job.job_id} with raised {error!r:.200}")
    failure.__cause__ = error
    return failure
