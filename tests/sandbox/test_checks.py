"""Tests of `motion_async.sandbox.checks`."""

import json
from typing import Any

import pytest

from motion_async.sandbox.checks import find_problems, read_submission

JSON = "application/json"
HERO = "https://storage.example.com/signed/hero-image.png"


def attachment(**fields: Any) -> dict[str, Any]:
    return {"prompt": "p", "attachments": [{"url": HERO, **fields}]}


def test_the_documented_example_has_no_problem() -> None:
    """The request that the documentation shows is taken as it is."""
    body = {
        "prompt": "Create a 15 second product launch video for a new AI calendar app.",
        "style_reference_url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "attachments": [{"url": HERO, "name": "Hero image", "type": "image", "content_type": "image/png"}],
    }
    assert find_problems(body) == []


def test_eleven_attachments_are_told_in_the_documented_words() -> None:
    """The one 400 that the documentation shows comes out letter for letter."""
    assert find_problems({"prompt": "p", "attachments": [{"url": HERO}] * 11}) == [
        {
            "code": "too_big",
            "maximum": 10,
            "type": "array",
            "inclusive": True,
            "message": "Array must contain at most 10 element(s)",
            "path": ["attachments"],
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "p"},
        {"prompt": "\N{GRINNING FACE}" * 12_000},
        attachment(url="https://example.com/" + "a" * 4_076),
        attachment(name="n" * 240),
        attachment(name=""),
        {"prompt": "p", "attachments": [{"url": HERO}] * 10},
        {"prompt": "p", "attachments": []},
        {"prompt": "p", "seconds": 15},
    ],
)
def test_what_reaches_a_bound_and_no_further_is_taken(body: dict[str, Any]) -> None:
    """The bounds of the contract include their own value, and unknown fields are ignored."""
    assert find_problems(body) == []


@pytest.mark.parametrize(
    ("body", "code", "path", "message"),
    [
        ({}, "invalid_type", ["prompt"], "Required"),
        ({"prompt": None}, "invalid_type", ["prompt"], "Expected string, received null"),
        ({"prompt": True}, "invalid_type", ["prompt"], "Expected string, received boolean"),
        ({"prompt": {}}, "invalid_type", ["prompt"], "Expected string, received object"),
        ({"prompt": ""}, "too_small", ["prompt"], "String must contain at least 1 character(s)"),
        ({"prompt": "p" * 12_001}, "too_big", ["prompt"], "String must contain at most 12000 character(s)"),
        (
            {"prompt": "p", "style_reference_url": None},
            "invalid_type",
            ["style_reference_url"],
            "Expected string, received null",
        ),
        (
            {"prompt": "p", "attachments": None},
            "invalid_type",
            ["attachments"],
            "Expected array, received null",
        ),
        (
            {"prompt": "p", "attachments": {}},
            "invalid_type",
            ["attachments"],
            "Expected array, received object",
        ),
        (
            {"prompt": "p", "attachments": [HERO]},
            "invalid_type",
            ["attachments", 0],
            "Expected object, received string",
        ),
        ({"prompt": "p", "attachments": [{}]}, "invalid_type", ["attachments", 0, "url"], "Required"),
        (attachment(url=3), "invalid_type", ["attachments", 0, "url"], "Expected string, received number"),
        (
            attachment(url="https://example.com/" + "a" * 4_077),
            "too_big",
            ["attachments", 0, "url"],
            "String must contain at most 4096 character(s)",
        ),
        (
            attachment(name="n" * 241),
            "too_big",
            ["attachments", 0, "name"],
            "String must contain at most 240 character(s)",
        ),
        (
            attachment(type="pdf"),
            "invalid_enum_value",
            ["attachments", 0, "type"],
            "Invalid enum value. Expected 'image' | 'video' | 'audio' | 'file', received 'pdf'",
        ),
        (
            attachment(type=None),
            "invalid_type",
            ["attachments", 0, "type"],
            "Expected 'image' | 'video' | 'audio' | 'file', received null",
        ),
        (
            attachment(content_type=[]),
            "invalid_type",
            ["attachments", 0, "content_type"],
            "Expected string, received array",
        ),
    ],
)
def test_each_bound_has_its_problem(body: object, code: str, path: list[Any], message: str) -> None:
    """Each breach of the contract is told with its code, its place and its words."""
    [problem] = find_problems(body)
    assert (problem["code"], problem["path"], problem["message"]) == (code, path, message)


@pytest.mark.parametrize(
    "url",
    [
        "https://youtu.be/dQw4w9WgXcQ",
        "https://m.youtube.com/watch?v=x",
        "http://YOUTUBE.com/shorts/x",
        "https://www.youtube-nocookie.com/embed/x",
    ],
)
def test_every_youtube_host_is_a_style_reference(url: str) -> None:
    """YouTube's domains and their subdomains are taken, in any case."""
    assert find_problems({"prompt": "p", "style_reference_url": url}) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://evil-youtube.com/watch?v=x", "custom"),
        ("https://youtube.com.evil.io/watch?v=x", "custom"),
        ("https://youtube.com@evil.io/", "custom"),
        ("ftp://youtube.com/x", "custom"),
        ("https://evil.io\\@youtube.com/", "invalid_string"),
        ("youtube.com/watch?v=x", "invalid_string"),
        ("https://you\ntube.com/", "invalid_string"),
        ("https://youtube.com:99999/", "invalid_string"),
        ("https://[youtube.com/", "invalid_string"),
        ("", "invalid_string"),
    ],
)
def test_other_style_references_are_refused(url: str, code: str) -> None:
    """What is no URL, or no YouTube URL to a browser, is refused."""
    [problem] = find_problems({"prompt": "p", "style_reference_url": url})
    assert (problem["code"], problem["path"]) == (code, ["style_reference_url"])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "s3://bucket/key",
        "http://localhost:9000/a.png",
        "http://minio.local/a.png",
        "http://127.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://10.0.0.7/a.png",
        "http://169.254.169.254/latest",
        "https://user:secret@example.com/a.png",
        "https://example.com/a b.png",
        "hero.png",
    ],
)
def test_attachments_that_are_not_public_are_refused(url: str) -> None:
    """An attachment must be fetched by Motion's servers, with no header that nobody sends."""
    [problem] = find_problems(attachment(url=url))
    assert problem["code"] in ("custom", "invalid_string")
    assert problem["path"] == ["attachments", 0, "url"]


def test_every_problem_is_listed() -> None:
    """One answer tells all that is wrong, in the order of the fields."""
    body = {
        "prompt": "",
        "style_reference_url": "https://vimeo.com/1",
        "attachments": [{"url": HERO}, {"url": "x" * 4_097, "name": 3, "type": "pdf"}],
    }
    assert [(problem["path"], problem["code"]) for problem in find_problems(body)] == [
        (["prompt"], "too_small"),
        (["style_reference_url"], "custom"),
        (["attachments", 1, "url"], "too_big"),
        (["attachments", 1, "url"], "invalid_string"),
        (["attachments", 1, "name"], "invalid_type"),
        (["attachments", 1, "type"], "invalid_enum_value"),
    ]


@pytest.mark.parametrize("value", [None, [], "p", 1, 1.5, True])
def test_a_body_that_is_no_object_is_one_problem(value: object) -> None:
    """Any other JSON value is told as of the wrong type."""
    [problem] = find_problems(value)
    assert (problem["code"], problem["expected"], problem["path"]) == ("invalid_type", "object", [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"prompt": NaN}',
        b'{"prompt": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"prompt": "p"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
    ],
)
def test_what_is_no_json_is_one_problem(raw: bytes) -> None:
    """Bytes that are no JSON in UTF-8 are refused, whatever a parser trips over."""
    submission = read_submission(raw, content_type=JSON)
    assert [problem["message"] for problem in submission.problems] == ["Request body must be valid JSON"]
    assert submission.prompt == ""


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(content_type: str | None) -> None:
    """A body must be sent as JSON, by its header."""
    submission = read_submission(b'{"prompt": "p"}', content_type=content_type)
    assert [problem["message"] for problem in submission.problems] == ["Content-Type must be application/json"]


def test_a_content_type_may_have_parameters() -> None:
    """A charset after the media type changes nothing."""
    submission = read_submission(b'{"prompt": "p"}', content_type="Application/JSON; charset=utf-8")
    assert (submission.problems, submission.prompt) == ((), "p")


def test_equal_content_is_equal_whatever_its_form() -> None:
    """The order of keys and unknown fields do not make a body another one; a field that counts does."""
    first = {"prompt": "p\ud800", "attachments": [{"url": HERO, "name": "n"}]}
    same = {"extra": [1], "attachments": [{"name": "n", "url": HERO}], "prompt": "p\ud800"}
    other = {"prompt": "p\ud800", "attachments": [{"url": HERO, "name": "m"}]}
    contents = [
        read_submission(json.dumps(body).encode(), content_type=JSON).content() for body in (first, same, other)
    ]
    assert contents[0] == contents[1] != contents[2]
