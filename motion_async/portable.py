"""Errors that can be kept and sent elsewhere: by pickle, by `copy`, and as a class with its `args` as JSON.

Celery does the last, and makes the error again by `cls(*args)`. It knows no error of the tree.
"""

from __future__ import annotations

import copyreg
import inspect
from typing import Any

import attrs

from motion_async.showing import visible

__all__ = ["PortableError", "parts_of"]


class PortableError(Exception):
    """An error that has an attribute for each part that its class takes, all of which may be given by position.

    Args:
        message: what happened.
    """

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def __str__(self) -> str:
        return visible(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def args(self) -> tuple[Any, ...]:  # type: ignore[override]  # nobody sets them
        """The parts that the class takes, in its order and as plain JSON: it makes the same error of them."""
        return tuple(parts_of(self, type(self)).values())

    def __reduce__(self) -> tuple[Any, ...]:
        # Not made anew of its `args`: a caller's own subclass may hold more. Of what it hangs on, only what is of its
        # kind goes along: it can be pickled, and may be what a caller goes by.
        cause = {"__cause__": self.__cause__} if isinstance(self.__cause__, PortableError) else {}
        return copyreg.__newobj__, (type(self),), self.__dict__ | cause  # type: ignore[attr-defined]


def parts_of(error: PortableError, kind: type[PortableError]) -> dict[str, Any]:
    """Give the parts of an error that one of its classes takes, by their names and as plain JSON."""
    return {name: _plain(getattr(error, name)) for name in inspect.signature(kind).parameters}


def _plain(part: Any) -> Any:
    """Give a part of an error as JSON has it."""
    if attrs.has(type(part)):
        return attrs.asdict(part)
    return list(map(_plain, part)) if isinstance(part, tuple) else part
