"""Where an instrumentation of the whole process hooks in, such as OpenTelemetry's: it is told what every session does.

There is none by default, and then a poll costs a look at one name more. It is asked for at each step anew, so that it
serves sessions that were open before as well. It must not decide anything, nor keep a session alive.
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from motion_async.contract.protocol import Call
from motion_async.errors import MotionError
from motion_async.events import Event
from motion_async.polling.loop import PollLoop

__all__ = ["Instrumentation", "Sending", "Session", "active"]


class Session(Protocol):
    """An open session, as an instrumentation sees it."""

    @property
    def base_url(self) -> str:
        """Where its service is: a URL without any secret."""
        ...

    @property
    def polls(self) -> PollLoop:
        """Its jobs."""
        ...


class Sending(Protocol):
    """Is entered, in the caller's context, around all tries of one create or followup; it must not raise."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def answered(self, http_status: int) -> None:
        """Take in the status of an answer to one of the tries, whatever it means."""
        ...


class Instrumentation(Protocol):
    """Is told what happens, in the very step and context in which it does; it must not raise, nor wait."""

    def sending(self, session: Session, call: Call) -> Sending:
        """Give what is entered around a create or followup that is about to be sent."""
        ...

    def polled(self, session: Session, seconds: float, error: MotionError | None) -> None:
        """Take in that a poll took so long, and its error if it failed."""
        ...

    def told(self, session: Session, event: Event) -> None:
        """Take in what the readers of `MotionSession.events` hear, too."""
        ...

    def left(self, session: Session) -> None:
        """Take in that a session was left, and that it tells of nothing any more."""
        ...


active: Instrumentation | None = None
"""The instrumentation of this process, None if it has none."""
