"""Which colour each end of a request and each state of an item has, wherever the command shows it. Values alone."""

from __future__ import annotations

from typing import Final

from motion_async.cli.ends import END_OF_STATE, End
from motion_async.ledger import ItemState

__all__ = ["END_COLOURS", "STATE_STYLES"]

END_COLOURS: Final = {
    End.COMPLETED: "green",
    End.FAILED: "red",
    End.REJECTED: "red",
    End.CHANGED: "red",
    End.UNCERTAIN: "magenta",
    End.UNSEEN: "yellow",
    End.RUNNING: "cyan",
    End.NOT_SENT: "bright_black",
    End.DROPPED: "bright_black",
}
_PLAIN: Final = (End.NOT_SENT, End.DROPPED)
STATE_STYLES: Final = {
    state: "" if end in _PLAIN else "yellow" if state is ItemState.INTENT else END_COLOURS[end]
    for state, end in END_OF_STATE.items()
}
"""As the end that the state counts as, but for an intent, which most often is being sent and in no doubt."""
