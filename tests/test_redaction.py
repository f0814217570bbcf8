"""Tests of `motion_async.redaction`."""

from __future__ import annotations

import json
import pickle
import random
import reprlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.redaction import Eraser, Secret, Unshown, redacted

HIDDEN = "tell-nobody-but-me"
OWN_KEY = f"motion_{HIDDEN}"
KEY = "motion_SECRET_of_the_owner"
SIGNED = "https://bucket.s3.amazonaws.com/hero.png?X-Amz-Expires=60&X-Amz-Signature=SECRET"


def quoted(text: str) -> str:
    return f"could not fetch '{text}' today"


ECHOES: dict[str, str] = {
    "signed url": SIGNED,
    "signed url in a sentence": quoted(SIGNED),
    "signed url in json": f'{{"url":"{SIGNED}"}}',
    "signed url in a tag": f"<a href={SIGNED}>",
    "signed url at the end of a sentence": f"no access to {SIGNED}.",
    "two signed urls": f"{SIGNED} {SIGNED}",
    "escaped slashes": SIGNED.replace("/", "\\/"),
    "key in the path of a url": f"https://a.example.com/{KEY}/x",
    "key in the path of a signed url": f"https://a.example.com/{KEY}/x?a=1",
    "upper-case scheme": SIGNED.replace("https", "HTTPS"),
    "apostrophe in the path": "https://a.example.com/it's.png?X-Amz-Signature=SECRET",
    "apostrophe in the query": "https://a.example.com/a.png?name=it's&X-Amz-Signature=SECRET",
    "key": KEY,
    "key in a sentence": quoted(KEY),
    "key with hyphens": "motion_a-b_SECRET",
    "key with other characters": "motion_abcdef.+/=SECRET",
    "short key": "motion_a.SECRET",
    "key behind an escape": "bad request:\\nmotion_8SECRET8",
    "signed url without a scheme": "bucket.s3.amazonaws.com/hero.png?X-Amz-Signature=SECRET",
    "path of a signed url": "GET /hero.png?a=1&X-Amz-Signature=SECRET HTTP/1.1",
    "escaped signed url": "https%3A%2F%2Fa.example.com%2Fx%3FX-Amz-Signature%3DSECRET",
    "signed url in the path of another": "https://proxy.example.com/https%3A%2F%2Fa%2Fx%3Fa%3D1%26sig%3DSECRET",
    "query that goes on behind a quote": 'https://a.example.com/x?a="b"&X-Amz-Signature=SECRET',
    "a parameter alone": "x-goog-signature=SECRET is wrong",
    "another parameter alone": "Signature=SECRET, sig=SECRET",
    "slashes as characters of json": "https:\\u002f\\u002fa\\u002fx?a=SECRET",
    "key with slashes": "motion_abc/SECRET/x",
    "key before a comma": f"{KEY}, which is unknown",
    "header": f"Authorization: Bearer {KEY}",
    "header of another's": "Authorization: Bearer eyJ.SECRET",
    "header in lower case": "authorization: bearer eyJ.SECRET",
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_redacted_text_holds_no_secret(echo: str) -> None:
    """A key or a signed query is taken out of a text, in every form in which somebody may echo it."""
    assert "SECRET" not in redacted(echo)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "see https://motion.so before you send it again",
        "https://www.youtube.com/watch",
        "motion_async is the library",
        "try motion_async.sandbox.",
        "motion_videos.jsonl cannot be read",
        "no such file: '/srv/motion_async/motion_launch_2026.ledger.db'",
        "the skeleton motion_capture.bvh could not be loaded, nor motion_2.mp4",
        "with motion_blur, and motion_vectors",
        "check MOTION_API_KEY",
        "what is this? nothing",
        "a design=3 & b=4",
        "50%26 of them",
    ],
)
def test_plain_words_stay_as_they_are(text: str) -> None:
    """What is no secret is told whole."""
    assert redacted(text) == text


def test_no_text_stays_no_text() -> None:
    """A text that is missing is not turned into one."""
    assert redacted(None) is None


def test_a_redacted_url_still_says_where_it_led() -> None:
    """The host and the path of a signed URL stay, so that it can be told from others."""
    told = redacted(quoted(SIGNED))
    assert "https://bucket.s3.amazonaws.com/hero.png?" in told
    assert told.endswith("today")


def test_what_follows_a_key_stays() -> None:
    """A sentence keeps its punctuation."""
    assert redacted(f"the key ({KEY}), or none.") == "the key (…), or none."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host.example/x?sig=1 is gone", "https://host.example/x?… is gone"),
        ("url='http://user:pw@127.0.0.1:3128'", "url='http://127.0.0.1:3128'"),
    ],
)
def test_a_login_in_a_url_does_not_show(text: str, shown: str) -> None:
    """The password of a proxy's URL is a secret like a signature."""
    assert redacted(text) == shown


VISIBLE = "".join(chr(code) for code in range(33, 127) if chr(code) not in "\"'\\")


def spelled(text: str, chance: random.Random) -> str:
    """Write some text as JSON, each character in one of the ways in which it can be written."""
    ways = []
    for character in text:
        plain = json.dumps(character)[1:-1]
        number = f"{ord(character):04x}"
        ways.append([plain, f"\\u{number}", f"\\u{number.upper()}", "\\/" if character == "/" else plain])
    return f'"{"".join(map(chance.choice, ways))}"'


@given(
    key=st.text(VISIBLE, min_size=1, max_size=20),
    around=st.tuples(*[st.text(string.punctuation + " é\n", max_size=5)] * 2),
    chance=st.randoms(use_true_random=False),
)
def test_a_known_secret_is_erased_however_json_writes_it(
    key: str, around: tuple[str, str], chance: random.Random
) -> None:
    """The rest is as it was, and is still JSON."""
    secret, (before, after) = f"motion_{key}", around
    body = spelled(f"{before}{secret}{after}{secret}", chance).encode()
    assert json.loads(Eraser(secret).erase_json(body)) == f"{before}{secret}{after}{secret}".replace(secret, "…")


@given(st.text(VISIBLE, min_size=1, max_size=5), st.text())
def test_nothing_else_is_erased(key: str, text: str) -> None:
    """What does not hold the secret stays as it is, byte for byte."""
    for body in (json.dumps(text).encode(), json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")):
        assert Eraser(f"motion_{key}").erase_json(body) == body


def test_an_eraser_shows_no_secret() -> None:
    """It lies among the values of a session, which a debugger or a log may show."""
    assert "SECRET" not in f"{Eraser('motion_SECRET')!r} {vars(Eraser('motion_SECRET'))['_plain']!r}"


def test_a_secret_is_itself_but_for_whoever_looks_on() -> None:
    """It is the text that it is made of, equal to it and in its place; its repr shows nothing, in containers either."""
    secret = Secret(OWN_KEY)
    assert f"Bearer {secret}" == f"Bearer {OWN_KEY}"
    assert (secret, hash(secret)) == (OWN_KEY, hash(OWN_KEY))
    assert HIDDEN in secret
    assert HIDDEN not in f"{secret!r} {[secret]} { {'key': secret} }"


def test_neither_a_part_of_a_secret_nor_what_is_made_of_it_shows_it() -> None:
    """Debuggers slice long texts before they show them, and error reports are JSON."""
    secret = Secret(OWN_KEY)
    parts = (
        secret[:30],
        secret[7:],
        [*secret],
        secret.upper(),
        reprlib.repr([secret]),
        f"{secret!r}",
        secret.split("_"),
    )
    assert not any(HIDDEN in repr(part).lower() for part in parts)
    assert HIDDEN not in json.dumps({"key": secret, "keys": [secret]})
    assert "SECRET" not in f"{Unshown('SECRET')[:6]!r} {reprlib.repr(Unshown('SECRET' * 10))}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)


def test_a_secret_comes_out_where_it_is_asked_for() -> None:
    """By `str`, by a format, and put together with another text; it is as true as its text."""
    secret = Secret(Secret(OWN_KEY))
    assert (str(secret), f"{secret:>50}", "Bearer " + secret, secret + "!") == (
        OWN_KEY,
        f"{OWN_KEY:>50}",
        f"Bearer {OWN_KEY}",
        f"{OWN_KEY}!",
    )
    assert type(str(secret)) is str
    assert secret == Secret(OWN_KEY)
    assert secret != "…"
    assert not Secret("")
