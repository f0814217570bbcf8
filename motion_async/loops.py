"""The one event loop that a session belongs to: in another loop, thread or process it would hang in silence.

Looks at the running loop and does nothing else.
"""

from __future__ import annotations

import asyncio
import os

from motion_async.errors import WrongLoopError

__all__ = ["HomeLoop"]

_forks = 0
"""How often this process was forked off another one: to ask the system for its id at each step of a reader is felt."""


def _count_fork() -> None:
    global _forks  # noqa: PLW0603  # Python tells of a fork in no other way
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class HomeLoop:
    """The loop in which something (`what`, as in "the session") was opened.

    Made where no asyncio loop runs it raises a `WrongLoopError`.
    """

    __slots__ = ("_forks", "_loop", "_what")

    def __init__(self, what: str) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoopError(
                f"{what} needs a running asyncio loop, and there is none here: use it in a coroutine under "
                "asyncio.run, or with anyio on its asyncio backend; trio is not supported"
            ) from None
        self._what = what
        # A fork copies the loop with all else, so that it would be the same object there, and wait for ever.
        self._forks = _forks

    def check(self) -> None:
        """Raise a `WrongLoopError` if anything else than the loop of the opening is running here."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            where = "a thread without a running asyncio loop"
        else:
            where = "another event loop"
            if running is self._loop and _forks == self._forks:
                return
        if _forks != self._forks:
            where = "a forked process"
        raise WrongLoopError(
            f"{self._what} belongs to the event loop it was opened in, and was used in {where}; open one there, or "
            "hand the call over with asyncio.run_coroutine_threadsafe"
        )
