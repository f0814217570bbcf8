"""`motion_async.cli.ends`: how requests end, and what that means to a shell."""

import pytest

from motion_async import errors
from motion_async.cli.batch.duplicates import DUPLICATE
from motion_async.cli.batch.retries import AGAIN
from motion_async.cli.ends import END_OF_STATE, MEANINGS, End, end_of, status_of
from motion_async.cli.output.tables import PLANS
from motion_async.cli.words import COLOURS, WORD_OF_END, WORD_OF_ITEM_STATE, Word
from motion_async.jobs import Outcome, VideoRequest
from motion_async.ledger import ItemState
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


def test_every_end_and_every_state_has_its_place_in_each_table() -> None:
    """Whoever adds one finds here what it is missing in."""
    assert set(MEANINGS) == set(WORD_OF_END) == set(End)
    assert set(END_OF_STATE) == set(WORD_OF_ITEM_STATE) == set(ItemState)
    assert set(COLOURS) == set(WORD_OF_END.values()) == set(Word)
    assert len(set(COLOURS.values())) == len(Word), "two words cannot be told apart"
    states = [state for meaning in MEANINGS.values() for state in meaning.states]
    assert len(states) == len(set(states)), "a state counts as two ends"
    assert {name for name, _ in PLANS} == {meaning.planned for meaning in MEANINGS.values()} | {
        "expired",
        AGAIN,
        DUPLICATE,
    }


def test_a_state_counts_as_an_end_and_looks_like_it() -> None:
    """Programs read the names of ends, and people see the words and their colours."""
    assert END_OF_STATE == {
        ItemState.PLANNED: End.NOT_SENT,
        ItemState.INTENT: End.UNCERTAIN,
        ItemState.UNCERTAIN: End.UNCERTAIN,
        ItemState.SUBMITTED: End.RUNNING,
        ItemState.COMPLETED: End.COMPLETED,
        ItemState.FAILED: End.FAILED,
        ItemState.REJECTED: End.REJECTED,
        ItemState.DROPPED: End.DROPPED,
    }
    assert {state.value: (word.value, COLOURS[word]) for state, word in WORD_OF_ITEM_STATE.items()} == {
        "planned": ("waiting", "bright_black"),
        "intent": ("making", "cyan"),
        "uncertain": ("unclear", "magenta"),
        "submitted": ("making", "cyan"),
        "completed": ("done", "green"),
        "failed": ("failed", "red"),
        "rejected": ("failed", "red"),
        "dropped": ("failed", "red"),
    }
    for state, end in END_OF_STATE.items():
        # An intent is most often being sent, and in no doubt.
        assert state is ItemState.INTENT or WORD_OF_ITEM_STATE[state] is WORD_OF_END[end]
    assert {end.value: word.value for end, word in WORD_OF_END.items() if end not in END_OF_STATE.values()} == {
        "changed": "needs you",
        "input": "needs you",
        "unseen": "unclear",
    }
