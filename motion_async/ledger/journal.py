"""The record of one item while it is sent and watched: what the rest of the library tells becomes moves.

It decides nothing and waits for nothing: each method puts a move into the writer at once, and gives what it gave.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Any, Final, Protocol

from motion_async.errors import InvalidRequestError, MotionError, UncertainError
from motion_async.jobs import JobState, JobStatus, StatusChange
from motion_async.ledger.codec import storable, write_error
from motion_async.ledger.items import Item, ItemState
from motion_async.ledger.transitions import End, Intend, Lose, Move, Observe, Take, Withdraw

__all__ = ["ItemRecord", "Marks"]

_ENDS: Final = {JobStatus.COMPLETED: ItemState.COMPLETED, JobStatus.FAILED: ItemState.FAILED}


class Marks(Protocol):
    """Gives what every move bears."""

    owner: str

    @property
    def lives(self) -> int:
        """How often the owner may have been taken for dead."""
        ...

    def mark(self) -> tuple[str, str]:
        """Give a name that no move has had, and the time as it is written."""
        ...


class ItemRecord:
    """Implements `motion_async.sending.journal.Record` for an item.

    Args:
        item: the item.
        put: takes moves in.
        marks: names them.
    """

    def __init__(self, item: Item, put: Callable[[Move], Future[Any]], marks: Marks) -> None:
        self._item = item
        self._put = put
        self._marks = marks
        self._claim: str | None = None
        self._life = 0
        self._found: JobState | None = None

    def found(self, before: JobState) -> None:
        """Keep the state that a followup finds for the note of its id; see `Record.found`."""
        self._found = before

    def sending(self) -> Future[bool]:
        """Note an intent; see `Record.sending`."""
        op, at = self._marks.mark()
        self._claim, self._life = op, self._marks.lives
        return self._put(Intend(op, self._item, at, self._marks.owner))

    def holds(self) -> bool:
        """Say whether nobody can have taken the intent for a dead owner's; see `Record.holds`."""
        return self._life == self._marks.lives

    def not_taken(self, error: MotionError | None) -> Future[None]:
        """Note that the intent came to nothing; see `Record.not_taken`."""
        op, at = self._marks.mark()
        rejected = isinstance(error, InvalidRequestError)
        return self._put(Withdraw(op, self._item, at, self._claim, write_error(error), rejected))

    def lost(self, error: UncertainError) -> Future[None]:
        """Note that the answer was lost; see `Record.lost`."""
        op, at = self._marks.mark()
        return self._put(Lose(op, self._item, at, self._claim, write_error(error) or ""))

    def taken(self, accepted: JobState) -> Future[None]:
        """Note the id; see `Record.taken`."""
        op, at = self._marks.mark()
        # Not the answer: beside id and status it says nothing. An end that stood before must not be taken for its own.
        job_id, status = storable(accepted.job_id), storable(str(accepted.status))
        return self._put(Take(op, self._item, at, job_id, status, found=self._found))

    def changed(self, change: StatusChange) -> None:
        """Note a change; see `Record.changed`."""
        op, at = self._marks.mark()
        self._put(Observe(op, self._item, at, storable(change.job_id), storable(str(change.current)), change.state))

    def ended(self, state: JobState | None, error: MotionError | None) -> Future[JobState | None]:
        """Note how the watch ended; see `Record.ended`."""
        op, at = self._marks.mark()
        words = write_error(error)
        if state is None:
            return self._put(End(op, self._item, at, None, None, None, words, None))
        about = storable(state.job_id)
        status = storable(str(state.status))
        return self._put(End(op, self._item, at, about, status, state, words, _ENDS.get(state.status)))
