"""`motion_async.cli.sheets.rows`: from the rows of a table to requests, one at a time."""

import io

import pytest

from motion_async.cli.arguments import FileFormat
from motion_async.cli.sheets.filelines import MAX_LINE, Line
from motion_async.cli.sheets.sources import read_lines
from motion_async.errors import ConfigurationError


def lines(content: bytes, form: FileFormat = "csv") -> list[Line]:
    """Read some bytes as a file."""
    return list(read_lines(io.BytesIO(content), "launch", form, None, lambda _: None))


def prompts(content: bytes) -> list[tuple[int, str | None]]:
    """Give the numbers of the rows and their prompts."""
    return [(line.number, line.given and line.given.request.prompt) for line in lines(content)]


def test_blank_rows_line_ends_and_a_byte_order_mark_are_no_matter() -> None:
    """Lines are counted as an editor counts them, whatever ends them and whatever stands before the first."""
    for end in (b"\n", b"\r\n", b"\r"):
        rows = (b"\xef\xbb\xbfprompt,id", b"", b" , ", b"a,", b",", b"b,x")
        assert prompts(end.join(rows)) == prompts(end.join((*rows, b""))) == [(4, "a"), (6, "b")]


def test_a_csv_gives_what_the_same_jsonl_gives() -> None:
    """Columns are fields in any order, an empty cell is nothing, attachments are URLs between spaces."""
    as_csv = (
        b"id,prompt,attachments,style_reference_url,follows,metadata\n"
        b'a,"One, with a ""quote""",https://a.example/1.png https://a.example/2.png,,,\n'
        b"b,Two,,https://youtu.be/x,a,some words\n"
    )
    as_jsonl = (
        b'{"id": "a", "prompt": "One, with a \\"quote\\"", '
        b'"attachments": ["https://a.example/1.png", "https://a.example/2.png"]}\n'
        b'{"id": "b", "prompt": "Two", "style_reference_url": "https://youtu.be/x", "follows": "a", '
        b'"metadata": "some words"}\n'
    )
    assert [line.given for line in lines(as_csv)] == [line.given for line in lines(as_jsonl, "jsonl")]


def test_a_prompt_of_several_lines_counts_where_it_begins() -> None:
    """A row of a CSV may span lines; it has the number of its first one, and so have those after it."""
    content = b'prompt\n"one\ntwo\nthree"\nfour\n'
    assert prompts(content) == [(2, "one\ntwo\nthree"), (5, "four")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"a,b,c", "has 3 cells where the header has 2"),
        (b'a,"b"c', "is no CSV"),
        (b"a,\x81", "is neither UTF-8 nor Windows-1252"),
        (b"a," + b"b" * MAX_LINE, "is longer than"),
        (b"a," + b"b" * 200_000, "is no CSV: field larger than"),
        (b"a,", "prompt: is blank"),
    ],
)
def test_a_row_that_cannot_be_read_costs_no_other(row: bytes, words: str) -> None:
    """A bad row is given with its number and the reason; the rows around it are read."""
    before, bad, after = lines(b"id,prompt\nx,one\n" + row + b"\ny,three\n")
    assert (before.number, bad.number, after.number) == (2, 3, 4)
    assert words in (*bad.problems, *bad.odd)[0]
    assert after.given is not None


def test_a_quote_that_is_never_closed_is_told_of() -> None:
    """In the last line it has swallowed nothing, so that it is a problem of that line."""
    (bad,) = lines(b'prompt\n"one\n')
    assert bad.number == 2
    assert "is no CSV" in bad.problems[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b'"a stray quote,v4\nb,v5\nc,v6\nd,v7\n', "is no CSV: unexpected end of data"),
        (b'"a stray quote,v4\nb,v5\nc,v6\n"d",v7\ne,v8\n', "is no CSV: ',' expected"),
        (b'"a stray quote,v4\nb,v5\nc,v6\nd",v7,v7\ne,v8\n', "has 3 cells"),
        (b'"a stray quote,v4\nb,v5\nc,v6\nd",\ne,v8\n', "has no prompt"),
        (b'"a stray quote,v4\nb,v5\nc,v6\n' + b"d" * 200_000 + b"\ne,v8\n", "field larger than"),
        (b'"a stray quote,v4\nb,v5\nc,v6\n' + b"d" * MAX_LINE + b"d\ne,v8\n", "is longer than"),
    ],
)
def test_a_broken_row_of_several_lines_ends_it_all(rows: bytes, words: str) -> None:
    """Requests may stand on the lines that a stray quote has swallowed, so they are named, and never left out."""
    with pytest.raises(ConfigurationError, match="lines 3 to 6 of the CSV are read as one row") as caught:
        lines(b"id,prompt\nx,v1\n" + rows)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"prompt,atachments", "has 'atachments', which is almost attachments"),
        (b"prompt,Prompt", "the columns 'prompt' and 'Prompt' twice for prompt"),
        (b"text,description", "the columns 'text' and 'description' twice for prompt"),
        (b"prompt,style,style_reference", "'style' and 'style_reference' twice for style_reference_url"),
        (b"prompt,colour,colour", "the column 'colour' twice"),
        (b"id,metadata", "has no column prompt, which says what to make; it has: id, metadata"),
        (b"prompt,\x81", "is neither UTF-8 nor Windows-1252"),
        (b'"prompt', "is no CSV"),
    ],
)
def test_a_header_that_cannot_be_used_ends_it_all(header: bytes, words: str) -> None:
    """Without a header nothing of a CSV can be read, so it is refused as a whole."""
    with pytest.raises(ConfigurationError) as caught:
        lines(header)
    assert words in str(caught.value)
