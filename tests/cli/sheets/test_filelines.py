"""`motion_async.cli.sheets.filelines`: lines as text, one at a time, and as requests."""

import io

import pytest

from motion_async.cli.sheets.entries import EntryError, columns_of
from motion_async.cli.sheets.filelines import MAX_LINE, PhysicalLines, line_of, undecoded


def test_a_line_that_is_too_long_costs_no_other() -> None:
    """It is left out in pieces, and counted like any other."""
    lines = PhysicalLines(io.StringIO(f"a\n{'b' * MAX_LINE}\n{'c' * (MAX_LINE - 1)}\n"))
    assert next(lines) == "a\n"
    with pytest.raises(EntryError, match="is longer than 1,048,576 characters"):
        next(lines)
    assert (len(next(lines)), lines.number) == (MAX_LINE, 3)
    with pytest.raises(StopIteration):
        next(lines)


def test_the_place_of_what_could_not_be_decoded_is_found() -> None:
    """As the half of a pair that stands for such a byte."""
    assert undecoded(b"caf\xe9".decode("utf-8", "surrogateescape")) == 3
    assert undecoded("café") is undecoded("cafe") is None


def test_a_line_has_its_request_and_all_that_is_odd() -> None:
    """By the names of its columns; what is odd about the row goes first."""
    line = line_of(7, columns_of(("Text", "n")), ["nan", 1], ["stands in a hidden row"])
    assert line.given is not None
    assert (line.number, line.given.metadata) == (7, {"n": 1})
    assert line.odd == ("stands in a hidden row", "Text: stands for nothing: 'nan'")
