"""Which state of an item can follow which, and what can happen to an item, each as a value that says what it does.

Pure: no I/O, no clock, no database; times come with the moves, as they are written. Every move can be made twice:
after a commit whose answer was lost nobody knows whether it was made, so it is made again, and gives the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

import attrs

from motion_async.jobs import JobState
from motion_async.ledger.codec import read_job_state, write_state
from motion_async.ledger.items import Item, ItemState

__all__ = [
    "MOVES",
    "PRESUMED",
    "Drop",
    "End",
    "Intend",
    "Lose",
    "Move",
    "Note",
    "Observe",
    "Presume",
    "SendAgain",
    "Standing",
    "Take",
    "Withdraw",
]

MOVES: Final[Mapping[ItemState, frozenset[ItemState]]] = MappingProxyType(
    {
        ItemState.PLANNED: frozenset({ItemState.INTENT}),
        ItemState.INTENT: frozenset({ItemState.SUBMITTED, ItemState.PLANNED, ItemState.REJECTED, ItemState.UNCERTAIN}),
        ItemState.UNCERTAIN: frozenset(
            {
                ItemState.SUBMITTED,
                ItemState.PLANNED,
                ItemState.DROPPED,
                # By its own sender, whom others took for dead while its answer was under way:
                ItemState.INTENT,
                ItemState.REJECTED,
            }
        ),
        ItemState.SUBMITTED: frozenset(
            {
                ItemState.COMPLETED,
                ItemState.FAILED,
                # If its id is a person's, who may have mistyped it, and nobody has ever seen a job of this item:
                ItemState.PLANNED,
                ItemState.DROPPED,
            }
        ),
        ItemState.COMPLETED: frozenset(),
        ItemState.FAILED: frozenset(),
        ItemState.REJECTED: frozenset({ItemState.PLANNED}),
        ItemState.DROPPED: frozenset(),
    }
)
"""Which state can follow which. Beside these, an id that becomes known makes any state without one `submitted`."""

PRESUMED: Final = "the process that was sending it ended before the answer was noted"
"""What is said of an intent whose owner was found dead."""
_SETTLED: Final = frozenset({ItemState.SUBMITTED, ItemState.COMPLETED, ItemState.FAILED})
"""The states in which an item has the id of its job."""
_ENDED: Final = frozenset({ItemState.COMPLETED, ItemState.FAILED})


@attrs.define
class Standing:
    """Where an item stands: what moves read and change.

    Times are as they are written; the job's state becomes text when it is, as only the last of a group is written.
    `touched` tells whether a move has changed anything, `is_seen` whether the service may ever have told of a job of
    this item: it has to be looked up where a move asks for it.
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
    is_seen: bool = True

    def move(self, state: ItemState, *, at: str, by_id: bool = False, **changes: Any) -> None:
        """Move to a state.

        Raises:
            AssertionError: if the table of moves does not have it.
        """
        if state is not self.state and not by_id and state not in MOVES[self.state]:
            raise AssertionError(f"no move from {self.state} to {state}")
        self.state = state
        self.note(at=at, **changes)

    def note(self, *, at: str, **changes: Any) -> None:
        """Change fields without a move."""
        for name, value in changes.items():
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


_Outcome = tuple[Any, Note | None]


@attrs.frozen
class Move(ABC):
    """What happens to one item.

    Args:
        op: unlike any other, so that nothing is in the history twice.
        item: the item as it was read.
        at: when, as it is written.
    """

    op: str
    item: Item
    at: str

    fact: ClassVar[bool] = False
    """Whether it has happened already, so that it is written however late; else it is given up when it is late."""
    weight: ClassVar[int] = 1
    """How much work it is to write."""
    job_id: ClassVar[str | None] = None
    """The id that would be lost with this move."""

    def asks_whether_seen(self, standing: Standing) -> bool:  # noqa: ARG002  # most don't
        """Whether it reads `Standing.is_seen`, or a later move of the same commit may read it because of this one."""
        return False

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"item {self.item.key!r} of batch {self.item.batch!r}"

    @abstractmethod
    def apply(self, standing: Standing) -> _Outcome:
        """Do it.

        Returns:
            The result for whoever asked, and what goes into the history.
        """


@attrs.frozen
class Intend(Move):
    """Its owner is about to send it; the result is whether it may. The claim is the move's own `op`."""

    owner: str

    def apply(self, standing: Standing) -> _Outcome:
        """Take the item if it is planned, or if this very move has taken it already; see `Move.apply`."""
        again = standing.claim == self.op and standing.state in (ItemState.INTENT, ItemState.UNCERTAIN)
        # Another content or parent under the same key is another's plan, made since this one was read.
        is_mine = (standing.digest, standing.parent) == (self.item.digest, self.item.parent)
        if not again and (standing.state is not ItemState.PLANNED or not is_mine):
            return False, None
        # Nothing is sent before this move is known to be kept, so one found uncertain has still not been sent.
        standing.move(ItemState.INTENT, at=self.at, owner=self.owner, claim=self.op, intent_at=self.at, error=None)
        return True, Note(ItemState.INTENT, detail=self.owner)

    def undone(self) -> Withdraw:
        """Give the move that undoes this one, if it should turn out to have been made."""
        return Withdraw(f"{self.op}-undone", self.item, self.at, claim=self.op)


@attrs.frozen
class Withdraw(Move):
    """It was provably not taken: it is planned again, or rejected for good."""

    fact = True

    claim: str | None
    error: str | None = None
    rejected: bool = False

    def apply(self, standing: Standing) -> _Outcome:
        """Undo the intent of this claim; see `Move.apply`."""
        if self.claim is None or standing.claim != self.claim:
            return None, None
        if standing.state not in (ItemState.INTENT, ItemState.UNCERTAIN):
            return None, None
        state = ItemState.REJECTED if self.rejected else ItemState.PLANNED
        standing.move(state, at=self.at, claim=None, error=self.error)
        return None, Note(state, detail=self.error)


@attrs.frozen
class Lose(Move):
    """It was sent and the answer was lost."""

    fact = True

    claim: str | None
    error: str

    def apply(self, standing: Standing) -> _Outcome:
        """Make the intent of this claim uncertain; see `Move.apply`."""
        mine = self.claim is not None and standing.claim == self.claim
        if mine and standing.state in (ItemState.INTENT, ItemState.UNCERTAIN):
            standing.move(ItemState.UNCERTAIN, at=self.at, error=self.error)
            return None, Note(ItemState.UNCERTAIN, detail=self.error)
        return None, Note(detail=self.error)


@attrs.frozen
class Take(Move):
    """The id of its job is known: by the service's answer, or by a person.

    The result is whether the item has this id now. Its first id stays if another comes, except that a person may put
    one in the place of another as long as that job has not ended, and that the service's takes the place of a
    person's, who may have mistyped it, as long as the service has told of no job of this item.
    """

    fact = True

    job_id: str  # type: ignore[misc]  # of this kind each has its own
    status: str | None = None
    by: Literal["service", "person"] = "service"
    found: JobState | None = None
    """Of a followup, the state of its job that it found."""

    def asks_whether_seen(self, standing: Standing) -> bool:
        """Whether there is another id already, or may be one of a person's by this move; see `Move`."""
        return self.by == "person" or standing.job_id not in (None, self.job_id)

    def apply(self, standing: Standing) -> _Outcome:
        """Write the id, whatever the state; see `Move.apply`."""
        known = standing.job_id
        if known == self.job_id and standing.state in _SETTLED:
            return True, Note(job_id=known, status=self.status, detail=self._words(None))
        if known is None or standing.state not in _SETTLED or self._outranks(standing):
            # The person's own move has taken the claim: made again after the service has put it right, it knows itself.
            claim = standing.claim if self.by == "service" else self.op
            standing.move(
                ItemState.SUBMITTED,
                at=self.at,
                by_id=True,
                claim=claim,
                job_id=self.job_id,
                taken_at=self.at,
                status=self.status,
                job_state=self.found,
                error=None,
            )
            return True, Note(ItemState.SUBMITTED, self.status, self.job_id, self._words(known))
        return False, Note(None, self.status, self.job_id, f"a second job; the item keeps {known}")

    def _outranks(self, standing: Standing) -> bool:
        """Whether this id takes the place of the other one that the item has."""
        if standing.state in _ENDED:
            return False
        return standing.claim != self.op if self.by == "person" else not standing.is_seen

    def _words(self, known: str | None) -> str | None:
        if self.by == "service":
            return f"instead of {known}, which a person had named and the service had never told of" if known else None
        return "named by a person" + (f" instead of {known}" if known else "")


@attrs.frozen
class Observe(Move):
    """Its job changed."""

    fact = True

    about: str
    status: str
    job_state: JobState

    def apply(self, standing: Standing) -> _Outcome:
        """Keep the status, unless it is of another job or comes after the end; see `Move.apply`."""
        if standing.job_id == self.about and standing.state is ItemState.SUBMITTED:
            standing.note(at=self.at, status=self.status, job_state=self.job_state)
        return None, Note(None, self.status, self.about)


@attrs.frozen
class End(Move):
    """The watch of its job ended: with the job, or before it; the result is another end that stands, if one does."""

    fact = True

    about: str | None
    status: str | None
    job_state: JobState | None
    error: str | None
    to: ItemState | None
    """Where the job's status leads: completed, failed, or None while it still runs."""

    def apply(self, standing: Standing) -> _Outcome:
        """End the item if its job has ended, else note what ended the watch; see `Move.apply`."""
        if self.about is not None and self.about != standing.job_id and standing.state in _SETTLED:
            return None, Note(None, self.status, self.about, self.error)
        if standing.state in _ENDED:
            return self._instead(standing.job_state), None
        if self.to is not None:
            # A job that has ended has an id, so it may end an item that was never told of it.
            new_id = {"taken_at": self.at, "job_id": self.about} if standing.state is not ItemState.SUBMITTED else {}
            standing.move(
                self.to,
                at=self.at,
                by_id=bool(new_id),
                status=self.status,
                job_state=self.job_state,
                error=self.error,
                **new_id,
            )
            return None, Note(self.to, self.status, self.about, self.error)
        if standing.state is not ItemState.SUBMITTED:
            return None, None
        seen = {} if self.about is None else {"status": self.status, "job_state": self.job_state}
        standing.note(at=self.at, error=self.error, **seen)
        return None, Note(None, self.status, standing.job_id, self.error)

    def _instead(self, stands: JobState | str | None) -> JobState | None:
        """Give the end that stands, unless it is this one, made again, or nothing is known of this one's job."""
        if self.about is None or stands == (write_state(self.job_state) if isinstance(stands, str) else self.job_state):
            return None
        return read_job_state(stands) if isinstance(stands, str) else stands


@attrs.frozen
class Presume(Move):
    """The owner of an intent was found dead."""

    owner: str | None
    claim: str | None

    def apply(self, standing: Standing) -> _Outcome:
        """Make it uncertain if it still is the same intent; see `Move.apply`."""
        same = (standing.owner, standing.claim) == (self.owner, self.claim)
        if standing.state is not ItemState.INTENT or not same:
            return None, None
        standing.move(ItemState.UNCERTAIN, at=self.at, error=PRESUMED)
        return None, Note(ItemState.UNCERTAIN, detail=PRESUMED)


@attrs.frozen
class SendAgain(Move):
    """A person says that no job was made, so that it is planned again; the result is whether it could be."""

    def asks_whether_seen(self, standing: Standing) -> bool:  # noqa: ARG002  # it always does
        """Whether it reads it; see `Move.asks_whether_seen`."""
        return True

    def apply(self, standing: Standing) -> _Outcome:
        """Plan it again; see `Move.apply`."""
        return _by_person(self, standing, ItemState.PLANNED, (ItemState.UNCERTAIN, ItemState.REJECTED))


@attrs.frozen
class Drop(Move):
    """A person gives it up; the result is whether that could be."""

    def asks_whether_seen(self, standing: Standing) -> bool:  # noqa: ARG002  # it always does
        """Whether it reads it; see `Move.asks_whether_seen`."""
        return True

    def apply(self, standing: Standing) -> _Outcome:
        """Drop it; see `Move.apply`."""
        return _by_person(self, standing, ItemState.DROPPED, (ItemState.UNCERTAIN,))


def _by_person(move: Move, standing: Standing, to: ItemState, sources: tuple[ItemState, ...]) -> _Outcome:
    # The person's own move has taken the claim, unlike the claim of any sender: made again, it knows itself.
    if standing.state is to and standing.claim == move.op:
        return True, None
    mistyped = standing.state is ItemState.SUBMITTED and not standing.is_seen
    if standing.state not in sources and not mistyped:
        return False, None
    unseen = f"; job {standing.job_id}, which a person had named, was never seen" if mistyped else ""
    standing.move(to, at=move.at, claim=move.op, error=None, job_id=None, taken_at=None)
    return True, Note(to, detail=f"by a person{unseen}")
