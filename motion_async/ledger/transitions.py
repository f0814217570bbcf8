"""Which state of an item leads where, and what each move does to an item's row: the table, and the rules beside it.

`TRANSITIONS` and `BY_ID` are the specification; a move looks its target up there, and its `apply` has only the rules
that need more than the state. Whatever else depends on a state is derived from these tables.

Pure: no I/O, no clock, no database; times come with the moves, as they are written. Every move can be made twice:
if the answer of a commit was lost, the ledger commits the same moves again, and they give the same results.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeAlias

import attrs

from motion_async.jobs import JobState, JobStatus
from motion_async.ledger.codec import read_job_state, write_state
from motion_async.ledger.items import Item, ItemState
from motion_async.ledger.writes import Write

__all__ = [
    "BY_A_PERSON",
    "BY_ID",
    "ENDED",
    "EXPIRED",
    "HAS_JOB",
    "MOVES",
    "REPLACEABLE",
    "TRANSITIONS",
    "Accept",
    "Applied",
    "Claim",
    "Expire",
    "Finish",
    "ItemRow",
    "MarkUncertain",
    "Move",
    "Note",
    "RecordStatus",
    "Reject",
    "Release",
]

_S: Final = ItemState
_WITHOUT_JOB: Final = (_S.PLANNED, _S.INTENT, _S.UNCERTAIN, _S.REJECTED, _S.DROPPED)

TRANSITIONS: Final[Mapping[str, Mapping[ItemState, ItemState]]] = MappingProxyType(
    {
        # A sender claims an item before the first byte leaves. Where the answer to the commit was lost, the claim is
        # made again and finds itself; nothing was sent then, even if others have taken the sender for dead since.
        "Claim": {_S.PLANNED: _S.INTENT, _S.INTENT: _S.INTENT, _S.UNCERTAIN: _S.INTENT},
        # How a claim ends without a job; from `uncertain`, as its sender knows more than those who took it for dead.
        "Release": {_S.INTENT: _S.PLANNED, _S.UNCERTAIN: _S.PLANNED},
        "Reject": {_S.INTENT: _S.REJECTED, _S.UNCERTAIN: _S.REJECTED},
        "MarkUncertain": {_S.INTENT: _S.UNCERTAIN, _S.UNCERTAIN: _S.UNCERTAIN},
        "Expire": {_S.INTENT: _S.UNCERTAIN},
        # From `submitted` only to put an id right.
        "Accept": {_S.INTENT: _S.SUBMITTED, _S.UNCERTAIN: _S.SUBMITTED, _S.SUBMITTED: _S.SUBMITTED},
        "RecordStatus": {_S.SUBMITTED: _S.SUBMITTED},
        "Complete": {_S.SUBMITTED: _S.COMPLETED},
        "Fail": {_S.SUBMITTED: _S.FAILED},
        # From `submitted` only if its id is a person's, who may have mistyped it: the service never confirmed the job.
        "SendAgain": dict.fromkeys((_S.UNCERTAIN, _S.REJECTED, _S.DROPPED, _S.SUBMITTED), _S.PLANNED),
        "Drop": {_S.UNCERTAIN: _S.DROPPED, _S.SUBMITTED: _S.DROPPED},
        "Cancel": {_S.PLANNED: _S.DROPPED},
        "TryAgain": {_S.FAILED: _S.PLANNED},
        # With the job of another item that has the same content; on to `completed` at once if that is.
        "Reuse": dict.fromkeys((_S.PLANNED, _S.REJECTED), _S.SUBMITTED),
        # With other content. From `rejected` only if the content is another indeed.
        "Replan": {_S.PLANNED: _S.PLANNED, _S.REJECTED: _S.PLANNED},
    }
)
"""What each move makes of which state; it leaves the others as they are."""

BY_ID: Final[Mapping[str, Mapping[ItemState, ItemState]]] = MappingProxyType(
    {
        # The ledger never loses an id, so these moves lead on from states in which nobody expects one.
        "Accept": dict.fromkeys((_S.PLANNED, _S.REJECTED, _S.DROPPED), _S.SUBMITTED),
        # A job that has ended has an id, so it ends an item that was never told of that.
        "Complete": dict.fromkeys(_WITHOUT_JOB, _S.COMPLETED),
        "Fail": dict.fromkeys(_WITHOUT_JOB, _S.FAILED),
    }
)
"""What those moves make of the other states that bring the id of a job."""

MOVES: Final[Mapping[ItemState, frozenset[ItemState]]] = MappingProxyType(
    {
        state: frozenset(leads[state] for leads in TRANSITIONS.values() if state in leads) - {state}
        for state in ItemState
    }
)
"""Which state can follow which. Beside these, an id that becomes known makes any state without one `submitted`."""

_END_MOVES: Final = {JobStatus.COMPLETED: "Complete", JobStatus.FAILED: "Fail"}
ENDED: Final = frozenset(end for name in _END_MOVES.values() for end in TRANSITIONS[name].values())
"""The states in which the job has ended."""
HAS_JOB: Final = frozenset(TRANSITIONS["Accept"].values()) | ENDED
"""The states in which an item has the id of its job."""
REPLACEABLE: Final = frozenset(TRANSITIONS["Replan"])
"""The states in which nothing has come of a request, so that another may take its place."""
BY_A_PERSON: Final = "by a person"
"""How that begins what is said of a move that a person has decided on."""
EXPIRED: Final = "the process that was sending it ended before the answer was noted"
"""What is said of a claim whose owner was found dead."""


@attrs.define
class ItemRow:
    """What moves read and change of an item's row.

    Times are as they are written; the job's state becomes text when it is, as only the last of a group is written.
    `touched` tells whether a move has changed anything. `job_confirmed` tells whether the service may ever have told of
    a job of this item: whoever applies moves looks that up where a move needs it.
    """

    id: int
    digest: str
    parent: str | None
    state: ItemState
    owner: str | None
    claim: str | None
    intent_at: str | None
    taken_at: str | None
    job_id: str | None
    status: str | None
    job_state: JobState | str | None
    error: str | None
    changed_at: str
    touched: bool = False
    job_confirmed: bool = True

    def is_of_earlier_try(self, job_id: str | None) -> bool:
        """Whether a job is the one that failed before a person had this item tried again: news of it come too late."""
        if self.job_id is not None or self.job_state is None:
            return False
        failed = read_job_state(self.job_state) if isinstance(self.job_state, str) else self.job_state
        return failed is not None and failed.job_id == job_id

    def change(self, *, at: str, **fields: Any) -> None:
        """Change fields."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.changed_at = at
        self.touched = True


@attrs.frozen
class Note:
    """What a move leaves in the history of its item."""

    state: ItemState | None = None
    status: str | None = None
    job_id: str | None = None
    detail: str | None = None


Applied: TypeAlias = tuple[Any, Note | None]
"""The result for whoever made the move, and what goes into the history."""


@attrs.frozen
class Move(Write):
    """What happens to one item, as it was read, at a time as it is written."""

    item: Item
    at: str

    has_happened: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"item {self.item.key!r} of batch {self.item.batch!r}"

    def needs_confirmation(self, row: ItemRow) -> bool:  # noqa: ARG002  # most don't
        """Whether this move, or a later one of the same commit because of it, may read `ItemRow.job_confirmed`."""
        return False

    @abstractmethod
    def apply(self, row: ItemRow) -> Applied:
        """Make the move; a state that the table does not name for it stays."""

    def _target(self, state: ItemState) -> ItemState | None:
        name = type(self).__name__
        return TRANSITIONS[name].get(state) or BY_ID.get(name, {}).get(state)

    def _is_as_read(self, row: ItemRow) -> bool:
        """Whether the row asks for what the item did: another plan of its key may have come since it was read."""
        return (row.digest, row.parent) == (self.item.digest, self.item.parent)


@attrs.frozen
class Claim(Move):
    """Its owner is about to send it; the result is whether it may. The claim is the move's own `op`."""

    has_happened = False

    owner: str

    def apply(self, row: ItemRow) -> Applied:
        """Claim the item for the owner, if it is planned as it was read."""
        target = self._target(row.state)
        is_made_again = row.claim == self.op
        if target is None or not (is_made_again or (row.state is ItemState.PLANNED and self._is_as_read(row))):
            return False, None
        row.change(at=self.at, state=target, owner=self.owner, claim=self.op, intent_at=self.at, error=None)
        return True, Note(target, detail=self.owner)

    def undone(self) -> Release:
        """Give the move that undoes this one, if it should turn out to have been made."""
        return Release(f"{self.op}-undone", self.item, self.at, claim=self.op)


@attrs.frozen
class _EndOfClaim(Move):
    """A claim ended without a job."""

    claim: str | None
    error: str | None = None

    def _find_target(self, row: ItemRow) -> ItemState | None:
        """Give where it leads, if the row still has this claim."""
        return self._target(row.state) if self.claim is not None and row.claim == self.claim else None


@attrs.frozen
class Release(_EndOfClaim):
    """The service provably did not take it: it is planned again."""

    def apply(self, row: ItemRow) -> Applied:
        """Undo this claim."""
        target = self._find_target(row)
        if target is None:
            return None, None
        row.change(at=self.at, state=target, claim=None, error=self.error)
        return None, Note(target, detail=self.error)


@attrs.frozen
class Reject(Release):
    """The service refused its content: it is not sent again as it is."""


@attrs.frozen
class MarkUncertain(_EndOfClaim):
    """It was sent and the answer was lost."""

    def apply(self, row: ItemRow) -> Applied:
        """Make this claim uncertain; the words stay in the history in any case."""
        target = self._find_target(row)
        if target is not None:
            row.change(at=self.at, state=target, error=self.error)
        return None, Note(target, detail=self.error)


@attrs.frozen
class Expire(Move):
    """The owner of a claim was found dead."""

    has_happened = False

    owner: str | None
    claim: str | None

    def apply(self, row: ItemRow) -> Applied:
        """Make it uncertain, if it still is the same claim."""
        target = self._target(row.state)
        if target is None or (row.owner, row.claim) != (self.owner, self.claim):
            return None, None
        row.change(at=self.at, state=target, error=EXPIRED)
        return None, Note(target, detail=EXPIRED)


@attrs.frozen
class Accept(Move):
    """The id of its job is known, by the service's answer or by a person; the result is whether the item has it now.

    The item's first id stays if another comes, except that a person may put one in the place of another as long as
    that job has not ended, and that the service's takes the place of a person's, who may have mistyped it, as long as
    the service has told of no job of this item.
    """

    job_id: str  # type: ignore[misc]  # of this kind each has its own
    status: str | None = None
    by: Literal["service", "person"] = "service"
    found: JobState | None = None
    """Of a followup, the state of its job that it found."""

    def needs_confirmation(self, row: ItemRow) -> bool:
        """Whether the row has another id already, or may have one of a person's by this move."""
        return self.by == "person" or row.job_id not in (None, self.job_id)

    def apply(self, row: ItemRow) -> Applied:
        """Write the id, whatever the state."""
        known = row.job_id
        has_job = row.state in HAS_JOB
        if row.is_of_earlier_try(self.job_id):
            return False, None
        if known == self.job_id and has_job:
            return True, Note(job_id=known, status=self.status, detail=self._explain(None))
        target = self._target(row.state)
        # A person's takes the place of any other, unless it did so before and the service's has followed it since; the
        # service's takes that of a person's until the service has told of a job.
        outranks = row.claim != self.op if self.by == "person" else not row.job_confirmed
        if target is None or (has_job and known is not None and not outranks):
            return False, Note(None, self.status, self.job_id, f"a second job; the item keeps {known}")
        row.change(
            at=self.at,
            state=target,
            # A person's move takes the claim, so that it knows itself if it is made again after the service's.
            claim=row.claim if self.by == "service" else self.op,
            job_id=self.job_id,
            taken_at=self.at,
            status=self.status,
            job_state=self.found,
            error=None,
        )
        return True, Note(target, self.status, self.job_id, self._explain(known))

    def _explain(self, known: str | None) -> str | None:
        if self.by == "service":
            return f"instead of {known}, which a person had named and the service had never told of" if known else None
        return "named by a person" + (f" instead of {known}" if known else "")


@attrs.frozen
class RecordStatus(Move):
    """Its job changed."""

    about: str
    status: str
    job_state: JobState

    def apply(self, row: ItemRow) -> Applied:
        """Keep the status, unless it is of another job, comes after the end, or is one: that is for `Finish` to keep.

        Until then, and if that is never written, the row has the end that a followup found, and not the followup's own.
        """
        if row.job_id == self.about and self._target(row.state) is not None and not self.job_state.has_ended:
            row.change(at=self.at, status=self.status, job_state=self.job_state)
        return None, Note(None, self.status, self.about)


@attrs.frozen
class Finish(Move):
    """The watch of its job ended, with the job or before it; the result is another end that stands, if one does."""

    about: str | None
    status: str | None
    job_state: JobState | None
    error: str | None

    def apply(self, row: ItemRow) -> Applied:
        """End the item if its job has ended, else note what ended the watch."""
        if self.about is not None and self.about != row.job_id and row.state in HAS_JOB:
            return None, Note(None, self.status, self.about, self.error)
        if row.is_of_earlier_try(self.about):
            return None, None
        if row.state in ENDED:
            return self._find_other_end(row.job_state), None
        target = self._target(row.state)
        if target is not None:
            new_id = {} if row.state in HAS_JOB else {"taken_at": self.at, "job_id": self.about}
            fields = {"status": self.status, "job_state": self.job_state, "error": self.error, **new_id}
            row.change(at=self.at, state=target, **fields)
            return None, Note(target, self.status, self.about, self.error)
        if row.state not in HAS_JOB:
            return None, None
        told = {} if self.about is None else {"status": self.status, "job_state": self.job_state}
        row.change(at=self.at, error=self.error, **told)
        return None, Note(None, self.status, row.job_id, self.error)

    def _target(self, state: ItemState) -> ItemState | None:
        """Give where the job's status leads, None while it still runs or is not known."""
        end = None if self.job_state is None else self.job_state.end
        if end is None:
            return None
        name = _END_MOVES[end]
        return {**TRANSITIONS[name], **BY_ID[name]}.get(state)

    def _find_other_end(self, kept: JobState | str | None) -> JobState | None:
        """Give the end that stands, unless it is this one, made again, or nothing is known of this one's job."""
        if self.about is None or kept == (write_state(self.job_state) if isinstance(kept, str) else self.job_state):
            return None
        return read_job_state(kept) if isinstance(kept, str) else kept
