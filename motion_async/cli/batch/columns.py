"""What the columns of a file stand for: fields of a request by the names that people give them, the rest metadata.

Pure. Names that are almost those of fields are refused, as what stands there would be paid for without it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

import attrs

from motion_async.cli.batch.entries import FIELDS, EntryError
from motion_async.cli.looks import one_line

__all__ = ["Columns", "columns_of"]

_ALSO: Final = {
    "text": "prompt",
    "description": "prompt",
    "style": "style_reference_url",
    "style_reference": "style_reference_url",
    "style_url": "style_reference_url",
}
_ATTACHMENTS: Final = re.compile(r"attachments?(_?\d+)?")
# A semicolon may be part of a URL, so it ends one only where nothing, a blank or another URL comes behind it.
_BETWEEN_URLS: Final = re.compile(r"[,;]?\s+|;(?=https?://)|[,;]$", re.IGNORECASE)
_ALMOST: Final = 0.9
_SHOWN: Final = 60


@attrs.frozen
class Columns:
    """The columns of a table, or the names in a JSON object.

    Args:
        names: how they are called.
        fields: the field of a request that each stands for; None for one whose values become metadata.
        notes: what a person should know of how they were taken.
    """

    names: tuple[str, ...]
    fields: tuple[str | None, ...]
    notes: tuple[str, ...] = ()

    def name_of(self, field: str) -> str:
        """Give the name of the column that stands for a field, or the field's own if there is none."""
        return one_line(self.names[self.fields.index(field)], limit=_SHOWN) if field in self.fields else field

    def take(self, values: Iterable[Any]) -> dict[str, Any]:
        """Give the fields of a row or an object; what is None was not given."""
        found: dict[str, Any] = {}
        more: dict[str, Any] = {}
        for name, field, value in zip(self.names, self.fields, values, strict=True):
            if value is None:
                continue
            if field == "attachments" and isinstance(value, str | list):
                urls = filter(None, _BETWEEN_URLS.split(value.strip())) if isinstance(value, str) else value
                found[field] = [*found.get(field, ()), *urls]
            elif field is not None:
                found[field] = value
            else:
                more[name] = value
        if None in self.fields:
            found["metadata"] = _joined(found.get("metadata"), more)
        return found


def _joined(metadata: Any, more: dict[str, Any]) -> Any:
    if isinstance(metadata, dict) and not metadata.keys() & more.keys():
        return {**metadata, **more}
    return ({} if metadata is None else {"metadata": metadata}) | more or None


@lru_cache(maxsize=1_000)
def columns_of(names: tuple[str, ...]) -> Columns:
    """Give what some names stand for, or raise an `EntryError` if that is in doubt."""
    plain = [_plain(name) for name in names]
    fields = ["attachments" if _ATTACHMENTS.fullmatch(it) else it if it in FIELDS else None for it in plain]
    given = set(fields)
    notes = []
    for place, name in enumerate(plain):
        if fields[place] is None and (field := _ALSO.get(name)) not in given:
            fields[place] = field
            notes.append(f"column {_quoted(names[place])} is taken for {field}")
    _refuse_doubtful(names, plain, fields)
    if more := [name for name, field in zip(names, fields, strict=True) if field is None]:
        notes.append(f"kept as metadata, and not sent: {one_line(', '.join(more), limit=200)}")
    return Columns(names, tuple(fields), tuple(notes))


def _plain(name: str) -> str:
    """Give a name as it is compared: without case, and with what is no letter as an underscore."""
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", name).casefold()).strip("_")


def _refuse_doubtful(names: tuple[str, ...], plain: list[str], fields: list[str | None]) -> None:
    for place, field in enumerate(fields):
        if field is None:
            missing = [known for known in FIELDS if known not in fields]
            if almost := get_close_matches(plain[place], missing, n=1, cutoff=_ALMOST):
                raise EntryError(f"has {_quoted(names[place])}, which is almost {almost[0]}; write {almost[0]}")
            if names.index(names[place]) != place:
                raise EntryError(f"has the column {_quoted(names[place])} twice")
        elif field != "attachments" and (first := fields.index(field)) != place:
            both = " and ".join(dict.fromkeys((_quoted(names[first]), _quoted(names[place]))))
            raise EntryError(f"has {'the column' if ' and ' not in both else 'the columns'} {both} twice for {field}")


def _quoted(name: str) -> str:
    return repr(one_line(name, limit=_SHOWN))
