"""Signed URLs: what in a URL is its signature, and when that runs out.

Pure, and of the signing schemes alone: it knows no request and no attachment, and it must not say whether a URL may
be sent. Two rules say what signs: a name that can only sign does so anywhere, and a name that may also say which file
is meant does so in the company that a vendor documents, or where the path itself names the file. All else stays: to
take two files for one would be as wrong as to take one for two.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

import attrs

__all__ = ["FORMS", "Form", "expiry", "unsigned"]


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _all_names(form: Any) -> frozenset[str]:
    return frozenset(form.given | _names(form.beside))


@attrs.frozen
class Form:
    """How one vendor signs.

    Args:
        source: the vendor, and the title of the page that documents it.
        given: the names, in small letters and with spaces between them, that are all in the query of such a URL.
        beside: further names that belong to the signature then.
        path: what is in the path of such a URL.
        is_of_file: whether they sign only where the path names a file, as they may themselves name one elsewhere.
    """

    source: str
    given: frozenset[str] = attrs.field(converter=_names)
    beside: str = ""
    path: str = ""
    is_of_file: bool = False
    signing: frozenset[str] = attrs.field(init=False, default=attrs.Factory(_all_names, takes_self=True))


_AZURE: Final = "se sp sv sr st sip spr si ss srt sdd ses skoid sktid skt ske sks skv skdutid saoid suoid sduoid scid"
FORMS: Final[Sequence[Form]] = (
    Form(
        "AWS SDK for JavaScript, beside “Authenticating Requests: Using Query Parameters (AWS Signature Version 4)”",
        "x-amz-signature",
        "x-id",
    ),
    Form("AWS, “Signing and authenticating REST requests (AWS signature version 2)”", "awsaccesskeyid signature"),
    Form(
        "Amazon CloudFront, “Create a signed URL using a custom policy”",
        "key-pair-id signature",
        "policy hash-algorithm",
    ),
    Form("Google Cloud Storage, “V2 signing process”", "googleaccessid signature"),
    Form("Google Cloud CDN, “Use signed URLs”", "keyname signature", "urlprefix"),
    Form("Azure Storage, “Create a service SAS” and “Create an account SAS”", "sig sv", _AZURE),
    Form("Azure Storage, before versions were signed", "sig se", _AZURE),
    Form("Supabase, “JavaScript: Create a signed URL”", "token", path="/object/sign/"),
    Form("Supabase, “Storage Image Transformations”", "token", path="/render/image/sign/"),
    Form("Firebase, “Download files with Cloud Storage on Web”", "token alt", path="/v0/b/"),
    Form("Discord, “Signed Attachment CDN URLs”", "ex is hm"),
    Form("Alibaba Cloud OSS, “Add signatures to URLs”", "ossaccesskeyid signature", "security-token"),
    Form(
        "Alibaba Cloud OSS, “V4 signatures in presigned URLs”",
        "x-oss-signature",
        "x-oss-date x-oss-additional-headers",
    ),
    Form(
        "Tencent Cloud COS, “Request Signature”",
        "q-signature",
        "q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list",
    ),
    Form(
        "Tencent Cloud CDN, “Authentication Configuration”, type D; VOD, “Key Hotlink Protection”",
        "sign t",
        "us rlimit",
        is_of_file=True,
    ),
    Form(
        "Volcengine TOS, “Signature in a URL”",
        "x-tos-signature",
        "x-tos-algorithm x-tos-date x-tos-signedheaders",
    ),
    Form("Huawei Cloud OBS, “Authentication of Signature in a URL”", "accesskeyid signature"),
    Form(
        "bunny.net, “Token Authentication: Advanced”",
        "token expires token_path",
        "token_countries token_countries_blocked token_ignore_params",
    ),
    Form("Qiniu Kodo, “Download credential”", "e token", is_of_file=True),
    Form("Cloudflare Images, “Serve private images”", "exp sig"),
    Form("imgix, “Securing Assets”", "s expires", is_of_file=True),
    Form("ImageKit, “Signed URLs”", "ik-s", "ik-t"),
    Form("nginx, “Module ngx_http_secure_link_module”; Gcore, “Secure token”", "md5 expires", is_of_file=True),
    Form("Cloudinary, “Media access methods”", "signature timestamp", "timestamp api_key"),
    Form("OpenStack Swift, “Temporary URL middleware”", "temp_url_sig", "temp_url_prefix temp_url_ip_range"),
)
"""What vendors document. What a name of `_ONLY_SIGN` or `_ONLY_SIGNS_FILES` says by itself is not said here again.

A row more, here or there, makes other digests of requests that ledgers hold: see `motion_async.ledger.items`."""

_ONLY_SIGN: Final = frozenset({
    "signature", "sig", "hmac", "authorization", "tempauth", "_jwt",
    "hdnts", "hdnea", "hdntl", "__token__", "__cld_token__", "edge-cache-token", "bcdn_token", "temp_url_sig",
    "temp_url_expires", "awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "key-pair-id",
})  # fmt: skip
"""Whatever stands in these can only sign: who signed, until when, and the proof of it. Sources beside the vendors
above: Akamai, “Auth Token 2.0 Verification”; Backblaze B2, “b2_get_download_authorization”; Microsoft Graph, “Download
driveItem content”; Google Media CDN, “Use signed requests”; Cloudinary, “Token-based authentication”; and `_jwt` of
Runway's outputs."""
_ENDS: Final = re.compile(r"expir(?:es?|y|ation)(?:[_-]?(?:at|in|on|time|timestamp|date|ts|utc))?|valid[_-]?until")
"""What says until when, in whatever words: Notion's file URLs have `expirationTimestamp`, for example."""
_ALWAYS_OF_VENDORS: Final = ("x-amz-", "x-goog-")
"""What the parameters of a fourth version begin with, AWS's and Google's; all of them belong to the signature."""
_OF_VENDORS: Final = re.compile(r"x-(?:[a-z0-9]+-)?(?:credential|expires|signature(?:-version)?|security-token)")
"""What can only sign of those who sign in the same way, whatever they call themselves."""
_ONLY_SIGNS_FILES: Final = frozenset({
    "token", "access_token", "auth_token", "auth_key", "auth", "jwt", "policy", "credential", "security-token",
    "verify", "secure",
})  # fmt: skip
"""What may say which file is meant, as in `/download?token=…`, unless the path does: Mux, “Secure video playback”;
KeyCDN, “Secure Token”; Fastly, “Token authentication”; bunny.net, “Token Authentication: Basic”; Contentful, “Embargoed
assets”; Alibaba Cloud CDN, “Type A signing”; Cloudflare, “Configure token authentication”; CDN77, “Secure token”."""
_FILE: Final = re.compile(
    r"(?:^|/)[^/]+\.(?!(?:php\d?|aspx?|ashx|jspx?|cgi|do|pl|py|html?)$)(?=[^/]*[a-z])[a-z0-9]{1,5}$", re.IGNORECASE
)
"""The end of a path that names a file, and no program or page that gives one."""
_IN_PATH: Final = re.compile(
    r"/bcdn_token=[^/]*(?=/)"  # bunny.net, “Token Authentication: Advanced”
    r"|/(?:\w+=)?(?:exp|st|ip|acl)=[^/]*~hmac=[^/]*(?=/)"  # Akamai, “Auth Token 2.0 Verification”
    r"|(?<=[^/])/p/[^/]+(?=/n/[^/]+/b/)"  # Oracle Cloud, “Using Pre-Authenticated Requests”
)
_HMAC: Final = re.compile(r"[^=]*=(?:exp|st|ip|acl)(?:=|%3D).*(?:~|%7E)hmac(?:=|%3D)", re.IGNORECASE)
"""A parameter that is a token with its own proof in it, whatever its name is: Akamai's may have any."""
_DATED: Final = ("x-amz", "x-goog", "x-oss", "x-tos")
"""Whose URLs say when they were signed, and for how many seconds."""


def expiry(url: str) -> datetime | None:
    """Give the moment at which a signed URL runs out by its own account, as an aware datetime.

    None if it is not signed, or does not say so in a form that is known.
    """
    given = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    # A value that can't be read, or lies past the calendar's end, says nothing: the service will judge.
    with contextlib.suppress(ValueError, OverflowError, OSError):
        for signer in _DATED:
            if f"{signer}-date" in given and f"{signer}-expires" in given:
                signed = datetime.strptime(given[f"{signer}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return signed + timedelta(seconds=int(given[f"{signer}-expires"]))
        if "sig" in given and "se" in given:
            end = datetime.fromisoformat(given["se"])
            return (end if end.tzinfo else end.replace(tzinfo=UTC)).astimezone(UTC)
        if "signature" in given and "expires" in given:
            return datetime.fromtimestamp(int(given["expires"]), UTC)
    return None


def unsigned(url: str) -> str:
    """Give a URL without its signature; the rest stays as it is, character for character."""
    whole, fragment_mark, fragment = url.partition("#")
    place, mark, query = whole.partition("?")
    if "=" in place or "/p/" in place:
        place = _IN_PATH.sub("", place)
    if mark:
        # By hand: to take a query apart with `urllib` and write it again may change its escapes, and with them the URL.
        parts = query.split("&")
        names = [unquote_plus(part.partition("=")[0]).lower() for part in parts]
        signing = _find_signing(names, place)
        kept = [part for part, name in zip(parts, names, strict=True) if name not in signing and not _HMAC.match(part)]
        # Some signers put an & behind the last part, others none, and the same file is meant.
        rest = "&".join(kept).rstrip("&")
        place += mark + rest if rest else ""
    return place + fragment_mark + fragment


def _find_signing(names: Collection[str], place: str) -> set[str]:
    """Give those of the names of a query that sign."""
    given = set(names)
    signing = {name for name in given if _only_signs(name)}
    if signing == given:
        return signing  # most signed URLs have nothing else in their queries
    is_of_file = _FILE.search(unquote(place.partition("://")[2].partition("/")[2])) is not None
    for form in FORMS:
        if form.given <= given and form.path in place and (is_of_file or not form.is_of_file):
            signing |= form.signing
    return signing | _ONLY_SIGNS_FILES if is_of_file else signing


def _only_signs(name: str) -> bool:
    if not name.startswith("x-"):
        return name in _ONLY_SIGN or _ENDS.fullmatch(name) is not None
    return name.startswith(_ALWAYS_OF_VENDORS) or _OF_VENDORS.fullmatch(name) is not None
