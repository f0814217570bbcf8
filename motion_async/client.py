"""What an open session asks of the service: create, follow up, poll, and take up again what was sent before.

It exists between entering and leaving a session, and owns the parts that do the work. It must not
talk HTTP, decide what an answer means, or keep a job alive that nobody holds any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import anyio
import attrs

from motion_async import instrumentation
from motion_async.batch.requests import Intake
from motion_async.codec import unread_fields
from motion_async.contract.protocol import Call, create_call, followup_call, is_passing, poll_call, read_answer
from motion_async.contract.validation import check_request, earliest_expiry
from motion_async.errors import FollowupNotAllowedError, MotionError
from motion_async.events import Event, SendDisturbed, SessionStats
from motion_async.http.transport import Transport
from motion_async.jobs import NOTHING_ELSE, JobState, JobStatus, VideoRequest
from motion_async.polling.loop import PollLoop
from motion_async.polling.streams import EventHub
from motion_async.polling.tracked import TrackedJob
from motion_async.sending.gate import SendGate
from motion_async.sending.journal import SendJournal
from motion_async.sending.sender import Sender
from motion_async.sending.submission import Submission
from motion_async.showing import shown
from motion_async.timing.admission import Admission
from motion_async.timing.backoff import Backoff
from motion_async.timing.closing import Closing
from motion_async.timing.pace import Pace
from motion_async.timing.retry import Retries
from motion_async.timing.schedule import Schedule

__all__ = ["Client"]

_log = logging.getLogger(__package__)
_T = TypeVar("_T")

_POLL_ATTEMPTS: Final = 4
_LOOKS: Final = 6
"""So often a job is looked at before a followup while the service answers with what is known to have passed."""


class Client:
    """The calls of an open session, all over one transport and with one poll loop.

    Args:
        transport: carries the calls; it is closed with this.
        events: told of everything; closed with this.
        schedule: how long a job is left alone between polls.
        pace: how fast the whole session may poll.
        backoff: how long to wait after a failed call.
        grace: seconds in which a create whose caller is gone may still bring its id back.
        now: gives the time as an aware datetime.
        random: gives a number from 0 to 1.
    """

    def __init__(
        self,
        transport: Transport,
        events: EventHub,
        *,
        schedule: Schedule,
        pace: Pace,
        backoff: Backoff,
        grace: float,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._events = events
        self._now = now
        self._closing = Closing()
        self.polls = PollLoop(
            self.poll_once,
            self._publish,
            schedule=schedule,
            pace=pace,
            backoff=backoff,
            max_in_flight=transport.polls_at_once,
            now=now,
            random=random,
        )
        self.gate = SendGate(pace, backoff=backoff, random=random, closing=self._closing)
        self._admission = Admission(pace, self._closing)
        self._retries = Retries(backoff=backoff, random=random, failed=self._slow_down, closing=self._closing)
        self._sender = Sender(
            transport, self.gate, self._publish, paused=self._slow_down, grace=grace, now=now, closing=self._closing
        )
        self._unread: set[str] = set()
        self._pace = pace
        self._polls_sent = 0
        self._polls_failed = 0  # in a row, of all jobs
        self._answered_at: float | None = None
        self._followups: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._transport.base_url

    def _publish(self, event: Event) -> None:
        self._events.publish(event)
        if (observed := instrumentation.active) is not None:
            observed.told(self, event)

    def _slow_down(self, error: MotionError, sent_at: float) -> None:
        self.polls.slow_down(error, sent_at=sent_at)

    async def aclose(self) -> None:
        """End every task, close every connection, and tell all who still wait."""
        self._closing.begin()
        with anyio.CancelScope(shield=True):  # a scope of the caller's that is cancelled would end each await at once
            async with AsyncExitStack() as ending:  # from the last line up, whatever one of them raises
                ending.callback(self._tell_of_leaving)
                ending.callback(self._events.close)  # last, so that the streams tell of all that came before
                ending.push_async_callback(self._transport.aclose)
                ending.push_async_callback(self.polls.aclose)
                ending.push_async_callback(self._sender.aclose)

    def _tell_of_leaving(self) -> None:
        if (observed := instrumentation.active) is not None:
            observed.left(self)

    async def create(self, request: VideoRequest, *, schedule: Schedule | None = None, **terms: Any) -> TrackedJob:
        """Create a job; see `MotionSession.create`, and `_submission` for the `terms`."""

        def begin(accepted: JobState) -> TrackedJob:
            watched = self.polls.job(accepted.job_id)
            self.polls.begin_turn(watched, accepted, before=None, schedule=schedule)
            self._events.cover(watched)
            return watched

        call = create_call(request, now=self._now())
        return await self._send(self._submission(call, request, begin, **terms))

    async def followup(
        self,
        job_id: str,
        request: VideoRequest,
        *,
        schedule: Schedule | None = None,
        journal: SendJournal | None = None,
        parent_end: JobState | None = None,
        **terms: Any,
    ) -> TrackedJob:
        """Give a completed job a new turn; see `MotionSession.followup`, and `_submission` for the `terms`.

        `parent_end` is an end of the job that a ledger knows, None if it knows none.
        """
        watched = self.polls.job(job_id)  # held from here on, so that what the poll finds is not forgotten
        job_id = watched.job_id
        call = followup_call(job_id, request, now=self._now())
        if parent_end is not None:
            watched.trust()
        if parent_end is not None and watched.state is None:
            self.polls.observe(watched, parent_end)  # an answer that is older must not count
        found: tuple[JobState, int]

        async def look() -> None:
            nonlocal found  # since a try that was refused, another followup may have begun, and ended
            found = await self._look(watched)
            if journal is not None:
                journal.found(found[0])

        def begin(accepted: JobState) -> TrackedJob:
            before, turn = found
            self.polls.begin_turn(watched, accepted, before=before, turn=turn, schedule=schedule)
            self._events.cover(watched)
            return watched

        def doubt() -> None:
            before, turn = found
            self.polls.doubt_turn(watched, before=before, turn=turn)
            self._events.cover(watched)

        # One at a time, so that each finds the end of the one before it.
        async with self._followups.setdefault(job_id, asyncio.Lock()):
            submission = self._submission(
                call, request, begin, before_try=look, on_uncertain=doubt, journal=journal, **terms
            )
            return await self._send(submission)

    async def _look(self, watched: TrackedJob) -> tuple[JobState, int]:
        """Give the end of a completed job that a followup finds, and in which of its turns.

        Raises `FollowupNotAllowedError` if the job is not completed. Sent all the same, the followup might be taken a
        moment later, and nobody would know the old end any more.
        """
        job_id, looks = watched.job_id, 1
        while watched.is_behind(seen := await self._poll_patiently(watched)) and looks < _LOOKS:
            await self._closing.pause(self.gate.delay(looks))
            looks += 1
        newest = watched.current if watched.is_behind(seen) else seen
        if newest is not None and newest.end == JobStatus.COMPLETED:
            return newest, watched.turn
        status = seen.status if newest is None else newest.status
        hope = "it takes none any more" if watched.has_ended else "wait for it to complete"
        raise FollowupNotAllowedError(
            f"followup to job {job_id} not sent: it is {shown(status)}; {hope}",
            http_status=409,
            status=status,
            job_id=job_id,
        )

    async def _poll_patiently(self, watched: TrackedJob) -> JobState:
        """Poll as `poll` does, and again while the service denies a job that it has taken, until that is believed."""
        denied = 0
        while True:
            try:
                return await self.poll(watched.job_id)
            except MotionError as error:
                now = asyncio.get_running_loop().time()
                watched.count_refusal(error, now=now)
                if not watched.doubts(error, now=now):
                    raise
                denied += 1
                pause = self.gate.delay(denied)
                self._publish(SendDisturbed(watched.job_id, error, denied, pause))
            await self._closing.pause(pause)

    def _submission(
        self,
        call: Call,
        request: VideoRequest,
        on_accepted: Callable[[JobState], TrackedJob],
        *,
        check: Callable[[], None] | None = None,
        **terms: Any,
    ) -> Submission[TrackedJob]:
        """Give what is sent; its `check` also looks for what becomes invalid while it waits, such as a signature.

        `terms` are the further fields of a `Submission`.
        """
        # Found once: `check_all` is asked again and again, and reading ten URLs each time would be felt.
        expires_at = earliest_expiry(request)

        def check_all() -> None:
            if check is not None:
                check()
            if expires_at is not None and expires_at <= self._now():
                check_request(request, now=self._now())

        def accept(accepted: JobState) -> TrackedJob:
            self._answered_at = asyncio.get_running_loop().time()
            return on_accepted(accepted)

        return Submission(call=call, on_accepted=accept, check=check_all, **terms)

    async def _send(self, submission: Submission[TrackedJob]) -> TrackedJob:
        """Send a create or followup, with the instrumentation of this process around it, if there is one."""
        if (observed := instrumentation.active) is None:
            return await self._sender.send(submission)
        with observed.sending(self, submission.call) as sending:
            return await self._sender.send(attrs.evolve(submission, on_answer=sending.answered))

    async def send(self, intake: Intake, **terms: Any) -> TrackedJob:
        """Send a request: a followup if it has the id of a job that it follows up, else a create; see `_submission`."""
        terms |= {"journal": intake.journal, "key": intake.key, "metadata": intake.metadata}
        if intake.parent_job_id is None:
            return await self.create(intake.request, **terms)
        return await self.followup(intake.parent_job_id, intake.request, parent_end=intake.parent_end, **terms)

    async def send_in_batch(
        self,
        intake: Intake,
        check: Callable[[], None],
        on_refused: Callable[[MotionError], None],
        *,
        schedule: Schedule,
        waits_for_credits: bool,
    ) -> TrackedJob:
        """Send a request of a batch, which has no bound of tries: the gate holds all of it back until one is taken."""
        return await self.send(
            intake,
            schedule=schedule,
            check=check,
            on_refused=on_refused,
            waits_for_credits=waits_for_credits,
            is_patient=True,
        )

    def take_up(self, intake: Intake, *, schedule: Schedule | None = None) -> TrackedJob:
        """Give the job of a request that the service took earlier."""
        watched = self.job(intake.job_id or "")
        if intake.was_accepted:
            watched.trust()
        if schedule is not None:
            self.polls.change_schedule(watched, schedule)
        if intake.before is not None:
            self.polls.resume_turn(watched, before=intake.before)
        return watched

    def limit_polls(self, polls_per_second: float | None) -> None:
        """Poll at most so fast, and never faster than the session may; None takes that back."""
        self._pace.limit(polls_per_second, asyncio.get_running_loop().time())

    def job(self, job_id: str) -> TrackedJob:
        """Take a job up by its id without any I/O; `InvalidRequestError` if it cannot be a job's id."""
        watched = self.polls.job(job_id)
        self._events.cover(watched)
        return watched

    async def poll(self, job_id: str) -> JobState:
        """Ask for a job's state, up to four times while the trouble may pass; see `MotionSession.poll`."""
        watched = self.polls.job(job_id)

        async def attempt() -> JobState:
            await self._admission.wait()
            return await self.poll_once(watched.job_id)

        state = await self._retries.run(attempt, may_repeat=is_passing, attempts=_POLL_ATTEMPTS)
        # A poll by hand is news for all who follow the job, as one of the loop is.
        self.polls.observe(watched, state)
        return state

    async def poll_once(self, job_id: str) -> JobState:
        """Ask for a job's state with one GET; the id is one that has been checked."""
        call = poll_call(job_id)
        self._polls_sent += 1
        observed = instrumentation.active
        began_at = 0.0 if observed is None else time.perf_counter()
        try:
            state = read_answer(call, await self._transport.exchange(call), now=self._now())
        except MotionError as error:
            if observed is not None:
                observed.polled(self, time.perf_counter() - began_at, error)
            self._log_failed_poll(job_id, error)
            raise
        self._answered_at = asyncio.get_running_loop().time()
        if observed is not None:
            observed.polled(self, time.perf_counter() - began_at, None)
        if self._polls_failed:
            _log.info("polls are answered again; %d have failed", self._polls_failed, extra={"call": "poll"})
            self._polls_failed = 0
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("job %s is %s", job_id, shown(state.status), extra={"call": "poll", "job_id": job_id})
        if state.extra is not NOTHING_ELSE:
            self._tell_of_unread_fields(state)
        return state

    def _log_failed_poll(self, job_id: str, error: MotionError) -> None:
        """Warn of the first poll that fails, of all jobs and in a row; further ones are for whoever debugs."""
        extra = {"call": "poll", "job_id": job_id, "http_status": getattr(error, "http_status", None)}
        is_first = is_passing(error) and not self._polls_failed
        self._polls_failed += is_passing(error)
        if is_first:
            _log.warning("polls fail: %s; they are tried again", error, extra={**extra, "attempt": 1})
        else:
            _log.debug("a poll failed: %s", error, extra={**extra, "attempt": self._polls_failed})

    async def unless_left(self, work: Awaitable[_T]) -> _T:
        """Wait for some work, or raise a `SessionClosedError` as soon as the session is left."""
        task = asyncio.ensure_future(work)
        either: list[asyncio.Future[Any]] = [task, self._closing.begun]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._closing.raise_if_begun("it was known what became of the request")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    def stats(self) -> SessionStats:
        """Say how the session stands."""
        now = asyncio.get_running_loop().time()
        return SessionStats(
            watched=self.polls.count_watched(),
            polls=self._polls_sent,
            polls_per_second=self._pace.rate(now),
            paused_for=self.polls.rest_of_pause() or 0.0,
            sending=self._sender.count_under_way(),
            waiting_to_send=self.gate.waiting,
            silent_for=None if self._answered_at is None else now - self._answered_at,
        )

    def _tell_of_unread_fields(self, state: JobState) -> None:
        """Warn once a session of each documented field that comes in another form; all goes on without it."""
        for field in sorted(unread_fields(state.extra) - self._unread):
            self._unread.add(field)
            _log.warning(
                "job %s: the service's %s is not as documented: %s; it is kept in `extra`, and not told again",
                state.job_id, field, shown(repr(state.extra[field])),
            )  # fmt: skip
