"""Tests of `motion_async.polling.lingering`: which statuses that nobody knows are told of, and when."""

from __future__ import annotations

import gc
import logging

import pytest

from motion_async import GrowingSchedule, JobState, JobStatus, StatusUndocumented
from motion_async.polling.lingering import UndocumentedStatuses
from motion_async.polling.tracked import TrackedJob


def job(job_id: str = "a") -> TrackedJob:
    return TrackedJob(job_id, began_at=0.0, schedule=GrowingSchedule())


def seen(status: str, *, error: str | None = None) -> JobState:
    return JobState("a", JobStatus(status), error=error)


def test_a_status_that_stands_for_ten_minutes_is_told_once() -> None:
    """The status is told as it came, with how long it has stood; polls after that are no news."""
    statuses, watched = UndocumentedStatuses(), job()
    told = [statuses.note(watched, seen("Rendering 4K"), now=at) for at in (50.0, 300.0, 649.9, 650.0, 660.0, 9_000.0)]
    assert told == [None, None, None, StatusUndocumented("a", JobStatus("Rendering 4K"), 600.0), None, None]


def test_another_status_begins_anew() -> None:
    """Only what stands is told; each status of a job that does is."""
    statuses, watched = UndocumentedStatuses(), job()
    changing = [statuses.note(watched, seen(f"step {at // 300}"), now=at) for at in range(0, 6_000, 300)]
    assert changing == [None] * 20
    assert statuses.note(watched, seen("step 19"), now=6_300) is not None
    assert statuses.note(watched, seen("step 20"), now=6_301) is None
    assert statuses.note(watched, seen("step 20"), now=6_901) is not None


@pytest.mark.parametrize("status", ["running", "Running", "AWAITING_USER_INPUT", "completed", "cancelled"])
def test_what_is_known_is_never_told(status: str) -> None:
    """Neither a documented status, in whatever letters, nor an end; and it ends the time of another one before it."""
    statuses, watched = UndocumentedStatuses(), job()
    assert [statuses.note(watched, seen(status), now=at) for at in (0, 700, 1_400)] == [None] * 3
    assert not statuses._standing
    notes = [(name, at) for at, name in enumerate(["odd", status, "odd"])]
    assert [statuses.note(watched, seen(name), now=at * 599) for name, at in notes] == [None] * 3
    assert statuses.note(watched, seen("odd", error="no frames"), now=9_000) is None
    assert not statuses._standing


def test_the_log_has_each_status_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many jobs stand in it; the events tell of each of them."""
    statuses, jobs = UndocumentedStatuses(), [job(f"job-{number}") for number in range(50)]
    told = [statuses.note(each, seen("odd"), now=at) for at in (0, 600) for each in jobs]
    assert sum(event is not None for event in told) == 50
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "job job-0 has been 'odd' for ten minutes" in record.getMessage()


def test_a_service_that_never_repeats_itself_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred statuses are enough to know of it."""
    statuses, jobs = UndocumentedStatuses(), [job(f"job-{number}") for number in range(300)]
    for at in (0, 600):
        for number, each in enumerate(jobs):
            statuses.note(each, seen(f"odd {number}"), now=at)
    assert len(caplog.records) == len(statuses._logged) == 100


def test_a_job_that_nobody_holds_is_forgotten() -> None:
    """What is kept of it goes with it."""
    statuses, watched = UndocumentedStatuses(), job()
    statuses.note(watched, seen("odd"), now=0)
    assert len(statuses._standing) == 1
    del watched
    gc.collect()
    assert not statuses._standing
