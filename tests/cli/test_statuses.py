"""`motion_async.cli.statuses`: counting jobs by the statuses that the service gives them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from motion_async.cli.statuses import StatusTally
from motion_async.jobs import JobState, JobStatus, StatusChange

START = datetime(2026, 4, 28, 23, 1, tzinfo=UTC)


def change(job_id: str, current: str, *, at: float = 0.0) -> StatusChange:
    """Make a change of a job's status, some seconds after the start."""
    status = JobStatus(current)
    return StatusChange(job_id, None, status, JobState(job_id, status), START + timedelta(seconds=at))


def tally_of(changes: Iterable[StatusChange]) -> StatusTally:
    """Count some changes."""
    tally = StatusTally()
    for each in changes:
        tally.take(each)
    return tally


def test_a_job_is_counted_where_it_is_now() -> None:
    """A job counts for its newest status alone, and for each that it has passed."""
    tally = tally_of([change("a", "queued"), change("b", "queued"), change("a", "running"), change("a", "completed")])
    assert {status: count for status, count in tally.by_status() if count} == {"queued": 1, "completed": 1}
    assert dict(tally.passed) == {"queued": 2, "running": 1, "completed": 1}


def test_the_mean_time_is_that_of_jobs_that_have_left() -> None:
    """How long a status lasts is told by the jobs that have left it; before any has, nothing is."""
    tally = tally_of(
        [
            change("a", "queued", at=0),
            change("b", "queued", at=0),
            change("c", "queued", at=0),
            change("a", "running", at=2),
            change("b", "running", at=4),
        ]
    )
    assert tally.mean_seconds(JobStatus.QUEUED) == 3
    assert tally.mean_seconds(JobStatus.RUNNING) is None


def test_a_followup_takes_a_job_back() -> None:
    """A job that is followed up counts as under way again, and is still one job."""
    tally = tally_of([change("a", "completed"), change("a", "queued")])
    assert {status: count for status, count in tally.by_status() if count} == {"queued": 1}


def test_what_is_told_twice_counts_once() -> None:
    """A status that is told again of a job that has it already is no change."""
    tally = tally_of([change("a", "running", at=0), change("a", "running", at=5), change("a", "completed", at=8)])
    assert dict(tally.passed) == {"running": 1, "completed": 1}
    assert tally.mean_seconds(JobStatus.RUNNING) == 8
