"""Tells a cancellation of the current task from a stray one, which a caller's iterable or hook has let out.

Pure but for looking at the current task. It cancels nothing.
"""

from __future__ import annotations

import asyncio

__all__ = ["is_cancelled"]


def is_cancelled() -> bool:
    """Whether somebody wants the current task to end."""
    task = asyncio.current_task()
    # A CancelledError alone proves nothing: libraries raise it for a future that they cancelled themselves.
    return task is None or task.cancelling() > 0
