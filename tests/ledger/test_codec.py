"""Tests of `motion_async.ledger.codec`: what is written is read again as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async import Attachment, ConfigurationError, JobState, JobStatus, TransportError, VideoRequest
from motion_async.contract.wire import read_state
from motion_async.ledger import Entry, codec
from motion_async.redaction import redacted

ANY_TEXT = st.text(st.characters())
TIMES = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-5)))) | st.none()
ATTACHMENTS = st.builds(
    Attachment,
    ANY_TEXT,
    name=st.none() | ANY_TEXT,
    content_type=st.none() | ANY_TEXT,
    type=st.sampled_from(["image", "video", "audio", "file", None]),
)


@given(st.builds(VideoRequest, ANY_TEXT, style_reference_url=st.none() | ANY_TEXT, attachments=st.lists(ATTACHMENTS)))
def test_a_request_comes_back_as_it_was(request: VideoRequest) -> None:
    """Any text in any field, in characters that every database keeps."""
    written = codec.write_request(request)
    assert written.isascii()
    assert "\0" not in written
    assert codec.read_request(written) == request


@given(
    st.builds(
        JobState,
        st.text(min_size=1),
        st.text(min_size=1).map(JobStatus),
        TIMES, TIMES, TIMES,
        st.none() | st.text().map(redacted),  # no key and no half of a character comes into a state
        st.booleans(),
        st.dictionaries(st.sampled_from(["video_url", "credits"]), st.integers() | st.text(), min_size=1),
    )
)  # fmt: skip
def test_a_state_comes_back_as_it_was(state: JobState) -> None:
    """The fields that the documentation does not name are kept, too."""
    written = codec.write_state(state)
    assert written is not None
    again = read_state(written.encode())
    assert (again, dict(again.extra)) == (state, dict(state.extra))


@given(ANY_TEXT)
def test_any_text_can_be_kept(text: str) -> None:
    """What no database takes is written in its place as an escape; the rest stays."""
    kept = codec.make_storable(text)
    assert "\0" not in kept
    kept.encode()
    if "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text):
        assert kept == text


def test_times_are_written_so_that_they_sort() -> None:
    """All in UTC, all with as many digits."""
    early = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert codec.write_time(early) == "2026-05-01T10:00:00.000000+00:00"
    assert codec.read_time(codec.write_time(early)) == early


@pytest.mark.parametrize("metadata", [object(), {1, 2}, {"a": b"b"}])
def test_metadata_that_is_no_json_is_refused(metadata: Any) -> None:
    """With the key of the entry, before anything is written."""
    with pytest.raises(ConfigurationError, match="metadata of 'hero'"):
        codec.write_metadata(Entry("hero", VideoRequest("a"), metadata=metadata))


def test_metadata_that_runs_in_a_circle_is_refused() -> None:
    """Deep values must not end in a crash."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ConfigurationError):
        codec.write_metadata(Entry("hero", VideoRequest("a"), metadata=circle))


@pytest.mark.parametrize("name", ["", "a\nb", "\0", "\ud800", "x" * 513, None, 3])
def test_a_name_that_cannot_be_kept_is_refused(name: Any) -> None:
    """Names are printable, so that a person can type and a database can keep them."""
    with pytest.raises(ConfigurationError, match="the key must be"):
        codec.check_name("the key", name)


def test_errors_are_written_without_secrets() -> None:
    """The words of an error stay, the signature of a URL in them does not."""
    words = codec.write_error(TransportError("no answer from https://a.example/b?sig=SECRET \ud800"))
    assert words == "no answer from https://a.example/b?… \\ud800"
