"""What an error answer names as wrong with a request, in whatever shape the service has put it.

The documentation shows a list of zod's issues (section "Errors"); its own `flatten` and `format`, plain sentences, and
the shapes of other frameworks are read as well, for a refusal whose reason is lost helps nobody. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from motion_async.problems import MAX_PROBLEMS, Problem
from motion_async.showing import in_words

__all__ = ["read_problems", "read_reason"]

_Path = tuple[str | int, ...]

_SOURCES: Final = ("details", "errors", "issues", "detail", "invalid_params", "error", "message")
"""The fields of an error's body that may list what is wrong, the documented one first."""
_SENTENCES: Final = ("message", "detail", "title", "error_description", "reason")
_HOLDERS: Final = frozenset((*_SOURCES, "formErrors", "fieldErrors", "_errors", "properties", "items"))
"""Names in a nested shape that hold what is wrong, and name no field of the request."""
_OF_AN_ENTRY: Final = frozenset({"code", "message", "msg", "path", "loc", "field"})
_NESTED: Final = (list, dict)
_MOST_OF_A_PATH: Final = 100
_DEEPEST: Final = 16


def read_problems(body: Mapping[str, Any]) -> tuple[tuple[Problem, ...], int]:
    """Give the first problems that an error's body tells of, and how many there are besides."""
    for source in _SOURCES:
        given = body.get(source)
        # Elsewhere a text is a name or a sentence for the whole.
        if isinstance(given, list | Mapping) or (source == "details" and isinstance(given, str) and given):
            entries = list(_entries(given, ()))
            if entries:
                found = tuple(_problem(entry, path) for entry, path in entries[:MAX_PROBLEMS])
                return found, len(entries) - len(found)
    return (), 0


def read_reason(body: Mapping[str, Any]) -> str | None:
    """Give the sentence for people that an error's body has, if any."""
    inside = body.get("error")
    places = (body, inside) if isinstance(inside, Mapping) else (body,)
    return next((place[n] for place in places for n in _SENTENCES if isinstance(place.get(n), str)), None)


def _entries(given: Any, path: _Path, depth: int = 0) -> Iterator[tuple[Any, _Path]]:
    """Give each entry of a list, or of what is nested by the fields that the entries are about."""
    if isinstance(given, list) and depth < _DEEPEST:
        for index, item in enumerate(given):
            if not isinstance(item, _NESTED):
                yield item, path  # at once: an answer may have hundreds of thousands of these
                continue
            is_part = bool(path) and isinstance(item, dict) and not _OF_AN_ENTRY & item.keys()
            yield from _entries(item, (*path, index) if is_part else path, depth + 1)
    elif isinstance(given, dict) and not _OF_AN_ENTRY & given.keys() and depth < _DEEPEST:
        for name, value in given.items():
            step = int(name) if name.isdecimal() and len(name) < 5 else name
            yield from _entries(value, path if name in _HOLDERS else (*path, step), depth + 1)
    else:
        yield given, path


def _problem(entry: Any, path: _Path) -> Problem:
    """Read one thing that is wrong; what has another shape is kept as text."""
    if not isinstance(entry, Mapping):
        return Problem("unknown", _as_text(entry)[:200], path)
    names = ("type", "msg", "loc") if "msg" in entry else ("code", "message", "path")  # those of FastAPI, or of zod
    code, message, place = (entry.get(name, default) for name, default in zip(names, _UNTOLD, strict=True))
    place = place or entry.get("field")  # as others call it
    if isinstance(place, str):
        place = [place]
    steps = place[:_MOST_OF_A_PATH] if isinstance(place, list) else ()
    own = tuple(step for step in steps if isinstance(step, str | int))
    return Problem(
        _as_text(code),
        _as_text(message),
        path + (own[1:] if names[2] == "loc" and own[:1] == ("body",) else own),
        {key: value for key, value in entry.items() if key not in names},
    )


_UNTOLD: Final = ("unknown", "no message", ())


def _as_text(given: Any) -> str:
    return given if isinstance(given, str) else in_words(given)
