"""`motion_async.cli.batch.cells`: text in a cell that no spreadsheet takes for a formula, and that comes back whole."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.cli.batch.cells import read_cell, written_cell
from motion_async.cli.batch.rows import read_csv


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1", "- a"])
def test_what_looks_like_a_formula_is_kept_from_being_one(text: str) -> None:
    """By the apostrophe that spreadsheets know."""
    assert written_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "A video", "-3", "+4.5", "-0,5", "'tis", "a=b", "it's - fine"])
def test_anything_else_is_written_as_it_is(text: str) -> None:
    """Also a number, which is no formula."""
    assert written_cell(text) == text


@given(st.text(st.sampled_from("'=+-@\t\n1.,a \uff1d")))
def test_what_was_written_is_read_as_it_was(text: str) -> None:
    """Whatever it was."""
    assert read_cell(written_cell(text)) == text


def test_a_batch_reads_the_text_and_not_the_apostrophe() -> None:
    """In each of its columns."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["id", "prompt"], map(written_cell, ["=a", "- A list"])])
    file.seek(0)
    (line,) = read_csv(file, "id,prompt", print)
    assert line.given is not None
    assert (line.given.id, line.given.request.prompt) == ("=a", "- A list")
