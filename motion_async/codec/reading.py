"""Plain data to values, and no other exception than `ShapeError` out of any data: the only file that imports cattrs.

Pure. It is strict about the types of JSON and tolerant of fields that it does not know.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints, overload

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from motion_async.codec.kinds import ERROR_FIELDS, ERRORS, EVENTS, WITH_AN_ERROR
from motion_async.errors import ConfigurationError, MotionError
from motion_async.jobs import NOTHING_ELSE, AttachmentType, JobState, JobStatus, VideoRequest
from motion_async.problems import Problem
from motion_async.redaction import redacted
from motion_async.showing import is_too_deep, shown_value

__all__ = ["ShapeError", "from_dict", "read_plain_request", "read_plain_state", "unread_fields"]

_T = TypeVar("_T")
_Read = Callable[[Any, Any], Any]


class ShapeError(ValueError):
    """Some data has another shape than what is read, for the reason that the message gives; it stays inside."""


@overload
def from_dict(kind: type[_T], data: Mapping[str, Any]) -> _T: ...
@overload
def from_dict(kind: UnionType, data: Mapping[str, Any]) -> Any: ...
def from_dict(kind: Any, data: Mapping[str, Any]) -> Any:
    """Read a value, an event or an error that `to_dict` gave, also one that a newer version has written.

    Fields that are not known are left aside; those of a `JobState` are in its `extra`. An error of a class that is not
    known is a `MotionError` with its words. Nothing is validated but the shape.

    Args:
        kind: the value's class; `Event` for any event; `MotionError`, or one of its classes, for an error under it.
        data: what `to_dict` gave, also by way of JSON.

    Raises:
        ConfigurationError: if the data has another shape, naming the field; if the kind is none that can be read.
    """
    try:
        return _read(_reader(), _kind_of(data, kind) if isinstance(kind, UnionType) else kind, data)
    except ShapeError as error:
        reason = f"{getattr(kind, '__name__', 'the event')} cannot be read: {error}"
    del data  # a traceback with locals must not show signed URLs, and out here no exception holds them
    raise ConfigurationError(reason)


def _kind_of(data: Any, kinds: UnionType) -> type:
    _check_object(data)
    for kind in get_args(kinds):
        begins = EVENTS.get(kind)
        if begins and begins.items() <= data.items():
            return kind  # type: ignore[no-any-return]  # a class
    raise ShapeError(f"event: none that is known here, but {shown_value(data.get('event'))}")


def _read(reader: cattrs.Converter, kind: Any, data: Any) -> Any:
    if not attrs.has(kind) and not _is_error(kind):
        raise ShapeError("it is no value, event or error of the library")
    try:
        return reader.structure(data, kind)
    except cattrs.BaseValidationError as error:
        reason = "; ".join(cattrs.transform_error(error, format_exception=_told))
    raise ShapeError(reason)


def _told(error: BaseException, _: type | None) -> str:
    return f"missing {error}" if isinstance(error, KeyError) else str(error)


def _name(given: Any) -> str:
    """Name the type of a value, and never what is in it: that may be a signed URL."""
    return "null" if given is None else type(given).__name__


def _check_object(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise ShapeError(f"expected an object, not {_name(given)}")


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, MotionError)


# What the fields are made of: cattrs' own hooks would take anything for a text, and a text for a number.
def _exactly(expected: str, *kinds: type) -> _Read:
    def read(given: Any, _: Any) -> Any:
        if isinstance(given, kinds) and (bool in kinds or not isinstance(given, bool)):
            return given
        raise ShapeError(f"expected {expected}, not {_name(given)}")

    return read


def _moment(given: Any, _: Any) -> datetime:
    moment = _time(given, None)
    if moment is None:
        raise ShapeError("expected a time, not null")
    return moment


def _time(given: Any, _: Any) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is UTC:
            return moment
        # In UTC here, so that nobody who shows or stores it finds that it lies past the calendar's end there.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ShapeError(f"expected a time or null, not {shown_value(given)}") from None


def _text(given: Any, _: Any) -> str:
    if isinstance(given, str):
        return given
    raise ShapeError(f"expected a string, not {shown_value(given)}")


def _truth(given: Any, _: Any) -> bool:
    if isinstance(given, bool):
        return given
    raise ShapeError(f"expected true or false, not {shown_value(given)}")


def _status(given: Any, _: Any) -> JobStatus:
    if isinstance(given, str) and given:
        return JobStatus(given)
    raise ShapeError(f"expected a status, not {shown_value(given)}")


def _reason(given: Any, _: Any) -> str | None:
    """Read `error`: text or null as documented; of anything else its JSON, so that it is not lost.

    It is words for people, and may name the signed URL that could not be fetched.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return redacted(given)
    if is_too_deep(given):
        raise ShapeError("nested too deeply")
    return redacted(json.dumps(given))


# A hook a field: the way through a union costs more, and this is done at each poll.
_read_job_state: Final = make_dict_structure_fn(
    JobState,
    cattrs.Converter(),
    job_id=override(struct_hook=_text),
    status=override(struct_hook=_status),
    created_at=override(struct_hook=_time),
    updated_at=override(struct_hook=_time),
    completed_at=override(struct_hook=_time),
    error=override(struct_hook=_reason),
    pending_user_input=override(struct_hook=_truth),
    extra=override(omit=True),
)
_STATE_FIELDS: Final = frozenset(attrs.fields_dict(JobState)) - {"extra"}
_TOLERATED: Final = {"created_at": _time, "updated_at": _time, "completed_at": _time, "pending_user_input": _truth}
"""What decides nothing: a value that cannot be read is kept as it came, and the job goes on without it."""


def read_plain_state(given: Mapping[str, Any]) -> JobState:
    """Read a state as the API's own answer has it, or raise a `ShapeError`.

    That is for an id or a status that is missing or of another type.
    """
    unread: frozenset[str] = frozenset()
    try:
        state = _read_job_state(given, JobState)
    except cattrs.BaseValidationError:
        state, unread = _read_without_unread(given)
    if given.keys() == _STATE_FIELDS and not unread:
        return state  # as documented, and nothing else: nearly every answer
    extra = {key: given[key] for key in given.keys() - (_STATE_FIELDS - unread)}
    if is_too_deep(extra):
        raise ShapeError("nested too deeply")
    return attrs.evolve(state, extra=extra or NOTHING_ELSE)


def _read_without_unread(given: Mapping[str, Any]) -> tuple[JobState, frozenset[str]]:
    """Read a state without the times and flags that cannot be read, and give their names."""
    unread = unread_fields(given)
    try:
        return _read_job_state({key: value for key, value in given.items() if key not in unread}, JobState), unread
    except cattrs.BaseValidationError as error:
        raise ShapeError("; ".join(cattrs.transform_error(error, format_exception=_told))) from None


def unread_fields(given: Mapping[str, Any]) -> frozenset[str]:
    """Give the times and flags of an answer, or of a state's `extra`, that cannot be read as documented."""
    unread = []
    for field, read in _TOLERATED.items():
        if field in given:
            try:
                read(given[field], None)
            except ShapeError:
                unread.append(field)
    return frozenset(unread)


def read_plain_request(plain: Mapping[str, Any]) -> VideoRequest:
    """Read a request that `write_plain_request` gave, or raise a `ShapeError`, also for a field that it has not."""
    return _read(_reader(strict=True), VideoRequest, plain)  # type: ignore[no-any-return]  # which is its kind


def _state(given: Any, _: Any) -> JobState:
    _check_object(given)
    return read_plain_state(given)


@cache  # and not at once: most processes read nothing, and to make one takes as long as to import a library
def _reader(*, strict: bool = False) -> cattrs.Converter:
    """Make what reads any value by the types of its fields; a strict one takes no field that is not known."""
    reader = cattrs.Converter(forbid_extra_keys=strict)
    hooks: dict[Any, _Read] = {
        str: _exactly("a string", str),
        bool: _exactly("true or false", bool),
        int: _exactly("a whole number", int),
        float: _exactly("a number", int, float),
        str | int: _exactly("a string or a whole number", str, int),
        StrEnum: lambda given, kind: kind(given),
        datetime: _moment,
        JobStatus: _status,
        JobState: _state,
        Problem | Mapping[str, Any]: lambda given, _: reader.structure(given, Problem),
    }
    for kind, hook in hooks.items():
        reader.register_structure_hook(kind, hook)
    # Whether it is one of the four is told by validation.
    reader.register_structure_hook_func(lambda kind: kind == AttachmentType, hooks[str])
    reader.register_structure_hook_factory(_is_sequence, lambda kind: _sequence_hook(reader, kind))
    reader.register_structure_hook_factory(_is_error, lambda kind: lambda given, _: _read_error(reader, kind, given))
    reader.register_structure_hook_factory(attrs.has, lambda kind: _fields_hook(reader, kind))
    return reader


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) in (tuple, Iterable)


def _sequence_hook(reader: cattrs.Converter, kind: Any) -> _Read:
    as_list: Any = list[get_args(kind)[0]]  # type: ignore[misc]  # what it holds is known here alone

    def read(given: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(given, list | tuple):
            raise ShapeError(f"expected a list, not {_name(given)}")
        return tuple(reader.structure(given, as_list))

    return read


def _fields_hook(reader: cattrs.Converter, kind: type) -> _Read:
    read_fields: _Read = make_dict_structure_fn(kind, reader)
    begins = EVENTS.get(kind, {})

    def read(given: Any, _: Any) -> Any:
        _check_object(given)
        for name, value in begins.items():
            if given.get(name, value) != value:
                raise ShapeError(f"{name}: expected {value!r}, so this is no {kind.__name__}")
        if kind in WITH_AN_ERROR and given.get("error") is not None:
            given = {**given, "error": {name: given.get(name) for name in ERROR_FIELDS}}
        return read_fields(given, kind)

    return read


def _read_error(reader: cattrs.Converter, kind: type[MotionError], given: Any) -> MotionError:
    _check_object(given)
    name, words, data = (given.get(field) for field in ERROR_FIELDS)
    if not isinstance(name, str) or not isinstance(words, str | None):
        raise ShapeError("expected error and message to be strings")
    known = ERRORS.get(name)
    if known is None and kind is MotionError:
        return MotionError(f"{name}: {words}")
    if known is None or not issubclass(known, kind):
        raise ShapeError(f"error: expected {kind.__name__}, not {name:.60}")
    parts: Any = reader.structure(data, _parts_of(known))  # type: ignore[arg-type]  # a class can be hashed
    try:
        return known(**{field: getattr(parts, field) for field in attrs.fields_dict(type(parts))})
    except OverflowError:
        raise ShapeError("expected numbers that can be told") from None


@cache
def _parts_of(kind: type[MotionError]) -> type:
    """Give a value with the fields that an error's class takes, so that an error is read as any value is."""
    hints = get_type_hints(kind.__init__)
    given = inspect.signature(kind).parameters.values()
    defaults = {part.name: attrs.NOTHING if part.default is part.empty else part.default for part in given}
    fields = {name: attrs.field(default=default, type=hints[name]) for name, default in defaults.items()}
    return attrs.make_class(kind.__name__, fields)
