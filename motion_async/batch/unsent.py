"""Why a request of a batch was not sent, and what to do about it, in words: the same ones in each run.

Pure. It must not decide that a request is not sent.
"""

from __future__ import annotations

from motion_async.errors import JobFailedError, MotionError, NotSentError, SentElsewhereError
from motion_async.jobs import Outcome

__all__ = [
    "behind_lost_turn",
    "behind_turn",
    "parent_elsewhere",
    "parent_failed",
    "parent_incomplete",
    "stopped_by",
    "unknown_jobs",
    "without_parent",
]


def stopped_by(error: MotionError) -> NotSentError:
    """Give the error of a request that comes after one which ended all new ones."""
    unsent = NotSentError(f"an earlier request ended all new ones: {error}")
    unsent.__cause__ = error
    return unsent


def without_parent(ended: Outcome) -> NotSentError:
    """Give the error of a followup to a request that has just ended without a video."""
    key = ended.key or ""
    if isinstance(ended.error, SentElsewhereError):
        return parent_elsewhere(key)
    return parent_failed(key) if isinstance(ended.error, JobFailedError) else parent_incomplete(key)


def parent_failed(key: str) -> NotSentError:
    """Give the error of a followup to a request whose job has failed, which no run of the batch sends again."""
    advice = "give that one another id to have it made anew, and let this one follow the new id"
    return NotSentError(f"the request that it follows, {key!r}, has failed", advice=advice)


def parent_elsewhere(key: str) -> NotSentError:
    """Give the error of a followup to a request that another process is sending."""
    why = f"the request that it follows, {key!r}, is being sent by another process or run"
    return NotSentError(why, advice="run the batch again once that has completed")


def parent_incomplete(key: str, stands: str | None = None) -> NotSentError:
    """Give the error of a followup to a request that has no video yet; `stands` says how that stands, if known."""
    known = "" if stands is None else f": {stands}"
    return NotSentError(f"the request that it follows, {key!r}, has not completed{known}")


def behind_lost_turn() -> NotSentError:
    """Give the error of a followup to a job at which an earlier followup may be at work unwatched."""
    return NotSentError("an earlier followup of the same job has not ended, and is not watched here")


def behind_turn(job_id: str, seconds: float | None) -> NotSentError:
    """Give the error of a followup to a job that was at work for too long by a turn which this batch does not know."""
    why = f"job {job_id} was still at work by another followup after {seconds:g} s"
    return NotSentError(why, advice="run the batch again once that has ended")


def unknown_jobs(batch: str, count: int) -> NotSentError:
    """Give the error of what is new in a batch of which the service knows no job."""
    why = f"the service knows none of {count} jobs that it has taken for batch {batch!r}"
    return NotSentError(why, advice="check the base URL and whose the API key is, or give the batch another name")
