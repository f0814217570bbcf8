"""Outcomes, items and states as plain values, for JSON lines, files of results and exports.

Pure. The URLs of attachments lose their queries, which may be signatures; what the service said of a job is whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from motion_async.cli.failures import sentence
from motion_async.cli.happenings import RequestEnded
from motion_async.codec import write_plain_request, write_plain_state
from motion_async.jobs import JobState, VideoRequest
from motion_async.ledger import History, Item, ItemState
from motion_async.ledger.legacy import has_content
from motion_async.ledger.transitions import REPLACEABLE
from motion_async.redaction import redacted_deep

__all__ = ["Record", "history_record", "item_record", "outcome_record", "result_record", "state_record", "time_text"]

Record: TypeAlias = dict[str, Any]


def state_record(state: JobState) -> Record:
    """Give a state as the service's answer has it."""
    return write_plain_state(state, time_text)


def time_text(moment: datetime) -> str:
    """Write an aware datetime as the service does."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def outcome_record(ended: RequestEnded) -> Record:
    """Give an outcome as a JSON line has it."""
    outcome = ended.outcome
    return {
        "line": ended.line,
        "key": outcome.key,
        "state": ended.end.value,
        "job_id": outcome.job_id,
        "error": None if outcome.error is None else type(outcome.error).__name__,
        "message": None if outcome.error is None else sentence(outcome.error),
        "metadata": outcome.metadata,
        "job": None if outcome.state is None else state_record(outcome.state),
    }


def result_record(line: int, key: str | None, request: VideoRequest | None, metadata: Any, item: Item | None) -> Record:
    """Give what the ledger has of a line; `item` is None if the batch has not come to it yet."""
    error = None if item is None else item.error
    if _is_changed(item, request):
        error = "sent with another content than the line has now; give the line an id of its own"
    return {
        "line": line,
        "key": key,
        "state": (ItemState.PLANNED if item is None else item.state).value,
        "status": None if item is None else item.status,
        "job_id": None if item is None else item.job_id,
        "error": error,
        "metadata": metadata,
        "job": None if item is None or item.job_state is None else state_record(item.job_state),
    }


def item_record(item: Item) -> Record:
    """Give an item as a JSON line or an export has it."""
    return {
        "batch": item.batch,
        "key": item.key,
        "state": item.state.value,
        "status": item.status,
        "job_id": item.job_id,
        "error": item.error,
        "follows": item.parent,
        "planned_at": time_text(item.planned_at),
        "sent_at": None if item.intent_at is None else time_text(item.intent_at),
        "changed_at": time_text(item.changed_at),
        "request": _request(item.request),
        "metadata": item.metadata,
        "job": None if item.job_state is None else state_record(item.job_state),
    }


def history_record(step: History) -> Record:
    """Give one thing that happened to an item."""
    return {
        "at": time_text(step.at),
        "state": step.state,
        "status": step.status,
        "job_id": step.job_id,
        "detail": step.detail,
    }


def _is_changed(item: Item | None, request: VideoRequest | None) -> bool:
    if item is None or request is None or item.state in REPLACEABLE:
        return False
    return not has_content(item, request)


def _request(request: VideoRequest) -> Record:
    # Every field is there, also one that was not given, and the queries of URLs may be signatures.
    plain = write_plain_request(request)
    attachments = redacted_deep(plain.get("attachments", []))
    return {"prompt": request.prompt, "style_reference_url": None, **plain, "attachments": attachments}
