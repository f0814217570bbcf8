"""From names and values to a request: what the columns of a table, or the names in an object of JSON, stand for.

Pure. Fields have the names that people give them, and the rest is metadata. Names that are almost those of fields are
refused, as what stands there would be paid for without it. What the contract says of the values is the business of
`motion_async.contract.validation`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

import attrs

from motion_async.cli.looks import one_line
from motion_async.jobs import Attachment, BatchRequest, VideoRequest

__all__ = ["FIELDS", "Columns", "EntryError", "columns_of", "kind"]

FIELDS: Final = ("prompt", "style_reference_url", "attachments", "id", "follows", "metadata")
"""What a line may have: the body of a create (section "Create Job"), and what the batch knows it by."""

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


class EntryError(Exception):
    """A line is no request, for the reason that the message gives; it stays inside the command."""


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

    def request(self, values: Iterable[Any]) -> BatchRequest:
        """Give the request of a row or an object, or raise an `EntryError`; what is None was not given."""
        fields = self.take(values)
        if "prompt" not in fields:
            raise EntryError("has no prompt")
        for name in ("prompt", "style_reference_url", "id", "follows"):
            _check_text(fields.get(name, ""), name)
        given = fields.get("attachments", [])
        if not isinstance(given, list):
            raise EntryError(f"attachments: is {kind(given)}, where an array of URLs or objects is expected")
        request = VideoRequest(
            fields["prompt"],
            style_reference_url=fields.get("style_reference_url"),
            attachments=[_attachment(each, f"attachments[{place}]") for place, each in enumerate(given)],
        )
        return BatchRequest(
            request, id=fields.get("id"), follows=fields.get("follows"), metadata=fields.get("metadata")
        )

    def take(self, values: Iterable[Any]) -> dict[str, Any]:
        """Give the fields of a row or an object, of whatever kind their values are."""
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
        return metadata | more
    return ({} if metadata is None else {"metadata": metadata}) | more or None


def _attachment(given: Any, where: str) -> Attachment:
    if isinstance(given, str):
        return Attachment(given)
    if not isinstance(given, Mapping):
        raise EntryError(f"{where}: is {kind(given)}, where a URL or an object is expected")
    fields = {name: value for name, value in given.items() if value is not None}
    known = attrs.fields_dict(Attachment)
    for name, value in fields.items():
        if name not in known:
            raise EntryError(f"{where}: field {_quoted(name)} is not known; these are: {', '.join(known)}")
        _check_text(value, f"{where}.{name}")
    if "url" not in fields:
        raise EntryError(f"{where}: has no url")
    return Attachment(**fields)


def _check_text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise EntryError(f"{where}: is {kind(value)}, where a text in quotes is expected")


def kind(given: Any) -> str:
    """Say in JSON's words what a value is."""
    # Before the numbers: to Python `True` is one.
    if given is None or isinstance(given, bool):
        return "null" if given is None else str(given).lower()
    if isinstance(given, int | float):
        return f"the number {given!r:.40}"
    if isinstance(given, str):
        return "a text"
    return "an array" if isinstance(given, list) else "an object"


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
