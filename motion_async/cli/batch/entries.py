"""One line of a batch's file as a request: which fields there are, and of which kind their values must be.

Pure. What the contract says of the values is the business of `motion_async.contract.validation`. No file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from motion_async.cli.looks import one_line
from motion_async.jobs import Attachment, BatchRequest, VideoRequest

__all__ = ["FIELDS", "EntryError", "entry_of", "kind"]

FIELDS: Final = ("prompt", "style_reference_url", "attachments", "id", "follows", "metadata")
"""What a line may have: the body of a create (section "Create Job"), and what the batch knows it by."""

_ATTACHMENT_FIELDS: Final = ("url", "name", "type", "content_type")
_SHOWN: Final = 40


class EntryError(Exception):
    """A line is no request, for the reason that the message gives; it stays inside the command."""


def entry_of(given: Any) -> BatchRequest:
    """Give the request of a line; a field that is null counts as not given.

    Raises an `EntryError` if it is no object, has other fields, or one of a kind that no request can be made of.
    """
    if not isinstance(given, Mapping):
        raise EntryError(f'is {kind(given)}, where an object such as {{"prompt": "…"}} is expected')
    # A metadata of null is a value of the caller's like any other, and comes back with the result.
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None or name == "metadata"}
    if "prompt" not in fields:
        raise EntryError("has no prompt")
    for name in ("prompt", "style_reference_url", "id", "follows"):
        if not isinstance(fields.get(name, ""), str):
            raise EntryError(f"{name}: is {kind(fields[name])}, where a text in quotes is expected")
    request = VideoRequest(
        fields["prompt"],
        style_reference_url=fields.get("style_reference_url"),
        attachments=_attachments(fields.get("attachments", [])),
    )
    return BatchRequest(request, id=fields.get("id"), follows=fields.get("follows"), metadata=fields.get("metadata"))


def kind(given: Any) -> str:
    """Say in JSON's words what a value is."""
    # Before the numbers: to Python `True` is one.
    if given is None or isinstance(given, bool):
        return "null" if given is None else str(given).lower()
    if isinstance(given, int | float):
        return f"the number {given!r:.{_SHOWN}}"
    if isinstance(given, str):
        return "a text"
    return "an array" if isinstance(given, list) else "an object"


def _check_names(fields: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    unknown = [one_line(name, limit=_SHOWN) for name in fields if name not in known]
    if unknown:
        raise EntryError(f"{what} {unknown[0]!r} is not known; these are: {', '.join(known)}")


def _attachments(given: Any) -> list[Attachment]:
    if not isinstance(given, list):
        raise EntryError(f"attachments: is {kind(given)}, where an array of URLs or objects is expected")
    return [_attachment(value, f"attachments[{place}]") for place, value in enumerate(given)]


def _attachment(given: Any, where: str) -> Attachment:
    if isinstance(given, str):
        return Attachment(given)
    if not isinstance(given, Mapping):
        raise EntryError(f"{where}: is {kind(given)}, where a URL or an object is expected")
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _check_names(fields, _ATTACHMENT_FIELDS, f"{where}: field")
    if "url" not in fields:
        raise EntryError(f"{where}: has no url")
    for name, value in fields.items():
        if not isinstance(value, str):
            raise EntryError(f"{where}.{name}: is {kind(value)}, where a text in quotes is expected")
    return Attachment(**fields)
