"""What is written down of one request while it is sent and watched: the shape of a journal.

The sender and the batch tell a journal what is about to happen and what has happened; where it is kept, on disk or
nowhere, is not known here. Each method takes its news in at once, in order, and gives something to await until that is
kept for good. No I/O, no state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, Protocol

from motion_async.errors import MotionError, UncertainError
from motion_async.jobs import JobState, StatusChange

__all__ = ["SEND_TASK", "NotOursToSend", "SendJournal", "sends_under_way"]

SEND_TASK: Final = "motion_async.send"
"""The name of each task that makes an exchange and notes what comes of it."""


def sends_under_way() -> set[asyncio.Task[Any]]:
    """Give the tasks of this event loop that may still have something for a journal, whatever ends the loop."""
    return {task for task in asyncio.all_tasks() if task.get_name() == SEND_TASK}


class NotOursToSend(Exception):  # noqa: N818  # it is no error: another process sends it
    """A journal says that its request is another process's to send; it stays inside the library."""


class SendJournal(Protocol):
    """The journal of one request.

    Nothing is sent before what `begin` notes is kept, and nobody hears of an id before what `accepted` notes is.
    """

    def begin(self) -> Awaitable[bool]:
        """Note that the request is about to be sent; False if another process sends it, or has sent it.

        Awaited before the first byte leaves.
        """
        ...

    def still_owned(self) -> bool:
        """Say, just before the first byte leaves, whether the note of `begin` still keeps all others from sending."""
        ...

    def found(self, before: JobState) -> None:
        """Note the state in which a followup found its job; kept together with the followup's acceptance."""
        ...

    def released(self, error: MotionError | None) -> Awaitable[None]:
        """Note that the service provably did not take the request; no error means that nothing was tried.

        After an `InvalidRequestError` it is never to be sent again.
        """
        ...

    def unknown(self, error: UncertainError) -> Awaitable[None]:
        """Note that the request was sent, and that nobody knows whether the service took it."""
        ...

    def accepted(self, accepted: JobState) -> Awaitable[None]:
        """Note that the service took the request; awaited before anyone is told of the id."""
        ...

    def changed(self, change: StatusChange) -> None:
        """Note a change of the job; kept soon, and in any case before its end is."""
        ...

    def ended(self, state: JobState | None, error: MotionError | None) -> Awaitable[JobState | None]:
        """Note how the watch of the job ended, before the outcome is handed out; without an `error` there is a video.

        Gives the end that another process had noted before if that is another one: it stands in the place of this.
        """
        ...
