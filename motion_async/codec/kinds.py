"""What plain data says of its own kind: the name of each event and of each error, and which values have an error.

Tables, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from motion_async import errors
from motion_async.errors import MotionError
from motion_async.events import (
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendAbandoned,
    SendDisturbed,
    SessionSlowed,
    StatusUndocumented,
    WatchEnded,
)
from motion_async.jobs import Outcome, StatusChange

__all__ = ["ERRORS", "ERROR_FIELDS", "EVENTS", "WITH_AN_ERROR", "error_kind"]

EVENTS: Final[Mapping[type, Mapping[str, str]]] = {
    StatusChange: {"event": "transition"},
    JobAccepted: {"event": "accepted"},
    SendAbandoned: {"event": "abandoned"},
    SendDisturbed: {"event": "disturbed", "call": "send"},
    PollDisturbed: {"event": "disturbed", "call": "poll"},
    SessionSlowed: {"event": "slowed"},
    StatusUndocumented: {"event": "undocumented"},
    WatchEnded: {"event": "watch_ended"},
    EventsDropped: {"event": "dropped"},
}
"""What the data of an event begins with, by which it is known again."""

ERRORS: Final[Mapping[str, type[MotionError]]] = {name: getattr(errors, name) for name in errors.__all__}

ERROR_FIELDS: Final = ("error", "message", "error_data")
"""An error's own data: its class, its words, and what its class makes it of again."""

WITH_AN_ERROR: Final = frozenset({Outcome, PollDisturbed, SendAbandoned, SendDisturbed, WatchEnded})
"""The values whose data has that of their error among its own fields."""


def error_kind(error: MotionError) -> type[MotionError]:
    """Give the library's own class of an error, also where a caller has made one under it."""
    return next(kind for kind in type(error).__mro__ if ERRORS.get(kind.__name__) is kind)
