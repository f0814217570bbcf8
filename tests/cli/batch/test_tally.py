"""`motion_async.cli.batch.tally`: counts, rates and estimates."""

from datetime import UTC, datetime

from motion_async.cli.batch.tally import BatchTally
from motion_async.cli.ends import End
from motion_async.jobs import JobState, JobStatus, StatusChange

AT = datetime(2026, 4, 28, tzinfo=UTC)


def change(job_id: str, status: str) -> StatusChange:
    """A job's change, as a session tells it."""
    return StatusChange(job_id, None, JobStatus(status), JobState(job_id, JobStatus(status)), AT)


def run(tally: BatchTally, job_id: str, *, ends_at: float) -> None:
    """Have a job run and complete."""
    tally.change(change(job_id, "running"))
    tally.change(change(job_id, "completed"))
    tally.end(End.COMPLETED, job_id=job_id, now=ends_at)


def test_what_runs_and_what_has_ended_is_counted_once() -> None:
    """A job is in one status at a time, and in none once it has ended."""
    tally = BatchTally(4, max_active=2, now=0.0)
    for status in ("queued", "running", "running"):
        tally.change(change("a", status))
    tally.change(change("b", "polishing"))
    assert tally.by_status() == [("running", 1), ("polishing", 1)]
    tally.change(change("a", "cancelled"))
    assert tally.active == 1
    tally.end(End.COMPLETED, job_id="a", now=1.0)
    tally.end(End.NOT_SENT, job_id=None, now=1.0)
    tally.end(End.UNCERTAIN, job_id=None, now=1.0)
    assert tally.done == 2
    assert tally.ended == {End.COMPLETED: 1, End.NOT_SENT: 1, End.UNCERTAIN: 1}


def test_jobs_that_have_ended_leave_nothing_behind() -> None:
    """Memory grows with the jobs that run, not with those that have run."""
    tally = BatchTally(5_000, max_active=10, now=0.0)
    for number in range(5_000):
        run(tally, str(number), ends_at=float(number))
    assert tally.active == 0
    assert not tally._running
    assert len(tally._recent) <= 51


def test_the_rate_is_that_of_late() -> None:
    """An estimate follows the newest ends, over at least two rounds of what runs at one time."""
    tally = BatchTally(1_000, max_active=5, now=0.0)
    for number in range(100):
        run(tally, str(number), ends_at=10.0 * (number + 1))
    assert tally.rate(now=1_000.0) == 0.1
    assert tally.seconds_left(now=1_000.0) == 9_000.0
    for number in range(100, 200):
        run(tally, str(number), ends_at=1_000.0 + number - 99)
    assert tally.rate(now=1_100.0) == 1.0
    assert (tally.rate(now=1_200.0) or 0) < 0.5, "a standstill shows"


def test_what_was_found_finished_tells_nothing_of_the_rate() -> None:
    """What an earlier run has done comes at once; the estimate waits for work of this one."""
    tally = BatchTally(100, max_active=5, now=0.0)
    for number in range(50):
        tally.end(End.COMPLETED, job_id=str(number), now=0.1)
    assert tally.rate(now=0.2) is None
    assert tally.seconds_left(now=0.2) is None
    for number in range(3):
        run(tally, f"new {number}", ends_at=30.0)
    assert tally.rate(now=30.0) == 0.1
