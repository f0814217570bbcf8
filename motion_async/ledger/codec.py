"""How the values of the ledger are written: text that any database keeps, and that a person can read.

Times are ISO 8601 in UTC, requests and states are JSON in the shape of the API's own bodies. Pure: no I/O, no
clock, and nothing of any database.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, overload

from motion_async.canonical import canonical_text
from motion_async.codec import read_plain_request, write_plain_request, write_plain_state
from motion_async.contract.wire import WireError, read_state
from motion_async.errors import ConfigurationError
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger.items import Entry, History, Item, ItemState, LedgerChange
from motion_async.ledger.outage import PermanentStoreError
from motion_async.redaction import Unshown, redacted
from motion_async.showing import shown

__all__ = [
    "check_name",
    "describe_damage",
    "make_storable",
    "read_change",
    "read_history",
    "read_item",
    "read_job_state",
    "read_request",
    "read_time",
    "write_error",
    "write_metadata",
    "write_request",
    "write_state",
    "write_time",
]

_MAX_NAME: Final = 512
_DAMAGES: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a value raises that this library cannot have written."""


@overload
def make_storable(text: str) -> str: ...
@overload
def make_storable(text: None) -> None: ...
def make_storable(text: str | None) -> str | None:
    """Give a text as a database can keep it: without a NUL, and without halves of characters."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def check_name(what: str, name: str) -> str:
    """Give the name of a batch or the key of an item as a ledger has it, see `canonical_text`, if it can be one."""
    is_name = isinstance(name, str) and 1 <= len(name) <= _MAX_NAME and name.isprintable()
    if not is_name or not (canonical := canonical_text(name)):
        raise ConfigurationError(f"{what} must be 1 to {_MAX_NAME} printable characters, not {name!r:.80}")
    return canonical


def write_time(at: datetime) -> str:
    """Write a time."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def read_time(text: str) -> datetime:
    """Read a time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


# ASCII: neither a NUL nor half a character in a prompt can then trouble a database.
_dump: Final = json.JSONEncoder(separators=(",", ":")).encode


def write_request(request: VideoRequest) -> str:
    """Write a request, with the signed URLs whole, as it has to be sent with them."""
    return Unshown(_dump(write_plain_request(request)))  # the drivers log the repr of what is bound


def read_request(text: str) -> VideoRequest:
    """Read a request."""
    return read_plain_request(json.loads(text))


def write_metadata(entry: Entry) -> str | None:
    """Write the caller's own data."""
    if entry.metadata is None:
        return None
    try:
        return _dump(entry.metadata)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise ConfigurationError(f"the metadata of {entry.key!r} cannot be written as JSON: {reason}")


def write_state(state: JobState | None) -> str | None:
    """Write what the service said of a job, with the fields that the documentation does not name."""
    return None if state is None else _dump(write_plain_state(state, datetime.isoformat))


def write_error(error: BaseException | None) -> str | None:
    """Write the words of an error."""
    return None if error is None else make_storable(redacted(str(error)))


def read_item(row: Sequence[Any], request: VideoRequest | None = None) -> Item:
    """Read an item from its row, in the order of `ITEM_COLUMNS`; its request is only read if it is not at hand.

    Raises:
        PermanentStoreError: if this library cannot have written it.
    """
    try:
        return _read_fields(row, request)
    except _DAMAGES as error:
        problem = describe_damage(f"item {row[2]!r:.80} of batch {row[1]!r:.80}", error)
    raise problem  # out here, as what was raised holds the row


def describe_damage(what: str, error: BaseException) -> PermanentStoreError:
    """Give what says that a row is damaged."""
    words = shown(str(error)[:2_000], limit=160)
    return PermanentStoreError(f"{what} is damaged ({type(error).__name__}: {words})")


def _read_fields(row: Sequence[Any], request: VideoRequest | None) -> Item:
    number, batch, key, parent, body, metadata, planned_at, digest, state, owner = row[:10]
    intent_at, taken_at, job_id, status, job_state, error, changed_at = row[10:]
    if not isinstance(number, int):
        raise TypeError(f"{type(number).__name__} in the place of its number")
    _check_texts((batch, key, digest))
    _check_texts((parent, owner, job_id, status, error), or_none=True)
    if job_id is None:  # what stands there then is of a job that failed before the item was tried again
        status = job_state = None
    return Item(
        number,
        batch,
        key,
        request=read_request(body) if request is None else request,
        digest=digest,
        state=ItemState(state),
        planned_at=read_time(planned_at),
        changed_at=read_time(changed_at),
        metadata=None if metadata is None else json.loads(metadata),
        parent=parent,
        owner=owner,
        intent_at=None if intent_at is None else read_time(intent_at),
        taken_at=None if taken_at is None else read_time(taken_at),
        job_id=job_id,
        status=None if status is None else JobStatus(status),
        job_state=read_job_state(job_state),
        error=error,
    )


def _check_texts(texts: Iterable[object], *, or_none: bool = False) -> None:
    for text in texts:
        if not isinstance(text, str) and not (or_none and text is None):
            raise TypeError(f"{type(text).__name__} in the place of a text")


def read_job_state(text: str | None) -> JobState | None:
    """Read a state; one that can't be read is as good as none, and must not hide all other items."""
    with contextlib.suppress(WireError):
        return None if text is None else read_state(text.encode())
    return None


def read_history(row: Sequence[Any], *, of: Item) -> History:
    """Read a line of the history of an item.

    Raises:
        PermanentStoreError: if this library cannot have written it.
    """
    try:
        return History(**_read_happened(row))
    except _DAMAGES as error:
        problem = describe_damage(f"the history of item {of.key!r:.80} of batch {of.batch!r:.80}", error)
    raise problem


def read_change(row: Sequence[Any]) -> LedgerChange:
    """Read a line of the history with the item that it is of.

    Raises:
        PermanentStoreError: if this library cannot have written it.
    """
    *happened, position, batch, key = row
    try:
        _check_texts((batch, key))
        return LedgerChange(**_read_happened(happened), position=position, batch=batch, key=key)
    except _DAMAGES as error:
        problem = describe_damage(f"the history of item {key!r:.80} of batch {batch!r:.80}", error)
    raise problem


def _read_happened(row: Sequence[Any]) -> dict[str, Any]:
    at, state, status, job_id, detail = row
    _check_texts((status, job_id, detail), or_none=True)
    return {
        "at": read_time(at),
        "state": None if state is None else ItemState(state),
        "status": None if status is None else JobStatus(status),
        "job_id": job_id,
        "detail": detail,
    }
