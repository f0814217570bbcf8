"""What is written down of one request while it is sent and watched: the shape of a record.

Whoever sends (`sending`) and whoever watches (`fanout`) tells a record what is about to happen and what
has happened; what keeps it, on disk or nowhere, is not known here. Each method takes its news in at
once, in order, and gives something to await until it is kept for good. No I/O, no state.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from motion_async.errors import MotionError, UncertainError
from motion_async.jobs import JobState, StatusChange

__all__ = ["NotOursToSend", "Record"]


class NotOursToSend(Exception):  # noqa: N818  # it is no error: somebody else sends it
    """A record says that its request is not to be sent by whoever asked. It stays inside the library."""


class Record(Protocol):
    """The record of one request: told of each step in the order in which they happen.

    Nothing is sent before `sending` is kept, and no one else is told of an id before `taken` is.
    """

    def sending(self) -> Awaitable[bool]:
        """Note that the request is about to be sent; awaited before the first byte leaves.

        Returns:
            Whether it may be sent: False if it is not this record's to send any more.
        """
        ...

    def holds(self) -> bool:
        """Say at the very last moment whether what `sending` noted still keeps everybody else from sending."""
        ...

    def found(self, before: JobState) -> None:
        """Note the state of the job that a followup is about to change; kept with the followup's id.

        Args:
            before: the state.
        """
        ...

    def not_taken(self, error: MotionError | None) -> Awaitable[None]:
        """Note that what was noted by `sending` was provably not taken: nothing left, or the service refused it.

        Args:
            error: why, None if nothing was tried. After an `InvalidRequestError` it is never to be sent again.
        """
        ...

    def lost(self, error: UncertainError) -> Awaitable[None]:
        """Note that it was sent and the answer was lost.

        Args:
            error: what happened to the answer.
        """
        ...

    def taken(self, accepted: JobState) -> Awaitable[None]:
        """Note that the service took it; awaited before anyone is told of the id.

        Args:
            accepted: the service's answer.
        """
        ...

    def changed(self, change: StatusChange) -> None:
        """Note a change of the job; kept soon, and in any case before its end is.

        Args:
            change: what was observed.
        """
        ...

    def ended(self, state: JobState | None, error: MotionError | None) -> Awaitable[JobState | None]:
        """Note how the watch of the job ended; awaited before the outcome is told.

        Args:
            state: the job's last state.
            error: why there is no video, None if there is one.

        Returns:
            The job's end as somebody else had noted it before, if it is another one: it stands in the place of this.
        """
        ...
