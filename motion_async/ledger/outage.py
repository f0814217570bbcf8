"""What to do when the database cannot be reached: wait a little longer each time, and say so.

It knows no database. Whoever reads or writes raises `TransientStoreError` for what may pass, and
`PermanentStoreError` for what never will.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from motion_async.errors import LedgerError
from motion_async.ledger.items import LedgerTrouble
from motion_async.timing.backoff import Backoff

__all__ = ["Outage", "PermanentStoreError", "TransientStoreError"]

_BACKOFF: Final = Backoff(first=0.05, cap=2.0)

_T = TypeVar("_T")
_log = logging.getLogger(__package__)


class TransientStoreError(Exception):  # stays inside the package
    """The database did not do it now, and may do it later; whether it did it is not always known.

    It is `busy` if somebody else holds a lock, who lets go of it sooner or later.
    """

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


class PermanentStoreError(Exception):  # stays inside the package
    """The database will never do this: something about it is wrong."""


class Outage:
    """Tells of one trouble from its beginning to its end, and how long to pause in it.

    The log names the ledger as `where`; `on_trouble` is told at every attempt that failed, and its errors are logged.
    Nobody waits for longer than `patience` seconds.
    """

    def __init__(self, where: str, on_trouble: Callable[[LedgerTrouble], object] | None, *, patience: float) -> None:
        self.where: Final = where
        self.patience: Final = patience
        self._on_trouble = on_trouble
        self._began_at: float | None = None
        self._failures = 0

    def failed(self, error: TransientStoreError, *, since: float) -> float:
        """Tell of an attempt that failed, and give the seconds to pause before the next one.

        It began at `since`, by the loop's clock: in it, too, a lock was waited for.
        """
        if self._began_at is None:
            self._began_at = since
            self._failures = 0
            _log.warning("ledger %s: %s; trying again", self.where, error)
        if self._on_trouble is not None:
            try:
                self._on_trouble(LedgerTrouble(str(error), asyncio.get_running_loop().time() - self._began_at))
            except Exception:  # noqa: BLE001  # the caller's mistake must not end the writing
                _log.exception("ledger %s: on_trouble failed", self.where)
        self._failures += 1
        # Without chance: those who wait for one lock are few, and each is told how long it has waited.
        return _BACKOFF.delay(self._failures, u=1.0)

    def recovered(self) -> None:
        """Tell of an attempt that did not fail."""
        if self._began_at is not None:
            _log.warning(
                "ledger %s: works again after %.1f s", self.where, asyncio.get_running_loop().time() - self._began_at
            )
            self._began_at = None

    async def retry(
        self,
        attempt: Callable[[], Awaitable[_T]],
        *,
        only_busy: bool = False,
        failing: str = "cannot be read",
        advice: str = "clear that up, then try again",
    ) -> _T:
        """Do something that can be done again, until it succeeds, cannot pass, or has taken the patience.

        With `only_busy` nothing passes but a lock of somebody else's.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        trouble = Outage(self.where, self._on_trouble, patience=self.patience)  # several may have theirs at a time
        while True:
            since = loop.time()
            try:
                result = await attempt()
            except (TransientStoreError, PermanentStoreError) as error:
                reason = str(error)
                if not isinstance(error, TransientStoreError) or (only_busy and not error.busy):
                    break
                pause = trouble.failed(error, since=since)
            else:
                trouble.recovered()
                return result
            if loop.time() + pause > deadline:
                break
            await asyncio.sleep(pause)
        # Out here, as what was raised holds what the database was given.
        raise LedgerError(f"the ledger {self.where} {failing}: {reason}; {advice}")
