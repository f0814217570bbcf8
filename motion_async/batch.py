"""Where a batch and its ledger meet: each request becomes an item, and what is known of it decides how it goes on.

What has ended is not asked for again, what runs is taken up by its id, what was never sent is sent, and
what can't be known is said. This module must not send, watch or write rows; it imports no database.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from motion_async.errors import (
    CreateUncertainError,
    FollowupUncertainError,
    InvalidRequestError,
    JobFailedError,
    LedgerConflictError,
    MotionError,
    NotSentError,
    Problem,
)
from motion_async.intake import Intake, Requests, as_batch_request, each
from motion_async.jobs import BatchRequest
from motion_async.ledger.items import Entry, Item, ItemState, content_digest, content_key
from motion_async.validation import check_batch_request

if TYPE_CHECKING:
    from motion_async.ledger import Ledger

__all__ = ["Batch", "Keys"]

_AT_ONCE: Final = 100
"""So many requests of a plain iterable are planned in one transaction; those of an asynchronous one come alone."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at an item that somebody else is sending."""


class Keys:
    """Gives each request of a run the key by which the ledger knows it, in every run the same.

    A request without an id is known by its content and by its place among those of the same content, so all
    contents must be counted: on disk, in a database that goes with this object, as a batch may have millions.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")  # never committed: nothing of it is to outlive this run

    def of(self, given: BatchRequest) -> str:
        """Give the key of the next request.

        Args:
            given: a request that `check_batch_request` has found nothing wrong with.

        Raises:
            InvalidRequestError: if its id stands at an earlier request of this run.
        """
        if given.id is None:
            digest = content_digest(given.request)
            return content_key(digest, self._times(f"content {digest} {given.follows or ''}"))
        if self._times(f"id {given.id}") > 1:
            message = f"The id {given.id!r} stands at an earlier request of the batch already"
            raise InvalidRequestError((Problem("custom", message, ("id",)),))
        return given.id

    def _times(self, name: str) -> int:
        counted = self._seen.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET times = times + 1 RETURNING times", (name,)
        )
        times: int = counted.fetchone()[0]
        return times

    def close(self) -> None:
        """Forget everything."""
        self._seen.close()


class Batch:
    """A batch of a ledger.

    Args:
        ledger: where its items are.
        name: the batch's name.
        now: gives the time as an aware datetime, that signatures are held against.
    """

    def __init__(self, ledger: Ledger, name: str, *, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._name = name
        self._now = now

    async def intakes(self, requests: Requests) -> AsyncIterator[Intake]:
        """Plan requests in the ledger, and give each with what is known of it.

        Args:
            requests: what to make.

        Raises:
            LedgerError: from a step, if the ledger cannot be read or written.
        """
        at_once = 1 if isinstance(requests, AsyncIterable) else _AT_ONCE
        with contextlib.closing(Keys()) as keys:
            chunk: list[BatchRequest] = []
            async for request in each(requests):
                chunk.append(as_batch_request(request))
                if len(chunk) >= at_once:
                    async for intake in self._planned(chunk, keys):
                        yield intake
                    chunk = []
            async for intake in self._planned(chunk, keys):
                yield intake

    async def _planned(self, chunk: Sequence[BatchRequest], keys: Keys) -> AsyncIterator[Intake]:
        refused: dict[int, InvalidRequestError] = {}
        entries: dict[int, Entry] = {}
        for place, given in enumerate(chunk):
            try:
                check_batch_request(given, now=self._now())
                key = keys.of(given)
            except InvalidRequestError as error:
                refused[place] = error
            else:
                entries[place] = Entry(key, given.request, metadata=given.metadata, parent=given.follows)
        items = iter(await self._ledger.plan(self._name, list(entries.values())) if entries else ())
        for place, given in enumerate(chunk):
            if place in refused:
                yield Intake(given.request, key=given.id, metadata=given.metadata, settled=(None, refused[place]))
            else:
                yield await self._known(next(items), entries[place])

    async def _known(self, item: Item, entry: Entry) -> Intake:
        """Give a request with what its item says of it."""
        if item.state is ItemState.INTENT:
            item = await self._ledger.settled(item)
        intake = Intake(
            entry.request,
            key=item.key,
            metadata=entry.metadata,
            follows=item.parent,
            record=self._ledger.record(item),
            again=partial(self._again, entry),
        )
        if item.state is ItemState.PLANNED:
            return intake
        if item.digest != content_digest(entry.request) or item.parent != entry.parent:
            return attrs.evolve(intake, settled=(item.job_state, self._changed(item)))
        if item.state is ItemState.INTENT:
            return attrs.evolve(intake, is_elsewhere=True)
        intake = attrs.evolve(intake, job_id=item.job_id, is_taken=item.job_id is not None)
        if item.state is ItemState.SUBMITTED:
            parent = None if item.parent is None else await self._ledger.find(self._name, item.parent)
            return attrs.evolve(intake, before=parent.job_state if parent is not None else None)
        return attrs.evolve(intake, settled=(item.job_state, await self._error(item)))

    async def _again(self, entry: Entry) -> Intake:
        """Look at an item until nobody else is sending it; of a followup, find the job that it follows up."""
        while True:
            [item] = await self._ledger.plan(self._name, [entry])  # gives an item that has been sent as it is
            intake = await self._known(item, entry)
            if not intake.is_elsewhere:
                break
            await asyncio.sleep(_LOOK_AGAIN)
        if intake.follows is None or intake.is_taken or intake.settled is not None:
            return intake
        parent = await self._ledger.find(self._name, intake.follows)
        if parent is not None and parent.state is ItemState.COMPLETED:
            return attrs.evolve(intake, job_id=parent.job_id)
        stands = "it is not in the batch" if parent is None else f"it is {parent.state}"
        error = NotSentError(f"the request that it follows, {intake.follows!r}, has not completed: {stands}")
        return attrs.evolve(intake, settled=(None, error))

    def _changed(self, item: Item) -> LedgerConflictError:
        return LedgerConflictError(
            f"item {item.key!r} of batch {item.batch!r} was sent with another request; give the new one another id",
            batch=item.batch,
            key=item.key,
            state=item.state,
            job_id=item.job_id,
        )

    async def _error(self, item: Item) -> MotionError | None:
        """Give the error that the outcome of an item has that has ended, or of which nothing more can be known."""
        match item.state:
            case ItemState.FAILED:
                reason = item.job_state.error if item.job_state is not None else item.error
                return JobFailedError(item.job_id or "", error=reason)
            case ItemState.REJECTED:
                return InvalidRequestError((Problem("rejected", item.error or "refused in an earlier run"),))
            case ItemState.DROPPED:
                return NotSentError(f"item {item.key!r} of batch {item.batch!r} was dropped by a person")
            case ItemState.UNCERTAIN:
                return await self._uncertain(item)
        return None

    async def _uncertain(self, item: Item) -> MotionError:
        at = f", begun {item.intent_at:%Y-%m-%d %H:%M:%S} UTC" if item.intent_at is not None else ""
        reason = f"item {item.key!r} of batch {item.batch!r}{at}; settle it with `motion-async ledger resolve`"
        if item.parent is None:
            return CreateUncertainError(reason)
        parent = await self._ledger.find(self._name, item.parent)
        return FollowupUncertainError(reason, job_id=parent.job_id or "" if parent is not None else "")
