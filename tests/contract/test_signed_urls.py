"""Tests of `motion_async.contract.signed_urls`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.contract.signed_urls import expiry, unsigned

END = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
PLACE = "https://files.example.com/hero.png"
SIGNERS: dict[str, Any] = {
    "AWS": lambda end: f"X-Amz-Date={end - timedelta(seconds=60):%Y%m%dT%H%M%SZ}&X-Amz-Expires=60",
    "AWS in lower case": lambda end: f"x-amz-date={end:%Y%m%dT%H%M%SZ}&x-amz-expires=0",
    "Google": lambda end: f"X-Goog-Date={end - timedelta(days=7):%Y%m%dT%H%M%SZ}&X-Goog-Expires=604800",
    "Azure": lambda end: f"se={end:%Y-%m-%dT%H:%M:%SZ}&sig=x",
    "Azure, escaped": lambda end: f"sig=x&se={end:%Y-%m-%dT%H%%3A%M%%3A%SZ}",
    "Azure with an offset": lambda end: (
        f"sig=x&se={end.astimezone(timezone(timedelta(hours=-7))):%Y-%m-%dT%H:%M:%S}-07:00"
    ),
    "Azure without a zone": lambda end: f"sig=x&se={end:%Y-%m-%dT%H:%M:%S}",
    "CloudFront": lambda end: f"Expires={end.timestamp():.0f}&Signature=x&Key-Pair-Id=y",
    "older AWS and Google": lambda end: f"AWSAccessKeyId=x&Signature=y&Expires={end.timestamp():.0f}",
}
SIGNED_TWICE: dict[str, tuple[str, str]] = {
    "S3": ("?X-Amz-Date=1&X-Amz-Signature=a", "?X-Amz-Date=2&X-Amz-Signature=b"),
    "S3 among others": ("?v=1&x-amz-signature=a&w=2", "?v=1&X-Amz-Signature=b&X-Amz-Expires=60&w=2"),
    "Google": ("?X-Goog-Signature=a", "?X-Goog-Signature=b&X-Goog-Date=3"),
    "CloudFront": ("?Expires=1&Signature=a&Key-Pair-Id=K", "?Expires=2&Signature=b&Key-Pair-Id=K"),
    "CloudFront with a policy": ("?Policy=p&Signature=a&Key-Pair-Id=K", "?Policy=q&Signature=b&Key-Pair-Id=L"),
    "old S3": ("?AWSAccessKeyId=A&Expires=1&Signature=a", "?AWSAccessKeyId=B&Expires=2&Signature=b"),
    "old Google": ("?GoogleAccessId=A&Expires=1&Signature=a", "?GoogleAccessId=A&Expires=2&Signature=b"),
    "Azure": ("?sv=1&se=2&sr=b&sp=r&sig=a", "?sv=1&se=3&sr=b&sp=r&sig=b"),
    "signed later": ("", "?X-Amz-Signature=b"),
    "with a fragment": ("?X-Amz-Signature=a#t=1", "?X-Amz-Signature=b#t=1"),
    "escaped": ("?X%2DAmz%2DSignature=a", "?X-Amz-Signature=b"),
}
DIFFERENT: dict[str, tuple[str, str]] = {
    "version": ("?v=1&X-Amz-Signature=a", "?v=2&X-Amz-Signature=a"),
    "short names that sign nothing": ("?sp=1", "?sp=2"),
    "an end that signs nothing": ("?expires=1", "?expires=2"),
    "order": ("?a=1&b=2", "?b=2&a=1"),
}


@pytest.mark.parametrize("sign", SIGNERS.values(), ids=SIGNERS)
def test_each_kind_of_signature_tells_its_end(sign: Any) -> None:
    """Whoever signed a URL, and however the moment is written, it is read."""
    assert expiry(f"{PLACE}?{sign(END)}") == END


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20200101T000000Z",
        "X-Amz-Expires=60",
        "X-Amz-Date=yesterday&X-Amz-Expires=60",
        "X-Amz-Date=20200101T000000Z&X-Amz-Expires=soon",
        "X-Amz-Date=20200101T000000Z&X-Amz-Expires=99999999999999999999",
        "X-Goog-Date=20200101&X-Goog-Expires=60",
        "se=2020-01-01T00:00:00Z",
        "sig=x&se=yesterday",
        "sig=x&se=0001-01-01T00:00:00%2B23:59",
        "expires=86400",
        "Signature=x",
        "Signature=x&Expires=never",
        "Signature=x&Expires=99999999999999999999",
        "Signature=x&Expires=-99999999999999999999",
        "Signature=x&Expires=" + "9" * 4_000,
        "Signature=x&Expires=",
        "Signature=x&expired=1",
        "%%%=&&;=",
    ],
    ids=lambda query: query[:50],
)
def test_what_says_nothing_certain_about_its_end_has_none(query: str) -> None:
    """A moment that can't be read, or that stands beside no signature, is none."""
    assert expiry(f"{PLACE}?{query}") is None


@pytest.mark.parametrize("queries", SIGNED_TWICE.values(), ids=SIGNED_TWICE)
def test_a_url_that_is_signed_again_is_the_same_without(queries: tuple[str, str]) -> None:
    """What changes from one signature to the next goes."""
    assert unsigned(PLACE + queries[0]) == unsigned(PLACE + queries[1])


@pytest.mark.parametrize("queries", DIFFERENT.values(), ids=DIFFERENT)
def test_what_does_not_sign_stays(queries: tuple[str, str]) -> None:
    """A parameter that may say which file is meant tells URLs apart."""
    assert unsigned(PLACE + queries[0]) != unsigned(PLACE + queries[1])


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    """Nothing raises, and what is left is left again."""
    assert unsigned(unsigned(text)) == unsigned(text)
