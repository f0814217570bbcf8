"""Tests of `motion_async.ledger.items`."""

from __future__ import annotations

import mimetypes

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import Attachment, VideoRequest
from motion_async.canonical import canonical_text
from motion_async.ledger import content_digest, content_key

PLACE = "https://files.example.com/hero.png"


def with_query(query: str) -> VideoRequest:
    return VideoRequest("a video", attachments=[PLACE + query])


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [("?X-Amz-Signature=a", "?X-Amz-Signature=b", True), ("?v=1&X-Amz-Signature=a", "?v=2&X-Amz-Signature=a", False)],
    ids=["signed again", "another version"],
)
def test_a_url_that_is_signed_again_is_the_same_content(first: str, second: str, is_same: bool) -> None:
    """Whoever runs a batch again signs its URLs again, and means the same items."""
    assert (content_digest(with_query(first)) == content_digest(with_query(second))) is is_same


@given(st.text(), st.text())
def test_a_digest_is_of_the_content(first: str, second: str) -> None:
    """Prompts that people see as equal have equal digests, others have others; any text has one."""
    digests = [content_digest(VideoRequest(prompt)) for prompt in (first, second)]
    assert (digests[0] == digests[1]) == (canonical_text(first) == canonical_text(second))
    assert all(len(digest) == 40 and int(digest, 16) >= 0 for digest in digests)


def test_every_part_of_a_request_counts() -> None:
    """Two requests that differ in anything are two contents."""
    contents = [
        VideoRequest("a"),
        VideoRequest("a", style_reference_url="https://youtu.be/x"),
        VideoRequest("a", attachments=[PLACE]),
        VideoRequest("a", attachments=[Attachment(PLACE, name="n")]),
        VideoRequest("a", attachments=[Attachment(PLACE, content_type="image/gif")]),
        VideoRequest("a", attachments=[Attachment(PLACE, type="file")]),
        VideoRequest("a", attachments=[PLACE, PLACE]),
    ]
    assert len({content_digest(content) for content in contents}) == len(contents)
    parts = [*attrs.fields_dict(VideoRequest), *attrs.fields_dict(Attachment)]
    assert parts == ["prompt", "style_reference_url", "attachments", "url", "name", "content_type", "type"]


def test_a_digest_stays_what_it_is() -> None:
    """Items of an old ledger are found by it: it must not change with the library."""
    assert content_digest(VideoRequest("a")) == "7309aa866a42d924f3d7a7ad8d25a19c0345d402"


def test_keys_of_equal_contents_differ_by_their_ordinal() -> None:
    """The same request twice in a batch is two items."""
    assert content_key("abc", 1) == "abc-1"
    assert content_key("abc", 2) == "abc-2"


def test_a_digest_is_of_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of what a machine, a Python or a later table of this library would guess."""
    here = content_digest(VideoRequest("a", attachments=[PLACE]))
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_, **__: ("image/x-of-another-machine", None))
    assert content_digest(VideoRequest("a", attachments=[PLACE])) == here


@pytest.mark.parametrize("field", ["prompt", "style_reference_url", "name", "content_type", "url"])
@pytest.mark.parametrize(("one", "other"), [("Caf\u00e9", "Cafe\u0301"), ("a\nb", "a\r\nb"), ("a", " a\t")])
def test_a_digest_is_of_text_as_people_see_it(field: str, one: str, other: str) -> None:
    """In every field: other bytes for the same text are the same content."""

    def asks(text: str) -> VideoRequest:
        given = {"prompt": "p", "style_reference_url": "s", "name": "n", "content_type": "c", "url": PLACE, field: text}
        attachment = Attachment(given["url"], name=given["name"], content_type=given["content_type"])
        return VideoRequest(given["prompt"], style_reference_url=given["style_reference_url"], attachments=[attachment])

    assert content_digest(asks(one)) == content_digest(asks(other)) != content_digest(asks("another"))
