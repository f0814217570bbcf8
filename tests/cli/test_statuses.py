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
    assert {status: count for status, count in tally.now.items() if count} == {"queued": 1, "completed": 1}
    assert dict(tally.passed) == {"queued": 2, "running": 1, "completed": 1}
    assert (tally.jobs, tally.ended) == (2, 1)


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
    assert (tally.jobs, tally.ended) == (1, 0)


def test_an_end_under_another_name_is_one() -> None:
    """It is counted under its own name, and with those that are done; also one that its fields alone show."""
    wrapped = JobState("b", JobStatus("wrapped_up"), error="no frames")
    changes = [change("a", "cancelled"), change("b", "wrapped_up")]
    tally = tally_of([*changes, StatusChange("b", wrapped.status, wrapped.status, wrapped, START)])
    assert (tally.now["cancelled"], tally.now["wrapped_up"], tally.ended) == (1, 1, 2)


def test_what_is_told_twice_counts_once() -> None:
    """A status that is told again of a job that has it already is no change."""
    tally = tally_of([change("a", "running", at=0), change("a", "running", at=5), change("a", "completed", at=8)])
    assert dict(tally.passed) == {"running": 1, "completed": 1}
    assert tally.mean_seconds(JobStatus.RUNNING) == 8


def test_an_unknown_status_gets_a_place_before_the_ends() -> None:
    """A status that nobody has named is shown while a job has it, between the working ones and the ends."""
    tally = tally_of([change("a", "rendering"), change("b", "running")])
    assert [status for status, _ in tally.by_status()][-3:] == ["rendering", "completed", "failed"]
    tally.take(change("a", "completed"))
    assert "rendering" not in dict(tally.by_status())


def test_ever_new_statuses_do_not_make_ever_more_bars() -> None:
    """When every job has a status of its own, the rarest are shown as one, and none is lost."""
    common = [change(f"x{index}", "polishing") for index in range(3)]
    tally = tally_of([*(change(str(index), f"frame {index}") for index in range(100)), *common])
    rows = tally.by_status()
    assert len(rows) == 10
    assert rows[4] == ("polishing", 3)
    assert sum(count for _, count in rows) == 103


def test_ever_new_and_long_statuses_fill_no_memory() -> None:
    """Their beginnings are counted, up to a thousand kinds, and the others together; documented ones always apart."""
    tally = tally_of(change("a", f"{number:05d}{'x' * 10_000}", at=number) for number in range(3_000))
    assert len(tally.passed) <= 1_001
    assert all(len(status) <= 40 for status in tally.passed)
    assert tally.jobs == sum(tally.now.values()) == 1
    tally.take(change("a", "completed"))
    assert tally.ended == 1
