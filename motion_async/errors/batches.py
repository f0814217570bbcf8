"""What keeps a request of a batch from being sent, and what is wrong with a ledger."""

from __future__ import annotations

from collections.abc import Iterable

from motion_async.errors.root import MotionError
from motion_async.redaction import redacted
from motion_async.showing import shown

__all__ = [
    "DroppedError",
    "LedgerAccountError",
    "LedgerConflictError",
    "LedgerError",
    "LedgerVersionError",
    "NotSentError",
    "SentElsewhereError",
]


class NotSentError(MotionError):
    """A batch did not come to this request: nothing was sent, nothing was paid.

    Args:
        reason: why; the error that stood in the way, if there was one, is the `__cause__`.
        advice: what to do next.
    """

    def __init__(self, reason: str, advice: str = "clear that up, then send it again") -> None:
        super().__init__(f"not sent: {shown(reason)}; {advice}")
        self.reason = redacted(reason)
        self.advice = advice


class DroppedError(NotSentError):
    """A person has given this request up in the ledger: nothing more is sent for it.

    Args:
        batch: its batch.
        key: its key within that.
    """

    def __init__(self, batch: str, key: str) -> None:
        reason = f"item {key!r} of batch {batch!r} was dropped by a person"
        super().__init__(reason, advice="give it another id to have it made after all")
        self.batch = batch
        self.key = key


class SentElsewhereError(NotSentError):
    """Another process, or another run in this one, is sending this request now: its result will be in the ledger.

    Args:
        batch: its batch.
        key: its key within that.
        owner: who sends it, as the ledger knows them.
    """

    def __init__(self, batch: str, key: str, owner: str) -> None:
        reason = f"another process or run is sending item {key!r} of batch {batch!r} now"
        advice = "its result will be in the ledger: run the same again to hear of it; for several processes use a fleet"
        super().__init__(reason, advice=advice)
        self.batch = batch
        self.key = key
        self.owner = owner


class LedgerError(MotionError):
    """The ledger cannot be opened, read or written.

    Args:
        message: what happened, to which ledger or item, and what to do next.
        job_ids: the ids that were to be written and are not on disk, each as batch, key and job id.
    """

    def __init__(self, message: str, job_ids: Iterable[Iterable[str]] = (), job_id: str | None = None) -> None:
        super().__init__(message, job_id)
        self.job_ids = tuple(map(tuple, job_ids))


class LedgerVersionError(LedgerError):
    """A newer version of the library has written the ledger: this one would misread it, so it stays untouched.

    Args:
        found: the version of the ledger.
        known: the newest version that this library knows.
    """

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the ledger has version {found}, and this motion-async knows versions up to {known}; upgrade motion-async"
        )
        self.found = found
        self.known = known


class LedgerConflictError(LedgerError):
    """What was asked of an item does not go with the state in which it stands.

    Args:
        message: what was asked, and what stands against it.
        batch: the item's batch.
        key: the item's key.
        state: the state in which it stands.
        job_id: the job of the item, where one is known.
    """

    def __init__(self, message: str, batch: str, key: str, state: str, job_id: str | None = None) -> None:
        super().__init__(message, job_id=job_id)
        self.batch = batch
        self.key = key
        self.state = state


class LedgerAccountError(LedgerError):
    """A batch was begun with another service or another key than the session's, so nothing is sent for it.

    `Ledger.adopt` has it go on with the next key, if the one that it was begun with was only replaced.

    Args:
        batch: the batch.
        bound_origin: the service that it was begun with.
        origin: the session's service; where it is the same, the key is another one.
    """

    def __init__(self, batch: str, bound_origin: str, origin: str) -> None:
        is_same_origin = bound_origin == origin
        other = (
            "with another API key" if is_same_origin else f"at {bound_origin}, and this session's service is {origin}"
        )
        replaced = "; if the key was only replaced, have the ledger adopt it, as `motion-async ledger adopt` does"
        super().__init__(
            f"nothing was sent: batch {batch!r} was begun {other}; give the batch another name, or use another ledger"
            f"{replaced if is_same_origin else ''}"
        )
        self.batch = batch
        self.bound_origin = bound_origin
        self.origin = origin
