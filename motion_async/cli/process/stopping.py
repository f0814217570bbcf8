"""How a command is asked to end: by which signals, what the first one does, and that the second one waits for nothing.

It knows no command and installs no handler of its own but the default ones, for as long as something blocks.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["HANGUP", "SIGNALS", "Stop", "interruptible"]

HANGUP: Final[int | None] = getattr(signal, "SIGHUP", None)
"""The signal of a terminal that is closed, or whose ssh is lost; None where there is none, as on Windows."""
_DEFAULTS: Final[dict[int, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    **({} if HANGUP is None else {HANGUP: signal.SIG_DFL}),
}
SIGNALS: Final = tuple(_DEFAULTS)
"""What asks a command to end."""


class Stop:
    """Carries the wish to end from a signal to a command that ends in its own way.

    `signal` is the first signal that came, None before; `is_asked` says that somebody wants the end.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.signal: int | None = None
        self._action: Callable[[], object] | None = None

    @contextmanager
    def calls(self, action: Callable[[], object]) -> Iterator[None]:
        """Have a wish to end call `action` once, on the event loop, in the place of cancelling the command."""
        self._action = action
        try:
            yield
        finally:
            self._action = None

    async def run(self, work: Coroutine[Any, Any, None], *, name: str, say: Callable[[], object] | None = None) -> bool:
        """Run some work until it ends or a wish to end cancels it, after `say`; tell whether it came to its own end."""
        task = asyncio.create_task(work, name=name)

        def end_early() -> None:
            if say is not None:
                say()
            task.cancel()

        try:
            with self.calls(end_early):
                await asyncio.wait([task])
        finally:
            task.cancel()
        if task.cancelled():
            return False
        task.result()
        return True

    def ask(self, otherwise: Callable[[], object]) -> None:
        """Ask for the end by the command's own action, or `otherwise` where it has none."""
        self.is_asked = True
        (self._action or otherwise)()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let signals end something that blocks the event loop, whose own handlers would not run meanwhile."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # signals are its alone
        for number in SIGNALS:
            # One that is to be ignored stays so; None is a handler that Python knows nothing of.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, _DEFAULTS[number])
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
