"""What is wrong with a request, one thing at a time, as the service's own 400 tells it.

A value, and pure. It must not say what is wrong: `validation` does, and the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from motion_async.redaction import redacted, redacted_deep
from motion_async.showing import shown

__all__ = ["MAX_PROBLEMS", "Problem"]

MAX_PROBLEMS: Final = 50
"""So many problems of one request are told; the others are counted."""


def _as_path(given: Iterable[str | int]) -> tuple[str | int, ...]:
    return redacted_deep(tuple(given))  # type: ignore[no-any-return]  # which keeps the type


@attrs.frozen
class Problem:
    """One thing that is wrong with a request, in the shape of an entry of a 400's `details`.

    Args:
        code: the kind of problem, such as `too_big` (section "Errors").
        message: one sentence for a person.
        path: where in the request body it is, such as `("attachments", 3, "url")`.
        extra: the entry's other fields, such as `maximum`.
    """

    code: str = attrs.field(converter=redacted)
    message: str = attrs.field(converter=redacted)
    path: tuple[str | int, ...] = attrs.field(default=(), converter=_as_path)
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, converter=redacted_deep)

    def __str__(self) -> str:
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path).lstrip(".")
        message = shown(self.message)
        return f"{shown(where)}: {message}" if where else message
