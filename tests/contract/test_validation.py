"""Tests of `motion_async.contract.validation`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_async.contract.protocol import poll_call
from motion_async.contract.validation import (
    MAX_ID,
    as_request,
    check_batch_request,
    check_job_id,
    check_request,
    earliest_expiry,
    problems,
)
from motion_async.errors import ConfigurationError, InvalidRequestError
from motion_async.jobs import Attachment, BatchRequest, VideoRequest
from motion_async.problems import Problem

NOW = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
HOST = "https://storage.example.com/"

# The same examples in every run: a test must not pass by luck.
EXACT = settings(derandomize=True, database=None, deadline=None)


def found(prompt: Any = "p", **fields: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    """The codes and places of the problems of a request."""
    return [(problem.code, problem.path) for problem in problems(VideoRequest(prompt, **fields), now=NOW)]


def of_url(url: Any) -> list[str]:
    """The messages of the problems of an attachment's URL."""
    told = problems(VideoRequest("p", attachments=[Attachment(url)]), now=NOW)
    assert all(problem.path == ("attachments", 0, "url") for problem in told)
    return [problem.message for problem in told]


def of_style(url: Any) -> list[str]:
    """The messages of the problems of a style reference."""
    told = problems(VideoRequest("p", style_reference_url=url), now=NOW)
    assert all(problem.path == ("style_reference_url",) for problem in told)
    return [problem.message for problem in told]


def url_of_length(length: int) -> str:
    return HOST + "x" * (length - len(HOST))


def test_the_contracts_example_has_no_problem() -> None:
    """The documentation's own request is valid, and so is the least that there is."""
    example = VideoRequest(
        "Create a 15 second product launch video for a new AI calendar app.",
        style_reference_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        attachments=[
            Attachment(
                "https://storage.example.com/signed/hero-image.png",
                name="Hero image",
                type="image",
                content_type="image/png",
            )
        ],
    )
    check_request(example, now=NOW)
    assert problems(example, now=NOW) == ()
    assert problems(VideoRequest("p"), now=NOW) == ()


ONE = Attachment(HOST)
AT = ("attachments", 0)
BOUNDS: dict[str, tuple[dict[str, Any], list[tuple[str, tuple[str | int, ...]]]]] = {
    "prompt of 0": ({"prompt": ""}, [("too_small", ("prompt",))]),
    "prompt of a blank": ({"prompt": " \n"}, [("too_small", ("prompt",))]),
    "prompt of NBSP": ({"prompt": "\u00a0\u2003"}, [("too_small", ("prompt",))]),
    "prompt without width": ({"prompt": "\u200b\ufeff\u2060\u00ad"}, [("too_small", ("prompt",))]),
    "prompt of blank letters": ({"prompt": "\u3164\u2800\ufe0f"}, [("too_small", ("prompt",))]),
    "prompt of 1": ({"prompt": "p"}, []),
    "prompt of 12,000": ({"prompt": "p" * 12_000}, []),
    "prompt of 12,001": ({"prompt": "p" * 12_001}, [("too_big", ("prompt",))]),
    "prompt of 12,000 beyond ASCII": ({"prompt": "🎬" * 12_000}, []),
    "prompt of 12,001 beyond ASCII": ({"prompt": "🎬" * 12_001}, [("too_big", ("prompt",))]),
    "10 attachments": ({"attachments": [ONE] * 10}, []),
    "11 attachments": ({"attachments": [ONE] * 11}, [("too_big", ("attachments",))]),
    "url of 0": ({"attachments": [""]}, [("too_small", (*AT, "url"))]),
    "url of 4,096": ({"attachments": [url_of_length(4_096)]}, []),
    "url of 4,097": ({"attachments": [url_of_length(4_097)]}, [("too_big", (*AT, "url"))]),
    "name of 0": ({"attachments": [Attachment(HOST, name="")]}, []),
    "name of 240": ({"attachments": [Attachment(HOST, name="n" * 240)]}, []),
    "name of 241": ({"attachments": [Attachment(HOST, name="n" * 241)]}, [("too_big", (*AT, "name"))]),
    "style of 0": ({"style_reference_url": ""}, [("too_small", ("style_reference_url",))]),
}


@pytest.mark.parametrize(("fields", "expected"), BOUNDS.values(), ids=BOUNDS)
def test_each_bound_holds_at_its_edge(fields: dict[str, Any], expected: list[Any]) -> None:
    """What lies on a bound of the contract is allowed, and one beyond is told with its place."""
    assert found(**fields) == expected


def test_a_problem_has_the_shape_of_the_services_details() -> None:
    """Eleven attachments are told as the documentation's example tells of them."""
    assert problems(VideoRequest("p", attachments=[ONE] * 11), now=NOW) == (
        Problem(
            "too_big",
            "Array must contain at most 10 element(s)",
            ("attachments",),
            {"maximum": 10, "type": "array", "inclusive": True},
        ),
    )


@pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
def test_the_four_types_are_allowed(kind: Any) -> None:
    """Each type that the documentation names is valid."""
    assert found(attachments=[Attachment(HOST, type=kind)]) == []


@pytest.mark.parametrize("kind", ["picture", "Image", "", 5, ["image"]], ids=repr)
def test_another_type_is_told(kind: Any) -> None:
    """A type that the documentation does not name is a problem that names the four."""
    told = problems(VideoRequest("p", attachments=[Attachment(HOST, type=kind)]), now=NOW)
    assert [(problem.code, problem.path) for problem in told] == [("invalid_enum_value", (*AT, "type"))]
    assert "'image' | 'video' | 'audio' | 'file'" in told[0].message
    assert told[0].extra["options"] == ["image", "video", "audio", "file"]


WRONG_TYPES: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "prompt is None": ({"prompt": None}, ("prompt",), "Expected string, received None"),
    "prompt is bytes": ({"prompt": b"p"}, ("prompt",), "Expected string, received bytes"),
    "style is a number": (
        {"style_reference_url": 5},
        ("style_reference_url",),
        "Expected string, received int",
    ),
    "attachments is a string": (
        {"attachments": HOST},
        ("attachments",),
        "Expected a list of URLs or Attachments, received str",
    ),
    "attachments is a mapping": (
        {"attachments": {}},
        ("attachments",),
        "Expected a list of URLs or Attachments, received dict",
    ),
    "an attachment is a mapping": (
        {"attachments": [{"url": HOST}]},
        AT,
        "Expected a URL or Attachment(url=…), received dict",
    ),
    "url is None": ({"attachments": [Attachment(None)]}, (*AT, "url"), "Expected string, received None"),  # type: ignore[arg-type]
    "name is a number": (
        {"attachments": [Attachment(HOST, name=5)]},  # type: ignore[arg-type]
        (*AT, "name"),
        "Expected string, received int",
    ),
    "content type is a number": (
        {"attachments": [Attachment(HOST, content_type=5)]},
        (*AT, "content_type"),
        "Expected string, received int",
    ),
}


@pytest.mark.parametrize(("fields", "path", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_wrong_type_is_told(fields: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    """What is not of the type that the contract wants is one problem, with what it is instead."""
    told = problems(VideoRequest(**{"prompt": "p", **fields}), now=NOW)
    assert [(problem.code, problem.path, problem.message) for problem in told] == [("invalid_type", path, message)]


@pytest.mark.parametrize("request_", [None, "a prompt", {"prompt": "p"}], ids=repr)
def test_what_is_no_request_is_told(request_: Any) -> None:
    """An object of another type is one problem, not a traceback."""
    with pytest.raises(InvalidRequestError, match="Expected VideoRequest"):
        check_request(request_, now=NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "a \ud83c b"},
        {"attachments": [Attachment(HOST, name="\udfff")]},
        {"attachments": [Attachment(HOST, content_type="image/\ud800")]},
    ],
    ids=["prompt", "name", "content type"],
)
def test_half_a_surrogate_pair_is_told(fields: dict[str, Any]) -> None:
    """What can't be sent as UTF-8 is told before it is sent."""
    assert [code for code, _ in found(**fields)] == ["invalid_string"]


def test_all_problems_are_told_at_once() -> None:
    """One error names every problem of a request, in the order of its fields."""
    request = VideoRequest(
        "",
        style_reference_url="https://evil.io/",
        attachments=[
            Attachment("ftp://a.example.com/x", name="n" * 241, type="picture"),
            HOST,
            {},  # type: ignore[list-item]
            *[HOST] * 8,
        ],
    )
    with pytest.raises(InvalidRequestError) as caught:
        check_request(request, now=NOW)
    assert [problem.path for problem in caught.value.problems] == [
        ("prompt",),
        ("style_reference_url",),
        ("attachments",),
        ("attachments", 0, "url"),
        ("attachments", 0, "name"),
        ("attachments", 0, "type"),
        ("attachments", 2),
    ]
    assert caught.value.http_status is None


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtube.com/watch?v=x",
        "HTTPS://YouTube.com/watch?v=x",
        "https://music.youtube.com/watch?v=x",
        "https://m.youtube.com:443/watch?v=x",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://www.youtube-nocookie.com/embed/x",
        "https://youtube.com./watch?v=x",
    ],
)
def test_youtubes_urls_are_style_references(url: str) -> None:
    """Every host of YouTube's own is allowed."""
    assert of_style(url) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil-youtube.com/",
        "https://youtube.com.evil.io/",
        "https://evilyoutu.be/",
        "https://evil.io/youtube.com",
        "https://evil.io/?https://youtube.com/",
        "https://evil.io/@youtube.com",
        "https://evil.io#@youtube.com/",
        "https://evil.io?@youtube.com/",
        "https://youtube.com@evil.io/",
        "https://youtube.com:443@evil.io/",
        "https://user:password@youtube.com/",
        "https://@youtube.com/",
        "https://evil.io\\.youtube.com/",
        "https://evil.io\\@youtube.com/",
        "https://evil.io%2f.youtube.com/",
        "https://youtube.com%2eevil.io/",
        "https://youtube.com。evil.io/",
        "ftp://youtube.com/",
        "javascript://youtube.com/%0aalert(1)",
        "//youtube.com/",
        "youtube.com/watch?v=x",
        "https:youtube.com",
        "https:///youtube.com",
        " https://youtube.com/",
        "https://youtube.com/a b",
        "https://you\ntube.com/",
        "https://youtube.com/\u202e",
        "https://youtube.com:99999/",
        "https://youtube.com:port/",
        "https://[::1/",
    ],
)
def test_other_urls_are_no_style_references(url: str) -> None:
    """What is not YouTube's, or only looks so to one of two readers, is one problem."""
    assert len(of_style(url)) == 1


@pytest.mark.parametrize("check", [of_url, of_style], ids=["attachment", "style reference"])
@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@storage.example.com/hero.png",
        "https://user:hunter2@exa\u2100mple.com/",
        "https://user:hunter2/@storage.example.com/",
        "https://:hunter2@storage.example.com/",
    ],
    ids=["plain", "odd host", "slash in the password", "no user"],
)
def test_credentials_are_refused_and_not_told(check: Any, url: str) -> None:
    """A URL with user and password is one problem, whose message does not repeat the password."""
    (message,) = check(url)
    assert "hunter2" not in message


def test_a_url_with_credentials_says_what_to_do() -> None:
    """The problem of a URL with user and password is named as such."""
    (message,) = of_url("https://user@storage.example.com/hero.png")
    assert "user or a password" in message


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.example.com/hero.png",
        "http://storage.example.com:8080/hero.png?sig=x#y",
        "https://8.8.8.8/hero.png",
        "https://[2606:4700::1111]/hero.png",
        "https://bücher.example.com/größe.png",
        "https://localhost.example.com/",
        "https://notlocal/",
    ],
)
def test_public_urls_are_allowed(url: str) -> None:
    """Whatever the service's machines may be able to fetch is sent."""
    assert of_url(url) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/hero.png",
        "https://LOCALHOST:8000/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/",
    ],
)
def test_private_urls_are_told(url: str) -> None:
    """What the service's machines surely can't fetch is told before it is sent."""
    (message,) = of_url(url)
    assert "not public" in message


@pytest.mark.parametrize(
    "url",
    [
        "hero.png",
        "/hero.png",
        "file:///hero.png",
        "s3://bucket/hero.png",
        "data:image/png;base64,AAAA",
        "https://",
        "https://a b.example.com/",
        "https://a.example.com/\x00",
        "https://a.example.com/\n",
        "https://a.example.com\\hero.png",
        "https://[::1",
    ],
)
def test_what_is_no_url_is_told(url: str) -> None:
    """What is no absolute http(s) URL is one problem."""
    (message,) = of_url(url)
    assert message.startswith("Invalid url")


@pytest.mark.parametrize(("left", "is_told"), [(-86_400, True), (-1, True), (0, True), (1, False), (86_400, False)])
def test_a_signature_counts_until_its_second(left: int, is_told: bool) -> None:
    """A signed URL is told as expired from the second of its end on, and not a second earlier."""
    end = NOW + timedelta(seconds=left)
    told = of_url(f"{HOST}hero.png?Expires={end.timestamp():.0f}&Signature=x&Key-Pair-Id=y")
    sentence = (
        f"The URL's signature expired at {end:%Y-%m-%dT%H:%M:%SZ}; by the clock here it is 2026-04-28T23:01:04Z; "
        "sign it again, or set that clock"
    )
    assert told == ([sentence] if is_told else [])


@pytest.mark.parametrize(
    "job_id",
    ["405d47cf-f72b-4852-b570-0de2446dbba1", "j", "j" * 512, "a/b", "a b", "...", ".j", "ü", "?#%2e"],
    ids=lambda job_id: job_id[:40],
)
def test_any_printable_name_can_be_a_job_id(job_id: str) -> None:
    """The documentation does not say what an id looks like, so almost everything is taken, in a path, too."""
    check_job_id(job_id)
    path = poll_call(job_id).path
    assert unquote(path.removeprefix("/sessions/")) == job_id
    assert path.count("/") == 2


@pytest.mark.parametrize(
    "job_id",
    ["", " ", "\t", ".", "..", "j" * 513, "a\nb", "a\x00b", "\ud800", None, 5, b"j"],
    ids=lambda job_id: repr(job_id)[:40],
)
def test_what_cannot_be_a_job_id_is_told(job_id: Any) -> None:
    """What is empty, too long, unprintable or a step in a path never becomes part of a URL."""
    with pytest.raises(InvalidRequestError) as caught:
        check_job_id(job_id)
    assert [problem.path for problem in caught.value.problems] == [("job_id",)]


ANYTHING = st.one_of(st.none(), st.integers(), st.binary(), st.text(), st.lists(st.text()))
URLS = st.one_of(ANYTHING, st.builds("https://{}".format, st.text()), st.builds((HOST + "?{}").format, st.text()))


@EXACT
@given(prompt=ANYTHING, style=URLS, url=URLS, name=ANYTHING, kind=ANYTHING, content_type=ANYTHING)
def test_no_request_makes_the_check_fail(
    prompt: Any, style: Any, url: Any, name: Any, kind: Any, content_type: Any
) -> None:
    """Whatever a request is made of, the answer is a list of problems, each of which can be shown."""
    attachment = Attachment(url, name=name, type=kind, content_type=content_type)
    request = VideoRequest(prompt, style_reference_url=style, attachments=[attachment])
    assert all(str(problem) for problem in problems(request, now=NOW))


def test_arguments_become_one_request() -> None:
    """A prompt with its options, or a whole request as it is; not both."""
    whole = VideoRequest("p", style_reference_url="https://youtu.be/x")
    assert as_request("p", "https://youtu.be/x", ()) == whole
    assert as_request(whole, None, ()) is whole
    for beside in ((None, ["https://a.example.com/b.png"]), ("https://youtu.be/x", ())):
        with pytest.raises(ConfigurationError, match="one or the other"):
            as_request(whole, *beside)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"id": "a", "follows": "b"}, []),
        ({"id": ""}, [("too_small", ("id",))]),
        ({"id": 3}, [("invalid_type", ("id",))]),
        ({"id": "x" * (MAX_ID + 1)}, [("too_big", ("id",))]),
        ({"id": " a", "follows": "b\n"}, [("invalid_string", ("id",)), ("invalid_string", ("follows",))]),
        ({"id": "a", "follows": "a"}, [("custom", ("follows",))]),
        ({"id": "Caf\u00e9", "follows": "Cafe\u0301"}, [("custom", ("follows",))]),
        ({"metadata": {"of": ["anything"]}}, []),
        ({"metadata": {"of": object()}}, [("custom", ("metadata",))]),
    ],
)
def test_what_a_batch_knows_a_request_by_is_checked_with_it(fields: Any, expected: Any) -> None:
    """An id is short, printable and nobody's own parent; all problems come at once, the request's own first."""
    for prompt, own in (("p", []), ("", [("too_small", ("prompt",))])):
        given_fields = BatchRequest(prompt, **fields)
        if not (all_of_them := [*own, *expected]):
            check_batch_request(given_fields, now=NOW)
            continue
        with pytest.raises(InvalidRequestError) as caught:
            check_batch_request(given_fields, now=NOW)
        assert [(problem.code, problem.path) for problem in caught.value.problems] == all_of_them


def test_a_request_can_be_sent_until_its_first_signature_runs_out() -> None:
    """Of attachments that are not signed nothing is known."""
    moments = [NOW + timedelta(hours=hours) for hours in (3, 1, 2)]
    signed = [f"{HOST}x?Signature=a&Expires={moment.timestamp():.0f}" for moment in moments]
    assert earliest_expiry(VideoRequest("p", attachments=[HOST, *signed])) == moments[1]
    assert earliest_expiry(VideoRequest("p", attachments=[HOST])) is None
