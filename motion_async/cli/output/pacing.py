"""How it stands in plain words, for where no live picture is shown: a line at the first news, then one a minute.

It prints nothing by itself, and decides for one listener. Troubles have a rule of their own, see
`motion_async.cli.output.troubles`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

__all__ = ["saying"]

_LOOK: Final = 1.0
"""Seconds between two looks for the first news."""
_RARELY: Final = 60.0
"""Seconds between two lines: a log of hours should stay short."""


@asynccontextmanager
async def saying(words: Callable[[], str | None], say: Callable[[str], object]) -> AsyncIterator[None]:
    """Say the words as soon as there are some, and once a minute from then on, until the context ends."""
    task = asyncio.create_task(_say_at_times(words, say), name="motion_async.cli.words")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _say_at_times(words: Callable[[], str | None], say: Callable[[str], object]) -> None:
    while True:
        if (now := words()) is not None:
            say(now)
        await asyncio.sleep(_LOOK if now is None else _RARELY)
