"""Hears that a server is told to end, while its streams are still open.

A server waits for open responses before it tells the app that it ends, and a stream of a job is open for minutes: it
has to hear of the signal itself. Nothing here decides what the signal does; that stays with the server.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

__all__ = ["hear_shutdown"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_LOOK_EVERY: Final = 0.1
"""Seconds between two looks whether Hypercorn has told its worker; it looks as often itself."""


@contextmanager
def hear_shutdown() -> Iterator[asyncio.Event]:
    """Give an event for `sse(stop=…)` that is set as soon as this process is told to end, by SIGTERM or Ctrl-C.

    Enter it in the app's lifespan, so that the server has its own handlers of signals by then. They are called as
    before, and nothing is left of it afterwards. In a thread other than the main one no signal comes, as in tests.
    Hypercorn's workers, which get none either, are told by an event of its own, and so is this.

    Yields:
        The event, of the loop that runs here.
    """
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)  # a handler of signals may stand anywhere in the loop's own code

    with ExitStack() as handlers:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handlers.enter_context(_call_first(number, stop))
        handlers.enter_context(_call_with_worker(stop))
        yield stopping


@contextmanager
def _call_first(number: signal.Signals, told: Callable[[], None]) -> Iterator[None]:
    """Have something called before the handler that a signal has; one that only ends the process needs nothing.

    What `loop.add_signal_handler` has set hears of the signal by the loop's own file descriptor, whatever stands here.
    """
    before = signal.getsignal(number)
    if not callable(before):
        yield
        return

    def hear(signum: int, frame: FrameType | None) -> None:
        told()
        before(signum, frame)

    signal.signal(number, hear)
    try:
        yield
    finally:
        if signal.getsignal(number) is hear:  # else another has taken its place, which is not ours to take away
            signal.signal(number, before)


@contextmanager
def _call_with_worker(told: Callable[[], None]) -> Iterator[None]:
    """Have something called when Hypercorn tells this process, its worker, to end; in other processes nothing is done.

    It does so by an event that a worker is started with, and that no app is given.
    """
    event = getattr(multiprocessing.current_process(), "_kwargs", {}).get("shutdown_event")
    if event is None:
        yield
        return

    async def look() -> None:
        while not event.is_set():  # noqa: ASYNC110  # it is one of processes
            await asyncio.sleep(_LOOK_EVERY)
        told()

    looking = asyncio.create_task(look(), name="motion_async.web.shutdown")
    try:
        yield
    finally:
        looking.cancel()
