"""The moves that a person decides on: to give an item up, to have it planned again, or to take the video of another.

Pure, as all moves are. Their table is in `motion_async.ledger.transitions`.
"""

from __future__ import annotations

import attrs

from motion_async.ledger.items import Item, ItemState
from motion_async.ledger.transitions import BY_A_PERSON, HAS_JOB, TRANSITIONS, Applied, ItemRow, Move, Note

__all__ = ["Cancel", "Drop", "Reuse", "SendAgain", "TryAgain"]


@attrs.frozen
class _PersonsMove(Move):
    """A person decides what becomes of an item that has no job; the result is whether that could be."""

    has_happened = False

    def needs_confirmation(self, row: ItemRow) -> bool:  # noqa: ARG002  # it always does
        """Whether it reads it: it does."""
        return True

    def apply(self, row: ItemRow) -> Applied:
        """Do as the person says, unless the service has told of a job."""
        # A person's move takes the claim, unlike the claim of any sender, so that it knows itself if it is made again.
        if row.claim == self.op and row.state in TRANSITIONS[type(self).__name__].values():
            return True, None
        target = self._target(row.state)
        is_mistyped = row.state in HAS_JOB
        if target is None or (is_mistyped and row.job_confirmed):
            return False, None
        unseen = f"; job {row.job_id}, which a person had named, was never seen" if is_mistyped else ""
        row.change(at=self.at, state=target, claim=self.op, error=None, job_id=None, taken_at=None)
        return True, Note(target, detail=f"{BY_A_PERSON}{unseen}")


@attrs.frozen
class SendAgain(_PersonsMove):
    """A person says that no job was made, so that it is planned again; what was given up in doubt stays given up."""

    def apply(self, row: ItemRow) -> Applied:
        """Plan it again, unless it was given up after it may have been sent."""
        return (False, None) if row.state is ItemState.DROPPED and row.intent_at is not None else super().apply(row)


@attrs.frozen
class Drop(_PersonsMove):
    """A person gives it up."""


@attrs.frozen
class Cancel(_PersonsMove):
    """A person wants it no more; what may have been sent stays as it is."""

    def apply(self, row: ItemRow) -> Applied:
        """Give it up as one that nobody has begun, whatever was tried before: provably nothing came of that."""
        done, note = super().apply(row)
        if note is not None:
            row.intent_at = None
        return done, note


@attrs.frozen
class TryAgain(_PersonsMove):
    """A person wants a create whose job failed to be made anew: another try of the same item, with its history.

    The failed job's end stays in the row until the next job is known, so that late news of it are known as such. A
    followup cannot be tried again, as its job has failed for good.
    """

    def apply(self, row: ItemRow) -> Applied:
        """Plan the item again, if its job failed."""
        if row.claim == self.op and row.state is ItemState.PLANNED:
            return True, None
        target = self._target(row.state)
        if target is None or row.parent is not None:
            return False, None
        failed = row.job_id
        row.change(at=self.at, state=target, claim=self.op, error=None, job_id=None, taken_at=None)
        return True, Note(target, detail=f"{BY_A_PERSON}; job {failed} had failed")


@attrs.frozen
class Reuse(_PersonsMove):
    """A person takes the video of another item that asked for the same: nothing is sent, and both have the job."""

    made: Item

    def apply(self, row: ItemRow) -> Applied:
        """Give the item that job, as far as it has come, unless it was sent, or planned otherwise, in the meantime."""
        if row.claim == self.op and row.state in HAS_JOB:
            return True, None
        target = self._target(row.state)
        if target is None or not self._is_as_read(row):
            return False, None
        made = self.made
        row.change(
            at=self.at,
            state=TRANSITIONS["Complete"][target] if made.state is ItemState.COMPLETED else target,
            claim=self.op,
            job_id=made.job_id,
            taken_at=self.at,
            status=made.status,
            job_state=made.job_state,
            error=None,
        )
        return True, Note(row.state, made.status, made.job_id, f"{BY_A_PERSON}, from {made.key} of {made.batch}")
