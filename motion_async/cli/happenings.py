"""What a command tells of besides the events of its session, as values. Nothing here shows or computes."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from motion_async.errors import MotionError
from motion_async.events import Event
from motion_async.jobs import JobState

__all__ = [
    "Asked",
    "Completed",
    "Failure",
    "Happening",
    "Interrupted",
    "Listening",
    "StateSummary",
    "Summary",
]


@attrs.frozen
class Asked:
    """A job's state was asked for.

    Args:
        state: the answer.
    """

    state: JobState


@attrs.frozen
class Completed:
    """A job that was waited for has completed.

    Args:
        state: its last state.
    """

    state: JobState


@attrs.frozen
class Failure:
    """Something did not work.

    Args:
        error: what happened.
        job_id: the job that it happened to, if any.
    """

    error: MotionError
    job_id: str | None


@attrs.frozen
class Interrupted:
    """The command ends before its jobs do.

    Args:
        job_ids: the jobs.
    """

    job_ids: tuple[str, ...]


@attrs.frozen
class Listening:
    """A sandbox can be reached.

    Args:
        base_url: where.
        api_key: the key of its account.
    """

    base_url: str
    api_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StateSummary:
    """What was seen of one status.

    Args:
        status: the status.
        passed: how often a job came to it.
        now: how many jobs are in it at the end.
        mean_seconds: how long they stayed in it on average, None where none has left it.
    """

    status: str
    passed: int
    now: int
    mean_seconds: float | None


@attrs.frozen(kw_only=True)
class Summary:
    """How a demonstration went; the numbers from `polls` on are the sandbox's own counts.

    Args:
        seconds: how long it took.
        speed: how many times faster than real the time ran; `mean_seconds` are of that time.
        jobs: how many jobs there were.
        completed: how many of them have a video.
        failed: how many failed.
        states: the statuses that were seen.
        polls: the polls that the service got.
        polls_per_job: the same for each create and followup.
        creates_sent: the creates that the service got.
        creates_accepted: those that it took.
        followups_accepted: the followups that it took.
        duplicates: creates that it took twice.
    """

    seconds: float
    speed: float
    jobs: int
    completed: int
    failed: int
    states: tuple[StateSummary, ...]
    polls: int
    polls_per_job: float
    creates_sent: int
    creates_accepted: int
    followups_accepted: int
    duplicates: int


Happening: TypeAlias = Event | Asked | Completed | Failure | Interrupted | Listening | Summary
