"""What is written down of one request while it is sent and watched: the shape of a journal.

The sender and the batch tell a journal what is about to happen and what has happened; what keeps it, on disk or
nowhere, is not known here. Each method takes its news in at once, in order, and gives something to await until it is
kept for good. No I/O, no state.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from motion_async.errors import MotionError, UncertainError
from motion_async.jobs import JobState, StatusChange

__all__ = ["NotOursToSend", "SendJournal"]


class NotOursToSend(Exception):  # noqa: N818  # it is no error: somebody else sends it
    """A journal says that its request is not to be sent by whoever asked. It stays inside the library."""


class SendJournal(Protocol):
    """The journal of one request: told of each step in the order in which they happen.

    The sender sends nothing before `begin` is kept, and tells nobody of an id before `accepted` is.
    """

    def begin(self) -> Awaitable[bool]:
        """Claim the request for this sender, who awaits it before the first byte leaves; False if it is another's."""
        ...

    def still_owned(self) -> bool:
        """Say at the very last moment whether the claim that `begin` noted still keeps everybody else from sending."""
        ...

    def found(self, before: JobState) -> None:
        """Note the state of the job that a followup is about to change; kept with the followup's id."""
        ...

    def released(self, error: MotionError | None) -> Awaitable[None]:
        """Note that the service provably did not take it, and why; None if nothing was tried.

        After an `InvalidRequestError` the service has refused it, and it is never to be sent again.
        """
        ...

    def unknown(self, error: UncertainError) -> Awaitable[None]:
        """Note that it was sent, the answer was lost, and nobody knows whether the service took it."""
        ...

    def accepted(self, answer: JobState) -> Awaitable[None]:
        """Note that the service took it; awaited before anyone is told of the id."""
        ...

    def changed(self, change: StatusChange) -> None:
        """Note a change of the job; kept soon, and in any case before its end is."""
        ...

    def ended(self, state: JobState | None, error: MotionError | None) -> Awaitable[JobState | None]:
        """Note the job's last state and why there is no video, if so; awaited before the outcome is told.

        If another end was noted before, that end stands, and it is the result.
        """
        ...
