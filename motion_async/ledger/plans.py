"""What is written besides moves: items that are planned, and nothing at all for the sake of the session that writes.

Pure: no I/O, no clock, no database; times come as they are written.
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from motion_async.jobs import VideoRequest

__all__ = ["Plan", "Planned", "Reconnect"]


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
class Plan:
    """What is to be planned in a batch; the result is an item for each entry, in their order."""

    op: str
    batch: str
    entries: tuple[Planned, ...]
    at: str

    has_happened: ClassVar[bool] = False
    job_id: ClassVar[str | None] = None

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"a plan of batch {self.batch!r}"


@attrs.frozen
class Reconnect:
    """Nothing is to be written: the session that shows that the owner is alive is to be there again."""

    op: str

    has_happened: ClassVar[bool] = False
    job_id: ClassVar[str | None] = None
    subject: ClassVar[str] = "the owner's lock"
