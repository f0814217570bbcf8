"""`motion_async.codec.writing`: what is sent, kept and exported has the shape that files and servers know."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import (
    Attachment,
    ConfigurationError,
    CreateUncertainError,
    JobFailedError,
    JobState,
    JobStatus,
    MotionError,
    Outcome,
    PollDisturbed,
    StatusChange,
    VideoRequest,
)
from motion_async.cli.records import item_record
from motion_async.codec import read_plain_request, to_dict, write_plain_request, write_plain_state, write_time
from motion_async.contract.wire import encode_request
from motion_async.ledger import Item, ItemState
from motion_async.ledger.codec import read_request, write_request, write_state

MOMENT = datetime(2026, 5, 1, 12, 0, 1, 250_000, tzinfo=UTC)
URL = "https://files.example.com/hero.png?X-Amz-Signature=a"
FULL = VideoRequest(
    "Ein Bär",
    style_reference_url="https://youtu.be/x",
    attachments=[Attachment(URL, name="n", content_type="image/png", type="file")],
)
ITEM = Item(
    1, "b", "k", request=FULL, digest="d", state=ItemState.PLANNED, planned_at=MOMENT, changed_at=MOMENT
)  # fmt: skip
TEXTS = st.text(max_size=20)
REQUESTS = st.builds(
    VideoRequest,
    TEXTS,
    style_reference_url=st.none() | TEXTS,
    attachments=st.lists(st.builds(Attachment, TEXTS, name=st.none() | TEXTS, content_type=st.none() | TEXTS)),
)


def test_a_plain_request_has_every_field() -> None:
    """A field that is added to requests is not lost on the wire or in the ledger."""
    attachment = Attachment("u", name="n", content_type="c", type="file")
    plain = write_plain_request(VideoRequest("p", style_reference_url="s", attachments=[attachment]))
    assert list(plain) == list(attrs.fields_dict(VideoRequest))
    assert list(plain["attachments"][0]) == list(attrs.fields_dict(Attachment))


def test_what_is_not_given_is_left_out() -> None:
    """The service may take a null for something else, and the ledger keeps what was given."""
    assert write_plain_request(VideoRequest("p")) == {"prompt": "p"}
    assert write_plain_request(VideoRequest("p", attachments=[Attachment("u", content_type="c")])) == {
        "prompt": "p",
        "attachments": [{"url": "u", "content_type": "c"}],
    }


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request_: VideoRequest) -> None:
    """By the codec, and from the ledger's text."""
    assert read_plain_request(json.loads(json.dumps(write_plain_request(request_)))) == request_
    assert read_request(write_request(request_)) == request_


def test_one_request_has_its_shape_everywhere() -> None:
    """As files and servers know it: the wire in UTF-8, the ledger in ASCII, an export without secrets."""
    attachment = '{"url":"%s","name":"n","content_type":"image/png","type":"file"}'
    body = '{"prompt":"Ein B%sr","style_reference_url":"https://youtu.be/x","attachments":[' + attachment + "]}"
    assert encode_request(FULL).decode() == body % ("ä", URL)
    assert write_request(FULL) == body % ("\\u00e4", URL)
    assert json.dumps(item_record(ITEM)["request"], ensure_ascii=False, separators=(",", ":")) == body % (
        "ä",
        "https://files.example.com/hero.png?…",
    )
    bare = item_record(attrs.evolve(ITEM, request=VideoRequest("p")))["request"]
    assert json.dumps(bare) == '{"prompt": "p", "style_reference_url": null, "attachments": []}'


def test_one_state_has_its_shape_everywhere() -> None:
    """Times in the ledger as Python writes them, in exports as the service does."""
    state = JobState("a", JobStatus.RUNNING, MOMENT, MOMENT, extra={"progress": 3})
    assert list(write_plain_state(state, str)) == [
        "progress",
        *list(attrs.fields_dict(JobState))[:-1],
    ]
    shape = (
        '{"progress":3,"job_id":"a","status":"running","created_at":"%s","updated_at":"%s",'
        '"completed_at":null,"error":null,"pending_user_input":false}'
    )
    assert write_state(state) == shape % (("2026-05-01T12:00:01.250000+00:00",) * 2)
    assert json.dumps(to_dict(state), separators=(",", ":")) == shape % (("2026-05-01T12:00:01.250Z",) * 2)


def test_a_change_is_plain() -> None:
    """An event has its name first, statuses are texts of no class of their own, and times are the service's."""
    state = JobState("a", JobStatus.RUNNING)
    written = to_dict(StatusChange("a", JobStatus.QUEUED, JobStatus.RUNNING, state, MOMENT))
    assert list(written) == ["event", "job_id", "previous", "current", "state", "observed_at"]
    assert written["event"] == "transition"
    assert {type(text) for text in (written["previous"], written["current"], written["state"]["status"])} == {str}
    assert written["observed_at"] == "2026-05-01T12:00:01.250Z"


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    """Whoever reads it need not know where it was seen."""
    assert write_time(MOMENT.astimezone(timezone(timedelta(hours=-7)))) == "2026-05-01T12:00:01.250Z"


def test_an_error_is_its_class_its_words_and_its_data() -> None:
    """Also among the fields of the value that has it."""
    error = {
        "error": "JobFailedError",
        "message": "job a failed: no; it can't be followed up: create a new one",
        "error_data": {"job_id": "a", "error": "no."},
    }
    assert to_dict(JobFailedError("a", "no.")) == error
    disturbed = to_dict(PollDisturbed("a", JobFailedError("a", "no."), 1, 2.5))
    ends = {"failures": 1, "next_wait": 2.5}
    assert disturbed == {"event": "disturbed", "call": "poll", "job_id": "a", **error, **ends}
    outcome = to_dict(Outcome(0, VideoRequest("p")))
    assert [outcome[name] for name in error] == [None, None, None]


def test_an_error_of_a_callers_own_is_of_the_class_above_it() -> None:
    """Whoever reads it has not heard of the caller's class."""

    class OwnError(JobFailedError):
        def __init__(self, shop: str) -> None:
            super().__init__(f"job-{shop}", None)
            self.shop = shop

    assert to_dict(OwnError("x"))["error"] == "JobFailedError"
    assert to_dict(OwnError("x"))["error_data"] == {"job_id": "job-x", "error": None}


def test_a_request_keeps_its_signed_urls_and_an_error_has_none() -> None:
    """They are the person's own data, and what is logged of an error is not."""
    assert to_dict(FULL)["attachments"][0]["url"] == URL
    assert to_dict(FULL.attachments[0])["url"] == URL
    for error in (CreateUncertainError(f"lost {URL}"), JobFailedError("a", f"cannot fetch {URL}"), MotionError(URL)):
        assert "Signature=a" not in json.dumps(to_dict(error))


def test_metadata_is_as_it_is() -> None:
    """It is the caller's own."""
    metadata = {"at": [1, {"x": JobStatus.RUNNING}]}
    assert to_dict(Outcome(0, VideoRequest("p"), metadata=metadata))["metadata"] is metadata


@pytest.mark.parametrize("value", [None, 5, "a", {"a": 1}, [FULL], ValueError("x")])
def test_what_is_no_value_is_refused(value: object) -> None:
    """Instead of making some data that nobody can read."""
    with pytest.raises(ConfigurationError, match="none of the values"):
        to_dict(value)
