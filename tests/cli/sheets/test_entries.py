"""`motion_async.cli.sheets.entries`: which names stand for which fields, and which values make a request."""

from typing import Any

import pytest

from motion_async.cli.sheets.entries import FIELDS, EntryError, columns_of
from motion_async.jobs import Attachment, BatchRequest, VideoRequest

URL = "https://storage.example.com/hero.png"
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


def request_of(given: dict[str, Any]) -> BatchRequest:
    """Give the request of a line with some fields."""
    return columns_of(tuple(given)).request(given.values())


def test_every_field_reaches_the_request() -> None:
    """A line with all fields gives a request with all of them; attachments are URLs or objects."""
    given = {
        "prompt": "A video",
        "style_reference_url": "https://youtu.be/dQw4w9WgXcQ",
        "attachments": [URL, {"url": URL, "name": "Hero", "type": "image", "content_type": "image/png"}],
        "id": "hero",
        "follows": "first",
        "metadata": {"n": [1, None]},
    }
    assert set(given) == set(FIELDS)
    attachments = [Attachment(URL), Attachment(URL, name="Hero", type="image", content_type="image/png")]
    request = VideoRequest("A video", style_reference_url="https://youtu.be/dQw4w9WgXcQ", attachments=attachments)
    assert request_of(given) == BatchRequest(request, id="hero", follows="first", metadata={"n": [1, None]})


def test_null_is_as_good_as_nothing() -> None:
    """A field that is null counts as not given."""
    nothing = dict.fromkeys(FIELDS) | {"prompt": "A video"}
    assert request_of(nothing) == BatchRequest(VideoRequest("A video"))
    assert request_of({"prompt": "A", "attachments": [{"url": URL, "name": None}]}).request.attachments[0].name is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "has no prompt"),
        ({"id": "a"}, "has no prompt"),
        ({"prompt": 5}, "prompt: is the number 5, where a text in quotes is expected"),
        ({"prompt": "A", "id": 7}, "id: is the number 7"),
        ({"prompt": "A", "follows": ["x"]}, "follows: is an array"),
        ({"prompt": "A", "attachments": {"url": URL}}, "attachments: is an object, where an array"),
        ({"prompt": "A", "attachments": [3]}, "attachments[0]: is the number 3"),
        ({"prompt": "A", "attachments": [URL, {}]}, "attachments[1]: has no url"),
        ({"prompt": "A", "attachments": [{"url": URL, "nmae": "x"}]}, "attachments[0]: field 'nmae' is not known"),
        ({"prompt": "A", "attachments": [{"url": URL, "name": 3}]}, "attachments[0].name: is the number 3"),
    ],
)
def test_what_is_no_request_is_refused_with_the_place(given: Any, words: str) -> None:
    """A value of another kind is refused with what stands where, and what should."""
    with pytest.raises(EntryError) as caught:
        request_of(given)
    assert words in str(caught.value)
