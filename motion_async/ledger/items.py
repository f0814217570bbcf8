"""The values of the ledger: what an item is, in which states it can be, and how a request without an id is known.

Pure but for the chance in a key that nobody gave: no I/O, no clock, no database.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import attrs

from motion_async.canonical import canonical_job_id, canonical_text
from motion_async.contract.signed_urls import unsigned
from motion_async.jobs import JobState, JobStatus, VideoRequest

__all__ = [
    "Entry",
    "History",
    "Item",
    "ItemState",
    "LedgerChange",
    "LedgerTrouble",
    "content_digest",
    "content_key",
    "entry_of",
    "is_unnamed",
    "job_of_parent",
    "parent_of_job",
    "unnamed_key",
]


class ItemState(StrEnum):
    """Where an item of a batch stands."""

    PLANNED = "planned"
    """It is to be sent, and nothing has been sent."""
    INTENT = "intent"
    """Its owner is sending it now, or ended while it did."""
    UNCERTAIN = "uncertain"
    """It may have been sent, and no id is known: a person has to look."""
    SUBMITTED = "submitted"
    """The service took it, and its id is known."""
    COMPLETED = "completed"
    """Its video is finished."""
    FAILED = "failed"
    """Its job ended as failed."""
    REJECTED = "rejected"
    """The service refused its content (400): nothing was made."""
    DROPPED = "dropped"
    """A person gave it up: nothing of it was sent, or that was uncertain, or its job, as a person had named it, was
    never seen."""


@attrs.frozen
class Entry:
    """What is to be planned.

    Args:
        key: the item's name within its batch, 1 to 512 characters, the same in every run.
        request: what to make.
        metadata: anything of the caller's that can be written as JSON; it is kept and never sent.
        parent: the key of the item whose job this one is a followup to, or `parent_of_job`; None for a create.
    """

    key: str
    request: VideoRequest
    metadata: Any = attrs.field(default=None, kw_only=True, hash=False)
    parent: str | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Item:
    """One request of a batch, as the ledger has it.

    Args:
        id: its number in the ledger; items planned later have higher ones.
        batch: the name of its batch.
        key: its name within the batch.
        request: what to make.
        digest: of the request's content, see `content_digest`.
        state: where it stands.
        planned_at: when it was planned first, as an aware datetime.
        changed_at: when it last changed.
        metadata: the caller's own.
        parent: the key of the item whose job it is a followup to, or `parent_of_job`; None for a create.
        owner: who noted the newest intent to send it.
        intent_at: when that was.
        taken_at: when the id of its job was written.
        job_id: the job that was made for it, None if none is known.
        status: the job's status when it was last seen to change.
        job_state: the answer that told of it; of a followup that was not seen at work yet, the end that it found.
        error: why there is no video, or what stood in the way last.
    """

    id: int
    batch: str
    key: str
    request: VideoRequest = attrs.field(kw_only=True)
    digest: str = attrs.field(kw_only=True)
    state: ItemState = attrs.field(kw_only=True)
    planned_at: datetime = attrs.field(kw_only=True)
    changed_at: datetime = attrs.field(kw_only=True)
    metadata: Any = attrs.field(default=None, kw_only=True, hash=False)
    parent: str | None = attrs.field(default=None, kw_only=True)
    owner: str | None = attrs.field(default=None, kw_only=True)
    intent_at: datetime | None = attrs.field(default=None, kw_only=True)
    taken_at: datetime | None = attrs.field(default=None, kw_only=True)
    job_id: str | None = attrs.field(default=None, kw_only=True)
    status: JobStatus | None = attrs.field(default=None, kw_only=True)
    job_state: JobState | None = attrs.field(default=None, kw_only=True)
    error: str | None = attrs.field(default=None, kw_only=True)


def entry_of(item: Item) -> Entry:
    """Give what plans an item as it is."""
    return Entry(item.key, item.request, metadata=item.metadata, parent=item.parent)


@attrs.frozen
class History:
    """One thing that happened to an item.

    Args:
        at: when it was noted, as an aware datetime of the machine that noted it.
        state: the state that the item moved to, None if it did not move.
        status: the job's status that was seen, None if it is no news of the job.
        job_id: the job it is about.
        detail: words on it, such as an error.
    """

    at: datetime
    state: ItemState | None = None
    status: JobStatus | None = None
    job_id: str | None = None
    detail: str | None = None


@attrs.frozen
class LedgerChange(History):
    """One thing that happened to an item, as it is read by those who follow the ledger.

    Args:
        position: where to go on from; changes that come later have higher ones.
        batch: the item's batch.
        key: the item's key.
    """

    position: int = attrs.field(kw_only=True)
    batch: str = attrs.field(kw_only=True)
    key: str = attrs.field(kw_only=True)


_JOB: Final = "job:"


def parent_of_job(job_id: str) -> str:
    """Give what stands as the parent of a followup whose job is known by its id, and not by an item's key."""
    return f"{_JOB}{canonical_job_id(job_id)}"


def job_of_parent(parent: str | None) -> str | None:
    """Give the id of the job that a parent is, None if it is the key of an item."""
    return parent.removeprefix(_JOB) if parent is not None and parent.startswith(_JOB) else None


_UNNAMED: Final = re.compile(r"unnamed-[0-9a-f]{32}")


def unnamed_key() -> str:
    """Give the key of a single create or followup for which the caller has given none; no two are the same."""
    return f"unnamed-{secrets.token_hex(16)}"


def is_unnamed(key: str) -> bool:
    """Whether a key is one of those: nobody can ask for its request again, but a person who sees it in the ledger."""
    return _UNNAMED.fullmatch(key) is not None


@attrs.frozen
class LedgerTrouble:
    """The ledger cannot be reached at the moment; it is tried again.

    Args:
        reason: what stands in the way, in the database's words.
        waited: seconds since the first attempt began that failed.
    """

    reason: str
    waited: float


_DIGITS: Final = 40
"""By its length a digest tells how it was made: what takes in anything else, or leaves anything else aside, such as
what signs a URL in one more way, has another length, and `motion_async.ledger.legacy` recognises those of before."""
_write: Final = json.JSONEncoder(separators=(",", ":")).encode


def content_digest(request: VideoRequest) -> str:
    """Give the digest of what a person asked for, the same when attachments' URLs are signed anew.

    It is of text as people see it, see `motion_async.canonical`. What was not given has no part in it, whatever the
    service is told instead: so it is the same on every machine.

    Args:
        request: any request that `motion_async.contract.validation` has found nothing wrong with.

    Returns:
        40 hexadecimal digits.
    """
    attachments = [
        [canonical_text(text) for text in (unsigned(given.url), given.name, given.type, given.content_type)]
        for given in request.attachments
    ]
    content = [canonical_text(request.prompt), canonical_text(request.style_reference_url), attachments]
    return hashlib.sha256(_write(content).encode()).hexdigest()[:_DIGITS]


def content_key(digest: str, ordinal: int) -> str:
    """Give the key of a request that has no id of its own.

    Args:
        digest: of its content.
        ordinal: its place among the requests of the batch with the same content, from 1.
    """
    return f"{digest}-{ordinal}"
