"""Tests of `motion_async.event_stream`."""

import json

from motion_async.event_stream import PING, RETRY, write_event


def test_an_event_is_lines_that_end_with_an_empty_one() -> None:
    """The data is one line whatever stands in it, as a second one could be another field."""
    assert write_event("status", {"a": 1}) == b'event: status\ndata: {"a": 1}\n\n'
    assert write_event("status", {}, identity="7-a") == b"id: 7-a\nevent: status\ndata: {}\n\n"
    words = {"text": "a\r\n\nevent: forged\u2028\ud800"}
    written = write_event("status", words).decode("ascii")
    assert written.splitlines() == ["event: status", f"data: {json.dumps(words)}", ""]
    assert json.loads(written.splitlines()[1].removeprefix("data: ")) == words


def test_what_is_no_event_ends_like_one() -> None:
    """A browser leaves a comment aside, and takes the pause before it comes back."""
    assert PING.startswith(b": ")
    assert RETRY == b"retry: 3000\n\n"
    assert PING.endswith(b"\n\n")
