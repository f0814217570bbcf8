"""How it stands in plain words, for where no live picture is shown: a line at the first news, then one a minute.

It prints nothing by itself, and decides for one listener. Troubles have a rule of their own, see
`motion_async.cli.troubles`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from motion_async.cli.happenings import Happening
from motion_async.cli.looks import label, one_line
from motion_async.cli.statuses import StatusTally
from motion_async.events import JobAccepted
from motion_async.jobs import StatusChange

__all__ = ["JobWords", "saying"]

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


class JobWords:
    """Has words for jobs whose view has none, of what happens to them."""

    def __init__(self) -> None:
        self._tally = StatusTally()
        self._first = ""

    def tell(self, happening: Happening) -> None:
        """Count it, if it is news of a job."""
        if isinstance(happening, JobAccepted | StatusChange):
            self._first = self._first or happening.job_id
        if isinstance(happening, StatusChange):
            self._tally.take(happening)

    def words(self) -> str | None:
        """Say how the one job stands, or how many of several do so; None before the first news."""
        counts = [(label(status), count) for status, count in self._tally.by_status() if count]
        if self._tally.jobs > 1:
            return f"{self._tally.jobs:,} jobs: " + ", ".join(f"{count:,} {name}" for name, count in counts)
        if not self._first:
            return None
        return f"job {one_line(self._first)} is {counts[0][0] if counts else 'accepted'}"
