"""A worker: claims rows, makes or watches what their items ask for by one long-lived run, and gives back what is left.

Whether an item may be sent is the ledger's word, asked for each claim. This module must not send, poll or write rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Any, Final

import anyio
import attrs

from motion_async.batch.requests import Intake
from motion_async.batch.resume import LedgerBatch
from motion_async.batch.runner import FanOut
from motion_async.errors import (
    AuthenticationError,
    ConnectImpossibleError,
    DroppedError,
    InputRequiredError,
    InvalidRequestError,
    JobFailedError,
    LedgerAccountError,
    LedgerError,
    MotionError,
    NotSentError,
    PermissionDeniedError,
    SentElsewhereError,
    SessionClosedError,
    UncertainError,
)
from motion_async.fleet.connection import FleetConnection, News
from motion_async.fleet.limits import FleetLimits, LimitsRow
from motion_async.fleet.queue import Claim, Queue
from motion_async.fleet.refusals import SharedRefusals
from motion_async.jobs import Outcome
from motion_async.ledger import Item, ItemState, Ledger
from motion_async.ledger.items import entry_of
from motion_async.session import MotionSession

__all__ = ["Worker"]

_AT_ONCE: Final = 100
_GATHERING: Final = 0.05
"""Seconds in which ends are gathered, so that many of them are one statement."""
_LAST_STATEMENT: Final = 2.0
"""Seconds that a worker which ends has to give its claims back; after them they are taken from it as from the dead."""
_ELSEWHERE: Final = 5.0
_WITH_A_PERSON: Final = 60.0
_NOT_MINE: Final = 60.0
"""Seconds until what another process is sending, what waits for a person, and what this worker may not make is looked
at again, by whichever worker."""
_REFUSES_KEY = (AuthenticationError, PermissionDeniedError)
_ENDS_WORK = (*_REFUSES_KEY, ConnectImpossibleError, LedgerError, SessionClosedError)
"""After one of these this worker can make nothing more."""

_log = logging.getLogger(__package__)


@attrs.frozen
class _Held:
    """A claim whose item is made or watched here."""

    claim: Claim
    item: Item
    intake: Intake


class Worker:
    """Works for a fleet in one session, on at most `here` items at a time."""

    def __init__(
        self,
        ledger: Ledger,
        connection: FleetConnection,
        queue: Queue,
        row: LimitsRow,
        motion: MotionSession,
        here: int,
    ) -> None:
        self._ledger = ledger
        self._connection = connection
        self._queue = queue
        self._row = row
        self._motion = motion
        self._client = motion._open()  # noqa: SLF001  # a fleet's run is one of the session's
        self._schedule = motion._find_schedule(None)  # noqa: SLF001
        self._refusals = SharedRefusals(connection, motion, by=str(queue.worker))
        self._here = here
        self._limits = FleetLimits()
        self._held: dict[int, _Held] = {}
        self._index = 0
        self._batches: dict[str, LedgerBatch] = {}
        self._rows: defaultdict[str | float, list[int]] = defaultdict(list)
        """The rows that are done with, by what is to be done with them; a number is of seconds."""
        self._has_ends = asyncio.Event()
        self._has_claims = asyncio.Event()
        self._is_stale = asyncio.Event()

    async def run(self) -> None:
        """Work until the task is cancelled, or nothing more can be made here; then give all claims back."""
        self._connection.hear = self._hear
        await self._tend()
        outcomes = self._motion._take_from(  # noqa: SLF001
            self._take_claims(), here=self._here, check=self._check, schedule=self._schedule
        )
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_claims, outcomes)
                tasks.start_soon(self._refusals.tell)
                tasks.start_soon(self._end_rows)
                async with outcomes:  # what is sent when this is left is heard out within the session's grace
                    async for outcome in outcomes:
                        await self._settle(outcome)
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        finally:
            self._connection.hear = lambda _: None
            self._client.limit_polls(None)
            await self._give_all_back()

    # What comes in.

    async def _take_claims(self) -> AsyncGenerator[Intake]:
        """Claim rows as long as there is room, and give what the ledger knows of their items."""
        while True:
            claims = await self._claim()
            items = await self._ledger.numbered([claim.number for claim in claims])
            for claim in claims:
                item = items.get(claim.number)
                if item is None:
                    self._let_row_go(claim.row, "finish")
                elif (intake := await self._find_intake(claim, item)) is not None:
                    self._held[self._index] = _Held(claim, item, intake)
                    self._index += 1  # as the run counts what it pulls
                    yield intake

    async def _claim(self) -> list[Claim]:
        """Wait for rows, and claim them; those of the dead are looked for a few times in a heartbeat.

        Nobody tells of those that were given back for a while either: they are looked for as often as they may be due.
        """
        every = min(self._queue.heartbeat / 4, _ELSEWHERE)
        while True:
            room = self._here - len(self._held)
            self._has_claims.clear()
            if room > 0 and self._limits.paused is None:
                claims = await self._queue.claim(min(room, _AT_ONCE), cap=self._limits.max_active)
                if claims and not self._held:
                    await self._connection.notify(kind="workers")  # the others have a smaller share from here on
                if claims:
                    return claims
            try:
                async with asyncio.timeout(every):
                    await self._has_claims.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHERING)  # what is queued or freed at the same time is claimed together

    async def _find_intake(self, claim: Claim, item: Item) -> Intake | None:
        """Give what is known of an item, None if this worker cannot work on it now."""
        try:
            batch = await self._find_batch(item.batch)
            intake = await batch.take(item)
        except (LedgerAccountError, NotSentError) as error:
            _log.error("item %r of batch %r is left to other workers: %s", item.key, item.batch, error)
            self._let_row_go(claim.row, _NOT_MINE)
            return None
        except MotionError:
            raise
        except Exception:  # noqa: BLE001  # unforeseen: it must not end one worker after the other
            _log.exception("item %r of batch %r could not be taken up, and is held", item.key, item.batch)
            self._let_row_go(claim.row, "hold")
            return None
        if intake.settled is not None and isinstance(intake.settled[1], SentElsewhereError):
            self._let_row_go(claim.row, _ELSEWHERE)
            return None
        return intake

    async def _find_batch(self, name: str) -> LedgerBatch:
        if name not in self._batches:
            batch = self._motion._kept_batch(self._ledger, name, schedule=self._schedule)  # noqa: SLF001
            if (refusal := await batch.begin()) is not None:
                raise refusal
            self._batches[name] = batch
        return self._batches[name]

    def _check(self) -> None:
        """Raise if a request must not be sent now, as the fleet is paused."""
        if self._limits.paused is not None:
            raise NotSentError(f"the fleet is paused: {self._limits.paused}", advice="resume it")

    # What comes out.

    async def _settle(self, outcome: Outcome) -> None:
        """Do with a row what its outcome asks for, or raise what ends this worker."""
        held = self._held.pop(outcome.index, None)
        if held is None:
            return  # another worker has it
        error, row = outcome.error, held.claim.row
        if isinstance(error, _ENDS_WORK):
            self._let_row_go(row, 0.0)
            if isinstance(error, _REFUSES_KEY):
                await self._row.write(paused=f"the service refused a worker's key: {error}")
            raise error
        if error is not None:
            _log.log(
                logging.INFO if isinstance(error, InputRequiredError) else logging.WARNING,
                "item %r of batch %r: %s",
                held.item.key,
                held.item.batch,
                error,
                extra={"job_id": outcome.job_id},
            )
        if error is not None and _is_for_a_person(held, error):
            await self._leave_to_a_person(held, error)
        else:
            self._let_row_go(row, _find_end(held, error))

    async def _leave_to_a_person(self, held: _Held, error: MotionError) -> None:
        """Take a row out of the queue, and note why in the ledger, where whoever has enqueued its item reads."""
        await self._queue.finish([held.claim.row])
        self._has_claims.set()
        journal, was_given_up = held.intake.journal, isinstance(error, DroppedError)
        if journal is not None and not was_given_up and await journal.begin():
            await journal.released(NotSentError(str(error)))
        # Whoever has planned it anew before the row had gone found that there, so that nothing was queued.
        item = (await self._ledger.numbered([held.item.id])).get(held.item.id)
        if item is not None and item.state is ItemState.PLANNED and (was_given_up or item.request != held.item.request):
            await self._ledger.plan(item.batch, [entry_of(item)])

    def _let_row_go(self, row: int, end: str | float) -> None:
        self._rows[end].append(row)
        self._has_ends.set()
        self._has_claims.set()  # there is room for another

    async def _end_rows(self) -> None:
        while True:
            await self._has_ends.wait()
            await asyncio.sleep(_GATHERING)
            self._has_ends.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._rows:
            end, rows = self._rows.popitem()
            try:
                if end == "finish":
                    await self._queue.finish(rows)
                elif end == "hold":
                    await self._queue.hold(rows)
                else:
                    await self._queue.give_back(rows, after=float(end))
            except BaseException:
                self._rows[end] += rows
                raise

    async def _give_all_back(self) -> None:
        """Give back what is claimed, so that others have it at once and not after a heartbeat."""
        self._held.clear()
        with anyio.move_on_after(_LAST_STATEMENT, shield=True):
            try:
                await self._flush()
                await self._queue.give_all_back()
            except LedgerError as error:
                _log.warning("claims could not be given back, so others take them after a heartbeat: %s", error)

    # What holds for all.

    def _hear(self, news: News) -> None:
        """Take in what was notified; without anything the connection was made anew, and anything may have changed."""
        if not news or news.get("kind") in ("limits", "workers"):
            self._is_stale.set()
        self._refusals.hear(news)
        self._has_claims.set()

    async def _keep_claims(self, outcomes: FanOut) -> None:
        """Extend the claims again and again, let go of those that others have taken, and keep to the limits."""
        while True:
            try:
                async with asyncio.timeout(self._queue.heartbeat / 4):
                    await self._is_stale.wait()
            except TimeoutError:
                pass
            before = dict(self._held)
            await self._tend()
            for index in await self._find_lost(before):
                # One that is just being sent is heard out first: its id is this worker's to write down.
                if index in self._held and outcomes.let_go(index):
                    held = self._held.pop(index)
                    _log.info("item %r of batch %r has another worker now", held.item.key, held.item.batch)
                    self._has_claims.set()  # there is room for another

    async def _find_lost(self, held: dict[int, _Held]) -> list[int]:
        if not held:
            return []
        kept = await self._queue.extend([one.claim.row for one in held.values()])
        return [index for index, one in held.items() if one.claim.row not in kept]

    async def _tend(self) -> None:
        """Read the limits, and poll no faster than this worker's share."""
        self._is_stale.clear()
        before = self._limits
        self._limits = await self._row.read()
        if (polls := self._limits.max_polls_per_second) is not None:
            workers = await self._queue.count_workers()
            self._client.limit_polls(polls / max(workers, 1))
        else:
            self._client.limit_polls(None)
        if self._limits != before:
            self._client.gate.recheck()
            self._has_claims.set()


def _find_end(held: _Held, error: MotionError | None) -> str | float:
    """Say what is done with the row of an outcome; a number is of seconds after which it is claimed again."""
    if held.intake.settled is not None or error is None:
        return "finish"
    if isinstance(error, JobFailedError | UncertainError):
        return "finish"  # the ledger says so
    if isinstance(error, InputRequiredError):
        return _WITH_A_PERSON
    return _ELSEWHERE if isinstance(error, NotSentError) else "hold"


def _is_for_a_person(held: _Held, error: MotionError) -> bool:
    """Whether a request was not sent for a reason that no waiting mends."""
    is_settled = held.intake.settled is not None
    return isinstance(error, InvalidRequestError | DroppedError) or (is_settled and type(error) is NotSentError)


def _first_of(group: BaseExceptionGroup[Any]) -> BaseException:
    """Give the first error of a group, however deep it lies."""
    first: BaseException = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
