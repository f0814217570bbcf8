"""Signed URLs: what in a URL is its signature, and when that runs out.

Pure, and of the signing schemes alone: it knows no request and no attachment, and it must not say whether a URL may
be sent. A parameter with a short or common name, such as `sp` or `expires`, means a signature only beside one;
elsewhere it may say which file is meant.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit

__all__ = ["expiry", "unsigned"]

_DATED: Final = ("x-amz", "x-goog")
"""What the parameters of a fourth version begin with, AWS's and Google's; all of them belong to the signature."""
_SIGNATURES: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    (  # CloudFront, and the old signatures of S3 and Google Cloud Storage
        "signature",
        frozenset({"expires", "signature", "key-pair-id", "policy", "awsaccesskeyid", "googleaccessid"}),
    ),
    (  # the shared access signatures of Azure
        "sig",
        frozenset({"sig", "se", "sp", "sv", "sr", "st", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv"}),
    ),
)
"""The parameter that gives a kind of signature away, and those that change when a URL is signed again."""


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
    place, mark, rest = url.partition("?")
    if not mark:
        return url
    # By hand: taking a query apart with `urllib` and writing it again may change its escapes, and with them the URL.
    query, fragment_mark, fragment = rest.partition("#")
    parts = query.split("&")
    names = [unquote_plus(part.partition("=")[0]).lower() for part in parts]
    signing = frozenset[str]().union(*(changing for sign, changing in _SIGNATURES if sign in names))
    kept = [
        part
        for part, name in zip(parts, names, strict=True)
        if name not in signing and not name.startswith(tuple(f"{signer}-" for signer in _DATED))
    ]
    return place + (mark + "&".join(kept) if kept else "") + fragment_mark + fragment
