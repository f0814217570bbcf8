"""Tests of `motion_async.batch.unsent`."""

import pytest

from motion_async import (
    InsufficientCreditsError,
    JobFailedError,
    NotSentError,
    Outcome,
    SentElsewhereError,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.batch import unsent

FAILED = JobFailedError("job-1", error="no cats")
LATE = WaitTimeoutError("job-1", timeout=3.0, status=None, failures=0)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (unsent.behind_lost_turn(), ("an earlier followup", "is not watched here")),
        (unsent.behind_turn("job-1", 2.5), ("job-1", "after 2.5 s", "run the batch again once that has ended")),
        (unsent.parent_elsewhere("a"), ("'a', is being sent by another process", "run the batch again once")),
        (unsent.parent_failed("a"), ("'a', has failed", "another id")),
        (unsent.parent_incomplete("a", "it is uncertain"), ("'a', has not completed: it is uncertain",)),
    ],
)
def test_it_says_what_stood_in_the_way_and_what_to_do(error: NotSentError, says: tuple[str, ...]) -> None:
    """Of each reason the request, the job or the seconds are told."""
    assert all(words in str(error) for words in says)


def test_what_ended_all_requests_is_the_cause() -> None:
    """Whoever catches it can look at the error that ended them."""
    refusal = InsufficientCreditsError("402", http_status=402)
    assert unsent.stopped_by(refusal).__cause__ is refusal


def test_a_parent_that_another_process_sends_is_said_to_be_sent() -> None:
    """It may have a video soon, and then the followup can be sent."""
    ended = Outcome(0, VideoRequest("make"), error=SentElsewhereError("launch", "a", "0123456789abcdef"), key="a")
    assert str(unsent.without_parent(ended)) == str(unsent.parent_elsewhere("a"))


@pytest.mark.parametrize(("error", "is_for_good"), [(FAILED, True), (LATE, False)], ids=["failed", "late"])
def test_only_after_a_failed_video_another_id_is_named(
    error: JobFailedError | WaitTimeoutError, is_for_good: bool
) -> None:
    """Any other end may still become a video, and must not be paid for twice."""
    ended = Outcome(0, VideoRequest("make"), "job-1", None, error, key="a")
    assert ("another id" in str(unsent.without_parent(ended))) is is_for_good
