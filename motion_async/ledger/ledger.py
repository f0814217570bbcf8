"""The ledger: what was planned, sent and seen of the requests of batches, kept so that it outlives any process.

Items come and go as values; a journal takes in what happens to one of them while it is sent and watched. It knows no
database and no SQL: the store under it reads and commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from motion_async.canonical import canonical_job_id
from motion_async.contract.validation import check_job_id
from motion_async.errors import ConfigurationError, LedgerConflictError, LedgerError
from motion_async.http.endpoint import read_origin
from motion_async.ledger.accounts import Account
from motion_async.ledger.batch_accounts import BatchAccounts
from motion_async.ledger.codec import check_name, write_metadata, write_request
from motion_async.ledger.decisions import Cancel, Drop, Reuse, SendAgain, TryAgain
from motion_async.ledger.items import Entry, Item, ItemState, content_digest
from motion_async.ledger.journal import LedgerJournal
from motion_async.ledger.legacy import has_content
from motion_async.ledger.outage import Outage
from motion_async.ledger.reading import ReadableLedger
from motion_async.ledger.tasks import start, wait_until_done
from motion_async.ledger.transitions import Accept, Expire, Move
from motion_async.ledger.writer import Writer
from motion_async.ledger.writes import Adopt, Plan, Planned
from motion_async.sending.journal import SendJournal

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store
else:
    Store = Any  # it takes the extra, and whoever asks for the types of a ledger at run time may not have that

__all__ = ["Ledger"]

_PLANNED_AT_ONCE: Final = 125


def _write_entry(entry: Entry) -> Planned:
    return Planned(
        check_name("the key of an item", entry.key),
        None if entry.parent is None else check_name("the parent of an item", entry.parent),
        write_request(entry.request),
        write_metadata(entry),
        content_digest(entry.request),
        entry.request,
    )


class Ledger(ReadableLedger):
    """The durable record of batches; `open_ledger` gives one.

    Every method that writes returns once its news is on disk. All of them raise a `LedgerError` if the database
    can't be reached within the patience that was given at the opening; nothing is half done then. Used in another event
    loop, thread or process than the one it was opened in, all of them raise a `WrongLoopError` at once.

    Attributes:
        owner: the name of this very object, by which the intents that it notes are known.
    """

    def __init__(self, store: Store, writer: Writer, outage: Outage) -> None:
        super().__init__(store, outage)
        self.owner = store.owner
        self._writer = writer
        self._accounts = BatchAccounts(store, writer, outage)

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

    async def bind(self, batch: str, account: Account) -> bool:
        """Have a batch be an account's, unless it is another's; before anything of it is sent or watched.

        A batch that was begun before ledgers kept that is bound as soon as the service has told of one of its jobs. If
        nothing was ever sent of a batch, any account may take it, unless another living process works on it.

        Args:
            batch: the batch's name.
            account: the service and the key of whoever goes on with it.

        Returns:
            Whether it is known to be the account's.

        Raises:
            LedgerAccountError: if it was begun with another service or another key.
            LedgerError: if the ledger could not be read or written.
        """
        self._check_writable()
        return await self._accounts.bind(check_name("the name of a batch", batch), account)

    async def adopt(self, batch: str, *, origin: str | None = None) -> None:
        """Say that the key of a batch was replaced by another one of the same account: that of the next run is it then.

        Args:
            batch: the batch's name.
            origin: where the service is now, such as `https://motion.example.com`, if that has changed as well.

        Raises:
            ConfigurationError: if the ledger does not know whose the batch is, or the origin is none.
            LedgerError: if the ledger could not be written.
        """
        self._check_writable()
        op, _ = self._writer.next_op()
        origin = None if origin is None else read_origin(origin)
        if not await self._writer.put(Adopt(op, check_name("the name of a batch", batch), origin)):
            raise ConfigurationError(
                f"the ledger {self._outage.where} has no batch {batch!r:.80} whose account it knows, so there is none "
                "to replace"
            )

    def journal(self, item: Item) -> SendJournal:
        """Give the journal of an item, which notes in the ledger what happens to it.

        Args:
            item: the item as it is to be sent: if it is planned with another content in the meantime, it may not.

        Raises:
            LedgerError: if the ledger is only read.
        """
        self._check_writable()
        return LedgerJournal(item, self._writer, self._store, self._accounts)

    async def refresh(self, item: Item) -> Item:
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
        if await self.is_alive(owner):
            return found
        op, at = self._writer.next_op()
        await self._writer.put(Expire(op, item, at, owner, claim))
        return (await self._read_again(item))[0]

    async def is_alive(self, owner: str) -> bool:
        """Say whether the ledger object of a name, as `Item.owner` has it, is open, in this process or another.

        Args:
            owner: the name.

        Raises:
            LedgerError: if that could not be found out.
        """
        return owner == self.owner or await self._read(self._store.probe_owner, owner)

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
        found = await self.refresh(item)
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

    async def cancel(self, items: Sequence[Item]) -> list[Item]:
        """Give up items of which nothing was sent; whoever is about to send one of them does not.

        Args:
            items: any items; those that are being sent, or were, stay as they are.

        Returns:
            Those that were given up.

        Raises:
            LedgerError: if it could not be written.
        """
        return await self._decide(Cancel, items)

    async def plan_again(self, items: Sequence[Item]) -> list[Item]:
        """Plan items again that were given up or refused, or whose sending a person knows to have made nothing.

        Args:
            items: any items; of one whose state does not allow it, nothing changes.

        Returns:
            Those that are planned now.

        Raises:
            LedgerError: if it could not be written.
        """
        return await self._decide(SendAgain, items)

    async def try_again(self, items: Sequence[Item]) -> list[Item]:
        """Plan creates again whose jobs have failed: each is paid for anew, as another try of the same item.

        Args:
            items: any items; of one whose job has not failed, or that is a followup, nothing changes.

        Returns:
            Those that are planned now.

        Raises:
            LedgerError: if it could not be written.
        """
        return await self._decide(TryAgain, items)

    async def reuse(self, batch: str, made: Sequence[tuple[Entry, Item]]) -> list[Item]:
        """Have entries be what other items have made of the same content: they get those jobs, and nothing is sent.

        What such a job has become stands in the item at once; one that still runs is waited for by the batch's next
        run. An item of which something was sent already, or for which another process has planned another content in
        the meantime, stays as it is: its `job_id` is not that of what was made. Should this be ended in the middle,
        entries may stay planned, and `resume` would send them; the same call made again gives them their jobs.

        Args:
            batch: the batch's name.
            made: each entry with an item that has a job, as `find_made` gives them.

        Returns:
            An item for each entry, in their order, as it stands then.

        Raises:
            ConfigurationError: if an item has no job, or not the content of its entry; or for a name or metadata that
                can't be kept.
            LedgerError: if it could not be written.
        """
        for entry, item in made:
            if item.job_id is None or item.parent is not None or not has_content(item, entry.request):
                raise ConfigurationError(
                    f"{item.key!r:.80} of batch {item.batch!r:.80} has no video of {entry.key!r:.80}"
                )
        items = await self.plan(batch, [entry for entry, _ in made])
        ops = [self._writer.next_op() for _ in items]
        moves = [Reuse(op, item, at, was) for (op, at), item, (_, was) in zip(ops, items, made, strict=True)]
        for written in list(map(self._writer.put, moves)):
            await written
        now = await self.numbered([item.id for item in items])
        return [now[item.id] for item in items]

    async def _decide(self, kind: type[Cancel | SendAgain | TryAgain], items: Sequence[Item]) -> list[Item]:
        self._check_writable()
        written = [self._writer.put(kind(op, item, at)) for item in items for op, at in [self._writer.next_op()]]
        return [item for item, done in zip(items, written, strict=True) if await done]

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
