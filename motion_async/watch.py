"""The one poll loop of a session.

A heap of due times and a bounded number of workers serve every watched job: a job costs an entry
and a waiting coroutine a future, never a task, a timer or a scope. Whoever waits is woken when its
job has news; nobody is waited for. It knows nothing of HTTP: polling is a coroutine function handed in.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import cast
from weakref import WeakValueDictionary

from motion_async.errors import (
    ConfigurationError,
    MotionError,
    ServiceError,
    SessionClosedError,
    UnexpectedResponseError,
)
from motion_async.events import Event, PollDisturbed, SessionSlowed, WatchEnded
from motion_async.jobs import JobState, StatusChange
from motion_async.learning import LearningSchedule
from motion_async.pacing import EARLY, Backoff, Pace, Schedule, jittered
from motion_async.protocol import is_passing
from motion_async.turns import is_stale, needs_input
from motion_async.watched import Watched

__all__ = ["MAX_UNREADABLE", "PollLoop"]

MAX_UNREADABLE = 5
"""So many answers in a row that cannot be read end a watch."""
_MAX_REMEMBERED = 4_096
"""So many jobs with a followup are kept in mind, the latest ones, whether anyone holds them or not."""
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
        self._schedule = schedule
        self._pace = pace
        self._backoff = backoff
        self._max_in_flight = max_in_flight
        self._now = now
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._jobs: WeakValueDictionary[str, Watched] = WeakValueDictionary()
        self._remembered: OrderedDict[str, Watched] = OrderedDict()
        self._due: list[tuple[float, int, Watched]] = []
        self._pushed = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        self._slot: float | None = None
        self._closed = False

    def job(self, job_id: str) -> Watched:
        """Give what is known of a job, the same object for everyone as long as anyone holds it.

        Args:
            job_id: the job.

        Raises:
            InvalidRequestError: if it cannot be a job's id.
        """
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            job = self._jobs[job_id] = Watched(job_id, began_at=self._loop.time(), schedule=self._schedule)
        return job

    def jobs(self) -> list[Watched]:
        """Give every job that anyone holds."""
        return list(self._jobs.values())

    def follow(self, job: Watched) -> None:
        """Have a job polled until it ends, or until `unfollow` has been called as often as this.

        Args:
            job: the job; the error that ended an earlier watch of it is forgotten.

        Raises:
            SessionClosedError: if the loop has been closed.
        """
        if self._closed:
            raise _closed(job)
        job.followers += 1
        if job.error is not None:
            job.error, job.failures, job.unreadable = None, 0, 0
        self._schedule_next(job)

    def unfollow(self, job: Watched) -> None:
        """Take back one `follow`.

        Args:
            job: the job.
        """
        job.followers -= 1

    def begin_turn(
        self, job: Watched, accepted: JobState, *, before: JobState | None, schedule: Schedule | None = None
    ) -> None:
        """Note that the service took a create, or a followup: a turn begins.

        Args:
            job: the job.
            accepted: the service's answer.
            before: the state that the followup found, None for a create.
            schedule: how long this job is left alone from now on; as before when None.
        """
        if schedule is not None:
            job.schedule = schedule
        if before is not None:
            job.turn += 1
            self._remember(job)
        elif job.state is not None:
            return  # the service gave a create the id of a job that is known here: nothing has begun
        job.before = before
        job.began_at = self._loop.time()
        job.told = 0.0 if isinstance(job.schedule, LearningSchedule) else None
        if job.state is None or job.has_ended:
            self._take(job, accepted)  # else the new turn has been seen at work already, by a poll that was faster
        self._schedule_next(job)

    def resume_turn(self, job: Watched, *, before: JobState) -> None:
        """Note that a followup which somebody else sent began a turn: the end that it found does not count for it.

        Args:
            job: the job.
            before: the state that the followup found.
        """
        if job.has_ended and job.state is not None and not is_stale(job.state, known=None, before=before):
            return  # that turn's own end has been seen here already
        job.turn += job.before is None
        job.before = before
        job.has_ended = False
        job.told = None  # when the turn really began is not known
        self._remember(job)

    def _remember(self, job: Watched) -> None:
        """Keep what stood before a followup, although nobody may hold the job until it is waited for."""
        self._remembered[job.job_id] = job
        self._remembered.move_to_end(job.job_id)
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def observe(self, job: Watched, seen: JobState) -> None:
        """Take an answer into account, whoever asked for it: tell of a change if it is one.

        Args:
            job: the job.
            seen: the answer.
        """
        job.failures = job.unreadable = 0
        if not is_stale(seen, known=job.state, before=job.before):
            if job.told is not None:
                self._teach(job, job.told, seen)
            self._take(job, seen)

    def _teach(self, job: Watched, told: float, seen: JobState) -> None:
        """Tell the job's schedule, which learns, how long the job has run or took."""
        schedule = cast("LearningSchedule", job.schedule)  # else nothing would have been told
        age = self._loop.time() - job.began_at
        if needs_input(seen):
            job.told = None  # from here on a person is timed, not the service
        elif not seen.status.is_terminal:
            schedule.running(told, age, job.turn)
            job.told = age
        else:
            took = None
            if job.turn == 0 and seen.completed_at is not None and seen.created_at is not None:
                took = (seen.completed_at - seen.created_at).total_seconds()
            schedule.finished(told, age, job.turn, duration=took)
            job.told = None

    def _take(self, job: Watched, seen: JobState) -> None:
        known, job.state = job.state, seen
        if job.has_ended and known is not None and not seen.status.is_terminal and job.before != known:
            # Somebody else's followup, or one whose answer was lost: the old end must not count for it either.
            job.before = known
            job.turn += 1
            job.began_at = self._loop.time()
            job.told = None  # when that turn really began is not known
        ends = seen.status.is_terminal and not job.has_ended
        job.has_ended = seen.status.is_terminal
        if known is None or known.status != seen.status or ends:  # a turn may begin and end between two polls
            previous = None if known is None else known.status
            change = StatusChange(job.job_id, previous, seen.status, seen, self._now())
            job.add(change)
            self._publish(change)
        elif known.pending_user_input == seen.pending_user_input:
            return
        job.wake()

    def slow_down(self, error: MotionError, *, sent_at: float) -> None:
        """Slow all polls if an error says that the service wants fewer calls.

        Args:
            error: how a call ended.
            sent_at: the loop's time at which it was sent.
        """
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
                self._tell_of_the_end(jobs[-_TOLD_AT_ONCE:])
                del jobs[-_TOLD_AT_ONCE:]
                await asyncio.sleep(0)
        finally:
            self._tell_of_the_end(jobs)
        if self._workers:
            await asyncio.wait(self._workers)

    def _tell_of_the_end(self, jobs: Iterable[Watched]) -> None:
        for job in jobs:
            job.error = job.error or _closed(job)
            job.wake()

    # The heap: an entry a job that is to be polled, the next one first.

    def _schedule_next(self, job: Watched) -> None:
        """Put a job that is followed and has not ended into the heap, unless it is there or being polled."""
        if job.scheduled or job.followers <= 0 or job.has_ended or self._closed:
            return
        now = self._loop.time()
        if job.state is None and job.before is None:
            wait = 0.0  # a job that was taken up by its id: nothing is known of it yet
        else:
            try:
                wait = jittered(job.schedule, age=now - job.began_at, turn=job.turn, u=self._random())
            except Exception as error:  # noqa: BLE001  # the caller's schedule or chance may raise anything
                self._end(job, _misconfigured(job, error))
                return
        self._push(job, now + wait)

    def _push(self, job: Watched, due: float) -> None:
        job.scheduled = True
        self._pushed += 1
        heapq.heappush(self._due, (due, self._pushed, job))
        if self._due[0][2] is job:
            self._wake_at(due)

    def _wake_at(self, due: float) -> None:
        when = due if self._slot is None else max(self._slot, self._pace.resumes_at)
        if self._timer is not None:
            if self._wakes_at <= when:
                return
            self._timer.cancel()
        self._wakes_at = when  # not asked of the handle: for a moment that has come, uvloop's has no time
        self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._set_a_worker_going()

    def _set_a_worker_going(self) -> None:
        while self._idle:
            parked = self._idle.pop()
            if not parked.done():
                parked.set_result(None)
                return
        if len(self._workers) < self._max_in_flight and not self._closed:
            # Not the loop's own way: an eager task factory would run the worker right here, in the middle of a push.
            worker = asyncio.Task(self._work(), loop=self._loop, name="motion_async.poll")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def _next_due(self) -> Watched | None:
        """Take the next job that may be polled now; if there is none, make sure to be woken when there is."""
        while self._due:
            due, _, job = self._due[0]
            if job.followers <= 0 or job.has_ended:
                heapq.heappop(self._due)
                job.scheduled = False
                continue
            now = self._loop.time()
            if due > now + EARLY:
                break
            if not self._has_slot(now):
                self._wake_at(due)
                return None
            heapq.heappop(self._due)
            if self._due:
                if self._due[0][0] > now + EARLY:
                    self._wake_at(self._due[0][0])
                else:
                    self._set_a_worker_going()
            return job
        if self._slot is not None:  # whoever was due is not wanted any more
            self._pace.give_back(self._slot)
            self._slot = None
        if self._due:
            self._wake_at(self._due[0][0])
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

    async def _poll_once(self, job: Watched) -> None:
        sent_at = self._loop.time()
        try:
            try:
                seen = await self._poll(job.job_id)
            except MotionError as error:
                job.scheduled = False
                self._disturbed(job, error, sent_at=sent_at)
            else:
                self.observe(job, seen)
                job.scheduled = False
                self._schedule_next(job)
        except Exception as error:  # noqa: BLE001  # of the caller's: it ends this watch alone
            job.scheduled = False
            self._end(job, _misconfigured(job, error))

    def _disturbed(self, job: Watched, error: MotionError, *, sent_at: float) -> None:
        """Try again later if the trouble may pass, else end the watch."""
        self.slow_down(error, sent_at=sent_at)
        job.failures += 1
        job.unreadable = job.unreadable + 1 if isinstance(error, UnexpectedResponseError) else 0
        if not is_passing(error) or job.unreadable >= MAX_UNREADABLE:
            self._end(job, error)
            return
        retry_after = error.retry_after if isinstance(error, ServiceError) else None
        delay = self._backoff.delay(job.failures, u=self._random(), retry_after=retry_after)
        self._publish(PollDisturbed(job.job_id, error, job.failures, delay))
        if job.followers > 0 and not job.has_ended:
            self._push(job, self._loop.time() + delay)

    def _end(self, job: Watched, error: MotionError) -> None:
        error.job_id = error.job_id or job.job_id
        job.error = error
        self._publish(WatchEnded(job.job_id, error))
        job.wake()


def _misconfigured(job: Watched, error: Exception) -> ConfigurationError:
    """Give the error that ends a watch when a clock, a schedule, a backoff or a chance of the caller's has raised."""
    if isinstance(error, ConfigurationError):
        return error
    failure = ConfigurationError(f"what was handed in to watch job {job.job_id} with raised {error!r:.200}")
    failure.__cause__ = error
    return failure


def _closed(job: Watched) -> SessionClosedError:
    return SessionClosedError(
        f"the session has been left; open a new one and take job {job.job_id} up again by its id", job_id=job.job_id
    )
