"""How the texts of others look where a person reads them: each character visible, and no more than can be read.

Pure. It is for messages alone: whoever keeps a text for a program keeps it as it came.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from motion_async.redaction import redacted

__all__ = ["MAX_SHOWN", "in_words", "is_blank", "is_too_deep", "named", "shown", "shown_list", "shown_value", "visible"]

MAX_SHOWN: Final = 2_000
"""Characters of one text that a message shows."""


class _Escapes(dict[int, str]):
    """What `str.translate` puts in the place of each character: itself, its escape if it cannot be seen, or a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character.isprintable():
            return character
        return " " if unicodedata.category(character) == "Zs" else repr(character)[1:-1]


_ESCAPES: Final = _Escapes()


def visible(text: str) -> str:
    r"""Give a text as one line without what a terminal or a log obeys: `\n`, `\x1b`, `\u202e` are written out."""
    return text if text.isprintable() else text.translate(_ESCAPES)


_UNNAMED: Final = {"\0": "NULL", "\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\ufeff": "BYTE ORDER MARK"}
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0\ufe0e\ufe0f")
"""Characters that show nothing by themselves, although Unicode counts them among the letters, signs and marks."""


def named(character: str) -> str:
    """Give a character's code and name, so that it is known whether it can be seen or not."""
    name = _UNNAMED.get(character) or unicodedata.name(character, "without a name")
    return f"U+{ord(character):04X} {name}"


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen: it has spaces, and characters without width, alone."""
    return all(c in _UNSEEN or unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Zs") for c in text)


def shown(text: str, *, limit: int = MAX_SHOWN) -> str:
    """Give a text of others for a message: without secrets, visible, and with an ellipsis at `limit` characters."""
    # Cut once before, as an escape is long; not before secrets are taken out, of which half a one would be none.
    line = visible(redacted(text)[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shown_list(texts: Iterable[str], number: int, *, limit: int = MAX_SHOWN) -> str:
    """Give as many of some `shown` texts as fit into `limit` characters, and how many more of `number` there are.

    The first one is given in any case.
    """
    given: list[str] = []
    length = 0
    for text in texts:
        length += len(text)
        if given and length > limit:
            break
        given.append(text)
    more = number - len(given)
    return "; ".join(given) + (f"; and {more:,} more" if more > 0 else "")


def in_words(given: Any) -> str:
    """Write any value of JSON in words for a person."""
    return "nested too deeply" if is_too_deep(given) else repr(given)


def shown_value(given: Any) -> str:
    """Give the type of a value of JSON and its beginning, for a message on what it should have been."""
    return "null" if given is None else f"{type(given).__name__} {in_words(given):.60}"


def is_too_deep(given: Any, depth: int = 64) -> bool:
    """Whether a value has so many levels that showing, writing or pickling it may exceed the interpreter's."""
    level = [given]
    for _ in range(depth + 1):
        insides = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        if not insides:
            return False
        level = list(chain.from_iterable(insides))
    return True
