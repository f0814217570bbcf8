"""Writes in groups: all that wait at the same time share one transaction, in the order in which they came.

It knows no database and no SQL: `commit` is handed in. A group whose commit failed, or may have failed, is tried
again as it is, so that everything in it must do no harm when it is done twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from motion_async.errors import LedgerError
from motion_async.ledger.outage import Outage, PermanentStoreError, TransientStoreError
from motion_async.ledger.plans import Plan, Reconnect, Write
from motion_async.ledger.transitions import Claim, Move

__all__ = ["Writer"]

_HEAVIEST_GROUP: Final = 400
"""So much is written in one transaction: more of it would hold up the event loop for longer than it saves."""
_LAST_ROUND: Final = 5.0
"""Seconds in which what still waits is tried again after the ledger was closed, if there is trouble."""
_CLOSED: Final = "it has been closed"

_log = logging.getLogger("motion_async")


@attrs.define(eq=False)
class _Waiting:
    write: Write
    future: asyncio.Future[Any]
    since: float


class Writer:
    """Writes what is put in, in groups, by one task; `patience` seconds after a `put` nobody waits for it any more.

    `commit` writes a group in one transaction and gives the result of each, which may be a `PermanentStoreError`; it
    raises a `TransientStoreError` or a `PermanentStoreError` for the whole group.
    """

    def __init__(
        self, commit: Callable[[Sequence[Write]], Awaitable[Sequence[Any]]], outage: Outage, *, patience: float
    ) -> None:
        self._commit = commit
        self._outage = outage
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._closed_at: float | None = None
        self._closing = asyncio.Event()
        self._unwritten: list[Write] = []
        self._reason = _CLOSED
        self._under_way: list[_Waiting] = []
        self._suspects = 0
        self._task = self._loop.create_task(self._run(), name="motion_async.ledger")

    def put(self, write: Write) -> asyncio.Future[Any]:
        """Take a write in, to be written after all that came before; give its result, once it is on disk.

        The writer writes it even if nobody waits for that. If it can't, the result is a `LedgerError`.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._task.done() or self._closed_at is not None:
            self._fail(_Waiting(write, future, 0.0), _CLOSED)
            return future
        self._waiting.append(_Waiting(write, future, self._loop.time()))
        self._news.set()
        return future

    @property
    def unwritten_ids(self) -> tuple[tuple[str, str, str], ...]:
        """The ids that have been put in and are not known to be on disk: batch, key and id of each."""
        waiting = [waiting.write for waiting in (*self._under_way, *self._waiting)]
        return _find_ids([*self._unwritten, *waiting])

    async def aclose(self) -> None:
        """Write all that waits, and end; a `LedgerError` names every id that could not be written, and says why."""
        if self._closed_at is None:
            self._closed_at = self._loop.time()
            self._closing.set()
            self._news.set()
        # Cancelling whoever closes does not cut off the transaction that is under way.
        await asyncio.wait([self._task])
        unwritten, self._unwritten = self._unwritten, []
        if unwritten:
            ids = _find_ids(unwritten)
            notes = "1 note" if len(unwritten) == 1 else f"{len(unwritten)} notes"
            keep = "; keep the ids: no other call gives them again" if ids else ""
            raise LedgerError(
                f"the ledger was closed with {notes} not written{_list_ids(unwritten)}: {self._reason}{keep}",
                job_ids=ids,
            )

    async def _run(self) -> None:
        try:
            while self._waiting or self._closed_at is None:
                if self._waiting:
                    await self._write(self._take_group())
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            # Something waits only if the event loop ends this task: it is not on disk, and will not be.
            self._fail_all("its event loop has ended")

    def _take_group(self) -> list[_Waiting]:
        if self._suspects:
            self._suspects -= 1
            return [self._waiting.popleft()]
        group: list[_Waiting] = []
        weight = 0
        while self._waiting and (not group or weight + _weigh(self._waiting[0].write) <= _HEAVIEST_GROUP):
            weight += _weigh(self._waiting[0].write)
            group.append(self._waiting.popleft())
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        """Write a group; what is to be tried again stands at the front of what waits afterwards."""
        since = self._loop.time()
        try:
            results = await self._commit_group(group)
        except TransientStoreError as error:
            self._waiting.extendleft(reversed(group))
            await self._pause(error, since)
        except PermanentStoreError as error:
            if len(group) == 1:
                self._fail(group[0], str(error))
            else:  # one of them is at fault, and the others must not fail with it: these go one by one now
                self._waiting.extendleft(reversed(group))
                self._suspects = len(group)
        except asyncio.CancelledError:
            self._waiting.extendleft(reversed(group))
            raise
        else:
            self._outage.recovered()
            for waiting, result in zip(group, results, strict=True):
                if isinstance(result, PermanentStoreError):
                    self._fail(waiting, str(result))
                elif not waiting.future.done():
                    waiting.future.set_result(result)

    async def _commit_group(self, group: list[_Waiting]) -> Sequence[Any]:
        self._under_way = group
        try:
            return await self._commit([waiting.write for waiting in group])
        finally:
            self._under_way = []

    async def _pause(self, error: TransientStoreError, since: float) -> None:
        """End the waiting of those who have waited long enough, then pause."""
        pause = self._outage.failed(error, since=since)
        now = self._loop.time()
        for waiting in list(self._waiting):
            if now - waiting.since >= self._patience:
                self._give_up(waiting, str(error))
        if self._closed_at is None:
            try:
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            except TimeoutError:
                return
        elif now - self._closed_at > min(_LAST_ROUND, self._patience):
            self._fail_all(str(error))
        else:
            await asyncio.sleep(pause)

    def _give_up(self, waiting: _Waiting, reason: str) -> None:
        write = waiting.write
        # An id waits for as long as the ledger is open, and so does the lock that shows that the owner is alive.
        if write.job_id is not None or isinstance(write, Reconnect):
            return
        if write.has_happened:  # the waiting ends, the writing does not
            self._refuse(waiting, reason)
            return
        place = self._waiting.index(waiting)
        del self._waiting[place]
        if isinstance(write, Claim):
            # The commit that failed may have been made; nobody will send it, so it must not stand as an intent.
            self._waiting.insert(place, _Waiting(write.undone(), self._loop.create_future(), waiting.since))
        self._refuse(waiting, reason)

    def _fail_all(self, reason: str) -> None:
        while self._waiting:
            self._fail(self._waiting.popleft(), reason)

    def _fail(self, waiting: _Waiting, reason: str) -> None:
        write = waiting.write
        if write.has_happened:
            self._unwritten.append(write)
            if reason != _CLOSED:  # what comes too late says nothing of the database
                self._reason = reason
        if write.job_id is not None:
            _log.error("ledger: an id is not written%s: %s", _list_ids([write]), reason)
        self._refuse(waiting, reason)

    def _refuse(self, waiting: _Waiting, reason: str) -> None:
        if waiting.future.done():
            return
        write = waiting.write
        what = f"{write.subject}{_list_ids([write])}"
        waiting.future.set_exception(
            LedgerError(
                f"not written to the ledger: {what}: {reason}; clear that up, then try again",
                job_ids=_find_ids([write]),
                job_id=write.job_id,
            )
        )
        waiting.future.exception()  # nobody has to wait for it, so nobody has to be told that nobody did


def _weigh(write: Write) -> int:
    """Give how many rows it writes at least."""
    return len(write.entries) if isinstance(write, Plan) else 1


def _find_ids(writes: Sequence[Write]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (write.item.batch, write.item.key, write.job_id)
        for write in writes
        if isinstance(write, Move) and write.job_id is not None
    )


def _list_ids(writes: Sequence[Write]) -> str:
    ids = [f"{batch}/{key} is job {job_id}" for batch, key, job_id in _find_ids(writes)]
    return f" ({', '.join(ids)})" if ids else ""
