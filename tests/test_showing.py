"""Tests of `motion_async.showing`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.showing import MAX_SHOWN, shown, shown_list, visible


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("plain words, ä and 映像", "plain words, ä and 映像"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\0b\tc\x7f\x9b", "a\\x00b\\tc\\x7f\\x9b"),
        ("gnp.\u202efdp\u2066", "gnp.\\u202efdp\\u2066"),
        ("one\u2028two\u2029three\x85four", "one\\u2028two\\u2029three\\x85four"),
        ("\ud800 half, \ue000 private, \U000e0041 tag", "\\ud800 half, \\ue000 private, \\U000e0041 tag"),
        ("spaces\u00a0of\u3000all\u2003widths", "spaces of all widths"),
    ],
    ids=repr,
)
def test_what_cannot_be_seen_is_written_out(text: str, line: str) -> None:
    """Control characters, ends of lines, marks of direction and halves of characters become their escapes."""
    assert visible(text) == line


@given(st.text())
def test_any_text_becomes_one_line_that_nothing_obeys(text: str) -> None:
    """It can be written anywhere, has one line, and holds no character that is not seen; once more changes nothing."""
    line = visible(text)
    line.encode()
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    assert visible(line) == line


@pytest.mark.parametrize("unit", ["x", "\x1b", "\U000e0041", "https://a.example.com/?a=b ", "motion_SECRET8 "])
@pytest.mark.parametrize("limit", [1, 7, MAX_SHOWN])
def test_what_is_shown_is_bounded(unit: str, limit: int) -> None:
    """However long a text is, and however long its escapes are, it ends in an ellipsis at the bound."""
    assert shown(unit * 4_000, limit=limit).endswith("…")
    assert len(shown(unit * 4_000, limit=limit)) <= limit
    assert len(shown("x" * limit, limit=limit)) == limit
    assert not shown("x" * limit, limit=limit).endswith("…")


def test_what_is_shown_has_no_secret_at_its_end() -> None:
    """A password is taken out before the text is cut in the middle of it."""
    text = "x" * (MAX_SHOWN - 20) + " https://user:" + "SECRET" * 1_000 + "@host.example/"
    assert "SECRET" not in shown(text)


def test_a_list_is_shown_as_far_as_it_goes() -> None:
    """The first texts are given, at least one, and the others counted."""
    assert shown_list([], 0) == ""
    assert shown_list(["a", "b"], 2) == "a; b"
    assert shown_list(["a", "b"], 1_002) == "a; b; and 1,000 more"
    assert shown_list(["a" * 5, "b" * 5, "c"], 3, limit=8) == "aaaaa; and 2 more"
    assert shown_list(["a" * 5], 1, limit=2) == "aaaaa"
