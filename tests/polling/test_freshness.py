"""Tests of `motion_async.polling.freshness`."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from motion_async.jobs import JobState, JobStatus
from motion_async.polling.freshness import is_same_end, is_stale, needs_input, without_earlier_end

START = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def state(status: str, *, updated: float | None = None, completed: float | None = None) -> JobState:
    return JobState("j", JobStatus(status), START, at(updated), at(completed))


QUEUED = state("queued")
ENDED = state("completed", updated=100, completed=100)

FIRST_TURN = {
    "nothing known yet": (state("running", updated=5), None, False),
    "nothing known yet, already ended": (ENDED, None, False),
    "a later running": (state("running", updated=6), state("queued", updated=5), False),
    "the same running again": (state("running", updated=5), state("running", updated=5), False),
    "an earlier running": (state("running", updated=4), state("running", updated=5), True),
    "an earlier status": (state("created", updated=4), state("running", updated=5), True),
    "no time in the answer": (state("running"), state("running", updated=5), False),
    "no time in what is known": (state("running", updated=5), QUEUED, False),
    "the end": (ENDED, state("running", updated=50), False),
    "an end without times": (state("completed"), state("running", updated=50), False),
    "an end straight after the create": (ENDED, QUEUED, False),
    "a failure": (state("failed", updated=60), state("running", updated=50), False),
    "running after the end, by an earlier time": (state("running", updated=99), ENDED, True),
    "running after the end, by the same time": (state("running", updated=100), ENDED, True),
    "running after the end, by a later time": (state("running", updated=101), ENDED, False),
    "an unknown status, by an earlier time": (
        state("rendering", updated=4),
        state("running", updated=5),
        True,
    ),
    "an unknown status, by a later time": (state("rendering", updated=6), state("running", updated=5), False),
    "an end that is older than the one that is known": (state("completed", updated=99, completed=99), ENDED, True),
    "another end than the one that is known": (state("completed", updated=101, completed=101), ENDED, False),
    "running after an unknown status": (state("running", updated=7), state("rendering", updated=6), False),
    "the same time after an unknown status": (
        state("running", updated=6),
        state("rendering", updated=6),
        False,
    ),
}


@pytest.mark.parametrize(("seen", "known", "expected"), FIRST_TURN.values(), ids=FIRST_TURN)
def test_in_the_first_turn_only_an_older_answer_is_stale(
    seen: JobState, known: JobState | None, expected: bool
) -> None:
    """An answer that is older than what is known must not count, and an end always does."""
    assert is_stale(seen, known=known, before=None) is expected


RUNNING = state("running", updated=120)
TIMELESS = state("completed")
UPDATED = state("completed", updated=100)
FAILED_AT = state("failed", updated=100)

AFTER_A_FOLLOWUP = {
    "the old completed": (ENDED, QUEUED, ENDED, True),
    "the old completed, touched since": (
        state("completed", updated=130, completed=100),
        QUEUED,
        ENDED,
        True,
    ),
    "the old completed, after running": (ENDED, RUNNING, ENDED, True),
    "the old completed, touched before it ran": (state("completed", updated=110, completed=100), RUNNING, ENDED, True),
    "a completed that kept its first time": (state("completed", updated=130, completed=100), RUNNING, ENDED, False),
    "one that kept it, in the moment of running": (
        state("completed", updated=120, completed=100),
        RUNNING,
        ENDED,
        False,
    ),
    "one that kept it, though running was older than the old": (
        state("completed", updated=130, completed=100),
        state("running", updated=100),
        ENDED,
        True,
    ),
    "the old completed, after the new one": (
        ENDED,
        state("completed", updated=200, completed=200),
        ENDED,
        True,
    ),
    "running from before the old completed": (state("running", updated=99), QUEUED, ENDED, True),
    "running from after the old completed": (state("running", updated=101), QUEUED, ENDED, False),
    "running without a time": (state("running"), QUEUED, ENDED, False),
    "a new completed": (state("completed", updated=200, completed=200), RUNNING, ENDED, False),
    "a new completed before any poll saw it run": (
        state("completed", updated=200, completed=200),
        QUEUED,
        ENDED,
        False,
    ),
    "completed_at has come": (state("completed", updated=100, completed=100), QUEUED, UPDATED, False),
    "completed_at has gone": (state("completed", updated=100), QUEUED, ENDED, False),
    "no completed_at, the same updated_at": (UPDATED, QUEUED, UPDATED, True),
    "no completed_at, another updated_at": (state("completed", updated=200), QUEUED, UPDATED, False),
    "no completed_at, updated_at has come": (state("completed", updated=200), QUEUED, TIMELESS, False),
    "no times, nothing of the turn seen": (TIMELESS, QUEUED, TIMELESS, True),
    "no times, seen created": (TIMELESS, state("created"), TIMELESS, False),
    "no times, seen running": (TIMELESS, state("running"), TIMELESS, False),
    "no times, seen an unknown status": (TIMELESS, state("rendering"), TIMELESS, False),
    "a failure": (state("failed", updated=100), QUEUED, UPDATED, False),
    "a failure without times": (state("failed"), QUEUED, TIMELESS, False),
    "completed where a failure stood": (state("completed", updated=100), QUEUED, FAILED_AT, False),
    "the same failure that stood": (FAILED_AT, QUEUED, FAILED_AT, True),
    "the old completed under another name": (state("succeeded", updated=100, completed=100), QUEUED, ENDED, True),
    "a new end under another name": (state("canceled", updated=130), QUEUED, ENDED, False),
    "no times, the 202 in other letters": (TIMELESS, state("Queued"), TIMELESS, True),
    "running": (RUNNING, QUEUED, ENDED, False),
    "an unknown status": (state("rendering", updated=120), QUEUED, ENDED, False),
    "an unknown status from before the old completed": (state("rendering", updated=99), QUEUED, ENDED, True),
    "one with the end of a turn even before": (state("rendering", updated=99, completed=50), QUEUED, ENDED, True),
    "one with an end, after the old completed": (state("rendering", updated=120, completed=119), QUEUED, ENDED, False),
    "running out of order": (state("running", updated=110), RUNNING, ENDED, True),
    "running after the new end": (
        RUNNING,
        state("completed", updated=200, completed=200),
        ENDED,
        True,
    ),
}


@pytest.mark.parametrize(("seen", "known", "before", "expected"), AFTER_A_FOLLOWUP.values(), ids=AFTER_A_FOLLOWUP)
def test_after_a_followup_the_old_end_is_stale(
    seen: JobState, known: JobState, before: JobState, expected: bool
) -> None:
    """An end counts for the new turn only if it differs from the one that stood before it."""
    assert is_stale(seen, known=known, before=before) is expected


@pytest.mark.parametrize(
    ("status", "pending", "expected"),
    [
        ("awaiting_user_input", False, True),
        ("awaiting_user_input", True, True),
        ("AWAITING_USER_INPUT", False, True),
        ("running", True, True),
        ("running", False, False),
        ("completed", False, False),
        ("rendering", True, True),
    ],
)
def test_a_job_needs_input_by_its_status_or_by_its_flag(status: str, pending: bool, expected: bool) -> None:
    """Either of the two ways in which the service says so is enough."""
    assert needs_input(JobState("j", JobStatus(status), pending_user_input=pending)) is expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (ENDED, True),
        (state("completed", updated=101, completed=101), False),
        (state("running", updated=100), False),
    ],
)
def test_an_end_is_told_from_another(seen: JobState, expected: bool) -> None:
    """By its times, as each turn has an end."""
    assert is_same_end(seen, ENDED) is expected


WRAPPED = state("wrapped_up", updated=130, completed=100)
BROKEN = attrs.evolve(state("failed", updated=100, completed=100), error="no frames")


@pytest.mark.parametrize(
    ("seen", "known", "before", "expected"),
    [
        (WRAPPED, QUEUED, ENDED, state("wrapped_up", updated=130)),
        (WRAPPED, ENDED, None, state("wrapped_up", updated=130)),
        (attrs.evolve(WRAPPED, error="no frames"), QUEUED, BROKEN, state("wrapped_up", updated=130)),
        (WRAPPED, QUEUED, state("succeeded", completed=100), state("wrapped_up", updated=130)),
        (WRAPPED, QUEUED, state("completed", completed=99), WRAPPED),
        (attrs.evolve(WRAPPED, error="no frames"), QUEUED, ENDED, state("wrapped_up", updated=130)),
        (WRAPPED, WRAPPED, None, WRAPPED),
        (WRAPPED, None, None, WRAPPED),
        (state("canceled", completed=100), QUEUED, ENDED, state("canceled", completed=100)),
        (state("Running", completed=100), QUEUED, ENDED, state("Running", completed=100)),
    ],
    ids=[
        "of the turn before", "of the end that is known", "time and error", "under another name", "another time",
        "a new error", "its own", "nothing known", "a known end", "a known status",
    ],
)  # fmt: skip
def test_what_an_earlier_end_has_left_is_taken_from_a_status_that_nobody_knows(
    seen: JobState, known: JobState | None, before: JobState | None, expected: JobState
) -> None:
    """A turn that has just begun may still show when the one before completed; that alone is no end."""
    if seen.error is not None and before is ENDED:
        expected = attrs.evolve(expected, error="no frames")  # which is news
    assert without_earlier_end(seen, known=known, before=before) == expected
