"""What a session tells of besides the status changes of its jobs: disturbances, jobs made, and how it stands.

`MotionSession.events` yields these and `StatusChange`. They are values for people and programs to
look at; nothing in the library acts on them. No I/O here.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from motion_async.errors import MotionError
from motion_async.jobs import JobStatus, StatusChange

__all__ = [
    "Event",
    "EventsDropped",
    "JobAccepted",
    "PollDisturbed",
    "SendAbandoned",
    "SendDisturbed",
    "SessionSlowed",
    "SessionStats",
    "StatusUndocumented",
    "WatchEnded",
]


@attrs.frozen
class JobAccepted:
    """The service took a create or a followup.

    Args:
        job_id: the job's id.
        followup: whether it was a followup to a job that existed.
        key: what a batch or a ledger knows the request by, None if none does.
        metadata: the caller's own.
    """

    job_id: str
    followup: bool = False
    key: str | None = attrs.field(default=None, kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True, hash=False)


@attrs.frozen
class SendAbandoned:
    """A caller was cancelled while a create or a followup was under way, and so did not get its answer.

    Args:
        job_id: the job, None if it is not known.
        error: None if the service took it; else what became of it, an `UncertainError` if the service may have.
    """

    job_id: str | None
    error: MotionError | None


@attrs.frozen
class SendDisturbed:
    """A create or a followup was not taken, and will be sent again.

    Args:
        job_id: the job of a followup, None for a create.
        error: what happened: no connection, a 429, a 402 where credits are waited for, a poll before a followup that
            failed, or a 409 just after the job was seen completed.
        failures: how many tries have failed in a row, this one included; of a refusal those of all sends.
        next_wait: seconds until the next try, of this one or of another that finds out for all.
    """

    job_id: str | None
    error: MotionError
    failures: int
    next_wait: float


@attrs.frozen
class PollDisturbed:
    """A poll failed, and will be tried again.

    Args:
        job_id: the job that was polled.
        error: what happened; a 404, 401 or 403, too, of a job that the service has taken, until that has stood for a
            minute.
        failures: how many polls of this job have failed in a row, this one included.
        next_wait: seconds until the next try.
    """

    job_id: str
    error: MotionError
    failures: int
    next_wait: float


@attrs.frozen
class SessionSlowed:
    """The service asked for fewer calls, and all polls of the session have been slowed.

    Args:
        polls_per_second: the most that is sent now.
        pause: seconds in which nothing is polled.
    """

    polls_per_second: float
    pause: float


@attrs.frozen
class StatusUndocumented:
    """A job has had a status that the documentation does not name for ten minutes; it is told once, and watched on.

    Args:
        job_id: the job.
        status: the status as it came.
        seconds: how long it has stood, as far as this session has seen.
    """

    job_id: str
    status: JobStatus
    seconds: float


@attrs.frozen
class WatchEnded:
    """The watch of a job ended with an error; the job itself may go on.

    Args:
        job_id: the job.
        error: why.
    """

    job_id: str
    error: MotionError


@attrs.frozen
class EventsDropped:
    """A reader of `events` was so slow that its oldest events were dropped.

    Args:
        count: how many.
    """

    count: int


@attrs.frozen
class SessionStats:
    """How a session stands at a moment; see `MotionSession.stats`.

    Args:
        watched: jobs that are polled, because somebody follows them.
        polls: polls that have been sent since the session was entered.
        polls_per_second: the most that are sent now.
        paused_for: seconds for which the service wants no call yet, by its Retry-After; 0 if there is no pause.
        sending: creates and followups whose answer is waited for.
        waiting_to_send: creates and followups that wait for their turn.
        silent_for: seconds since the service answered a poll or took a create or followup, None if it never did.
    """

    watched: int
    polls: int
    polls_per_second: float
    paused_for: float
    sending: int
    waiting_to_send: int
    silent_for: float | None = None


Event: TypeAlias = (
    StatusChange
    | JobAccepted
    | SendAbandoned
    | SendDisturbed
    | PollDisturbed
    | SessionSlowed
    | StatusUndocumented
    | WatchEnded
    | EventsDropped
)
