"""`motion_async.cli.sheets.csvfiles`: how a CSV is saved, and text in a cell that is taken for no formula."""
# ruff: noqa: RUF001  # texts of all scripts, as people write them

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.cli.sheets.csvfiles import csv_rows, delimiter_of, read_cell, written_cell
from motion_async.cli.sheets.sources import read_lines


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
    assert [row.cells for row in csv_rows(file, "id,prompt", print)] == [["id", "prompt"], ["=a", "- A list"]]


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("prompt", ","),
        ("id,prompt", ","),
        ("id;Prompt;a, b, c, d", ";"),
        ('"id";"prompt"', ";"),
        ("text\tid", "\t"),
        ("sep=;", ";"),
        ("sep=|", "|"),
        ("prompt,a;b;c", ","),
        ("title;brief", ";"),
    ],
)
def test_the_delimiter_is_what_makes_a_column_of_the_prompt(line: str, delimiter: str) -> None:
    """However often the others stand in the header; a line of a spreadsheet's own may say it."""
    assert delimiter_of(line) == delimiter


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("prompt\nA café\n".encode("cp1252"), [("A café", ())]),
        ("prompt;Größe\nÀ Paris – „où“;5 €\n".encode("cp1252"), [("À Paris – „où“", ())]),
        ("prompt\nA café\n".encode(), [("A café", ())]),
        ("prompt\nEin schöner Film\n".encode("cp850"), [("Ein sch”ner Film", ("has 'sch”ner' when read",))]),
        ("prompt\nкошка\n".encode("koi8-r"), [("ËÏÛËÁ", ("has 'ËÏÛËÁ' when read",))]),
        (b"prompt\n\xff\n", [("ÿ", ("has 'ÿ' when read",))]),
    ],
)
def test_what_is_not_utf_8_is_windows_1252_or_in_doubt(content: bytes, expected: list[tuple[str, tuple[str]]]) -> None:
    """Other encodings are seen by what they make of words."""
    found = [
        (line.given and line.given.request.prompt, line.odd)
        for line in read_lines(io.BytesIO(content), "a.csv", None, None, lambda _: None)
    ]
    assert [prompt for prompt, _ in found] == [prompt for prompt, _ in expected]
    for (_, odd), (_, words) in zip(found, expected, strict=True):
        assert [told.startswith(it) for told, it in zip(odd, words, strict=True)] == [True] * len(words)
