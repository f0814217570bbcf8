"""A batch's lines in a fleet: enqueued for its workers, and followed in the ledger until none of them is queued.

It sends nothing. It may be ended at any moment: the workers go on, and the same command follows the batch again.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from motion_async.batch.keys import fingerprint
from motion_async.batch.outcomes import error_of
from motion_async.cli.batch.run import Run
from motion_async.cli.batch.standing import standings
from motion_async.cli.commandline import command_line
from motion_async.cli.process.stopping import Stop
from motion_async.errors import NotSentError
from motion_async.jobs import JobState, JobStatus, Outcome, StatusChange
from motion_async.ledger import Item, ItemState, LedgerChange

if TYPE_CHECKING:
    from motion_async.fleet import Fleet

__all__ = ["enqueue_and_follow"]

_LOOK_SECONDS: Final = 1.0
_ALONE_AFTER: Final = 5
"""So many looks without any worker are told of."""
_ENDED: Final = frozenset(ItemState) - {ItemState.PLANNED, ItemState.INTENT, ItemState.SUBMITTED}


class _Followed:
    """The lines of which no end was told yet."""

    def __init__(self, run: Run, fleet: Fleet) -> None:
        self._run = run
        self._fleet = fleet
        self._order = run.order
        self.lines: dict[bytes, int] = {}
        self._alone = 0

    async def follow(self) -> None:
        """Tell of what the workers do, until nothing of the batch is queued any more."""
        telling = asyncio.create_task(self._tell_changes(), name="motion_async.cli.changes")
        try:
            while not (progress := await self._fleet.progress(self._order.batch)).is_at_rest and not telling.done():
                await self._tell_who_works(waiting=progress.queue.waiting)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            telling.cancel()
            await asyncio.wait([telling])
        if not telling.cancelled():
            telling.result()

    async def _tell_changes(self) -> None:
        async with aclosing(self._fleet.changes(self._order.batch)) as changes:
            async for change in changes:
                if fingerprint(change.key) not in self.lines:
                    continue  # of another file, or told to its end
                if change.state in _ENDED:
                    found = await self._fleet.ledger.many(self._order.batch, [change.key])
                    for item in found.values():
                        if item.state in _ENDED:  # it may have been planned anew since
                            await self.tell_end(item)
                elif change.status is not None and change.job_id is not None:
                    self._run.output.take(_as_status_change(change))

    async def tell_end(self, item: Item) -> None:
        """Tell how an item's line has ended, once; an item that is planned was not sent."""
        line = self.lines.pop(fingerprint(item.key), None)
        if line is None or (item.state not in _ENDED and item.state is not ItemState.PLANNED):
            return
        error = await error_of(item, self._fleet.ledger)
        if item.state is ItemState.PLANNED:
            error = NotSentError(item.error or "no worker can send it, as it follows one that has no video")
        outcome = Outcome(line, item.request, item.job_id, item.job_state, error, key=item.key, metadata=item.metadata)
        self._run.end(line, outcome)

    async def _tell_who_works(self, *, waiting: int) -> None:
        status = await self._fleet.status() if waiting else None
        self._alone = self._alone + 1 if status is not None and not status.workers else 0
        if status is not None and self._alone == _ALONE_AFTER:
            paused = status.limits.paused
            start = command_line("worker", names=[("URL", self._order.ledger.pasted)])
            why = f"no worker is at work; start one: {start}"
            self._run.output.notice(why if paused is None else f"the fleet is paused: {paused}")


def _as_status_change(change: LedgerChange) -> StatusChange:
    status = change.status or JobStatus.QUEUED
    job_id = change.job_id or ""
    return StatusChange(job_id, None, status, JobState(job_id, status), change.at)


async def enqueue_and_follow(run: Run, fleet: Fleet, stop: Stop) -> None:
    """Enqueue what can be sent, and tell of each line's end, until all has ended or somebody wants no more of it."""
    followed = _Followed(run, fleet)
    requests = []
    for line, given in run.take_lines():
        followed.lines[fingerprint(line.key or "")] = line.number
        requests.append(given)
    await fleet.enqueue(run.order.batch, requests)
    if await stop.run(followed.follow(), name="motion_async.cli.batch"):
        async for _, item in standings(run.spool.lines(), fleet.ledger, run.order.batch):
            if item is not None:
                await followed.tell_end(item)
