"""What the program `motion-async` begins with: until its command has begun, Ctrl-C ends it at once, with a sentence.

Raised as an error it could meet a library that is just being loaded, anywhere, and not every place lets it through.
The program has a copy of this beside the package, as loading that takes the longest; it must load nothing that takes
any time.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["has_begun", "leave_at_once", "leaving_at_once", "main"]


def main() -> int:
    """Run the command with the arguments of the process, and give its exit status."""
    with leaving_at_once():
        from motion_async.cli import main as run  # noqa: PLC0415

        return run()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Have Ctrl-C end the process at once, until the block ends or somebody else takes the signal."""
    # What is to be ignored stays so, as under nohup; signals are the main thread's alone.
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, leave_at_once)
    try:
        yield
    finally:
        if is_usual:
            has_begun()


def has_begun() -> None:
    """Have Ctrl-C raise `KeyboardInterrupt` again, if it ends the process at once."""
    # By its name, as the program's copy may have put it there.
    if getattr(signal.getsignal(signal.SIGINT), "__qualname__", "") == leave_at_once.__qualname__:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave_at_once(_signal: int, _frame: object) -> None:
    """End the process, from wherever it is."""
    with suppress(OSError):  # nobody hears it
        os.write(2, b"motion-async: interrupted\n")
    os._exit(130)
