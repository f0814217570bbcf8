"""Values to plain data. Pure: what is written here can be read by `motion_async.codec.reading`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from motion_async.codec.kinds import ERROR_FIELDS, EVENTS, WITH_AN_ERROR, error_kind
from motion_async.errors import ConfigurationError, MotionError
from motion_async.jobs import Attachment, JobState, VideoRequest
from motion_async.portable import parts_of

__all__ = ["to_dict", "write_plain_request", "write_plain_state", "write_time"]

_REQUEST_FIELDS: Final = tuple(name for name in attrs.fields_dict(VideoRequest) if name != "attachments")
_ATTACHMENT_FIELDS: Final = tuple(attrs.fields_dict(Attachment))
_STATE_FIELDS: Final = tuple(name for name in attrs.fields_dict(JobState) if name != "extra")


def to_dict(value: object) -> dict[str, Any]:
    """Give a value, an event or an error as plain data that `json.dumps` takes and `from_dict` reads.

    The names are those of the value's fields. A request and a state have the shape of the API's own bodies (sections
    "Create Job" and "Poll Job Endpoint"): what a request leaves open is left out, and what the documentation does not
    name stands beside the rest. An event has its name as `event`, an error its class as `error`, its words as
    `message` and what it is made of as `error_data`. Metadata is as it is.

    Args:
        value: a value of `motion_async` or `motion_async.ledger`, an event, or a `MotionError`.

    Returns:
        Texts, numbers, lists and mappings; times are as `2026-11-30T09:00:00.123Z`, to the millisecond.

    Raises:
        ConfigurationError: if it is something else.
    """
    if attrs.has(type(value)) or isinstance(value, MotionError):
        return _write(value)  # type: ignore[no-any-return]  # a mapping, of these
    raise ConfigurationError(f"{type(value).__name__} is none of the values, events and errors that can be written")


def _write(value: Any) -> Any:  # noqa: PLR0911  # one table, a case a kind
    match value:
        case JobState():
            return write_plain_state(value, write_time)
        case VideoRequest():
            return write_plain_request(value)
        case Attachment():
            return _leave_out_none(value, _ATTACHMENT_FIELDS)
        case MotionError():
            kind = error_kind(value)
            return dict(zip(ERROR_FIELDS, (kind.__name__, str(value), parts_of(value, kind)), strict=True))
        case datetime():
            return write_time(value)
        case str():
            return str(value)  # a status is a class of its own, which not every writer of JSON knows
        case tuple():
            return [_write(item) for item in value]
        case _ if attrs.has(type(value)):
            return _write_fields(value)
        case _:
            return value


def _write_fields(value: Any) -> dict[str, Any]:
    written: dict[str, Any] = dict(EVENTS.get(type(value), {}))
    for name in attrs.fields_dict(type(value)):
        field = getattr(value, name)
        if name == "error" and type(value) in WITH_AN_ERROR:
            written |= dict.fromkeys(ERROR_FIELDS) if field is None else _write(field)
        else:
            written[name] = field if name == "metadata" else _write(field)
    return written


def write_time(moment: datetime) -> str:
    """Write an aware datetime as the service does."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def write_plain_request(request: VideoRequest) -> dict[str, Any]:
    """Give a request as the API's own body has it, without what is not given."""
    plain = _leave_out_none(request, _REQUEST_FIELDS)
    attachments = [_leave_out_none(attachment, _ATTACHMENT_FIELDS) for attachment in request.attachments]
    return {**plain, "attachments": attachments} if attachments else plain


def _leave_out_none(value: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: field for name in names if (field := getattr(value, name)) is not None}


def write_plain_state(state: JobState, write_time: Callable[[datetime], str]) -> dict[str, Any]:
    """Give a state as the API's own answer has it, with the fields that the documentation does not name first."""
    known = ((name, getattr(state, name)) for name in _STATE_FIELDS)
    written = {name: write_time(value) if isinstance(value, datetime) else value for name, value in known}
    return {**state.extra, **written, "status": str(state.status)}
