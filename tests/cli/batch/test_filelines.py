"""`motion_async.cli.batch.filelines`: from bytes to requests, one line at a time."""

import io

import pytest

from motion_async.cli.batch.entries import EntryError
from motion_async.cli.batch.filelines import MAX_LINE, Format, Line, _object
from motion_async.cli.batch.sources import read_lines
from motion_async.errors import ConfigurationError


def lines(content: bytes, form: Format = "jsonl") -> list[Line]:
    """Read some bytes as a file."""
    return list(read_lines(io.BytesIO(content), "launch", form, None, lambda _: None))


def prompts(content: bytes, form: Format = "jsonl") -> list[tuple[int, str | None]]:
    """Give the numbers of the lines and their prompts."""
    return [(line.number, None if line.given is None else line.given.request.prompt) for line in lines(content, form)]


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_matter() -> None:
    """Lines are counted as an editor counts them, whatever ends them and whatever stands before the first."""
    content = b'\xef\xbb\xbf{"prompt": "a"}\r\n\r\n   \n{"prompt": "\xc3\xa4"}\n\n{"prompt": "c"}'
    assert prompts(content) == [(1, "a"), (4, "ä"), (6, "c")]
    assert prompts(b"\xef\xbb\xbfprompt\r\n\r\na\r\n,\r\n"[:-3] + b"\r\n", "csv") == [(3, "a")]
    assert prompts(b"") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "is no JSON"),
        (b'{"prompt": "a"} {"prompt": "b"}', "is no JSON: Extra data"),
        (b'{"prompt": "a", "prompt": "b"}', "has the field 'prompt' twice"),
        (b'{"prompt": "a", "metadata": {"x": 1, "x": 2}}', "has the field 'x' twice"),
        (b'{"prompt": "a", "metadata": NaN}', "NaN is no number"),
        (b'{"prompt": "\xff"}', "is not UTF-8 at byte 13"),
        (b'{"prompt": "a", "metadata": ' + b"[" * 100_000, "is nested too deeply"),
        (b'{"prompt": "a", "metadata": ' + b"9" * 5_000 + b"}", "is no JSON that can be read"),
        (b'{"prompt": "' + b"a" * MAX_LINE + b'"}', "is longer than 1,048,576 characters"),
        (b"A video", "is no JSON"),
        (b"[1]", "is an array"),
    ],
)
def test_a_line_that_cannot_be_read_costs_no_other(line: bytes, words: str) -> None:
    """A bad line is given with its number and the reason; the lines around it are read."""
    before, bad, after = lines(b'{"prompt": "a"}\n' + line + b'\n{"prompt": "c"}\n')
    assert (before.number, bad.number, after.number) == (1, 2, 3)
    assert bad.given is None
    assert words in bad.problems[0]
    assert after.given is not None


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
    assert [line.given for line in lines(as_csv, "csv")] == [line.given for line in lines(as_jsonl)]


def test_a_prompt_of_several_lines_counts_where_it_begins() -> None:
    """A row of a CSV may span lines; it has the number of its first one, and so have those after it."""
    content = b'prompt\n"one\ntwo\nthree"\nfour\n'
    assert prompts(content, "csv") == [(2, "one\ntwo\nthree"), (5, "four")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"a,b,c", "has 3 cells where the header has 2"),
        (b'a,"b"c', "is no CSV"),
        (b"a,\x81", "is neither UTF-8 nor Windows-1252"),
        (b"a," + b"b" * MAX_LINE, "is longer than"),
        (b"a," + b"b" * 200_000, "is no CSV: field larger than"),
        (b"a,", "has no prompt"),
    ],
)
def test_a_row_that_cannot_be_read_costs_no_other(row: bytes, words: str) -> None:
    """A bad row is given with its number and the reason; the rows around it are read."""
    before, bad, after = lines(b"id,prompt\nx,one\n" + row + b"\ny,three\n", "csv")
    assert (before.number, bad.number, after.number) == (2, 3, 4)
    assert words in bad.problems[0]
    assert after.given is not None


def test_a_quote_that_is_never_closed_is_told_of() -> None:
    """In the last line it has swallowed nothing, so that it is a problem of that line."""
    (bad,) = lines(b'prompt\n"one\n', "csv")
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
        lines(b"id,prompt\nx,v1\n" + rows, "csv")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"prompt,atachments", "has 'atachments', which is almost attachments"),
        (b"prompt,Prompt", "the columns 'prompt' and 'Prompt' twice for prompt"),
        (b"text,description", "the columns 'text' and 'description' twice for prompt"),
        (b"prompt,style,style_reference", "'style' and 'style_reference' twice for style_reference_url"),
        (b"prompt,colour,colour", "the column 'colour' twice"),
        (b"id,metadata", "has no column prompt, which names what to make; it has: id, metadata"),
        (b"prompt,\x81", "is neither UTF-8 nor Windows-1252"),
        (b'"prompt', "is no CSV"),
    ],
)
def test_a_header_that_cannot_be_used_ends_it_all(header: bytes, words: str) -> None:
    """Without a header nothing of a CSV can be read, so it is refused as a whole."""
    with pytest.raises(ConfigurationError) as caught:
        lines(header, "csv")
    assert words in str(caught.value)


class Counted(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        type(self).comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_name_that_stands_twice_is_found_without_comparing_all_with_all() -> None:
    """Among sixteen thousand names of one line, of which the last is the first once more."""
    names = [Counted(f"name {number}") for number in range(16_000)]
    Counted.comparisons = 0
    with pytest.raises(EntryError, match="has the field 'name 15999' twice"):
        _object([(name, None) for name in (*names, Counted("name 15999"))])
    assert Counted.comparisons < 16_000
