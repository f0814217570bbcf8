"""Writes in groups: all that wait at the same time share one transaction, in the order in which they came.

It knows no SQL: the store commits a group, and gives the result of each write, which may be a `PermanentStoreError`.
A group whose commit failed, or may have failed, is tried again as it is, so that everything in it must do no harm when
it is done twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import attrs

from motion_async.errors import LedgerError
from motion_async.ledger.codec import write_time
from motion_async.ledger.outage import Outage, PermanentStoreError, TransientStoreError
from motion_async.ledger.transitions import Claim, Move
from motion_async.ledger.writes import Plan, Reconnect, Write
from motion_async.loops import HomeLoop
from motion_async.sending.journal import sends_under_way

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store

__all__ = ["Writer"]

_HEAVIEST_GROUP: Final = 400
"""So many rows are written in one transaction: more of it would hold up the event loop for longer than it saves."""
_LAST_ROUND: Final = 5.0
"""Seconds in which what still waits is tried again after ledger or loop have ended, if there is trouble."""
_CLOSED: Final = "it has been closed"

_log = logging.getLogger(__package__)


@attrs.define(eq=False)
class _Waiting:
    write: Write
    future: asyncio.Future[Any]
    since: float


class Writer:
    """Writes what is put in, in groups, by one task; after the outage's patience nobody waits for a `put` any more.

    It names each write as no other is named, of this or of any other ledger object, and says when it is made.
    """

    def __init__(self, store: Store, outage: Outage, now: Callable[[], datetime]) -> None:
        self.owner: Final = store.owner
        self._store = store
        self._outage = outage
        self._now = now
        self._numbers = count(1)
        self._home = HomeLoop("the ledger")
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._closed_at: float | None = None
        self._closing = asyncio.Event()
        self._loop_ended_at: float | None = None
        self._last_sends: set[asyncio.Task[Any]] = set()
        self._unwritten: list[Write] = []
        self._reason = _CLOSED
        self._suspects = 0
        self._task = self._loop.create_task(self._run(), name="motion_async.ledger")
        store.on_lock_lost = self._reconnect

    def next_op(self) -> tuple[str, str]:
        """Give a name that no write has had, and the time as it is written."""
        try:
            at = write_time(self._now())
        except Exception:  # noqa: BLE001  # the caller's clock must not cost the note of an id
            _log.exception("the ledger's clock failed; this machine's is read instead")
            at = write_time(datetime.now(UTC))
        return f"{self.owner}-{next(self._numbers)}", at

    def put(self, write: Write) -> asyncio.Future[Any]:
        """Take a write in, to be written after all that came before; give its result, once it is on disk.

        The writer writes it even if nobody waits for that. If it can't, the result is a `LedgerError`. In another event
        loop, thread or process it raises a `WrongLoopError`.
        """
        self._home.check()
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
        return _find_ids([*self._unwritten, *(waiting.write for waiting in self._waiting)])

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

    def _reconnect(self) -> None:
        """Have the owner's session made again at once: until then others take this ledger for dead."""
        op, _ = self.next_op()
        self.put(Reconnect(op))

    async def _run(self) -> None:
        try:
            while self._waiting or self._is_needed():
                try:
                    await self._write_next()
                except asyncio.CancelledError:
                    if self._loop_ended_at is not None:
                        raise
                    self._outlast_sends()
        finally:
            # Something waits only if the event loop ends this task: it is not on disk, and will not be.
            self._fail_all("its event loop has ended")

    def _is_needed(self) -> bool:
        has_sends = self._loop_ended_at is None or any(not send.done() for send in self._last_sends)
        return has_sends and self._closed_at is None

    async def _write_next(self) -> None:
        if self._waiting:
            await self._write_group()
        else:
            self._news.clear()
            await self._news.wait()

    def _outlast_sends(self) -> None:
        """Go on although the event loop is being ended, which cancels every task once: an id may still be coming."""
        self._loop_ended_at = self._loop.time()
        self._task.uncancel()
        self._last_sends = sends_under_way()
        for send in self._last_sends:
            send.add_done_callback(lambda _: self._news.set())

    async def _write_group(self) -> None:
        """Write the first of those that wait; they go on waiting, in front of all others, until they are on disk."""
        since = self._loop.time()
        group = self._choose_group()
        try:
            results = await self._store.commit([waiting.write for waiting in group])
        except TransientStoreError as error:
            await self._pause(error, since)
        except PermanentStoreError as error:
            if len(group) == 1:
                self._fail(self._waiting.popleft(), str(error))
            else:  # one of them is at fault, and the others must not fail with it: these go one by one now
                self._suspects = len(group)
        else:
            self._outage.recovered()
            for waiting, result in zip(group, results, strict=True):
                self._waiting.popleft()
                if isinstance(result, PermanentStoreError):
                    self._fail(waiting, str(result))
                elif not waiting.future.done():
                    waiting.future.set_result(result)

    def _choose_group(self) -> list[_Waiting]:
        if self._suspects:
            self._suspects -= 1
            return [self._waiting[0]]
        group: list[_Waiting] = []
        rows = 0
        for waiting in self._waiting:
            rows += len(waiting.write.entries) if isinstance(waiting.write, Plan) else 1
            if group and rows > _HEAVIEST_GROUP:
                break
            group.append(waiting)
        return group

    async def _pause(self, error: TransientStoreError, since: float) -> None:
        """End the waiting of those who have waited long enough, then pause."""
        pause = self._outage.failed(error, since=since)
        now = self._loop.time()
        for waiting in list(self._waiting):
            if now - waiting.since >= self._outage.patience:
                self._give_up(waiting, str(error))
        over_at = self._loop_ended_at if self._closed_at is None else self._closed_at
        if over_at is None:
            try:
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            except TimeoutError:
                return
        elif now - over_at > min(_LAST_ROUND, self._outage.patience):
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


def _find_ids(writes: Sequence[Write]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (write.item.batch, write.item.key, write.job_id)
        for write in writes
        if isinstance(write, Move) and write.job_id is not None
    )


def _list_ids(writes: Sequence[Write]) -> str:
    ids = [f"{batch}/{key} is job {job_id}" for batch, key, job_id in _find_ids(writes)]
    return f" ({', '.join(ids)})" if ids else ""
