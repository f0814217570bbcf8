"""The shapes of all JSON lines that the command writes, as one JSON Schema (2020-12), by `motion-async schema`.

A line of an event has the words of the output's method, and its arguments; where it is made of a value, its shape is
read off the value's class by the rules of the codec; where it is put together by hand, so is its shape here. No other
command imports this.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin, get_type_hints

import attrs

from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output
from motion_async.cli.progress import NewLine
from motion_async.cli.words import End, Word
from motion_async.codec.kinds import ERROR_FIELDS, ERRORS, EVENTS
from motion_async.errors import ConfigurationError
from motion_async.events import (
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendDisturbed,
    SessionSlowed,
    StatusUndocumented,
)
from motion_async.jobs import Attachment, AttachmentType, JobState, JobStatus, StatusChange, VideoRequest
from motion_async.ledger import History, Item
from motion_async.showing import shown

__all__ = ["NAMES", "json_schema", "write_schema"]

Schema: TypeAlias = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_PLAIN: Final[Mapping[Any, Schema]] = {
    bool: {"type": "boolean"},
    int: _COUNT,  # no line has a number below 0
    float: {"type": "number"},
    str: _TEXT,
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}
_STATUSES: Final = [str(getattr(JobStatus, name)) for name in JobStatus.__annotations__]


def _shape(kind: Any) -> Schema:  # noqa: PLR0911  # one table, a case a kind of type
    """Give the shape of what the codec writes of a type."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if kind in (JobState, JobStatus):
        return _ref(kind.__name__)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": list(map(str, kind))}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _shape(get_args(kind)[0])}
    if NoneType in get_args(kind):
        return _or_null(_shape(get_args(kind)[0]))
    if attrs.has(kind):
        return _closed(_fields(kind))
    name, value = get_args(kind)  # a mapping
    return {"type": "object", "propertyNames": _shape(name), "additionalProperties": _shape(value)}


def _fields(kind: type) -> Schema:
    """Give the shape of each field of a class; an error is told in three fields."""
    hints = get_type_hints(kind)
    fields = {each.name: {} if each.name == "error" else _shape(hints[each.name]) for each in attrs.fields(kind)}
    if "error" in fields:
        fields |= _of_error() if hints["error"] in ERRORS.values() else {"error": _shape(hints["error"])}
    return fields


def _of_error() -> Schema:
    shapes = (_ref("ErrorClass"), _TEXT, {"type": "object"})
    return dict(zip(ERROR_FIELDS, shapes, strict=True))


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _or_null(shape: Schema) -> Schema:
    """Give the shape of what may be missing, too; an empty one is that of anything."""
    if "type" in shape:
        return {**shape, "type": [shape["type"], "null"]}
    if "enum" in shape:
        return {"enum": [*shape["enum"], None]}
    return {"anyOf": [shape, {"type": "null"}]} if shape else {}


def _closed(fields: Mapping[str, Schema], *, may_lack: Collection[str] = ()) -> Schema:
    """Give the shape of an object that has these fields, and no others."""
    required = [name for name in fields if name not in may_lack]
    return {"type": "object", "properties": dict(fields), "required": required, "additionalProperties": False}


def _line(event: str, fields: Mapping[str, Schema]) -> Schema:
    return _closed({"event": {"const": event}, **fields})


def _told(words: str, shape: Schema) -> Schema:
    return {"description": words, **shape}


def _event(method: Callable[..., None], fields: Mapping[str, Schema] | None = None) -> Schema:
    """Give the shape of the line of an output's event: its words, and its fields, or else its arguments."""
    if fields is None:
        hints = get_type_hints(method)
        fields = {name: _shape(hint) for name, hint in hints.items() if name != "return"}
    name = method.__name__.removeprefix("show_")
    return _told(" ".join((method.__doc__ or "").split()), _line(name, fields))


def _of(kind: type) -> Schema:
    """Give the shape of the line of an event of a session, as the codec writes it."""
    constants = {name: {"const": value} for name, value in EVENTS[kind].items()}
    return _closed(constants | _fields(kind))


def _state() -> Schema:
    fields = {name: shape for name, shape in _fields(JobState).items() if name != "extra"}
    return {**_closed(fields), "additionalProperties": True}


def _request() -> Schema:
    fields = _fields(Attachment)
    # What it does not have is left out of it.
    given = {name: _shape(AttachmentType if name == "type" else str) for name in fields}
    attachment = _closed(given, may_lack=set(fields) - {"url"})
    return _closed({**_fields(VideoRequest), "attachments": {"type": "array", "items": attachment}})


_ITEM: Final = _fields(Item)
_OF_ITEM: Final = {
    **{name: _ITEM[name] for name in ("batch", "key")},
    "state": _shape(Word),
    "item_state": _ITEM["state"],
    **{name: _ITEM[name] for name in ("status", "job_id", "error")},
    "follows": _ITEM["parent"],
    "planned_at": _ITEM["planned_at"],
    "sent_at": _ITEM["intent_at"],
    "changed_at": _ITEM["changed_at"],
    "request": _ref("Request"),
    "metadata": _ITEM["metadata"],
    "job": _ITEM["job_state"],
}
_MADE: Final = {name: _OF_ITEM[name] for name in ("batch", "key", "state", "job_id", "planned_at", "sent_at")}
_STATE: Final = {"job_id": _TEXT, "state": _ref("JobState")}
_LIMITS: Final = _closed({
    "max_active": _shape(int | None), "max_polls_per_second": _shape(float | None), "paused": _shape(str | None),
})  # fmt: skip
_OUTCOME: Final = {
    "line": _COUNT,
    "key": _shape(str | None),
    "state": _shape(Word),
    "end": _shape(End),
    "job_id": _shape(str | None),
    **{name: _or_null(shape) for name, shape in _of_error().items()},
    "metadata": {},
    "job": _shape(JobState | None),
}
_RESULT: Final = {
    "line": _COUNT,
    "key": _shape(str | None),
    "state": _shape(Word),
    **{name: _ITEM[name] for name in ("status", "job_id", "error", "metadata")},
    "job": _ITEM["job_state"],
    "follows": _ITEM["parent"],
    "request": _or_null(_ref("Request")),
    **dict.fromkeys(("planned_at", "sent_at", "done_at"), _shape(datetime | None)),
    **dict.fromkeys(("waited_seconds", "took_seconds"), _shape(float | None)),
    "id": _shape(str | None),
}

_EVENTS: Final[Mapping[str, Schema]] = {
    "accepted": _told("The service took a create or a followup.", _of(JobAccepted)),
    "transition": _told("A job changed; the first change that is told has a previous of null.", _of(StatusChange)),
    "fleet": _event(
        Output.show_fleet,
        {
            "limits": _LIMITS,
            "workers": _COUNT,
            "queue": _closed(dict.fromkeys(("waiting", "claimed", "held"), _COUNT)),
        },
    ),
    "account": _event(Output.show_account),
    "state": _event(Output.show_state, _STATE),
    "result": _event(Output.show_result, _STATE),
    "error": _told(
        "What did not work: error is its class, and error_data what it is made of; the last two are null where there "
        "is none.",
        _line("error", {**_of_error(), "job_id": _shape(str | None), "http_status": _shape(int | None)}),
    ),
    "disturbed": _told(
        "A poll failed, or a create or followup was not taken (call is send; job_id is null for a create); it is tried "
        "again after next_wait seconds.",
        {"oneOf": [_of(PollDisturbed), _of(SendDisturbed)]},
    ),
    "undocumented": _told("A job stands in a status that the documentation does not name.", _of(StatusUndocumented)),
    "slowed": _told("The service asked for fewer calls.", _of(SessionSlowed)),
    "dropped": _told("So many older events could not be told.", _of(EventsDropped)),
    "interrupted": _event(Output.interrupted, {"job_ids": _shape(tuple[str, ...])}),
    "listening": _event(Output.show_listening),
    "invalid": _event(Output.show_invalid),
    "plan": _event(Output.show_plan),
    "new": _event(Output.show_new, _fields(NewLine)),
    "duplicate": _event(Output.show_duplicate, {**_fields(NewLine), "made": _closed(_MADE)}),
    "outcome": _event(Output.show_outcome, _OUTCOME),
    "batch": _event(Output.show_batch),
    "counts": _event(Output.show_counts),
    "item": _event(Output.show_item, {**_OF_ITEM, "history": _shape(tuple[History, ...] | None)}),
}
_OTHERS: Final[Mapping[str, Schema]] = {
    "results": _told("A line of a file of `batch --output`, as .jsonl or .json.", _closed(_RESULT)),
    "export": _told("A line of `ledger export`.", _closed(_OF_ITEM)),
}
_PARTS: Final[Mapping[str, Schema]] = {
    "ErrorClass": _told("The class of an error, as `help(motion_async.errors)` draws them.", {"enum": sorted(ERRORS)}),
    "JobState": _told("The service's answer, and whatever else came with it.", _state()),
    "JobStatus": _told("One of the documented statuses, or any other.", {"anyOf": [{"enum": _STATUSES}, _TEXT]}),
    "Request": _told("What was asked for; the URLs of attachments have lost their queries.", _request()),
}
_DEFINITIONS: Final[Mapping[str, Schema]] = {**_EVENTS, **_OTHERS, **_PARTS}

NAMES: Final = (*_EVENTS, *_OTHERS)
"""The events, and the lines that are no events."""


async def write_schema(output: Output, name: str | None) -> ExitStatus:
    """Write the schema of all lines, or of one sort alone, to standard output."""
    if name is not None and name not in NAMES:
        raise ConfigurationError(f"no line has the name {shown(name)}; the names are {', '.join(NAMES)}")
    with output.file() as file:
        file.write(json.dumps(json_schema(name), indent=2) + "\n")
    return ExitStatus.DONE


def json_schema(name: str | None = None) -> Schema:
    """Give the schema of all lines that are written on standard output for what happens, or of one sort alone.

    `name` is one of `NAMES`.
    """
    wanted = {"oneOf": list(map(_ref, _EVENTS))} if name is None else _ref(name)
    used = set(NAMES if name is None else (name,))
    while more := {part for each in used for part in _refs(_DEFINITIONS[each])} - used:
        used |= more
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The JSON lines of motion-async",
        **wanted,
        "$defs": {each: shape for each, shape in _DEFINITIONS.items() if each in used},
    }


def _refs(shape: Any) -> Iterator[str]:
    """Give the names of all definitions that a shape refers to."""
    inside = shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ()
    if isinstance(shape, dict) and isinstance(ref := shape.get("$ref"), str):
        yield ref.rpartition("/")[2]
    for each in inside:
        yield from _refs(each)
