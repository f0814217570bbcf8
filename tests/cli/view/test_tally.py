"""`motion_async.cli.view.tally`: counts by words, rates and estimates."""

from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async.cli.progress import RequestEnded
from motion_async.cli.view.tally import Tally
from motion_async.cli.words import End, Word
from motion_async.jobs import JobState, JobStatus, Outcome, StatusChange, VideoRequest

AT = datetime(2026, 4, 28, tzinfo=UTC)


def change(job_id: str, status: str, **state: Any) -> StatusChange:
    """A job's change, as a session tells it."""
    return StatusChange(job_id, None, JobStatus(status), JobState(job_id, JobStatus(status), **state), AT)


def ended(end: End, job_id: str | None = None, **outcome: Any) -> RequestEnded:
    """An end of some request."""
    return RequestEnded(1, Outcome(0, VideoRequest("A video"), job_id, **outcome), end)


def counts(tally: Tally) -> dict[str, int]:
    """What there is of each word, if there is any."""
    return {word: count for word, count in tally.counts.items() if count}


def run(tally: Tally, job_id: str, *, begins_at: float = 0.0, ends_at: float) -> None:
    """Have a job run and complete."""
    tally.take(change(job_id, "running"), now=begins_at)
    tally.take(change(job_id, "completed"), now=ends_at)
    tally.end(ended(End.COMPLETED, job_id))


def test_each_video_counts_once() -> None:
    """By what the service says of its job, then by how its request has ended; the rest waits."""
    tally = Tally(9, places=2, now=0.0)
    for status in ("queued", "running", "running"):
        tally.take(change("a", status), now=0.0)
    tally.take(change("b", "polishing"), now=0.0)
    tally.take(change("c", "awaiting_user_input"), now=0.0)
    assert counts(tally) == {"waiting": 6, "making": 2, "needs you": 1}
    assert tally.by_status == [("awaiting_user_input", 1), ("running", 1), ("polishing", 1)]
    tally.take(change("a", "cancelled"), now=1.0)
    assert counts(tally)["failed"] == 1
    tally.end(ended(End.FAILED, "a"))
    for end in (End.COMPLETED, End.NOT_SENT, End.UNCERTAIN, End.REJECTED):
        tally.end(ended(end))
    tally.end(ended(End.INPUT, "c"))
    assert counts(tally) == {"waiting": 3, "making": 1, "needs you": 1, "done": 1, "failed": 2, "unclear": 1}


def test_without_requests_jobs_stay_what_they_are() -> None:
    """A followup takes one back, and is counted as anew."""
    tally = Tally(1, places=None, now=0.0)
    tally.take(change("a", "completed"), now=0.0)
    assert counts(tally) == {"done": 1}
    tally.take(change("a", "queued"), now=5.0)
    assert counts(tally) == {"making": 1}


def test_where_their_number_is_not_known_nothing_waits_and_nothing_is_kept() -> None:
    """A worker makes ever more of them, so a followup is one more."""
    tally = Tally(None, places=None, now=0.0)
    for number in range(1_000):
        tally.take(change(str(number), "running"), now=0.0)
        tally.take(change(str(number), "completed"), now=1.0)
    assert counts(tally) == {"done": 1_000}
    assert not tally._jobs
    tally.take(change("0", "queued"), now=5.0)
    assert counts(tally) == {"done": 1_000, "making": 1}


def test_jobs_that_have_ended_leave_nothing_behind() -> None:
    """Memory grows with the jobs that run, not with those that have run, nor with the kinds of their statuses."""
    tally = Tally(5_000, places=10, now=0.0)
    for number in range(5_000):
        tally.take(change(str(number), f"{number:05d}{'x' * 10_000}"), now=0.0)
        run(tally, str(number), ends_at=float(number))
    assert not tally._jobs
    assert len(tally._recent) <= 51
    assert len(tally._durations) <= 1_000
    assert len(tally._by_status) <= 1_010
    assert max(map(len, tally._by_status)) <= 40
    assert tally.by_status == []


def test_the_rate_is_that_of_late() -> None:
    """An estimate follows the newest ends, over at least two rounds of what runs at one time."""
    tally = Tally(1_000, places=5, now=0.0)
    for number in range(100):
        run(tally, str(number), ends_at=10.0 * (number + 1))
    assert tally.rate(now=1_000.0) == 0.1
    assert tally.seconds_left(now=1_000.0) == (9_000.0, 9_000.0)
    for number in range(100, 200):
        run(tally, str(number), ends_at=1_000.0 + number - 99)
    assert tally.rate(now=1_100.0) == 1.0
    assert (tally.rate(now=1_200.0) or 0) < 0.5, "a standstill shows"


def test_what_was_found_finished_tells_nothing_of_the_rate() -> None:
    """What an earlier run has done comes at once; the estimate waits for work of this one."""
    tally = Tally(100, places=5, now=0.0)
    for _ in range(50):
        tally.end(ended(End.COMPLETED))
    assert tally.rate(now=0.2) is None
    assert tally.seconds_left(now=0.2) is None
    for number in range(3):
        run(tally, f"new {number}", ends_at=30.0)
    assert tally.rate(now=30.0) == 0.1


def test_what_is_known_of_durations_tells_the_time_left_from_the_first_moment() -> None:
    """By the places there are: a narrow range where the durations are alike, and many."""
    tally = Tally(40, places=4, now=0.0, durations=[100.0] * 20)
    assert tally.seconds_left(now=0.0) == (1_000.0, 1_000.0)
    for number in range(4):
        tally.take(change(str(number), "running"), now=0.0)
    assert tally.seconds_left(now=50.0) == (950.0, 950.0)


def test_where_little_is_known_a_range_is_told() -> None:
    """A few durations say less of how far others lie apart, and the last video takes as long as any."""
    tally = Tally(3, places=8, now=0.0, durations=[100.0, 200.0])
    low, high = tally.seconds_left(now=0.0) or (0.0, 0.0)
    assert 50 < low < 150
    assert high == pytest.approx(300.0)


def test_what_needs_a_person_is_not_waited_for() -> None:
    """How long that takes nobody knows: when all else has ended, no time is left."""
    tally = Tally(1, places=1, now=0.0, durations=[10.0] * 20)
    tally.take(change("a", "awaiting_user_input"), now=0.0)
    assert tally.counts[Word.NEEDS_YOU] == 1
    assert tally.seconds_left(now=5.0) is None
