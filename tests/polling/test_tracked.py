"""Tests of `motion_async.polling.tracked`: the chain of a job's changes."""

import asyncio
import gc
import weakref
from datetime import UTC, datetime, timedelta

import pytest

from motion_async import GrowingSchedule, InvalidRequestError, JobState, JobStatus, StatusChange
from motion_async.polling.tracked import Step, Watched

MAX_KEPT = 1_000  # the number that is promised, whatever the code says

START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)


@pytest.fixture
def job() -> Watched:
    return Watched("a", began_at=0.0, schedule=GrowingSchedule())


def change(number: int) -> StatusChange:
    status = JobStatus.RUNNING if number % 2 else JobStatus.AWAITING_USER_INPUT
    return StatusChange("a", None, status, JobState("a", status), START + timedelta(seconds=number))


def read_on(step: Step) -> list[int]:
    """Read all that lies behind a link, as the numbers of the changes."""
    numbers = []
    while step.next is not None:
        step = step.next
        if step.change is not None:
            numbers.append(round((step.change.observed_at - START).total_seconds()))
    return numbers


def links(step: Step | None) -> int:
    """How many links a reader that stands at this one keeps alive."""
    count = 0
    while step is not None:
        count, step = count + 1, step.next
    return count


@pytest.mark.parametrize("reads", [0, 1, MAX_KEPT - 1, MAX_KEPT, MAX_KEPT + 1, 2 * MAX_KEPT, 3 * MAX_KEPT])
def test_a_reader_that_stands_still_keeps_a_bounded_number_of_changes(job: Watched, reads: int) -> None:
    """Wherever it stands: it may miss the middle, reads on in order, and never misses the newest ones."""
    step = job.last
    for number in range(10 * MAX_KEPT):
        job.add(change(number))
        if number < reads:
            step = job.last
    assert links(step) <= 2 * MAX_KEPT + 3
    rest = read_on(step)
    assert rest == sorted(set(rest))
    assert rest[-MAX_KEPT:] == list(range(9 * MAX_KEPT, 10 * MAX_KEPT))


def test_nothing_is_cut_out_of_what_a_reader_may_well_read(job: Watched) -> None:
    """Up to twice the bound of changes are all there."""
    step = job.last
    for number in range(2 * MAX_KEPT):
        job.add(change(number))
    assert read_on(step) == list(range(2 * MAX_KEPT))


def test_what_every_reader_has_passed_is_freed(job: Watched) -> None:
    """A job of few changes keeps the newest one alone."""
    job.add(change(0))
    first = weakref.ref(job.last.change or change(0))
    job.add(change(1))
    gc.collect()
    assert first() is None


def test_a_chain_is_walked_to_the_next_end(job: Watched) -> None:
    """`end` stops at the first terminal change, and else at the newest link."""
    step = job.last
    job.add(change(1))
    assert step.end() == (job.last, None)
    completed = JobState("a", JobStatus.COMPLETED)
    job.add(StatusChange("a", JobStatus.RUNNING, JobStatus.COMPLETED, completed, START))
    at = job.last
    job.add(change(3))
    assert step.end() == (at, completed)
    assert at.end() == (job.last, None)


async def test_everyone_who_waits_is_woken_once_and_whoever_gave_up_is_forgotten(job: Watched) -> None:
    """One, two or many futures: each is done at the news."""
    futures = [job.news() for _ in range(3)]
    job.forget(futures[1])
    futures[0].cancel()
    job.wake()
    assert not futures[1].done()
    assert futures[2].done()
    later = job.news()
    job.wake()
    await asyncio.wait_for(later, 1)
    futures[1].cancel()


def test_what_cannot_be_an_id_is_no_job() -> None:
    """An id that would lead elsewhere is refused where a job is made of it."""
    with pytest.raises(InvalidRequestError):
        Watched("..", began_at=0.0, schedule=GrowingSchedule())
