"""Opens ledgers: from a URL to a `Ledger` that is ready, and to an error that says what to do if it can't be.

The database's libraries are imported here, when a ledger is opened, and not before: the client works without them.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from motion_async.errors import ConfigurationError
from motion_async.ledger.address import LedgerAddress, read_address, read_kind
from motion_async.ledger.items import LedgerTrouble
from motion_async.ledger.ledger import Ledger
from motion_async.ledger.outage import Outage
from motion_async.ledger.tasks import run_or_undo
from motion_async.ledger.writer import Writer
from motion_async.loops import HomeLoop
from motion_async.options import check_clock, check_number

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store

__all__ = ["open_ledger"]

_LAST_MOMENT: Final = 2.0
"""Seconds that an opening has to come to its end when nobody wants it any more."""


@asynccontextmanager
async def open_ledger(
    url: str,
    *,
    read_only: bool = False,
    now: Callable[[], datetime] | None = None,
    patience: float = 60.0,
    on_trouble: Callable[[LedgerTrouble], object] | None = None,
) -> AsyncIterator[Ledger]:
    """Open a ledger, with `async with`; it is made if there is none, unless it is only to be read.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for one in memory, or
            `postgresql://user:password@host/database`, whose options `host`, `port` and `sslmode` may follow a `?`.
            In a password, write `%40` for `@` and `%3F` for `?`, or leave it to `PGPASSWORD` or `~/.pgpass`.
        read_only: whether the ledger is only read. Nothing is written then, no file is made beside it, and no writer
            waits, so that one of a directory or on a server that cannot be written is read, too; whatever would write
            is an error. An intent whose owner is dead is given as uncertain, although that is not noted.
        now: gives the time as an aware datetime; the system's clock when None.
        patience: seconds, from 0 to 86,400, for which a call waits while the database cannot be reached. An id that
            the service gave is kept waiting for as long as the ledger is open.
        on_trouble: told at every attempt that failed, after the ledger has been opened or while it waits to be.

    Yields:
        The ledger; leaving the block writes all that waits.

    Raises:
        ConfigurationError: if the URL or an option cannot be used, or an extra is not installed.
        LedgerError: if the ledger cannot be opened, or at the end not be written to its last line; also if a database
            of something else is found, a file that other users own or can write, or a pooler in transaction mode.
        LedgerVersionError: if a newer version of the library has written it.
        WrongLoopError: if no asyncio loop is running here.
    """
    HomeLoop("a ledger")
    check_number("patience", patience, low=0, high=86_400)
    now = check_clock("now", now or partial(datetime.now, UTC))
    address, stores = _find_stores(url)
    outage = Outage(address.shown, on_trouble, patience=patience)
    store = await outage.retry(
        lambda: run_or_undo(
            _open_store(address, stores, read_only=read_only),
            lambda store: store.aclose(),
            name="motion_async.ledger.open",
            moment=_LAST_MOMENT,
        ),
        only_busy=True,  # a server that is not there, or a wrong name, is better told of at once
        failing="cannot be opened",
        advice="check its address, and that it is there",
    )
    ledger = Ledger(store, Writer(store, outage, now), outage)
    try:
        yield ledger
    finally:
        await ledger.aclose()


async def _open_store(address: LedgerAddress, stores: Any, *, read_only: bool) -> Store:
    store: Store = (
        await stores.make_store(address.file, read_only=read_only)
        if address.server is None
        else stores.ServerStore(address.server, address.options, read_only=read_only)
    )
    try:
        await store.open()
    except BaseException:
        await store.aclose()
        raise
    return store


def _find_stores(url: str) -> tuple[LedgerAddress, Any]:
    """Give what a URL says, and the module of its stores, with all that this module needs."""
    is_sqlite = read_kind(url) == "sqlite"
    extra = "ledger" if is_sqlite else "postgres"
    try:
        address = read_address(url)
        importlib.import_module("aiosqlite" if is_sqlite else "asyncpg")
        return address, importlib.import_module(f"motion_async.ledger.store.{'sqlite' if is_sqlite else 'postgres'}")
    except ModuleNotFoundError as error:
        missing = f"a ledger needs {error.name}, which is not installed: install motion-async with its extra `{extra}`"
    raise ConfigurationError(missing)
