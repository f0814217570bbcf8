"""A fleet, as a program holds it: what is enqueued anywhere is made by whichever workers there are.

It puts the ledger, the queue and the limits together. It must not send anything itself, nor decide what is sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from motion_async.batch.keys import Keys
from motion_async.batch.requests import Requests, as_batch_request, iterate, kind_of_single, known_by
from motion_async.batch.resume import check_followed, recognise_earlier
from motion_async.canonical import canonical_text
from motion_async.contract.validation import check_batch_request
from motion_async.errors import ConfigurationError, InvalidRequestError
from motion_async.fleet.connection import CHANNEL, FleetConnection
from motion_async.fleet.limits import FleetLimits, LimitsRow
from motion_async.fleet.queue import CHANGES, Queue, QueueCounts
from motion_async.fleet.worker import Worker
from motion_async.jobs import BatchRequest
from motion_async.ledger import Item, ItemState, Ledger, LedgerChange, LedgerTrouble, open_ledger
from motion_async.ledger.items import Entry, entry_of
from motion_async.options import check_clock, check_number, check_whole_number
from motion_async.problems import Problem

if TYPE_CHECKING:
    from motion_async.ledger.store.postgres import ServerStore
    from motion_async.session import MotionSession

__all__ = ["BatchProgress", "Fleet", "FleetStatus", "open_fleet"]

_PAUSED: Final = "somebody has paused it"
_OPEN: Final = (ItemState.PLANNED, ItemState.INTENT, ItemState.SUBMITTED)
"""The states of items of which workers may have more to do."""


@attrs.frozen
class FleetStatus:
    """How a fleet stands.

    Args:
        limits: what holds for all its workers.
        workers: how many workers have claimed something and live.
        queue: how many items are queued, claimed and held.
        batches: of each batch, how many items are in each state of the ledger.
    """

    limits: FleetLimits
    workers: int
    queue: QueueCounts
    batches: Mapping[str, Mapping[ItemState, int]]


@attrs.frozen
class BatchProgress:
    """How a batch stands in a fleet.

    Args:
        states: how many of its items are in each state of the ledger.
        queue: how many of them are queued, claimed and held.
    """

    states: Mapping[ItemState, int]
    queue: QueueCounts

    @property
    def is_at_rest(self) -> bool:
        """Whether no worker has anything of it to do any more, however its items have ended."""
        return not self.queue.waiting and not self.queue.claimed


class Fleet:
    """A fleet of workers on one PostgreSQL; `open_fleet` gives one.

    All methods raise a `LedgerError` if the database cannot be reached within the patience given at the opening.

    Attributes:
        ledger: the ledger in which all that the fleet makes is written down.
    """

    def __init__(
        self, ledger: Ledger, connection: FleetConnection, queue: Queue, row: LimitsRow, now: Callable[[], datetime]
    ) -> None:
        self.ledger = ledger
        self._now = now
        self._connection = connection
        self._queue = queue
        self._row = row
        self._is_working = False

    async def enqueue(self, batch: str, requests: Requests) -> list[Item]:
        """Have videos made by whichever workers there are; each request is planned and queued in one transaction.

        The same request is the same item, however often and from wherever it is enqueued: one that was given up, has
        ended or is under way stays as it is. No key of the service is needed here.

        Args:
            batch: the batch's name, 1 to 512 printable characters.
            requests: any iterable or async iterable of requests or prompts; all are read before the first is enqueued.
                One that follows another comes after it, here or in an earlier call.

        Returns:
            An item for each request, in their order.

        Raises:
            InvalidRequestError: if any of them breaks the contract; then none is enqueued. The first part of a
                problem's path is the place of its request, from 0.
            ConfigurationError: for a name or metadata that can't be kept.
            LedgerError: if it could not be written.
        """
        if (kind := kind_of_single(requests)) is not None:
            del requests  # a traceback with locals must not show signed URLs
            raise ConfigurationError(f"requests must be an iterable of requests, not {kind}; put a single in a list")
        async with aclosing(iterate(requests)) as given:
            entries = await self._check(batch, [as_batch_request(request) async for request in given])
        return await self.ledger.plan(batch, entries)

    async def _check(self, batch: str, requests: list[BatchRequest]) -> list[Entry]:
        """Give what is to be planned, or raise with all that is wrong."""
        keys = Keys()
        await recognise_earlier(keys, self.ledger, batch)
        entries: dict[int, Entry] = {}
        problems: list[Problem] = []
        for place, request in enumerate(requests):
            try:
                check_batch_request(request, now=self._now())
                check_followed(request)
                parent = canonical_text(request.follows)
                entries[place] = Entry(keys.of(request), request.request, metadata=request.metadata, parent=parent)
            except InvalidRequestError as error:
                problems += [attrs.evolve(it, path=(place, *it.path)) for it in error.problems]
        problems += await self._find_orphans(batch, requests, entries)
        if problems:
            raise InvalidRequestError(problems)
        return list(entries.values())

    async def _find_orphans(
        self, batch: str, requests: list[BatchRequest], entries: Mapping[int, Entry]
    ) -> list[Problem]:
        """Give what is wrong with requests that follow one which is neither before them nor in the batch."""
        known: set[str | None] = set()
        orphans: dict[int, str] = {}
        for place, request in enumerate(requests):
            entry = entries.get(place)
            if entry is not None and entry.parent is not None and entry.parent not in known:
                orphans[place] = entry.parent
            # That of one which is wrong itself, too: what follows it is not to blame.
            known.add(known_by(request) if entry is None else entry.key)
        planned = await self.ledger.many(batch, list(set(orphans.values()))) if orphans else {}
        return [
            Problem("custom", f"No request before this one has the id {parent!r:.200}", (place, "follows"))
            for place, parent in orphans.items()
            if parent not in planned
        ]

    async def changes(self, batch: str | None = None, *, after: int | None = None) -> AsyncGenerator[LedgerChange]:
        """Give what happens to the items of a batch, whoever works on them, in one order that is the same everywhere.

        Args:
            batch: of this batch; of all when None.
            after: the `position` of the last change that is known; from the first change when None.

        Yields:
            The changes, each within about a second; it never ends by itself.
        """
        async with aclosing(self.ledger.changes(after=after, batch=batch)) as changes:
            async for change in changes:
                yield change

    async def progress(self, batch: str) -> BatchProgress:
        """Tell how a batch stands.

        Args:
            batch: the batch's name.
        """
        # First: what ends in between has left the queue after its state is noted.
        queue = await self._queue.count(batch)
        return BatchProgress((await self.ledger.counts(batch)).get(batch, {}), queue)

    async def status(self) -> FleetStatus:
        """Tell how the fleet stands."""
        return FleetStatus(
            await self._row.read(),
            await self._queue.count_workers(),
            await self._queue.count(),
            await self.ledger.counts(),
        )

    async def work(self, motion: MotionSession, *, here: int = 100) -> None:
        """Make what is queued, in an open session, until the task is cancelled.

        Then nothing new is sent, exchanges under way are heard out within the session's `cancel_grace`, and what is not
        finished is given back: other workers have it at once, and watch what runs by its id.

        Args:
            motion: the session; its key pays, and its options hold here, below the fleet's limits.
            here: the most jobs at one time in this process, 1 to 10,000.

        Raises:
            AuthenticationError: if the service refuses the key; the fleet is paused then, until `resume`.
            PermissionDeniedError: likewise.
            ConnectImpossibleError: if this machine can never reach the service; other workers go on.
            LedgerError: if the database could not be reached for longer than the patience.
            SessionClosedError: if the session is left.
            ConfigurationError: for an option out of bounds, or if this object is at work already.
        """
        check_whole_number("here", here, low=1, high=10_000)
        if self._is_working:
            raise ConfigurationError("this fleet is at work already; open it once more for another session")
        self._is_working = True
        try:
            await Worker(self.ledger, self._connection, self._queue, self._row, motion, here).run()
        finally:
            self._is_working = False

    async def limit(self, **limits: Any) -> None:
        """Change what holds for all workers together, at once; what is not named stays.

        Args:
            limits: `max_active`, the most jobs at one time, 1 to 1,000,000, and `max_polls_per_second`, the most polls
                of all workers, 0.01 to 1,000,000, of which each living one has its share; None takes a limit back.

        Raises:
            ConfigurationError: for a limit that is not known, or out of bounds.
        """
        if unknown := set(limits) - {"max_active", "max_polls_per_second"}:
            raise ConfigurationError(f"a fleet has no limit {min(unknown)!r}")
        if limits:
            await self._row.write(**limits)

    async def pause(self, reason: str = _PAUSED) -> None:
        """Have no worker claim or send anything, until `resume`; what the service has taken is watched on.

        Args:
            reason: told to whoever asks why nothing is made.
        """
        await self._row.write(paused=reason.strip() or _PAUSED)

    async def resume(self) -> None:
        """Have the workers go on."""
        await self._row.write(paused=None)

    async def cancel(self, batch: str, keys: Collection[str] = ()) -> tuple[list[Item], list[Item]]:
        """Give up what was not sent; what the service has taken goes on there, and is paid for.

        Args:
            batch: the batch's name.
            keys: only these items; all when empty.

        Returns:
            The items that were given up, and those that go on.

        Raises:
            ConfigurationError: if there is no such batch or item.
        """
        items = await self._find(batch, keys, _OPEN)
        given_up = await self.ledger.cancel([item for item in items if item.state is ItemState.PLANNED])
        await self._queue.discard([item.id for item in given_up])
        numbers = {item.id for item in given_up}
        return given_up, [item for item in items if item.id not in numbers]

    async def retry(self, batch: str, keys: Collection[str] = (), *, failed: bool = False) -> list[Item]:
        """Queue again what is planned or under way and not queued, what workers hold, and what `cancel` gave up.

        What the service refused is queued again only if its key is named; what was given up in doubt is not, and what
        is in doubt is for `Ledger.resolve`.

        Args:
            batch: the batch's name.
            keys: only these items; all when empty.
            failed: whether creates whose jobs failed are made anew as well, and paid for; see `Ledger.try_again`.

        Returns:
            The items that are queued now, or will be once the one that they follow is finished.

        Raises:
            ConfigurationError: if there is no such batch or item.
        """
        given_up = await self._find(batch, keys, (ItemState.DROPPED, ItemState.REJECTED))
        await self.ledger.plan_again([it for it in given_up if keys or _was_cancelled(it)])
        if failed:
            await self.ledger.try_again(await self._find(batch, keys, (ItemState.FAILED,)))
        return await self.ledger.plan(batch, list(map(entry_of, await self._find(batch, keys, _OPEN))))

    async def _find(self, batch: str, keys: Collection[str], states: Collection[ItemState]) -> list[Item]:
        """Give the items of a batch that are in some states, or those of them that have one of some keys."""
        if not keys:
            if not await self.ledger.counts(batch):
                raise ConfigurationError(f"the fleet has no batch {batch!r:.80}")
            return [item async for item in self.ledger.items(batch, states=states)]
        found = await self.ledger.many(batch, list(keys))
        for key in keys:
            if canonical_text(key) not in found:
                raise ConfigurationError(f"batch {batch!r:.80} has no item {key!r:.80}")
        return [item for item in found.values() if item.state in states]


def _was_cancelled(item: Item) -> bool:
    """Whether an item was given up before anybody began to send it."""
    return item.state is ItemState.DROPPED and item.intent_at is None


@asynccontextmanager
async def open_fleet(
    url: str,
    *,
    heartbeat: float = 10.0,
    now: Callable[[], datetime] | None = None,
    patience: float = 60.0,
    on_trouble: Callable[[LedgerTrouble], object] | None = None,
) -> AsyncIterator[Fleet]:
    """Open a fleet, with `async with`; its tables are made if there are none.

    Args:
        url: `postgresql://user:password@host/database`, as `open_ledger` takes it.
        heartbeat: seconds after which other workers take over from one of this process that has died, 1 to 3,600.
        now: gives the time as an aware datetime; the system's clock when None.
        patience: see `open_ledger`.
        on_trouble: see `open_ledger`.

    Yields:
        The fleet.

    Raises:
        ConfigurationError: if the URL is no server's, an option cannot be used, or asyncpg is not installed.
        LedgerError: if the ledger cannot be opened, or at the end not be written to its last line.
    """
    check_number("heartbeat", heartbeat, low=1, high=3_600)
    if not url.startswith("postgres"):
        raise ConfigurationError("a fleet is on a PostgreSQL; its URL begins with postgresql://")
    now = check_clock("now", now or partial(datetime.now, UTC))
    async with open_ledger(url, now=now, patience=patience, on_trouble=on_trouble) as ledger:
        store = cast("ServerStore", ledger._store)  # noqa: SLF001  # a fleet is its ledger and a queue beside it
        connection = FleetConnection(store, ledger._outage, (CHANNEL, CHANGES))  # noqa: SLF001
        queue, row = Queue(connection, heartbeat=heartbeat), LimitsRow(connection)
        try:
            await queue.open()
            await row.open()
            store.enqueue = queue.enqueue_within
            yield Fleet(ledger, connection, queue, row, now)
        finally:
            await connection.aclose()
