"""The ledger: what was planned, sent and seen of the requests of batches, kept so that it outlives any process.

Items come and go as values; a journal takes in what happens to one of them while it is sent and watched. It knows no
database and no SQL: the store under it reads and commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from motion_async.canonical import canonical_job_id, canonical_text
from motion_async.contract.validation import check_job_id
from motion_async.errors import ConfigurationError, LedgerConflictError, LedgerError
from motion_async.ledger.codec import check_name, write_metadata, write_request
from motion_async.ledger.items import Entry, History, Item, ItemState, content_digest
from motion_async.ledger.journal import LedgerJournal
from motion_async.ledger.outage import Outage
from motion_async.ledger.plans import Plan, Planned
from motion_async.ledger.tasks import start, wait_until_done
from motion_async.ledger.transitions import Accept, Drop, Expire, Move, SendAgain
from motion_async.ledger.writer import Writer
from motion_async.loops import HomeLoop
from motion_async.sending.journal import SendJournal

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from motion_async.ledger.store.base import Store

__all__ = ["Ledger"]

_PAGE: Final = 500
_PLANNED_AT_ONCE: Final = 125

_T = TypeVar("_T")


def _write_entry(entry: Entry) -> Planned:
    return Planned(
        check_name("the key of an item", entry.key),
        None if entry.parent is None else check_name("the parent of an item", entry.parent),
        write_request(entry.request),
        write_metadata(entry),
        content_digest(entry.request),
        entry.request,
    )


class Ledger:
    """The durable record of batches; `open_ledger` gives one.

    Every method that writes returns once its news is on disk. All of them raise a `LedgerError` if the database
    can't be reached within the patience that was given at the opening; nothing is half done then. Used in another event
    loop, thread or process than the one it was opened in, all of them raise a `WrongLoopError` at once.

    Attributes:
        owner: the name of this very object, by which the intents that it notes are known.
    """

    def __init__(self, store: Store, writer: Writer, outage: Outage) -> None:
        self.owner = store.owner
        self._home = HomeLoop("the ledger")
        self._store = store
        self._writer = writer
        self._outage = outage
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Ledger {self._outage.where}, owner {self.owner}>"

    @property
    def unwritten(self) -> tuple[tuple[str, str, str], ...]:
        """The ids that the ledger was told of and that are not known to be on disk: batch, key and job id of each."""
        return self._writer.unwritten_ids

    async def plan(self, batch: str, entries: Sequence[Entry]) -> list[Item]:
        """Plan items, or find those that are there by their keys.

        An item that is still planned takes over the request, metadata and parent that are given now, for its
        URLs are signed more freshly. So does a rejected one, if the content is another: it is planned anew. Any
        other is given as it is.

        Args:
            batch: the batch's name, 1 to 512 printable characters.
            entries: what is to be planned; it takes several transactions if there are many.

        Returns:
            An item for each entry, in their order.

        Raises:
            ConfigurationError: for a name or metadata that can't be kept.
            LedgerError: if it could not be written.
        """
        self._check_writable()
        batch = check_name("the name of a batch", batch)
        written: list[asyncio.Future[list[Item]]] = []
        for first in range(0, len(entries), _PLANNED_AT_ONCE):
            planned = tuple(map(_write_entry, entries[first : first + _PLANNED_AT_ONCE]))
            op, at = self._writer.next_op()
            written.append(self._writer.put(Plan(op, batch, planned, at)))
            await asyncio.sleep(0)  # polls are due in the meantime
        return [item for items in written for item in await items]

    def journal(self, item: Item) -> SendJournal:
        """Give the journal of an item, which notes in the ledger what happens to it.

        Args:
            item: the item as it is to be sent: if it is planned with another content in the meantime, it may not.

        Raises:
            LedgerError: if the ledger is only read.
        """
        self._check_writable()
        return LedgerJournal(item, self._writer, self._store)

    async def find(self, batch: str, key: str) -> Item | None:
        """Give an item, None if there is none.

        Args:
            batch: the batch's name.
            key: the item's key.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return (await self.many(batch, [key])).get(canonical_text(key))

    async def many(self, batch: str, keys: Sequence[str]) -> dict[str, Item]:
        """Give the items of a batch that have one of some keys, each by the key that the item has.

        Args:
            batch: the batch's name.
            keys: any number, in whatever form of Unicode.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        names = list(map(canonical_text, keys))
        return await self._retry(lambda: self._store.queries.find_by_keys(canonical_text(batch), names))

    async def settled(self, item: Item) -> Item:
        """Read an item again; an intent whose owner is dead becomes uncertain.

        Args:
            item: the item as it was read before.

        Returns:
            The item. If its state is `intent`, its owner is alive, or is this ledger.

        Raises:
            LedgerError: if the ledger could not be read or written, or does not have the item.
        """
        found, claim = await self._read_again(item)
        owner = found.owner
        if found.state is not ItemState.INTENT or owner is None or owner == self.owner or self._store.is_read_only:
            return found
        if await self._retry(lambda: self._store.probe_owner(owner)):
            return found
        op, at = self._writer.next_op()
        await self._writer.put(Expire(op, item, at, owner, claim))
        return (await self._read_again(item))[0]

    async def items(self, batch: str | None = None, *, states: Collection[ItemState] = ()) -> AsyncIterator[Item]:
        """Give items in the order in which they were planned, a page at a time, however many there are.

        Args:
            batch: of this batch; of all when None.
            states: in one of these states; in any when empty.

        Yields:
            The items, each as it stood when its page was read.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        read = partial(self._store.queries.read_page, canonical_text(batch), tuple(states))
        async with aclosing(self._pages(read)) as found:
            async for item in found:
                yield item

    async def keyed_earlier(self, batch: str) -> AsyncIterator[Item]:
        """Give the items of a batch whose keys may be of the first ledgers' time; see `motion_async.ledger.earlier`.

        Args:
            batch: the batch's name.

        Yields:
            The items, in the order in which they were planned.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        async with aclosing(self._pages(partial(self._store.queries.read_earlier, canonical_text(batch)))) as found:
            async for item in found:
                yield item

    async def _pages(self, read: Callable[..., Awaitable[list[Item]]]) -> AsyncGenerator[Item]:
        after = 0
        while True:
            page = await self._retry(partial(read, after=after, most=_PAGE))
            for item in page:
                yield item
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def of_job(self, job_id: str) -> list[Item]:
        """Give the items that have one job, in the order in which they were planned: a request and its followups.

        All items are looked through, so this is for a person's question, and not for each of many.

        Args:
            job_id: the job's id.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._retry(lambda: self._store.queries.find_by_job(canonical_job_id(job_id)))

    async def history(self, item: Item) -> list[History]:
        """Give what happened to an item, in order.

        Args:
            item: the item.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._retry(lambda: self._store.queries.read_history(item))

    async def counts(self, batch: str | None = None) -> dict[str, dict[ItemState, int]]:
        """Give how many items of each batch are in each state; what there is none of is not there.

        Args:
            batch: of this batch; of all when None.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._retry(lambda: self._store.queries.count(canonical_text(batch)))

    async def durations(self, limit: int = 1_000) -> list[tuple[float, int]]:
        """Give how long the newest finished jobs took, for a schedule to learn from.

        Jobs that waited for a person are left out. A create is timed by the service, from `created_at`; a followup
        from the moment at which its answer was noted here. Where that cannot be, as the service's times run faster or
        slower than this clock, both are what this clock says: from the answer to when the end was first noted.

        Args:
            limit: how many to give at most.

        Returns:
            Pairs of seconds and turn, 0 for a create and 1 for a followup; the newest last, as it should weigh most.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._retry(lambda: self._store.queries.read_durations(limit))

    async def resolve(
        self, item: Item, *, job_id: str | None = None, send_again: bool = False, drop: bool = False
    ) -> Item:
        """Do with an uncertain item what a person says; exactly one of the three.

        An item whose job only a person has named, as `job_id` here, can be sent again or dropped like an uncertain
        one until the service has told of a job of it: the id may have been mistyped. Until then the service's own id
        takes its place, too, should it be told after all.

        Args:
            item: the item.
            job_id: the id of its job, which the person has found. It is written in any state, and takes the place
                of another id as long as the job of that one has not ended.
            send_again: whether no job was made, so that it is to be sent again. A rejected item may be, too.
            drop: whether to give it up.

        Returns:
            The item as it stands then.

        Raises:
            ConfigurationError: if not exactly one of the three is given.
            InvalidRequestError: if the id cannot be one.
            LedgerConflictError: if the item's state does not allow it.
            LedgerError: if the ledger could not be read or written.
        """
        if (job_id is not None) + send_again + drop != 1:
            raise ConfigurationError("an item is resolved by exactly one of job_id, send_again and drop")
        self._check_writable()
        found = await self.settled(item)
        op, at = self._writer.next_op()
        move: Move = SendAgain(op, item, at) if send_again else Drop(op, item, at)
        what = "sent again" if send_again else "dropped"
        if job_id is not None:
            check_job_id(job_id := canonical_job_id(job_id))
            move = Accept(op, item, at, job_id, by="person")
            what = f"given job {job_id}, which is noted in its history"
        done = await self._writer.put(move)
        found = (await self._read_again(item))[0]
        if not done:
            raise LedgerConflictError(
                f"item {item.key!r} of batch {item.batch!r} cannot be {what}: it is {found.state}"
                + (f", as job {found.job_id}" if found.job_id else ""),
                batch=item.batch,
                key=item.key,
                state=found.state.value,
                job_id=found.job_id,
            )
        return found

    async def aclose(self) -> None:
        """Write all that waits, and let go of the database; a second call does nothing.

        Raises:
            LedgerError: if something could not be written; it names every id that is not on disk.
        """
        self._home.check()
        if self._closing is None:
            self._closing = start(self._close(), name="motion_async.ledger.close")
            # A cancellation of the caller must not cost the last notes; they take no longer than a few seconds.
            await wait_until_done(self._closing)
            self._closing.result()
        else:
            await asyncio.wait([self._closing])

    def _check_writable(self) -> None:
        self._home.check()
        if self._store.is_read_only:
            raise LedgerError(
                f"the ledger {self._outage.where} was opened for reading only; to write it, open it without that"
            )

    async def _close(self) -> None:
        try:
            await self._writer.aclose()
        finally:
            await self._store.aclose()

    async def _read_again(self, item: Item) -> tuple[Item, str | None]:
        found = await self._retry(lambda: self._store.queries.find_item(item.id))
        if found is None:
            raise LedgerError(
                f"the ledger {self._outage.where} has no item {item.key!r} of batch {item.batch!r} any more"
            )
        return found

    async def _retry(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        self._home.check()
        if self._closing is not None:
            raise LedgerError(f"the ledger {self._outage.where} has been closed")
        return await self._outage.retry(attempt)
