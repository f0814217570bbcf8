"""Takes secrets out of texts that others wrote, before they stand in an error, an event or a ledger.

Pure, and knows nothing of the package. It must not be the only guard: whoever holds a secret never shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, overload

__all__ = ["Eraser", "Secret", "redacted", "redacted_deep"]

_LOGIN: Final = re.compile(r"((?i:https?):(?:\\*/){2})[^/\s\"<>@]*@")
_KEY: Final = re.compile(r"motion_[^\s\"'<>]*[^\s\"'<>.,;:!?)\]}]")
_NAME: Final = re.compile(r"[a-z]+(?:[_.-][a-z]+)*|[\w-]+(?:\.[a-z]{1,8}\d?)+")
"""Keys are random: small letters alone, or the ending of a file, are not to be expected in one, but are in a name."""
_QUERY: Final = re.compile(
    # The query of a URL that does not begin as one, is escaped, or goes on behind a quote; or one of its parameters.
    r"(?P<mark>\?|&|%3[Ff]|%26)[\w.~-]{1,128}?(?:=|%3[Dd])[^\s\"<>]*"
    r"|(?P<name>(?i:x-(?:amz|goog)-[\w-]{1,64}|(?<![a-z])sig(?:nature)?)(?:=|%3[Dd]))[^\s&\"'<>]+"
)
_SECRETS: Final = re.compile(
    # A whole URL, with or without a query, so that no part of a text is looked at twice; some escape its slashes.
    r"(?P<url>(?i:https?):(?:\\*/){2}[^\s?\"<>]*)(?P<query>\?[^\s\"<>]*)?"
    rf"|{_QUERY.pattern}"
    rf"|{_KEY.pattern}"
    r"|(?P<scheme>(?i:Bearer) )\S+"
)


_ERASED: Final = "…".encode()


class Secret(str):
    """A text for whom it is handed to, and for nobody who looks on: a traceback with locals shows its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


class _SecretBytes(bytes):
    """The same of bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'…'"


class Eraser:
    """Takes one secret out of JSON, however its characters are written there.

    Args:
        secret: visible ASCII without quotes and backslashes, which JSON writes in ways of their own.
    """

    def __init__(self, secret: str) -> None:
        self._plain: bytes = _SecretBytes(secret.encode())
        spelled = "".join(map(_spellings, secret))
        # The first alternative keeps an escaped backslash from being taken for the beginning of an escape.
        self._spelled = re.compile(Secret(rf"\\\\|(?P<secret>{spelled})").encode())

    def __repr__(self) -> str:
        return "Eraser(…)"

    def erase_json(self, body: bytes) -> bytes:
        """Give some JSON, or any other bytes, without the secret.

        Args:
            body: as it came, not compressed.
        """
        if self._plain in body or b"\\" in body:  # most have neither, and are not to be copied
            return self._spelled.sub(lambda found: _ERASED if found["secret"] else found[0], body)
        return body


def _spellings(character: str) -> str:
    """Give a pattern of all ways in which JSON may write a character of visible ASCII."""
    escaped = r"|\\/" if character == "/" else ""
    return rf"(?:{re.escape(character)}|\\u00(?i:{ord(character):02x}){escaped})"


@overload
def redacted(text: str) -> str: ...
@overload
def redacted(text: None) -> None: ...
def redacted(text: str | None) -> str | None:
    """Give a text without its secrets: API keys, and of URLs the passwords and the queries, which may be signatures.

    Args:
        text: words of the service, of a proxy or of the network layer; None stays None.
    """
    if text is None:
        return None
    shown = _LOGIN.sub(r"\1", text)
    return _SECRETS.sub(_without_secret, shown)


def _without_secret(found: re.Match[str]) -> str:
    if found["url"]:
        url = _QUERY.sub(_without_query, _KEY.sub(_unless_a_name, found["url"]))
        return url + ("?…" if found["query"] else "")
    if found["mark"] or found["name"]:
        return _without_query(found)
    return f"{found['scheme']}…" if found["scheme"] else _unless_a_name(found)


def _without_query(found: re.Match[str]) -> str:
    return f"{found['mark'] or found['name']}…"


def _unless_a_name(found: re.Match[str]) -> str:
    parts = found[0].removeprefix("motion_").split("/")
    return found[0] if all(not part or _NAME.fullmatch(part) for part in parts) else "…"


def redacted_deep(given: Any, depth: int = 16) -> Any:
    """Give a value of JSON without its secrets, and without what lies so deep that it could not be pickled.

    Args:
        given: the value.
        depth: how many levels of it are kept, at least 0.
    """
    if isinstance(given, str):
        return redacted(given)
    if not isinstance(given, Mapping | list | tuple):
        return given
    if depth == 0:
        return "…"
    if isinstance(given, Mapping):
        return {redacted(str(name)): redacted_deep(value, depth - 1) for name, value in given.items()}
    return type(given)(redacted_deep(item, depth - 1) for item in given)
