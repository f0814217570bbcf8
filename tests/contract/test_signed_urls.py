"""Tests of `motion_async.contract.signed_urls`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motion_async.contract.signed_urls import FORMS, Form, expiry, unsigned

END = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)
SITE = "https://files.example.com"
PLACE = f"{SITE}/hero.png"
SIGNERS: dict[str, Any] = {
    "AWS": lambda end: f"X-Amz-Date={end - timedelta(seconds=60):%Y%m%dT%H%M%SZ}&X-Amz-Expires=60",
    "AWS in lower case": lambda end: f"x-amz-date={end:%Y%m%dT%H%M%SZ}&x-amz-expires=0",
    "OSS": lambda end: f"x-oss-date={end - timedelta(days=1):%Y%m%dT%H%M%SZ}&x-oss-expires=86400",
    "TOS": lambda end: f"X-Tos-Date={end:%Y%m%dT%H%M%SZ}&X-Tos-Expires=0",
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
    "S3 by two SDKs": ("?X-Amz-Signature=a", "?X-Amz-Signature=b&x-id=GetObject"),
    "Google": ("?X-Goog-Signature=a", "?X-Goog-Signature=b&X-Goog-Date=3"),
    "CloudFront": ("?Expires=1&Signature=a&Key-Pair-Id=K", "?Expires=2&Signature=b&Key-Pair-Id=K"),
    "CloudFront with a policy": ("?Policy=p&Signature=a&Key-Pair-Id=K", "?Policy=q&Signature=b&Key-Pair-Id=L"),
    "old S3": ("?AWSAccessKeyId=A&Expires=1&Signature=a", "?AWSAccessKeyId=B&Expires=2&Signature=b"),
    "old Google": ("?GoogleAccessId=A&Expires=1&Signature=a", "?GoogleAccessId=B&Expires=2&Signature=b"),
    "Google's CDN": ("?Expires=1&KeyName=k&Signature=a", "?Expires=2&KeyName=l&Signature=b&URLPrefix=x"),
    "Google's media CDN": ("?Edge-Cache-Token=Expires=1~Signature=a", "?Edge-Cache-Token=Expires=2~Signature=b"),
    "Azure": ("?sv=1&se=2&sr=b&sp=r&sig=a", "?sv=1&se=3&sr=b&sp=r&sig=b"),
    "Azure's account": ("?sv=1&ss=b&srt=o&sp=r&se=2&st=1&spr=https&sig=a", "?sv=2&ss=bf&srt=co&sp=rl&se=3&sip=1&sig=b"),
    "Azure's user": ("?sv=1&skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=5&sig=a", "?sv=1&skoid=1&skt=5&ske=6&saoid=7&sig=b"),
    "Azure without a version": ("?se=2&sr=b&sp=r&sig=a", "?se=3&sr=b&sp=r&sig=b"),
    "Supabase": ("/storage/v1/object/sign/a/b?token=x.y.z", "/storage/v1/object/sign/a/b?token=x.y.q"),
    "Supabase's images": ("/v1/render/image/sign/a/b?width=3&token=x", "/v1/render/image/sign/a/b?width=3&token=y"),
    "Firebase": ("/v0/b/x.appspot.com/o/a%2Fb?alt=media&token=a", "/v0/b/x.appspot.com/o/a%2Fb?alt=media&token=b"),
    "Discord without an & at the end": ("?ex=1&is=2&hm=a&", "?ex=3&is=4&hm=b"),
    "S3 with an & at the end": ("?v=1&X-Amz-Signature=a&", "?v=1&X-Amz-Signature=b"),
    "Notion": ("?id=1&expirationTimestamp=1&signature=a", "?id=1&expirationTimestamp=2&signature=b"),
    "Runway": ("?_jwt=a", "?_jwt=b"),
    "Tencent's videos": ("?t=1&rlimit=3&us=a&sign=b", "?t=2&us=c&sign=d"),
    "Akamai in the path under a name": ("/hdntl=exp=1~acl=*~hmac=a/x.mp4", "/hdntl=exp=2~acl=*~hmac=b/x.mp4"),
    "an end in other words": ("?valid_until=1&sig=a&expires_in=5", "?validUntil=2&sig=b&expiresAt=9"),
    "Discord": ("?ex=1&is=2&hm=a&", "?ex=3&is=4&hm=b&"),
    "OSS": ("?OSSAccessKeyId=A&Expires=1&Signature=a", "?OSSAccessKeyId=B&Expires=2&Signature=b&security-token=t"),
    "OSS, version 4": (
        "?x-oss-signature-version=v&x-oss-credential=c&x-oss-date=1&x-oss-expires=2&x-oss-signature=a&x-oss-process=p",
        "?x-oss-credential=d&x-oss-date=2&x-oss-additional-headers=h&x-oss-signature=b&x-oss-security-token=t&x-oss-process=p",
    ),
    "COS": (
        "?q-sign-algorithm=sha1&q-ak=A&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=a",
        "?q-sign-algorithm=sha1&q-ak=B&q-sign-time=3;4&q-key-time=3;4&q-signature=b&x-cos-security-token=t",
    ),
    "Tencent's CDN": ("?sign=a&t=1", "?sign=b&t=2"),
    "TOS": (
        "?X-Tos-Algorithm=v&X-Tos-Credential=c&X-Tos-Date=1&X-Tos-Expires=2&X-Tos-SignedHeaders=host&X-Tos-Signature=a",
        "?X-Tos-Algorithm=v&X-Tos-Credential=c&X-Tos-Date=3&X-Tos-Expires=2&X-Tos-Signature=b&X-Tos-Security-Token=t",
    ),
    "OBS": ("?AccessKeyId=A&Expires=1&Signature=a", "?AccessKeyId=B&Expires=2&Signature=b&x-obs-security-token=t"),
    "BOS": ("?authorization=bce-auth-v1%2Fa", "?authorization=bce-auth-v1%2Fb&x-bce-security-token=t"),
    "TikTok": ("?x-expires=1&x-signature=a", "?x-expires=2&x-signature=b"),
    "Alibaba's CDN": ("?auth_key=1-0-0-a", "?auth_key=2-0-0-b"),
    "Bunny": ("?token=a&expires=1", "?token=b&expires=2"),
    "Bunny for a directory": (
        "/video?token=a&token_path=%2F&expires=1&token_countries=DE",
        "/video?token=b&token_path=%2F&expires=2&token_countries_blocked=FR&token_ignore_params=true",
    ),
    "Bunny in the path": ("/bcdn_token=a&expires=1/x.mp4", "/bcdn_token=b&expires=2&token_path=%2F/x.mp4"),
    "B2": ("/file/bucket/a?Authorization=a", "/file/bucket/a?Authorization=b"),
    "Akamai": ("?hdnts=exp=1~acl=*~hmac=a", "?hdnts=st=1~exp=2~acl=*~hmac=b"),
    "Akamai under another name": ("?tok=exp=1~acl=*~hmac=a&v=1", "?tok=exp%3D2%7Eacl%3D%2A%7Ehmac%3Db&v=1"),
    "Akamai in the path": ("/exp=1~acl=*~hmac=a/x.mp4", "/exp=2~acl=*~hmac=b/x.mp4"),
    "Cloudflare": ("?verify=1-a", "?verify=2-b"),
    "Cloudflare Images": ("/bc27a117/public?exp=1&sig=a", "/bc27a117/public?exp=2&sig=b"),
    "Fastly": ("?token=1_a", "?token=2_b"),
    "imgix": ("?w=3&s=a&expires=1", "?w=3&expires=2&s=b"),
    "ImageKit": ("?ik-t=1&ik-s=a", "?ik-t=2&ik-s=b"),
    "KeyCDN": ("?token=a&expire=1", "?token=b&expire=2"),
    "CDN77": ("?secure=a,1", "?secure=b,2"),
    "nginx": ("?md5=a&expires=1", "?md5=b&expires=2"),
    "Qiniu": ("?e=1&token=ak:a", "?e=2&token=ak:b"),
    "Cloudinary": (
        "/download?public_id=x&timestamp=1&api_key=k&signature=a&expires_at=9",
        "/download?public_id=x&timestamp=2&api_key=k&signature=b",
    ),
    "Swift": (
        "?temp_url_sig=a&temp_url_expires=1",
        "?temp_url_sig=b&temp_url_expires=2&temp_url_prefix=p&temp_url_ip_range=i",
    ),
    "SharePoint": ("/download.aspx?UniqueId=1&tempauth=a", "/download.aspx?UniqueId=1&tempauth=b"),
    "Contentful": ("?token=a&policy=b", "?token=c&policy=d"),
    "Mux": ("/x.m3u8?token=a.b.c", "/x.m3u8?token=a.b.d"),
    "Oracle": ("/p/secret/n/ns/b/bucket/o/x", "/p/another/n/ns/b/bucket/o/x"),
    "signed later": ("", "?X-Amz-Signature=b"),
    "with a fragment": ("?X-Amz-Signature=a#t=1", "?X-Amz-Signature=b#t=1"),
    "with a question in the fragment": ("?sig=a#t?token=1", "?sig=b#t?token=1"),
    "escaped": ("?X%2DAmz%2DSignature=a", "?X-Amz-Signature=b"),
    **{
        f"by {name} alone": (f"?v=1&{name}=a", f"?v=1&{name}=b")
        for name in ("signature", "sig", "token", "expires", "policy", "hmac", "credential", "x-any-credential", "jwt")
    },
    **{
        f"until {name}": (f"?v=1&{name}=a", f"?v=1&{name}=b")
        for name in ("expire", "expiry", "expires_at", "expiresAt", "expires_in", "expiry-date", "expirationTime")
    },
}
DIFFERENT: dict[str, tuple[str, str]] = {
    "version": ("?v=1", "?v=2"),
    "version of what is signed": ("?v=1&X-Amz-Signature=a", "?v=2&X-Amz-Signature=a"),
    "version in S3": ("?versionId=1&X-Amz-Signature=a", "?versionId=2&X-Amz-Signature=b"),
    "short names that sign nothing": ("?sp=1", "?sp=2"),
    **{
        f"{name} that signs nothing": (f"?{name}=1", f"?{name}=2")
        for name in ("ex", "is", "hm", "e", "t", "s", "se", "st", "sv", "sign", "exp", "md5", "key", "id", "timestamp")
    },
    "what an image is made into": ("?x-oss-process=1&x-oss-signature=a", "?x-oss-process=2&x-oss-signature=b"),
    "size in Supabase": ("/render/image/sign/a?width=1&token=a", "/render/image/sign/a?width=2&token=a"),
    "a date that signs nothing": ("?x-date=1", "?x-date=2"),
    "a URL in a URL": ("?src=https://a.example/a?t=exp=1~hmac=a", "?src=https://a.example/b?t=exp=1~hmac=a"),
    "what has expired": ("?expired=1", "?expired=2"),
    "order": ("?a=1&b=2", "?b=2&a=1"),
    "path": ("/a?sig=a", "/b?sig=a"),
    "fragment": ("?sig=a#t=1", "?sig=a#t=2"),
    "a token that names what is meant": ("/download?token=a", "/download?token=b"),
    "a token of a program": ("/download.php?token=a", "/download.php?token=b"),
    "a token of an interface": ("/api/v1.0?token=a", "/api/v1.0?token=b"),
    "a sum that names what is meant": ("/download?md5=a&expires=1", "/download?md5=b&expires=1"),
    "an access key that names what is meant": ("/share?access_token=a", "/share?access_token=b"),
    "an object of Oracle": ("/p/a/n/ns/b/bucket/o/x", "/p/a/n/ns/b/bucket/o/y"),
    "what looks like Oracle": ("/p/a/x.png", "/p/b/x.png"),
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


def at(rest: str) -> str:
    """Give a URL of what stands behind its file, or behind its host if it is a path."""
    return (SITE if rest.startswith("/") else PLACE) + rest


@pytest.mark.parametrize("pair", SIGNED_TWICE.values(), ids=SIGNED_TWICE)
def test_a_url_that_is_signed_again_is_the_same_without(pair: tuple[str, str]) -> None:
    """What changes from one signature to the next goes, whoever signs, and nothing of it is left."""
    first, second = (unsigned(at(rest)) for rest in pair)
    assert first == second


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_what_does_not_sign_stays(pair: tuple[str, str]) -> None:
    """A parameter that may say which file is meant tells URLs apart."""
    assert unsigned(at(pair[0])) != unsigned(at(pair[1]))


def test_a_token_behind_a_bare_host_stays() -> None:
    """The end of a host's name is not that of a file's."""
    assert unsigned("https://example.com?token=a") == "https://example.com?token=a"


def test_what_stays_is_to_the_letter_what_it_was() -> None:
    """Escapes, empty parameters and order belong to the URL."""
    assert unsigned(f"{PLACE}?A=%2f+%20&&b&sig=x&c=#?") == f"{PLACE}?A=%2f+%20&&b&c=#?"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.source[:40])
def test_every_form_of_the_table_is_tried_by_two_signatures(form: Form) -> None:
    """Each row has its example above, and is what makes it the same."""
    names = [
        ({name.lower() for name, _ in parse_qsl(urlsplit(at(rest)).query, keep_blank_values=True)}, at(rest))
        for pair in SIGNED_TWICE.values()
        for rest in pair
    ]
    assert any(form.given <= given and form.path in url for given, url in names)
    told = set().union(*(given for given, url in names))
    assert form.signing <= told | {"sdd", "ses", "skdutid", "suoid", "sduoid", "scid", "si", "hash-algorithm"}


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    """Nothing raises, and what is left is left again."""
    assert unsigned(unsigned(text)) == unsigned(text)
