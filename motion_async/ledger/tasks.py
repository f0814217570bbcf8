"""Does work to its end although whoever waits for it is cancelled: no database is left half open or half closed.

It knows no database. Drivers, and the threads behind them, cannot be stopped in the middle without leaving something
behind; so they work in tasks that no caller's cancellation reaches, and only the waiting for those can be cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import anyio

__all__ = ["run_or_undo", "start", "wait_until_done"]

_T = TypeVar("_T")


def start(work: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
    """Begin some work in a task of its own, whose failure is nobody's news if nobody waits for it any more."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def wait_until_done(task: asyncio.Task[Any]) -> None:
    """Wait until a task has ended, however often the caller is cancelled; the caller hears of that afterwards."""
    cancelled = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


async def run_or_undo(
    work: Coroutine[Any, Any, _T], undo: Callable[[_T], Awaitable[object]], *, name: str, moment: float | None = None
) -> _T:
    """Do some work whose outcome has to be let go of: by the caller, or, if the caller is cancelled, by `undo`.

    The work of a cancelled caller has a `moment` of seconds to come to its end, or all it needs; only when nothing is
    left behind does the caller hear of its cancellation.
    """
    task = start(work, name=name)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        await wait_until_done(start(_end_and_undo(task, undo, moment), name=name))
        raise
    return task.result()


async def _end_and_undo(task: asyncio.Task[_T], undo: Callable[[_T], Awaitable[object]], moment: float | None) -> None:
    await asyncio.wait([task], timeout=moment)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        await undo(task.result())
