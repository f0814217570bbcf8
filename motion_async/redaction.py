"""Takes secrets out of texts that others wrote, before they stand in an error, an event or a ledger.

Pure, and knows nothing of the package. It must not be the only guard: whoever holds a secret never shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn, Self, SupportsIndex, overload

__all__ = ["Eraser", "Secret", "Unshown", "redacted", "redacted_deep"]

_LOGIN: Final = re.compile(r"((?i:https?):(?:\\*/){2}|:(?:\\*/){2}(?=[^/\s\"<>@:]*:))[^/\s\"<>@]*@")
_KEY: Final = re.compile(r"motion_[^\s\"'<>]*[^\s\"'<>.,;:!?)\]}]")
_NAME: Final = re.compile(r"[a-z]+(?:[_.-][a-z]+)*|[\w-]+(?:\.[a-z]{1,8}\d?)+")
"""Keys are random: small letters alone, or the ending of a file, are not to be expected in one, but are in a name."""
_QUERY: Final = re.compile(
    # The query of a URL that does not begin as one, is escaped, or goes on behind a quote; or one of its parameters.
    r"(?P<mark>\?|&|%3[Ff]|%26)[\w.~-]{1,128}?(?:=|%3[Dd])[^\s\"<>]*"
    r"|(?P<name>(?i:x-(?:amz|goog)-[\w-]{1,64}|(?<![a-z])sig(?:nature)?)(?:=|%3[Dd]))[^\s&\"'<>]+"
)
_SECRETS: Final = re.compile(
    # A whole URL with what follows its path, so that no part of a text is looked at twice; some escape its slashes.
    r"(?P<url>(?i:https?):(?:\\*/){2}[^\s?#\"<>]*)(?P<query>[?#][^\s\"<>]*)?"
    rf"|{_QUERY.pattern}"
    rf"|{_KEY.pattern}"
    r"|(?P<scheme>(?i:Bearer) )\S+"
)

_SIGNS: Final = ("motion_", "http", "@", "?", "&", "%3f", "%26", "x-amz-", "x-goog-", "sig", "bearer ")
"""What a text has in it, in any case, that one of the patterns finds something in."""
_MOST_VALUES: Final = 1_000
"""So many values of one tree of JSON are kept where it is redacted."""
_ERASED: Final = "…".encode()


class Secret(str):
    """A text that tracebacks with locals, debuggers and logs show as an ellipsis.

    The string itself is the ellipsis; the text is beside that, and comes out by `str` or a format alone. So its repr
    shows nothing, nor does a part of it, or what is made of it by `json.dumps`. It is equal to its text.
    """

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str) -> Self:
        """Take in a text, which may be a secret already."""
        secret = super().__new__(cls, "…")
        secret._text = str(text)  # its own
        return secret

    def __str__(self) -> str:
        return self._text

    def __format__(self, how: str) -> str:
        return format(self._text, how)

    def __add__(self, other: str) -> str:
        return self._text + other

    def __radd__(self, other: str) -> str:
        return other + self._text

    def __eq__(self, other: object) -> bool:
        return self._text == (other._text if isinstance(other, Secret) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._text)

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and str(part) in self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


class Unshown(str):
    """A text that libraries need to the letter, and whose repr, which they log, shows nothing; nor do its parts."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"

    def __getitem__(self, place: SupportsIndex | slice) -> Unshown:
        return Unshown(super().__getitem__(place))


class _UnshownBytes(bytes):
    """Bytes that libraries need to the letter, and whose repr shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'…'"


class Eraser:
    """Takes one secret out of JSON, however its characters are written there.

    The secret is visible ASCII without quotes and backslashes, which JSON writes in ways of their own.
    """

    def __init__(self, secret: str) -> None:
        self._plain: bytes = _UnshownBytes(str(secret).encode())
        spelled = Unshown("".join(map(_spellings, str(secret))))
        # The first alternative keeps an escaped backslash from being taken for the beginning of an escape.
        self._spelled = re.compile(_UnshownBytes(rf"\\\\|(?P<secret>{spelled})".encode()))

    def __repr__(self) -> str:
        return "Eraser(…)"

    def erase_json(self, body: bytes) -> bytes:
        """Give JSON, or any other bytes that are not compressed, without the secret."""
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
    """Give a text without its secrets: API keys, and what of URLs is a password or may be a signature."""
    if text is None:
        return None
    folded = text.casefold()
    if not any(
        sign in folded for sign in _SIGNS
    ):  # the patterns look at each character, which takes long in a long text
        return text
    return _SECRETS.sub(_without_secret, _LOGIN.sub(r"\1", text))


def _without_secret(found: re.Match[str]) -> str:
    if found["url"]:
        url = _QUERY.sub(_without_query, _KEY.sub(_unless_a_name, found["url"]))
        return url + (f"{found['query'][0]}…" if found["query"] else "")
    if found["mark"] or found["name"]:
        return _without_query(found)
    return f"{found['scheme']}…" if found["scheme"] else _unless_a_name(found)


def _without_query(found: re.Match[str]) -> str:
    return f"{found['mark'] or found['name']}…"


def _unless_a_name(found: re.Match[str]) -> str:
    parts = found[0].removeprefix("motion_").split("/")
    return found[0] if all(not part or _NAME.fullmatch(part) for part in parts) else "…"


def redacted_deep(given: Any, depth: int = 16) -> Any:
    """Give a value of JSON without its secrets, and without what lies deeper or further back than anyone reads.

    What lies deeper than `depth` levels could not be pickled.
    """
    return _redacted_deep(given, depth, iter(range(_MOST_VALUES)))


def _redacted_deep(given: Any, depth: int, places: Iterator[int]) -> Any:
    if isinstance(given, str):
        return redacted(given)
    if not isinstance(given, Mapping | list | tuple):
        return given
    if depth == 0:
        return "…"
    if isinstance(given, Mapping):
        pairs = zip(given.items(), places, strict=False)
        return {redacted(str(name)): _redacted_deep(value, depth - 1, places) for (name, value), _ in pairs}
    return type(given)(_redacted_deep(item, depth - 1, places) for item, _ in zip(given, places, strict=False))
