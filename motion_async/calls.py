"""What an open session asks of the service: create, follow up, poll, and take up again what was sent before.

It exists between entering and leaving a session, and owns the parts that do the work. It must not
talk HTTP, decide what an answer means, or keep a job alive that nobody holds any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import anyio

from motion_async.admission import Admission
from motion_async.errors import FollowupNotAllowedError
from motion_async.intake import Intake
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.pacing import Backoff, Pace, Schedule
from motion_async.protocol import create_call, followup_call, is_passing, poll_call, read_answer
from motion_async.recording import Record
from motion_async.retrying import Retries
from motion_async.sending import Sender
from motion_async.showing import shown
from motion_async.streams import EventHub
from motion_async.transport import Transport
from motion_async.watch import PollLoop
from motion_async.watched import Watched

__all__ = ["Calls"]

_POLL_ATTEMPTS = 4


class Calls:
    """The calls of an open session, all over one transport and with one poll loop.

    Args:
        transport: carries the calls; it is closed with this.
        events: told of everything; closed with this.
        schedule: how long a job is left alone between polls.
        pace: how fast the whole session may poll.
        backoff: how long to wait after a failed call.
        max_in_flight: the most polls at one time.
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
        max_in_flight: int,
        grace: float,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._events = events
        self._now = now
        self.polls = PollLoop(
            self.poll_once,
            events.publish,
            schedule=schedule,
            pace=pace,
            backoff=backoff,
            max_in_flight=max_in_flight,
            now=now,
            random=random,
        )
        self._admission = Admission(pace)
        self._retries = Retries(
            backoff=backoff,
            random=random,
            failed=lambda error, began_at: self.polls.slow_down(error, sent_at=began_at),
        )
        self._sender = Sender(
            transport, events.publish, self._retries, resumed=self._admission.resumed, grace=grace, now=now
        )

    async def aclose(self) -> None:
        """End every task, close every connection, and tell whoever still waits."""
        self._retries.close()
        self._admission.close()
        with anyio.CancelScope(shield=True):  # a scope of the caller's that is cancelled would end each await at once
            try:
                await self._sender.aclose()
            finally:
                try:
                    await self.polls.aclose()
                finally:
                    try:
                        await self._transport.aclose()
                    finally:
                        self._events.close()  # last, so that the streams tell of all that came before

    async def create(
        self,
        request: VideoRequest,
        *,
        schedule: Schedule | None = None,
        record: Record | None = None,
        check: Callable[[], None] | None = None,
    ) -> Watched:
        """Create a job; see `MotionSession.create`.

        Args:
            request: what to make.
            schedule: how long this job is left alone between polls; the session's when None.
            record: where it is written down.
            check: see `Sender.send`.
        """

        def take(accepted: JobState) -> Watched:
            watched = self.polls.job(accepted.job_id)
            self.polls.begin_turn(watched, accepted, before=None, schedule=schedule)
            self._events.cover(watched)
            return watched

        return await self._sender.send(create_call(request, now=self._now()), take, record=record, check=check)

    async def followup(
        self,
        job_id: str,
        request: VideoRequest,
        *,
        schedule: Schedule | None = None,
        record: Record | None = None,
        check: Callable[[], None] | None = None,
    ) -> Watched:
        """Give a completed job a new turn; see `MotionSession.followup`.

        Args:
            job_id: the job.
            request: what to change.
            schedule: how long this job is left alone from now on; as before when None.
            record: where it is written down.
            check: see `Sender.send`.
        """
        call = followup_call(job_id, request, now=self._now())
        watched = self.polls.job(job_id)  # held from here on, so that what the poll finds is not forgotten
        before: JobState | None = None

        async def look() -> None:
            nonlocal before  # somebody else's turn may have begun, and ended, since a try that was refused
            before = await self.poll(job_id)
            if before.status != JobStatus.COMPLETED:
                # Sent all the same, it might be taken a moment later, and nobody would know the old end any more.
                hope = "it takes none any more" if before.status.is_terminal else "wait for it to complete"
                raise FollowupNotAllowedError(
                    f"followup to job {job_id} not sent: it is {shown(before.status)}; {hope}",
                    http_status=409,
                    status=before.status,
                    job_id=job_id,
                )
            if record is not None:
                record.found(before)

        def take(accepted: JobState) -> Watched:
            self.polls.begin_turn(watched, accepted, before=before, schedule=schedule)
            self._events.cover(watched)
            return watched

        await look()
        return await self._sender.send(call, take, record=record, check=check, again=look)

    async def send(self, intake: Intake, check: Callable[[], None], *, schedule: Schedule) -> Watched:
        """Send a request of a batch: a followup if it has the id of a job that it follows up, else a create.

        Args:
            intake: the request.
            check: see `Sender.send`.
            schedule: how long its job is left alone between polls.
        """
        if intake.parent_job_id is None:
            return await self.create(intake.request, schedule=schedule, record=intake.record, check=check)
        return await self.followup(
            intake.parent_job_id, intake.request, schedule=schedule, record=intake.record, check=check
        )

    def take_up(self, intake: Intake, *, schedule: Schedule) -> Watched:
        """Give the job of a request of a batch that the service took from an earlier run.

        Args:
            intake: the request, with its job's id.
            schedule: how long the job is left alone between polls.
        """
        watched = self.job(intake.job_id or "")
        watched.schedule = schedule
        if intake.before is not None:
            self.polls.resume_turn(watched, before=intake.before)
        return watched

    def job(self, job_id: str) -> Watched:
        """Take a job up by its id: no I/O.

        Args:
            job_id: the job.

        Raises:
            InvalidRequestError: if it cannot be a job's id.
        """
        watched = self.polls.job(job_id)
        self._events.cover(watched)
        return watched

    async def poll(self, job_id: str) -> JobState:
        """Ask for a job's state, up to four times while the trouble may pass; see `MotionSession.poll`.

        Args:
            job_id: the job.
        """
        watched = self.polls.job(job_id)

        async def attempt() -> JobState:
            await self._admission.wait()
            return await self.poll_once(job_id)

        state = await self._retries.run(attempt, may_repeat=is_passing, attempts=_POLL_ATTEMPTS)
        self.polls.observe(watched, state)
        return state

    async def poll_once(self, job_id: str) -> JobState:
        """Ask for a job's state with one GET.

        Args:
            job_id: an id that has been checked.
        """
        call = poll_call(job_id)
        return read_answer(call, await self._transport.exchange(call), now=self._now())
