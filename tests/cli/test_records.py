"""`motion_async.cli.records`: outcomes and items as plain values."""

import json

import attrs
import pytest

from motion_async.cli.progress import RequestEnded
from motion_async.cli.records import item_record, outcome_record, result_record
from motion_async.cli.words import End
from motion_async.errors import CreateUncertainError
from motion_async.jobs import BatchRequest, JobState, JobStatus, Outcome, VideoRequest
from motion_async.ledger import ItemState, content_digest
from tests.cli.output.test_jsonlines import ITEM

REQUEST = VideoRequest("A video")


def test_an_outcome_tells_its_error_in_words() -> None:
    """The class of the error is for programs, the sentence for people."""
    outcome = Outcome(3, REQUEST, error=CreateUncertainError("lost"), key="k", metadata={"a": 1})
    record = outcome_record(RequestEnded(7, outcome, End.UNCERTAIN))
    assert (record["line"], record["key"], record["state"], record["end"]) == (7, "k", "unclear", "uncertain")
    assert record["error"] == "CreateUncertainError"
    assert "look at https://motion.so" in record["message"]
    assert record["metadata"] == {"a": 1}
    assert record["job"] is None


def test_a_line_that_nothing_is_known_of_waits() -> None:
    """A line that no run has come to yet stands as one that is to be sent."""
    record = result_record(1, "k", BatchRequest(REQUEST), None)
    assert (record["state"], record["job_id"], record["error"]) == ("waiting", None, None)


@pytest.mark.parametrize(
    ("state", "is_told"), [(ItemState.COMPLETED, True), (ItemState.UNCERTAIN, True), (ItemState.PLANNED, False)]
)
def test_a_line_that_has_changed_since_it_was_sent_is_told_of(state: ItemState, is_told: bool) -> None:
    """Its result is that of another content; one that was not sent takes the new content over."""
    item = attrs.evolve(ITEM, state=state)
    told = result_record(1, "k", BatchRequest(REQUEST), item)
    assert ("another content" in str(told["error"])) is (told["state"] == "needs you") is is_told
    same = attrs.evolve(item, digest=content_digest(REQUEST))
    assert result_record(1, "k", BatchRequest(REQUEST), same)["error"] is None


@pytest.mark.parametrize(
    ("status", "word"),
    [(JobStatus.RUNNING, "making"), (JobStatus.AWAITING_USER_INPUT, "needs you"), (JobStatus.COMPLETED, "making")],
)
def test_an_item_stands_as_the_service_has_said_last(status: JobStatus, word: str) -> None:
    """In a word for people, beside the ledger's own state; that alone says that a job which was sent has ended."""
    sent = attrs.evolve(ITEM, state=ItemState.SUBMITTED, job_state=JobState("a", status))
    item = attrs.evolve(sent, digest=content_digest(REQUEST))
    record = item_record(item)
    assert (record["state"], record["item_state"]) == (word, "submitted")
    assert result_record(1, "k", BatchRequest(REQUEST), item)["state"] == word
    done = item_record(ITEM)
    assert (done["state"], done["item_state"]) == ("done", "completed")


def test_no_record_of_an_item_has_a_signature() -> None:
    """The queries of attachments' URLs are left out; what the service said is whole, and all of it is JSON."""
    text = json.dumps(item_record(ITEM))
    assert "secret" not in text
    assert "https://storage.example.com/a.png?" in text
    assert "https://example.com/v.mp4" in text
