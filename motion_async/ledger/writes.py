"""The writes of a ledger but for the moves of its items: plans, the accounts of batches, and the owner's lock.

Pure: no I/O, no clock, no database; times come as they are written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import attrs

from motion_async.jobs import VideoRequest

__all__ = ["Adopt", "Bind", "Plan", "Planned", "Reconnect", "Write"]


@attrs.frozen
class Write(ABC):
    """One thing to write; `op` is unlike that of any other, so that nothing is in the history twice."""

    op: str

    has_happened: ClassVar[bool] = False
    """Whether the ledger writes it however late; else the ledger gives it up when nobody waits any more."""
    job_id: ClassVar[str | None] = None
    """The id that would be lost with it."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What it is about, in words."""


@attrs.frozen
class Planned:
    """An entry of a plan as it is written; `request` is what `body` was made of."""

    key: str
    parent: str | None
    body: str
    metadata: str | None
    digest: str
    request: VideoRequest


@attrs.frozen
class Plan(Write):
    """What is to be planned in a batch; the result is an item for each entry, in their order."""

    batch: str
    entries: tuple[Planned, ...]
    at: str

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"a plan of batch {self.batch!r}"


@attrs.frozen
class Reconnect(Write):
    """Nothing is to be written: the session that shows that the owner is alive is to be there again."""

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return "the owner's lock"


@attrs.frozen
class Bind(Write):
    """A batch is an account's, unless it is another's already; the result is the `Binding` that stands then.

    `replaces` is the fingerprint of a binding whose place it takes if nothing of the batch was ever sent.
    """

    batch: str
    origin: str
    fingerprint: str
    owner: str
    at: str
    replaces: str | None = None

    has_happened = True

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"whose batch {self.batch!r} is"


@attrs.frozen
class Adopt(Write):
    """A person says that a batch's key was replaced, and perhaps where the service is now."""

    batch: str
    origin: str | None

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"that the key of batch {self.batch!r} was replaced"
