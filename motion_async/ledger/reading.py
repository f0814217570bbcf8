"""What can be asked of a ledger: its items, what happened to them, and how they stand.

It must not write anything, and knows no SQL: the store under it reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from motion_async.canonical import canonical_job_id, canonical_text
from motion_async.errors import LedgerError
from motion_async.jobs import VideoRequest
from motion_async.ledger.accounts import Account
from motion_async.ledger.codec import write_time
from motion_async.ledger.items import History, Item, ItemState, LedgerChange, content_digest
from motion_async.ledger.legacy import has_content
from motion_async.ledger.outage import Outage
from motion_async.loops import HomeLoop
from motion_async.options import check_number, check_whole_number

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Horizon, Store

__all__ = ["ReadableLedger"]

_PAGE: Final = 500

_T = TypeVar("_T")


class ReadableLedger:
    """The questions that a ledger answers; see `Ledger`."""

    def __init__(self, store: Store, outage: Outage) -> None:
        self._home = HomeLoop("the ledger")
        self._store = store
        self._outage = outage
        self._closing: asyncio.Task[None] | None = None

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
        return await self._read(self._store.queries.find_by_keys, canonical_text(batch), names)

    async def numbered(self, numbers: Sequence[int]) -> dict[int, Item]:
        """Give the items of some numbers, each by its number.

        Args:
            numbers: any of `Item.id`.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return {item.id: item for item in await self._read(self._store.queries.find_by_numbers, numbers)}

    async def items(self, batch: str | None = None, *, states: Collection[ItemState] = ()) -> AsyncGenerator[Item]:
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

    async def newest_first(
        self, batch: str | None = None, *, states: Collection[ItemState] = (), since: datetime | None = None
    ) -> AsyncGenerator[Item]:
        """Give items from the one that was planned last to the first, a page at a time; take as many as you need.

        Args:
            batch: of this batch; of all when None.
            states: in one of these states; in any when empty.
            since: only what was begun to be sent, or, if nothing was, planned, at or after this aware datetime.

        Yields:
            The items, each as it stood when its page was read.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        read = partial(self._store.queries.read_back, canonical_text(batch), tuple(states))
        moment = None if since is None else write_time(since)
        before: int | None = None
        while True:
            page = await self._read(read, moment, before=before, most=_PAGE)
            for item in page:
                yield item
            if len(page) < _PAGE:
                return
            before = page[-1].id

    async def newest(self, batch: str, state: ItemState, *, count: int) -> list[Item]:
        """Give the items of a batch in a state that were planned last, the newest first.

        Args:
            batch: the batch's name.
            state: the state.
            count: how many to give at most.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._read(self._store.queries.read_newest, canonical_text(batch), state, count)

    async def keyed_earlier(self, batch: str) -> AsyncGenerator[Item]:
        """Give the items of a batch whose keys may be of the first ledgers' time; see `motion_async.ledger.legacy`.

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
            page = await self._read(read, after=after, most=_PAGE)
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
        return await self._read(self._store.queries.find_by_job, canonical_job_id(job_id))

    async def find_made(self, request: VideoRequest, *, account: Account | None = None) -> list[Item]:
        """Give the creates with the same content that have made a video or may have, whatever their batch or id.

        Ask it before you pay for something that was made before. Signatures of URLs do not count, see
        `content_digest`; followups are left out, as the same words make another video of another job.

        Args:
            request: what is asked for.
            account: whose batches count, such as a session's `account`: what was tried in a sandbox is none of the real
                service's. All when None. A batch of which the ledger does not know whose it is counts in any case.

        Returns:
            Items that are completed, running, being sent or uncertain, in the order in which they were planned.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        [made] = await self.find_made_of([request], account=account)
        return made

    async def find_made_of(self, requests: Sequence[VideoRequest], *, account: Account | None) -> list[list[Item]]:
        """Give for each of some requests, at most a few hundred, what `find_made` gives, by fewer questions.

        Args:
            requests: what is asked for.
            account: see `find_made`.

        Returns:
            The items of each, in the order of the requests.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        digests = list(map(content_digest, requests))
        made: dict[int, Item] = {}
        for some in (digests, None):
            async with aclosing(self._pages(partial(self._store.queries.read_made, some))) as found:
                made |= {item.id: item async for item in found}
        if account is not None:
            theirs = {batch: await self._may_be_of(batch, account) for batch in {it.batch for it in made.values()}}
            made = {number: item for number, item in made.items() if theirs[item.batch]}
        return [[made[number] for number in sorted(made) if has_content(made[number], it)] for it in requests]

    async def jobs_followed(self) -> set[str]:
        """Give the ids of the jobs of which any followup was planned: their videos are not what was asked for at first.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._read(self._store.queries.find_followed)

    async def jobs_shared(self) -> dict[str, list[str]]:
        """Give the ids of the jobs that requests of several batches have, by `reuse`, each with these batches.

        A followup of one of them changes the video of the others, too.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._read(self._store.queries.find_shared)

    async def _may_be_of(self, batch: str, account: Account) -> bool:
        """Whether a batch is an account's, or may be, as the ledger does not know whose it is."""
        found = await self._read(self._store.queries.find_binding, batch)
        return found is None or found.is_of(account) or (found.fingerprint is None and found.origin == account.origin)

    async def history(self, item: Item) -> list[History]:
        """Give what happened to an item, in order.

        Args:
            item: the item.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._read(self._store.queries.read_history, item)

    async def changes(
        self, *, after: int | None = None, batch: str | None = None, interval: float = 1.0
    ) -> AsyncGenerator[LedgerChange]:
        """Give every change that is written, by whatever process, in the order of their positions; it never ends.

        What is only planned has not changed yet.

        Args:
            after: the position of the last change that is known; from the first change when None.
            batch: of this batch; of all when None.
            interval: seconds between two looks at the ledger, 0.01 to 3,600.

        Yields:
            The changes, within about an interval of their being written. On a server a change waits for all
            transactions that had begun before it, so that none is passed over.

        Raises:
            ConfigurationError: for an option out of bounds.
            LedgerError: if the ledger could not be read, or has been closed.
        """
        check_number("interval", interval, low=0.01, high=3_600)
        if after is not None:
            check_whole_number("after", after, low=0, high=(1 << 63) - 1)
        read, position = self._store.queries.read_changes, after or 0
        seen: Horizon | None = None
        while True:
            horizon = await self._read(self._store.read_horizon)
            seen = seen or horizon
            if horizon.oldest_running >= seen.next_to_begin:
                up_to, seen = seen.newest, None
                while page := await self._read(read, canonical_text(batch), after=position, up_to=up_to, most=_PAGE):
                    for change in page:
                        yield change
                    position = page[-1].position
                position = max(position, up_to)
            await asyncio.sleep(interval)

    async def counts(self, batch: str | None = None) -> dict[str, dict[ItemState, int]]:
        """Give how many items of each batch are in each state; what there is none of is not there.

        Args:
            batch: of this batch; of all when None.

        Raises:
            LedgerError: if the ledger could not be read.
        """
        return await self._read(self._store.queries.count, canonical_text(batch))

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
        return await self._read(self._store.queries.read_durations, limit)

    async def _read_again(self, item: Item) -> tuple[Item, str | None]:
        found = await self._read(self._store.queries.find_item, item.id)
        if found is None:
            raise LedgerError(
                f"the ledger {self._outage.where} has no item {item.key!r} of batch {item.batch!r} any more"
            )
        return found

    async def _read(self, query: Callable[..., Awaitable[_T]], *args: Any, **options: Any) -> _T:
        """Ask the database, again while it cannot be reached."""
        self._home.check()
        if self._closing is not None:
            raise LedgerError(f"the ledger {self._outage.where} has been closed")
        return await self._outage.retry(partial(query, *args, **options))
