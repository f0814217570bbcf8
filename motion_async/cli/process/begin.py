"""What the program `motion-async` begins with: until its command has begun, Ctrl-C ends it at once, with a sentence.

Raised as an error it could meet a library that is just being loaded, anywhere, and not every place lets it through.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["has_begun", "leaving_at_once"]


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Have Ctrl-C end the process at once, until the block ends or somebody else takes the signal."""
    # What is to be ignored stays so, as under nohup; signals are the main thread's alone.
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        if is_usual:
            has_begun()


def has_begun() -> None:
    """Have Ctrl-C raise `KeyboardInterrupt` again, if it ends the process at once."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_signal: int, _frame: object) -> None:
    with suppress(OSError):  # nobody hears it
        os.write(2, b"motion-async: interrupted\n")
    os._exit(130)
