"""Requests and states as the plain values that JSON is made of: one shape for the wire, the ledger and the command.

Pure. What is written here can be read here, or by `motion_async.contract.wire`, which reads what the service wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from motion_async.jobs import Attachment, JobState, VideoRequest

__all__ = ["read_plain_request", "write_plain_request", "write_plain_state"]

_REQUEST_FIELDS: Final = tuple(name for name in attrs.fields_dict(VideoRequest) if name != "attachments")
_ATTACHMENT_FIELDS: Final = tuple(attrs.fields_dict(Attachment))
_STATE_FIELDS: Final = tuple(name for name in attrs.fields_dict(JobState) if name != "extra")


def write_plain_request(request: VideoRequest) -> dict[str, Any]:
    """Give a request as the API's own body has it, without what is not given."""
    plain = _leave_out_none(request, _REQUEST_FIELDS)
    attachments = [_leave_out_none(attachment, _ATTACHMENT_FIELDS) for attachment in request.attachments]
    return {**plain, "attachments": attachments} if attachments else plain


def _leave_out_none(value: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: field for name in names if (field := getattr(value, name)) is not None}


def read_plain_request(plain: Mapping[str, Any]) -> VideoRequest:
    """Read a request that `write_plain_request` gave.

    Raises a `TypeError` if a field is no text, or there are other fields.
    """
    attachments = plain.get("attachments", ())
    fields = {name: field for name, field in plain.items() if name != "attachments"}
    for given in (fields, *attachments):
        for text in given.values():
            if not isinstance(text, str):
                raise TypeError(f"{type(text).__name__} in the place of a text")
    return VideoRequest(**fields, attachments=[Attachment(**attachment) for attachment in attachments])


def write_plain_state(state: JobState, write_time: Callable[[datetime], str]) -> dict[str, Any]:
    """Give a state as the API's own answer has it, with the fields that the documentation does not name first."""
    known = ((name, getattr(state, name)) for name in _STATE_FIELDS)
    written = {name: write_time(value) if isinstance(value, datetime) else value for name, value in known}
    return {**state.extra, **written}
