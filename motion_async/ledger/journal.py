"""The journal of one item while it is sent and watched: what the rest of the library tells becomes moves.

It decides nothing and waits for nothing: each method puts a move into the writer at once, and gives what it gave.
"""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

from motion_async.errors import InvalidRequestError, MotionError, UncertainError
from motion_async.jobs import JobState, StatusChange
from motion_async.ledger.batch_accounts import BatchAccounts
from motion_async.ledger.codec import make_storable, write_error
from motion_async.ledger.items import Item
from motion_async.ledger.transitions import Accept, Claim, Finish, MarkUncertain, RecordStatus, Reject, Release
from motion_async.ledger.writer import Writer

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store

__all__ = ["LedgerJournal"]


class LedgerJournal:
    """Makes a move of each thing that a `SendJournal` is told of an item."""

    def __init__(self, item: Item, writer: Writer, store: Store, accounts: BatchAccounts) -> None:
        self._item = item
        self._writer = writer
        self._store = store
        self._accounts = accounts
        self._claim: str | None = None
        self._claimed_in = 0
        self._found: JobState | None = None

    def found(self, before: JobState) -> None:
        """Keep the state that a followup finds for the note of its id."""
        self._found = before

    def begin(self) -> Future[bool]:
        """Claim the item."""
        op, at = self._writer.next_op()
        self._claim, self._claimed_in = op, self._store.lock_generation
        return self._writer.put(Claim(op, self._item, at, self._writer.owner))

    def still_owned(self) -> bool:
        """Say whether no other process can have taken the claim for a dead owner's."""
        return self._claimed_in == self._store.lock_generation

    def released(self, error: MotionError | None) -> Future[None]:
        """Note that the claim came to nothing."""
        op, at = self._writer.next_op()
        move = Reject if isinstance(error, InvalidRequestError) else Release
        return self._writer.put(move(op, self._item, at, self._claim, write_error(error)))

    def unknown(self, error: UncertainError) -> Future[None]:
        """Note that the answer was lost."""
        op, at = self._writer.next_op()
        return self._writer.put(MarkUncertain(op, self._item, at, self._claim, write_error(error)))

    def accepted(self, accepted: JobState) -> Future[None]:
        """Note the id."""
        self._accounts.confirm(self._item.batch)
        op, at = self._writer.next_op()
        # Not the answer: beside id and status it says nothing. An end that stood before must not be taken for its own.
        job_id, status = make_storable(accepted.job_id), make_storable(str(accepted.status))
        return self._writer.put(Accept(op, self._item, at, job_id, status, found=self._found))

    def changed(self, change: StatusChange) -> None:
        """Note a change."""
        self._accounts.confirm(self._item.batch)
        op, at = self._writer.next_op()
        job_id, status = make_storable(change.job_id), make_storable(str(change.current))
        self._writer.put(RecordStatus(op, self._item, at, job_id, status, change.state))

    def ended(self, state: JobState | None, error: MotionError | None) -> Future[JobState | None]:
        """Note how the watch ended."""
        op, at = self._writer.next_op()
        words = write_error(error)
        if state is None:
            return self._writer.put(Finish(op, self._item, at, None, None, None, words))
        self._accounts.confirm(self._item.batch)
        return self._writer.put(
            Finish(op, self._item, at, make_storable(state.job_id), make_storable(str(state.status)), state, words)
        )
