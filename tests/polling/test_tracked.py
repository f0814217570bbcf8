"""Tests of `motion_async.polling.tracked`."""

from datetime import UTC, datetime

import pytest

from motion_async import GrowingSchedule, InvalidRequestError, JobState, JobStatus, StatusChange
from motion_async.polling.tracked import TrackedJob
from tests.quiet import Heard

START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
CHANGE = StatusChange("a", None, JobStatus.RUNNING, JobState("a", JobStatus.RUNNING), START)


@pytest.fixture
def job() -> TrackedJob:
    return TrackedJob("a", began_at=0.0, schedule=GrowingSchedule())


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_observer_hears_of_every_change_until_it_leaves(job: TrackedJob, count: int) -> None:
    """Whether there are none, one or many; whoever leaves twice, or was never there, disturbs nobody."""
    observers = [Heard(job) for _ in range(count)]
    job.notify(CHANGE)
    job.notify()
    for gone in (*observers[::2], *observers[::2]):
        job.unsubscribe(gone)
    job.notify(CHANGE)
    assert [heard.news for heard in observers[::2]] == [[CHANGE, None]] * len(observers[::2])
    assert [heard.news for heard in observers[1::2]] == [[CHANGE, None, CHANGE]] * len(observers[1::2])
    assert job.change is CHANGE


def test_an_observer_may_leave_while_it_hears(job: TrackedJob) -> None:
    """The others hear all the same."""

    class Leaves(Heard):
        def notify(self, change: StatusChange | None) -> None:
            super().notify(change)
            job.unsubscribe(self)

    observers = [Leaves(job), Heard(job), Leaves(job), Heard(job)]
    job.notify(CHANGE)
    job.notify()
    assert [len(heard.news) for heard in observers] == [1, 2, 1, 2]


def test_a_job_keeps_its_newest_change_alone(job: TrackedJob) -> None:
    """Other news is none."""
    job.notify(CHANGE)
    job.notify()
    assert job.change is CHANGE


def test_what_cannot_be_an_id_is_no_job() -> None:
    """An id that would lead elsewhere is refused where a job is made of it."""
    with pytest.raises(InvalidRequestError):
        TrackedJob("..", began_at=0.0, schedule=GrowingSchedule())
