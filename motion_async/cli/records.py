"""Outcomes, items and states as plain values, for JSON lines, files of results and exports.

Pure. The URLs of attachments lose their queries, which may be signatures; what the service said of a job is whole.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from motion_async.cli.failures import sentence
from motion_async.cli.progress import DuplicateFound, RequestEnded
from motion_async.cli.words import Word, word_of_item
from motion_async.codec import to_dict
from motion_async.errors import MotionError
from motion_async.jobs import BatchRequest, VideoRequest
from motion_async.ledger import Item
from motion_async.ledger.legacy import has_content
from motion_async.ledger.transitions import ENDED, REPLACEABLE
from motion_async.redaction import redacted_deep

__all__ = [
    "Record",
    "begun_at",
    "done_at",
    "duplicate_record",
    "item_record",
    "outcome_record",
    "result_record",
    "with_sentence",
]

Record: TypeAlias = dict[str, Any]


def with_sentence(record: Record, error: MotionError | None) -> Record:
    """Give a record with what its error means for those who use the command, in the place of the error's own words."""
    return record if error is None else {**record, "message": sentence(error)}


def outcome_record(ended: RequestEnded) -> Record:
    """Give an outcome as a JSON line has it."""
    outcome = with_sentence(to_dict(ended.outcome), ended.outcome.error)
    kept = ("job_id", "error", "message", "error_data", "metadata")
    record = {"line": ended.line, "key": outcome["key"], "state": ended.end.word.value, "end": ended.end.value}
    return {**record, **{name: outcome[name] for name in kept}, "job": outcome["state"]}


def result_record(line: int, key: str | None, given: BatchRequest | None, item: Item | None) -> Record:
    """Give what the ledger has of a line; `item` is None if the batch has not come to it yet."""
    request = None if given is None else given.request
    error = None if item is None else item.error
    word = Word.WAITING if item is None else word_of_item(item)
    if _is_changed(item, request):
        word = Word.NEEDS_YOU
        error = "sent with another content than the line has now; give the line an id of its own"
    return {
        "line": line,
        "key": key,
        "state": word.value,
        "status": None if item is None else item.status,
        "job_id": None if item is None else item.job_id,
        "error": error,
        "metadata": None if given is None else given.metadata,
        "job": None if item is None or item.job_state is None else to_dict(item.job_state),
        "follows": None if given is None else given.follows,
        "request": None if request is None else _bare_request(to_dict(request)),
        **_times(item),
    }


def begun_at(item: Item) -> datetime:
    """Give when an item was begun to be sent, or, if nothing was sent of it, planned."""
    return item.intent_at or item.planned_at


def done_at(item: Item) -> datetime | None:
    """Give when an item's job ended: as the service says, if that is no later than it was noted, nor too early."""
    if item.state not in ENDED:
        return None
    said = None if item.job_state is None else item.job_state.completed_at
    return said if said is not None and begun_at(item) <= said <= item.changed_at else item.changed_at


def _times(item: Item | None) -> Record:
    planned, sent, done = (None, None, None) if item is None else (item.planned_at, item.intent_at, done_at(item))
    return {
        "planned_at": planned and planned.isoformat(),
        "sent_at": sent and sent.isoformat(),
        "done_at": done and done.isoformat(),
        "waited_seconds": planned and sent and round((sent - planned).total_seconds(), 3),
        "took_seconds": sent and done and round((done - sent).total_seconds(), 3),
    }


def item_record(item: Item) -> Record:
    """Give an item as a JSON line or an export has it."""
    plain = to_dict(item)
    return {
        "batch": plain["batch"],
        "key": plain["key"],
        "state": word_of_item(item).value,
        "item_state": plain["state"],
        **{name: plain[name] for name in ("status", "job_id", "error")},
        "follows": plain["parent"],
        "planned_at": plain["planned_at"],
        "sent_at": plain["intent_at"],
        "changed_at": plain["changed_at"],
        "request": _bare_request(plain["request"]),
        "metadata": plain["metadata"],
        "job": plain["job_state"],
    }


def duplicate_record(found: DuplicateFound) -> Record:
    """Give a line that asks for what was made before, with what was made, as a JSON line has it."""
    made = item_record(found.made)
    kept = ("batch", "key", "state", "job_id", "planned_at", "sent_at")
    record = {"line": found.line, "key": found.key, "prompt": found.prompt}
    return {**record, "made": {name: made[name] for name in kept}}


def _is_changed(item: Item | None, request: VideoRequest | None) -> bool:
    if item is None or request is None or item.state in REPLACEABLE:
        return False
    return not has_content(item, request)


def _bare_request(plain: Record) -> Record:
    # Every field is there, also one that was not given, and the queries of URLs may be signatures.
    attachments = redacted_deep(plain.get("attachments", []))
    return {"prompt": plain["prompt"], "style_reference_url": None, **plain, "attachments": attachments}
