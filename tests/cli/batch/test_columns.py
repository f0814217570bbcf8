"""`motion_async.cli.batch.columns`: which names stand for which fields."""

from typing import Any

import pytest

from motion_async.cli.batch.columns import columns_of
from motion_async.cli.batch.entries import EntryError

A, B, C = "https://a.example/1.png", "https://a.example/2;v=1.png", "HTTPS://a.example/3.png"


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (("prompt", "id", "follows"), ("prompt", "id", "follows")),
        (("PROMPT ", "Id", "Follows"), ("prompt", "id", "follows")),
        (("Text", "Style"), ("prompt", "style_reference_url")),
        (("description", "style-reference"), ("prompt", "style_reference_url")),
        (("Prompt", "Style reference URL"), ("prompt", "style_reference_url")),
        (("prompt", "text", "description"), ("prompt", None, None)),
        (("style_reference_url", "style"), ("style_reference_url", None)),
        (("attachment", "Attachments", "attachment_1", "Attachment 2", "attachments3"), ("attachments",) * 5),
        (("Colour", "prompts", "Prompt"), (None, None, "prompt")),
    ],
)
def test_names_are_taken_as_people_write_them(names: tuple[str, ...], fields: tuple[str | None, ...]) -> None:
    """In any case, with any sign between words; a field's own name goes before another one for it."""
    assert columns_of(names).fields == fields


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("prompts",), "has 'prompts', which is almost prompt; write prompt"),
        (("prompt", "Attachements"), "is almost attachments"),
        (("prompt", "style_refrence_url"), "is almost style_reference_url"),
        (("prompt", "folows"), "is almost follows"),
        (("prompt", "metdata"), "is almost metadata"),
        (("prompt", "Prompt"), "the columns 'prompt' and 'Prompt' twice for prompt"),
        (("prompt", "prompt"), "the column 'prompt' twice for prompt"),
        (("prompt", "x", "x"), "the column 'x' twice"),
    ],
)
def test_names_that_leave_a_doubt_are_refused(names: tuple[str, ...], words: str) -> None:
    """What stands under them would not be sent, and the rest be paid for."""
    with pytest.raises(EntryError) as caught:
        columns_of(names)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        (f"{A} {B}", [A, B]),
        (f"{A}, {B}", [A, B]),
        (f"{A};{C}", [A, C]),
        (f"{A}; {B};", [A, B]),
        (f" {A}\n{B}\r\n", [A, B]),
        (f"{A},\n{B},", [A, B]),
        (B, [B]),
    ],
)
def test_attachments_are_separated_as_people_do(cell: str, urls: list[str]) -> None:
    """By blanks, line breaks, semicolons, or commas with a blank; what may be part of a URL stays there."""
    assert columns_of(("prompt", "attachments")).take(["A", cell]) == {"prompt": "A", "attachments": urls}
    assert columns_of(("attachment 1", "attachments")).take([A, [{"url": B}]]) == {"attachments": [A, {"url": B}]}


@pytest.mark.parametrize(
    ("metadata", "colour", "joined"),
    [
        (None, "red", {"colour": "red"}),
        (None, None, None),
        ("words", "red", {"metadata": "words", "colour": "red"}),
        ("words", None, {"metadata": "words"}),
        ({"n": 1}, "red", {"n": 1, "colour": "red"}),
        ({"colour": "blue"}, "red", {"metadata": {"colour": "blue"}, "colour": "red"}),
        ([], "red", {"metadata": [], "colour": "red"}),
    ],
)
def test_all_other_columns_become_metadata(metadata: Any, colour: Any, joined: Any) -> None:
    """Beside one of the line's own, of which nothing is lost."""
    assert columns_of(("prompt", "metadata", "colour")).take(["A", metadata, colour])["metadata"] == joined
    assert columns_of(("prompt", "metadata")).take(["A", metadata]).get("metadata") == metadata
