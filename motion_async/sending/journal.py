"""What is written down of one request while it is sent and watched: the shape of a journal.

The sender and the batch tell a journal what is about to happen and what has happened; where it is kept, on disk or
nowhere, is not known here. Each method takes its news in at once, in order, and gives something to await until that is
kept for good. No I/O, no state.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from motion_async.errors import MotionError, UncertainError
from motion_async.jobs import JobState, StatusChange

__all__ = ["NotOursToSend", "SendJournal"]


class NotOursToSend(Exception):  # noqa: N818  # it is no error: somebody else sends it
    """A journal says that its request is another process's to send. It stays inside the library."""


class SendJournal(Protocol):
    """The journal of one request.

    Nothing is sent before what `begin` notes is kept, and nobody hears of an id before what `accepted` notes is.
    """

    def begin(self) -> Awaitable[bool]:
        """Note that the request is about to be sent; awaited before the first byte leaves.

        Returns:
            Whether it may be sent: False if another process sends it, or has sent it.
        """
        ...

    def still_owned(self) -> bool:
        """Say, at the very last moment, whether the note of `begin` still keeps every other process from sending."""
        ...

    def found(self, before: JobState) -> None:
        """Note the state of the job that a followup is about to change; kept with the followup's id.

        Args:
            before: the state.
        """
        ...

    def released(self, error: MotionError | None) -> Awaitable[None]:
        """Note that the service provably did not take the request: nothing left, or the service refused it.

        Args:
            error: why, None if nothing was tried. After an `InvalidRequestError` it is never to be sent again.
        """
        ...

    def unknown(self, error: UncertainError) -> Awaitable[None]:
        """Note that the request was sent, and that nobody knows whether the service took it.

        Args:
            error: what happened to the answer.
        """
        ...

    def accepted(self, accepted: JobState) -> Awaitable[None]:
        """Note that the service took the request; awaited before anyone is told of the id.

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
        """Note how the watch of the job ended; awaited before the outcome is handed out.

        Args:
            state: the job's last state.
            error: why there is no video, None if there is one.

        Returns:
            The job's end as another process had noted it before, if it is another one: it stands in the place of this.
        """
        ...
