"""`motion_async.cli.batch.entries`: which values make a request."""

from typing import Any

import pytest

from motion_async.cli.batch.entries import FIELDS, EntryError, entry_of
from motion_async.jobs import Attachment, BatchRequest, VideoRequest

URL = "https://storage.example.com/hero.png"


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
    assert entry_of(given) == BatchRequest(request, id="hero", follows="first", metadata={"n": [1, None]})


def test_null_is_as_good_as_nothing() -> None:
    """A field that is null counts as not given."""
    nothing = dict.fromkeys(FIELDS) | {"prompt": "A video"}
    assert entry_of(nothing) == BatchRequest(VideoRequest("A video"))
    assert entry_of({"prompt": "A", "attachments": [{"url": URL, "name": None}]}).request.attachments[0].name is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1], "is an array, where an object"),
        ("A video", "is a text, where an object"),
        (7, "is the number 7"),
        (None, "is null"),
        (True, "is true"),
        ({}, "has no prompt"),
        ({"id": "a"}, "has no prompt"),
        ({"prompt": 5}, "prompt: is the number 5, where a text in quotes is expected"),
        ({"prompt": "A", "id": 7}, "id: is the number 7"),
        ({"prompt": "A", "follows": ["x"]}, "follows: is an array"),
        ({"prompt": "A", "attachments": URL}, "attachments: is a text, where an array"),
        ({"prompt": "A", "attachments": [3]}, "attachments[0]: is the number 3"),
        ({"prompt": "A", "attachments": [URL, {}]}, "attachments[1]: has no url"),
        ({"prompt": "A", "attachments": [{"url": URL, "nmae": "x"}]}, "attachments[0]: field 'nmae' is not known"),
        ({"prompt": "A", "attachments": [{"url": URL, "name": 3}]}, "attachments[0].name: is the number 3"),
    ],
)
def test_what_is_no_request_is_refused_with_the_place(given: Any, words: str) -> None:
    """A value of another kind is refused with what stands where, and what should."""
    with pytest.raises(EntryError) as caught:
        entry_of(given)
    assert words in str(caught.value)
