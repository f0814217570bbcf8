"""`motion_async.cli.ends`: how requests end, and what that means to a shell."""

import pytest

from motion_async import errors
from motion_async.cli.ends import end_of, status_of
from motion_async.cli.words import End
from motion_async.jobs import Outcome, VideoRequest
from motion_async.problems import Problem

REQUEST = VideoRequest("A video")
STOPPED = errors.NotSentError("an earlier request ended all new ones")
STOPPED.__cause__ = errors.InsufficientCreditsError("no credits", http_status=402)
PROBLEMS = (Problem("custom", "too long", ("prompt",)),)


@pytest.mark.parametrize(
    ("error", "job_id", "end", "status"),
    [
        (None, "a", End.COMPLETED, 0),
        (errors.JobFailedError("a", error="no scene"), "a", End.FAILED, 1),
        (errors.InvalidRequestError(PROBLEMS, http_status=400), None, End.REJECTED, 2),
        (errors.LedgerConflictError("it is sent", batch="b", key="k", state="submitted"), None, End.CHANGED, 2),
        (errors.CreateUncertainError("lost"), None, End.UNCERTAIN, 4),
        (errors.WaitTimeoutError("a", timeout=1, status=None), "a", End.RUNNING, 4),
        (errors.SentElsewhereError(batch="b", key="k", owner="o"), None, End.RUNNING, 4),
        (errors.InputRequiredError("a"), "a", End.INPUT, 4),
        (errors.JobNotFoundError("no such job", http_status=404), "a", End.UNSEEN, 3),
        (errors.AuthenticationError("no key", http_status=401), None, End.NOT_SENT, 3),
        (errors.ConnectFailedError("no connection"), None, End.NOT_SENT, 4),
        (errors.LedgerError("no space"), None, End.NOT_SENT, 4),
        (STOPPED, None, End.NOT_SENT, 3),
        (errors.NotSentError("the request that it follows has not completed"), None, End.NOT_SENT, 1),
    ],
)
def test_each_error_is_an_end(error: errors.MotionError | None, job_id: str | None, end: End, status: int) -> None:
    """Each kind of error has its end and its exit status; without a job nothing was sent."""
    outcome = Outcome(0, REQUEST, job_id, error=error)
    assert end_of(outcome) is end
    assert status_of(outcome, end, skips_invalid=False) == status


def test_what_a_person_has_decided_is_no_failure() -> None:
    """Dropped items, and lines that are to be left out, do not count."""
    dropped = Outcome(0, REQUEST, error=errors.DroppedError(batch="b", key="k"))
    assert status_of(dropped, End.DROPPED, skips_invalid=False) == 0
    expired = Outcome(0, REQUEST, error=errors.InvalidRequestError(PROBLEMS))
    assert status_of(expired, End.REJECTED, skips_invalid=True) == 0
    refused = Outcome(0, REQUEST, error=errors.InvalidRequestError(PROBLEMS, http_status=400))
    assert status_of(refused, End.REJECTED, skips_invalid=True) == 2
