"""What is wrong with a body that was sent, told as the service tells it.

Pure: bytes go in, a `Submission` with every problem comes out, in the shape of the `details` of a 400
(section "Errors"). It decides nothing about accounts, jobs or HTTP, and it takes the contract's bounds,
but no code, from the client's own validation: the two must be able to disagree in a test.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

import attrs

from motion_async.jobs import (
    ATTACHMENT_TYPES,
    MAX_ATTACHMENT_NAME,
    MAX_ATTACHMENT_URL,
    MAX_ATTACHMENTS,
    MAX_PROMPT,
)
from motion_async.sandbox.hosts import is_youtube

__all__ = ["Problem", "Submission", "find_problems", "read_submission"]

Problem = dict[str, Any]
"""One entry of the `details` of a 400."""

_Path = tuple[str | int, ...]

_NOT_IN_AUTHORITY: Final = re.compile(r"[\\<>^`{|}]")
_PRIVATE_SUFFIXES: Final = (".localhost", ".local", ".internal")


@attrs.frozen
class Submission:
    """The body of a create or of a followup as it was read.

    Args:
        body: the decoded JSON; an empty mapping where it could not be read.
        problems: all that is wrong with it, empty when it can be taken.
    """

    body: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()

    @property
    def prompt(self) -> str:
        """The prompt, or an empty string where there is none that could be read."""
        prompt = self.body.get("prompt")
        return prompt if isinstance(prompt, str) else ""

    def content(self) -> str:
        """Give the documented fields as one text that is equal for equal bodies.

        Returns:
            ASCII JSON; the order of keys and fields that the contract does not name change nothing.
        """
        attachments = [
            [item.get(key) for key in ("url", "name", "type", "content_type")]
            for item in self.body.get("attachments", ())
        ]
        return json.dumps([self.body["prompt"], self.body.get("style_reference_url"), attachments])


def read_submission(raw: bytes, *, content_type: str | None) -> Submission:
    """Read the body of a create or of a followup (section "Create Job").

    Args:
        raw: the bytes that were sent.
        content_type: the value of the `Content-Type` header, None where it was not sent.

    Returns:
        The body together with every problem that it has.
    """
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        return _unreadable("Content-Type must be application/json")
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _unreadable("Request body must be valid JSON")
    problems = tuple(find_problems(value))
    return Submission(value if isinstance(value, dict) else {}, problems)


def find_problems(value: object) -> list[Problem]:
    """Find everything that is wrong with a decoded body (section "Create Job").

    Args:
        value: any JSON value.

    Returns:
        The problems in the order of the contract's fields; fields that it does not name are ignored.
    """
    if not isinstance(value, dict):
        return [_wrong_type("object", value, ())]
    problems = _check_string(value, "prompt", (), required=True, minimum=1, maximum=MAX_PROMPT)
    problems += _check_style(value)
    if "attachments" in value:
        problems += _check_attachments(value["attachments"])
    return problems


def _unreadable(message: str) -> Submission:
    return Submission({}, (_problem("custom", message, ()),))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _problem(code: str, message: str, path: _Path, **fields: Any) -> Problem:
    return {"code": code, **fields, "message": message, "path": list(path)}


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _wrong_type(expected: str, value: object, path: _Path) -> Problem:
    received = _json_type(value)
    message = f"Expected {expected}, received {received}"
    return _problem("invalid_type", message, path, expected=expected, received=received)


def _missing(expected: str, path: _Path) -> Problem:
    return _problem("invalid_type", "Required", path, expected=expected, received="undefined")


def _out_of_bounds(kind: str, path: _Path, *, minimum: int | None = None, maximum: int | None = None) -> Problem:
    noun, things = ("String", "character(s)") if kind == "string" else ("Array", "element(s)")
    if minimum is not None:
        message = f"{noun} must contain at least {minimum} {things}"
        return _problem("too_small", message, path, minimum=minimum, type=kind, inclusive=True)
    message = f"{noun} must contain at most {maximum} {things}"
    return _problem("too_big", message, path, maximum=maximum, type=kind, inclusive=True)


def _check_string(
    holder: Mapping[str, Any],
    key: str,
    path: _Path,
    *,
    required: bool = False,
    minimum: int = 0,
    maximum: int | None = None,
) -> list[Problem]:
    where = (*path, key)
    if key not in holder:
        return [_missing("string", where)] if required else []
    value = holder[key]
    if not isinstance(value, str):
        return [_wrong_type("string", value, where)]
    if len(value) < minimum:
        return [_out_of_bounds("string", where, minimum=minimum)]
    if maximum is not None and len(value) > maximum:
        return [_out_of_bounds("string", where, maximum=maximum)]
    return []


def _check_style(body: Mapping[str, Any]) -> list[Problem]:
    key = "style_reference_url"
    problems = _check_string(body, key, ())
    if problems or key not in body:
        return problems
    url = _split(body[key])
    if url is None:
        return [_invalid_url((key,))]
    if url.scheme not in ("http", "https") or not is_youtube(url.hostname or ""):
        return [_problem("custom", "Style reference must be a YouTube URL", (key,))]
    return []


def _check_attachments(value: object) -> list[Problem]:
    if not isinstance(value, list):
        return [_wrong_type("array", value, ("attachments",))]
    problems = []
    if len(value) > MAX_ATTACHMENTS:
        problems.append(_out_of_bounds("array", ("attachments",), maximum=MAX_ATTACHMENTS))
    for index, item in enumerate(value):
        problems += _check_attachment(item, ("attachments", index))
    return problems


def _check_attachment(item: object, path: _Path) -> list[Problem]:
    if not isinstance(item, dict):
        return [_wrong_type("object", item, path)]
    problems = _check_string(item, "url", path, required=True, maximum=MAX_ATTACHMENT_URL)
    if isinstance(item.get("url"), str):
        problems += _check_public(item["url"], (*path, "url"))
    problems += _check_string(item, "name", path, maximum=MAX_ATTACHMENT_NAME)
    if "type" in item:
        problems += _check_type(item["type"], (*path, "type"))
    return problems + _check_string(item, "content_type", path)


def _check_type(value: object, path: _Path) -> list[Problem]:
    if value in ATTACHMENT_TYPES:
        return []
    expected = " | ".join(f"'{name}'" for name in ATTACHMENT_TYPES)
    if not isinstance(value, str):
        return [_wrong_type(expected, value, path)]
    message = f"Invalid enum value. Expected {expected}, received '{value}'"
    options = list(ATTACHMENT_TYPES)
    return [_problem("invalid_enum_value", message, path, received=value, options=options)]


def _check_public(value: str, path: _Path) -> list[Problem]:
    url = _split(value)
    if url is None:
        return [_invalid_url(path)]
    if url.scheme not in ("http", "https") or not _is_public_host(url.hostname or ""):
        return [_problem("custom", "Attachment URL must be a publicly accessible http(s) URL", path)]
    if url.username is not None or url.password is not None:
        return [_problem("custom", "Attachment URL must not need extra headers", path)]
    return []


def _invalid_url(path: _Path) -> Problem:
    return _problem("invalid_string", "Invalid url", path, validation="url")


def _split(value: str) -> SplitResult | None:
    """Split an absolute URL, or give None: what a browser would read differently is none."""
    if not value.isprintable() or " " in value or "://" not in value:
        return None
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        return None
    return url if host and not _NOT_IN_AUTHORITY.search(url.netloc) else None


def _is_public_host(host: str) -> bool:
    name = host.lower().removesuffix(".")
    try:
        return ipaddress.ip_address(name).is_global
    except ValueError:
        return name != "localhost" and not name.endswith(_PRIVATE_SUFFIXES)
