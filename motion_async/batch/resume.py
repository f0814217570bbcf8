"""Where a batch and its ledger meet: each request becomes an item, and what is known of it decides how it goes on.

What has ended is not asked for again, what runs is taken up by its id, what was never sent is sent, and
what can't be known is said. This module must not send, watch or write rows; it imports no database.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import attrs

from motion_async.batch.keys import Keys
from motion_async.batch.outcomes import error_of, find_parent_job
from motion_async.batch.requests import Intake, Requests, as_batch_request, iterate, known_by
from motion_async.batch.unsent import parent_elsewhere, parent_failed, parent_incomplete, unknown_jobs
from motion_async.canonical import canonical_text
from motion_async.contract.validation import check_batch_request
from motion_async.errors import (
    ConfigurationError,
    InvalidRequestError,
    JobNotFoundError,
    LedgerConflictError,
    MotionError,
    NotSentError,
    SentElsewhereError,
)
from motion_async.jobs import BatchRequest, JobState
from motion_async.ledger import Ledger
from motion_async.ledger.accounts import Account
from motion_async.ledger.codec import check_name
from motion_async.ledger.items import Entry, Item, ItemState, entry_of, is_unnamed, job_of_parent
from motion_async.ledger.legacy import has_content
from motion_async.ledger.transitions import BY_A_PERSON
from motion_async.problems import Problem

__all__ = ["LedgerBatch", "check_followed", "check_ledger", "recognise_earlier"]

_AT_ONCE: Final = 100
"""So many requests of a plain iterable are planned in one transaction; those of an asynchronous one come alone."""
_UNKNOWN_ENOUGH: Final = 3
"""If the service knows none of so many jobs, it is not the one that made them, or the account is another."""
_OPEN: Final = (ItemState.PLANNED, ItemState.INTENT, ItemState.UNCERTAIN, ItemState.SUBMITTED)
"""The states of items of which more is to come, from the service or from a person."""


def check_ledger(ledger: Ledger, batch: str) -> tuple[Ledger, str]:
    """Give a ledger and the name of a batch of it, or raise a `ConfigurationError` if either is none."""
    if not isinstance(ledger, Ledger):
        raise ConfigurationError(
            f"ledger must be an open one, as in `async with open_ledger(…) as ledger`, not {type(ledger).__name__}"
        )
    return ledger, check_name("the name of a batch", batch)


async def recognise_earlier(keys: Keys, ledger: Ledger, batch: str) -> None:
    """Have keys take in what the ledger has of a batch under keys of the first ledgers' time; before any is given."""
    async for item in ledger.keyed_earlier(batch):
        keys.recognise(item)


def check_followed(given: BatchRequest) -> None:
    """Raise an `InvalidRequestError` if a request follows an id that in a ledger is a job's own.

    The followup would change another video than the one that is meant.
    """
    if isinstance(given.follows, str) and job_of_parent(canonical_text(given.follows)) is not None:
        message = "An id that begins with 'job:' cannot be followed; give that request another id"
        raise InvalidRequestError((Problem("custom", message, ("follows",)),))


class LedgerBatch:
    """A batch of a ledger.

    Args:
        ledger: where its items are.
        name: the batch's name.
        now: gives the time as an aware datetime; signatures are held against it.
        lesson: awaited before the first request: it teaches the batch's schedule.
        account: who pays for the batch, and to whom it is sent.
        poll: asks for a job's state, once.
    """

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        *,
        account: Account,
        poll: Callable[[str], Awaitable[JobState]],
        now: Callable[[], datetime],
        lesson: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger, self._name = check_ledger(ledger, name)
        self._lesson = lesson
        self._account = account
        self._poll = poll
        self._refusal: NotSentError | None = None
        self._only_reads = False
        self._now = now

    async def intakes(self, requests: Requests) -> AsyncGenerator[Intake]:
        """Plan requests in the ledger, and give each with what the ledger knows of it.

        The first step raises a `LedgerAccountError` if the batch is another account's. A step raises a `LedgerError` if
        the ledger cannot be read or written.
        """
        await self.begin()
        at_once = 1 if isinstance(requests, AsyncIterable) else _AT_ONCE
        failure: Exception | None = None
        chunk: list[BatchRequest] = []
        keys = Keys()
        await recognise_earlier(keys, self._ledger, self._name)
        async with contextlib.aclosing(iterate(requests)) as source:
            while failure is None:
                try:
                    chunk.append(as_batch_request(await anext(source)))
                except Exception as error:  # noqa: BLE001  # the end, or the caller's own iterable, which is broken
                    failure = error
                if len(chunk) >= at_once or failure is not None:
                    for intake in await self._plan(chunk, keys):
                        yield intake
                    chunk = []
        # Only now, as all that came before the failure is a request like any other, and is made.
        if not isinstance(failure, StopAsyncIteration):
            raise failure

    async def open_intakes(self) -> AsyncGenerator[Intake]:
        """Give what is still open in the ledger: what is planned, under way, running or in doubt.

        The first step raises a `ConfigurationError` if there is no such batch, and else what `intakes` raises.
        """
        if not await self._ledger.counts(self._name):
            raise ConfigurationError(f"the ledger has no batch {self._name!r:.80}, so there is nothing to go on with")
        await self.begin()
        keys = Keys()
        self._only_reads = True
        async with contextlib.aclosing(self._ledger.items(self._name, states=_OPEN)) as items:
            async for item in items:
                if await self._is_given_up(item):
                    continue
                yield await self._intake_of(item, entry_of(item), keys)

    async def _is_given_up(self, item: Item) -> bool:
        """Whether an item is a single request without a key that was not sent: whoever asked for it was told, or died.

        They may have asked anew, without a key again, so that this one would be a second video of the same.
        """
        if item.state is not ItemState.PLANNED or not is_unnamed(item.key):
            return False
        history = await self._ledger.history(item)
        return not any(it.state is ItemState.PLANNED and (it.detail or "").startswith(BY_A_PERSON) for it in history)

    async def admit(self, given: BatchRequest, *, parent: str | None) -> Intake:
        """Plan one request in the ledger, and give it with what is known of it.

        Raises an `InvalidRequestError` for one that cannot be sent, and what `intakes` raises.
        """
        expired = self._check(given)
        await self._ledger.bind(self._name, self._account)  # each time, as another account may have taken it since
        entry = Entry(canonical_text(given.id) or "", given.request, metadata=given.metadata, parent=parent)
        [item] = await self._ledger.plan(self._name, [entry])
        if expired is not None and item.state is ItemState.PLANNED:
            raise expired
        return await self._intake_of(item, entry, Keys())

    async def take(self, item: Item) -> Intake:
        """Give an item that a queue has handed out with what is known of it, and of the job that it follows up.

        `begin` comes before it. Raises a `LedgerError` if the ledger cannot be read or written.
        """
        keys = Keys()
        return await self._find_parent(await self._intake_of(item, entry_of(item), keys), keys)

    async def begin(self) -> NotSentError | None:
        """Bind the batch to its account, and give the reason if nothing new of it is to be sent; see `intakes`."""
        is_bound = await self._ledger.bind(self._name, self._account)
        await self._lesson()
        self._refusal = await self._find_refusal(is_bound=is_bound)
        return self._refusal

    async def _find_refusal(self, *, is_bound: bool) -> NotSentError | None:
        """Ask after the newest jobs of earlier runs, and say why nothing new is sent if the service knows none of them.

        It takes three running ones; where nobody knows yet whose the batch is, any number. A job that has ended shows
        whose they are as well: the service may have forgotten those that ran.
        """
        running = await self._ledger.newest(self._name, ItemState.SUBMITTED, count=_UNKNOWN_ENOUGH)
        if not running or (is_bound and len(running) < _UNKNOWN_ENOUGH):
            return None
        asked = [*running, *await self._ledger.newest(self._name, ItemState.COMPLETED, count=_UNKNOWN_ENOUGH)]
        for item in asked:
            try:
                await self._poll(item.job_id or "")
            except JobNotFoundError:
                continue
            except MotionError:
                return None  # it says nothing of whose the jobs are
            return None
        return unknown_jobs(self._name, len(asked))

    async def _plan(self, chunk: Sequence[BatchRequest], keys: Keys) -> list[Intake]:
        # By their places, so that the refused ones come out among the others in the order in which all went in.
        found: dict[int, Intake] = {}
        entries: dict[int, Entry] = {}
        expired: dict[int, InvalidRequestError | None] = {}
        for place, given in enumerate(chunk):
            try:
                expired[place] = self._check(given)
                key = keys.of(given)
            except InvalidRequestError as error:
                found[place] = Intake(
                    given.request, key=known_by(given), metadata=given.metadata, settled=(None, error)
                )
                keys.refuse_invalid(given)
            else:
                parent = canonical_text(given.follows)
                entries[place] = Entry(key, given.request, metadata=given.metadata, parent=parent)
        items = await self._ledger.plan(self._name, list(entries.values())) if entries else []
        for (place, entry), item in zip(entries.items(), items, strict=True):
            found[place] = await self._intake_of(item, entry, keys)
            # What the service has taken is only watched: for that an old signature does no harm.
            if expired[place] is not None and item.state is ItemState.PLANNED:
                found[place] = attrs.evolve(found[place], settled=(None, expired[place]))
            if _is_refused(found[place]):
                keys.refuse(item.key)
        return [found[place] for place in range(len(chunk))]

    def _check(self, given: BatchRequest) -> InvalidRequestError | None:
        """Raise if a request is invalid; give the error of an expired signature, which matters if it was never sent."""
        check_followed(given)
        try:
            check_batch_request(given, now=self._now())
        except InvalidRequestError as error:
            if not all("expired_at" in problem.extra for problem in error.problems):
                raise
            return error
        return None

    async def _intake_of(self, item: Item, entry: Entry, keys: Keys) -> Intake:
        """Give a request with what its item says of it.

        An item that was sent with other content or another parent conflicts, however it stands.
        """
        if item.state is ItemState.INTENT:
            # Its owner may have died in the middle of sending: then it is uncertain.
            item = await self._ledger.refresh(item)
        intake = Intake(
            entry.request,
            key=item.key,
            metadata=entry.metadata,
            follows=item.parent,
            parent_job_id=job_of_parent(item.parent),
            journal=self._ledger.journal(item),
            look=partial(self._look, entry, keys),
        )
        if item.state is ItemState.PLANNED:
            return intake if self._refusal is None else attrs.evolve(intake, settled=(None, copy.copy(self._refusal)))
        if not has_content(item, entry.request) or item.parent != entry.parent:
            return attrs.evolve(intake, settled=(item.job_state, self._conflict_error(item)), job_id=item.job_id)
        if item.state is ItemState.INTENT:
            error = SentElsewhereError(item.batch, item.key, item.owner or "")
            return attrs.evolve(intake, settled=(None, error), parent_job_id=await find_parent_job(item, self._ledger))
        # A status comes from the service alone.
        intake = attrs.evolve(intake, job_id=item.job_id, was_accepted=item.status is not None)
        if item.state is ItemState.SUBMITTED:
            return attrs.evolve(intake, before=await self._find_end_before(item))
        return attrs.evolve(intake, settled=(item.job_state, await error_of(item, self._ledger)))

    async def _find_end_before(self, item: Item) -> JobState | None:
        """Give the end of the job that an item's followup found, or, where that is not kept any more, its parent's."""
        if item.parent is None:
            return None
        # With a status of an end it is the followup's own, noted by an earlier version just before it was killed.
        has_own_end = item.status is not None and item.status.is_terminal
        if item.job_state is not None and item.job_state.has_ended and not has_own_end:
            return item.job_state
        parent = await self._ledger.find(self._name, item.parent)
        return None if parent is None else parent.job_state

    async def _look(self, entry: Entry, keys: Keys) -> Intake:
        """Look at an item anew; if it is still to be sent, find the job that it follows up, or say why it can't be."""
        if self._only_reads:  # what somebody has planned since must not be written over with what was read before
            item = (await self._ledger.many(self._name, [entry.key]))[entry.key]
            entry = entry_of(item)
        else:
            [item] = await self._ledger.plan(self._name, [entry])  # gives an item that has been sent as it is
        intake = await self._intake_of(item, entry, keys)
        return await self._find_parent(intake, keys)

    async def _find_parent(self, intake: Intake, keys: Keys) -> Intake:
        """Give a followup that is to be sent with the job that it follows up, or with the reason why it is not sent."""
        if intake.follows is None or intake.job_id or intake.parent_job_id or intake.settled is not None:
            return intake
        parent = None if keys.has_refused(intake.follows) else await self._ledger.find(self._name, intake.follows)
        if parent is not None and parent.state is ItemState.INTENT:
            parent = await self._ledger.refresh(parent)
        if parent is None:
            error = parent_incomplete(intake.follows, "it is not in the batch, or was refused in this run")
        elif parent.state is ItemState.COMPLETED:
            return attrs.evolve(intake, parent_job_id=parent.job_id, parent_end=parent.job_state)
        elif parent.state is ItemState.FAILED:
            error = parent_failed(intake.follows)
        elif parent.state is ItemState.INTENT:
            error = parent_elsewhere(intake.follows)
        else:
            error = parent_incomplete(intake.follows, f"it is {parent.state}")
        return attrs.evolve(intake, settled=(None, error))

    def _conflict_error(self, item: Item) -> LedgerConflictError:
        return LedgerConflictError(
            f"item {item.key!r} of batch {item.batch!r} is {item.state} with another request, or as a followup to "
            "another one; give the new one another id or key",
            batch=item.batch,
            key=item.key,
            state=item.state,
            job_id=item.job_id,
        )


def _is_refused(intake: Intake) -> bool:
    return intake.settled is not None and isinstance(intake.settled[1], InvalidRequestError | LedgerConflictError)
