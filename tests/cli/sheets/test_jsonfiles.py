"""`motion_async.cli.sheets.jsonfiles`: from JSON to requests, one line or object at a time."""

import io

import pytest

from motion_async.cli.sheets.entries import EntryError
from motion_async.cli.sheets.filelines import MAX_LINE, Line
from motion_async.cli.sheets.jsonfiles import _object
from motion_async.cli.sheets.sources import read_lines


def lines(content: bytes) -> list[Line]:
    """Read some bytes as a file."""
    return list(read_lines(io.BytesIO(content), "launch", "jsonl", None, lambda _: None))


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_matter() -> None:
    """Lines are counted as an editor counts them, whatever ends them and whatever stands before the first."""
    content = b'\xef\xbb\xbf{"prompt": "a"}\r\n\r\n   \n{"prompt": "\xc3\xa4"}\n\n{"prompt": "c"}'
    assert [(line.number, line.given and line.given.request.prompt) for line in lines(content)] == [
        (1, "a"), (4, "ä"), (6, "c"),
    ]  # fmt: skip
    assert lines(b"") == []


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
        (b"[1]", "is an array, where an object such as"),
        (b'"A video"', "is a text, where an object"),
        (b"7", "is the number 7"),
        (b"null", "is null"),
        (b"true", "is true"),
    ],
)
def test_a_line_that_cannot_be_read_costs_no_other(line: bytes, words: str) -> None:
    """A bad line is given with its number and the reason; the lines around it are read."""
    before, bad, after = lines(b'{"prompt": "a"}\n' + line + b'\n{"prompt": "c"}\n')
    assert (before.number, bad.number, after.number) == (1, 2, 3)
    assert bad.given is None
    assert words in bad.problems[0]
    assert after.given is not None


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
