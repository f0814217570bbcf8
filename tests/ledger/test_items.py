"""Tests of `motion_async.ledger.items`."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import Attachment, VideoRequest
from motion_async.ledger import MOVES, ItemState, content_digest, content_key
from motion_async.ledger.items import plain_request

PLACE = "https://files.example.com/hero.png"
SIGNED_TWICE: dict[str, tuple[str, str]] = {
    "S3": ("?X-Amz-Date=1&X-Amz-Signature=a", "?X-Amz-Date=2&X-Amz-Signature=b"),
    "S3 among others": ("?v=1&x-amz-signature=a&w=2", "?v=1&X-Amz-Signature=b&X-Amz-Expires=60&w=2"),
    "Google": ("?X-Goog-Signature=a", "?X-Goog-Signature=b&X-Goog-Date=3"),
    "CloudFront": ("?Expires=1&Signature=a&Key-Pair-Id=K", "?Expires=2&Signature=b&Key-Pair-Id=K"),
    "CloudFront with a policy": ("?Policy=p&Signature=a&Key-Pair-Id=K", "?Policy=q&Signature=b&Key-Pair-Id=L"),
    "old S3": ("?AWSAccessKeyId=A&Expires=1&Signature=a", "?AWSAccessKeyId=B&Expires=2&Signature=b"),
    "old Google": ("?GoogleAccessId=A&Expires=1&Signature=a", "?GoogleAccessId=A&Expires=2&Signature=b"),
    "Azure": ("?sv=1&se=2&sr=b&sp=r&sig=a", "?sv=1&se=3&sr=b&sp=r&sig=b"),
    "signed later": ("", "?X-Amz-Signature=b"),
    "with a fragment": ("?X-Amz-Signature=a#t=1", "?X-Amz-Signature=b#t=1"),
    "escaped": ("?X%2DAmz%2DSignature=a", "?X-Amz-Signature=b"),
}
DIFFERENT: dict[str, tuple[str, str]] = {
    "version": ("?v=1&X-Amz-Signature=a", "?v=2&X-Amz-Signature=a"),
    "short names that sign nothing": ("?sp=1", "?sp=2"),
    "an end that signs nothing": ("?expires=1", "?expires=2"),
    "order": ("?a=1&b=2", "?b=2&a=1"),
}


def with_query(query: str) -> VideoRequest:
    return VideoRequest("a video", attachments=[PLACE + query])


@pytest.mark.parametrize("queries", SIGNED_TWICE.values(), ids=SIGNED_TWICE)
def test_a_url_that_is_signed_again_is_the_same_content(queries: tuple[str, str]) -> None:
    """Whoever runs a batch again signs its URLs again, and means the same items."""
    assert content_digest(with_query(queries[0])) == content_digest(with_query(queries[1]))


@pytest.mark.parametrize("queries", DIFFERENT.values(), ids=DIFFERENT)
def test_what_does_not_sign_is_content(queries: tuple[str, str]) -> None:
    """A parameter that may say which file is meant tells contents apart."""
    assert content_digest(with_query(queries[0])) != content_digest(with_query(queries[1]))


@given(st.text(), st.text())
def test_a_digest_is_of_the_content(first: str, second: str) -> None:
    """Equal prompts have equal digests, others have others; any text has one."""
    digests = [content_digest(VideoRequest(prompt)) for prompt in (first, second)]
    assert (digests[0] == digests[1]) == (first == second)
    assert all(len(digest) == 32 and int(digest, 16) >= 0 for digest in digests)


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


def test_a_digest_stays_what_it_is() -> None:
    """Items of an old ledger are found by it: it must not change with the library."""
    assert content_digest(VideoRequest("a")) == "732acbb3e402e912437dbe53442ca543"


def test_a_plain_request_has_every_field() -> None:
    """A field that is added to requests is neither lost in the ledger nor left out of the digest."""
    attachment = Attachment("u", name="n", content_type="c", type="file")
    plain = plain_request(VideoRequest("p", style_reference_url="s", attachments=[attachment]))
    assert plain.keys() == set(attrs.fields_dict(VideoRequest))
    assert plain["attachments"][0].keys() == set(attrs.fields_dict(Attachment))


def test_keys_of_equal_contents_differ_by_their_ordinal() -> None:
    """The same request twice in a batch is two items."""
    assert content_key("abc", 1) == "abc-1"
    assert content_key("abc", 2) == "abc-2"


def test_the_table_of_moves_names_every_state() -> None:
    """Each state has its line, and can be reached from `planned`."""
    assert set(MOVES) == set(ItemState)
    reached = {ItemState.PLANNED}
    for _ in ItemState:
        reached |= {to for state in reached for to in MOVES[state]}
    assert reached == set(ItemState)
