"""Tests of `motion_async.codec`: what is sent, kept and exported has the shape that files and servers know."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import Attachment, JobState, JobStatus, VideoRequest
from motion_async.cli.records import item_record, state_record
from motion_async.codec import read_plain_request, write_plain_request, write_plain_state
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


@pytest.mark.parametrize(
    "plain", [{"prompt": 1}, {"prompt": "a", "attachments": [{"url": None}]}, {"prompt": "a", "x": "b"}]
)
def test_what_was_never_written_is_not_read(plain: dict[str, object]) -> None:
    """A damaged row of a ledger is told of, and makes no request of another kind."""
    with pytest.raises(TypeError):
        read_plain_request(plain)


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
    assert json.dumps(state_record(state), separators=(",", ":")) == shape % (("2026-05-01T12:00:01.250Z",) * 2)
