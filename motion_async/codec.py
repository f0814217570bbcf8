"""Requests and states as the plain values that JSON is made of: one shape for the wire, the ledger and the command.

Pure. What is written here can be read here, or by `motion_async.contract.wire`, which reads what the service wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from motion_async.jobs import Attachment, JobState, VideoRequest

__all__ = ["read_plain_request", "write_plain_request", "write_plain_state"]


def write_plain_request(request: VideoRequest) -> dict[str, Any]:
    """Give a request as the API's own body has it, without what is not given."""
    plain = _leave_out_none(request)
    attachments = [_leave_out_none(attachment) for attachment in request.attachments]
    return {**plain, "attachments": attachments} if attachments else plain


def _leave_out_none(value: attrs.AttrsInstance) -> dict[str, Any]:
    fields = attrs.asdict(value, recurse=False)
    return {name: field for name, field in fields.items() if field is not None and name != "attachments"}


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
    known = attrs.asdict(state, filter=lambda field, _: field.name != "extra", recurse=False)
    written = {name: write_time(value) if isinstance(value, datetime) else value for name, value in known.items()}
    return {**state.extra, **written}
