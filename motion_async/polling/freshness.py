"""Which answers about a job are news, and which speak of a moment that has passed.

A job keeps its id through all its turns, and for a moment after a followup the service may still
answer with the old `completed`. Pure: it compares what was said and decides nothing else.
"""

from __future__ import annotations

import attrs

from motion_async.jobs import JobState, JobStatus

__all__ = ["is_older", "is_same_end", "is_stale", "needs_input", "without_earlier_end"]


def without_earlier_end(seen: JobState, *, known: JobState | None, before: JobState | None) -> JobState:
    """Give an answer without the time and the error of an earlier turn's end that still stand in it.

    Only with a status of which nobody knows what it means: there they would be taken for an end of this turn.
    `known` and `before` are as in `is_stale`.
    """
    if seen.status.meaning is not None:
        return seen
    for earlier in (known, before):
        if earlier is not None and earlier.status.is_terminal:
            completed_at = None if seen.completed_at == earlier.completed_at else seen.completed_at
            error = None if seen.error == earlier.error else seen.error
            seen = attrs.evolve(seen, completed_at=completed_at, error=error)
    return seen


def is_stale(seen: JobState, *, known: JobState | None, before: JobState | None) -> bool:
    """Whether an answer is older than what is known of the job, so that it must not count.

    `known` is the newest state that counted, and `before` the state that the newest followup found, if there are any.
    """
    if before is not None and seen.status.meaning is None and is_older(seen, before):
        return True  # what would make it an end may be left of a turn even before, and then it is none
    if known is None:
        return before is not None and seen.has_ended and _is_same_end(seen, known=None, before=before)
    if seen.has_ended and not (known.has_ended and is_older(seen, known)):
        # Of a turn that runs, an end counts whatever its time: a clock that is off must keep nobody waiting.
        return before is not None and _is_same_end(seen, known=known, before=before)
    # The answer to a followup has no time, but whatever is news of its turn is newer than what it found.
    newest = before if known.updated_at is None and before is not None else known
    # A job that has ended leaves that state only by being changed again, so an equal time is old.
    return is_older(seen, newest) or (newest.has_ended and None is not seen.updated_at == newest.updated_at)


def is_older(seen: JobState, known: JobState) -> bool:
    """Whether the service changed a job to `seen` before it changed it to `known`, as far as both say when."""
    return seen.updated_at is not None and known.updated_at is not None and seen.updated_at < known.updated_at


def is_same_end(seen: JobState, end: JobState) -> bool:
    """Whether an answer tells of an end that is known."""
    return seen.has_ended and _is_same_end(seen, known=None, before=end)


def _is_same_end(seen: JobState, *, known: JobState | None, before: JobState) -> bool:
    """Whether an answer shows the end that a followup found, and not that of the followup's own turn."""
    if seen.end != before.end or (known is not None and _has_moved_on(seen, known, before)):
        return False
    for at in ("completed_at", "updated_at"):
        old, new = getattr(before, at), getattr(seen, at)
        if old is not None or new is not None:
            return bool(old == new)
    # Without any times, the end counts as new once the job has been seen at work in this turn.
    return known is None or known.status.meaning == JobStatus.QUEUED or known.has_ended


def _has_moved_on(seen: JobState, known: JobState, before: JobState) -> bool:
    """Whether the turn has been seen at work: then its end is its own, even with the time of the one before it."""
    then, since, now = before.updated_at, known.updated_at, seen.updated_at
    if then is None or since is None or now is None or known.has_ended:
        return False
    return then < since <= now


def needs_input(state: JobState) -> bool:
    """Whether the job waits for a person (section "Job Statuses")."""
    return state.pending_user_input or state.status.meaning == JobStatus.AWAITING_USER_INPUT
