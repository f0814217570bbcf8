"""Opens ledgers: from a URL to a `Ledger` that is ready, and to an error that says what to do if it can't be.

The only file that knows which kinds of URL there are. The database's libraries are imported here, when a ledger is
opened, and not before: the client works without them.
"""

from __future__ import annotations

import asyncio
import importlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from motion_async.errors import ConfigurationError, LedgerError
from motion_async.ledger.finishing import finished
from motion_async.ledger.items import LedgerTrouble
from motion_async.ledger.ledger import Ledger
from motion_async.ledger.troubles import Troubles, Unreachable, Unwritable
from motion_async.options import check_clock, check_number

if TYPE_CHECKING:
    from sqlalchemy import URL

    from motion_async.ledger.store import Store

__all__ = ["open_ledger"]

_KINDS: Final = "sqlite:///file.db, sqlite:// (in memory) or postgresql://user:password@host/database"
_LAST_MOMENT: Final = 2.0
"""Seconds that an opening has to come to its end when nobody wants it any more."""
_SERVER_OPTIONS: Final = {"host": "host", "port": "port", "sslmode": "ssl"}


@asynccontextmanager
async def open_ledger(
    url: str,
    *,
    now: Callable[[], datetime] | None = None,
    patience: float = 60.0,
    on_trouble: Callable[[LedgerTrouble], object] | None = None,
) -> AsyncIterator[Ledger]:
    """Open a ledger, with `async with`; it is made if there is none.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for one in memory, or
            `postgresql://user:password@host/database`, whose options `host`, `port` and `sslmode` may follow a `?`.
        now: gives the time as an aware datetime; the system's clock when None.
        patience: seconds, from 0 to 86,400, for which a call waits while the database cannot be reached. An id that
            the service gave is kept waiting for as long as the ledger is open.
        on_trouble: told at every attempt that failed, after the ledger has been opened or while it waits to be.

    Yields:
        The ledger; leaving the block writes all that waits.

    Raises:
        ConfigurationError: if the URL or an option cannot be used, or an extra is not installed.
        LedgerError: if the ledger cannot be opened, or at the end not be written to its last line.
        LedgerVersionError: if a newer version of the library has written it.
    """
    check_number("patience", patience, low=0, high=86_400)
    now = check_clock("now", now or partial(datetime.now, UTC))
    where, make = _read(url)
    troubles = Troubles(where, on_trouble)
    store = await _opened(where, make, troubles, patience)
    ledger = Ledger(store, where=where, patience=patience, now=now, on_trouble=on_trouble)
    try:
        yield ledger
    finally:
        await ledger.aclose()


async def _opened(where: str, make: Callable[[], Awaitable[Store]], troubles: Troubles, patience: float) -> Store:
    """Give the store, opened; only a lock of somebody else's is waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        since = loop.time()
        try:
            store = await finished(
                _attempt(make), lambda store: store.aclose(), name="motion_async.ledger.open", moment=_LAST_MOMENT
            )
        except (Unreachable, Unwritable) as error:
            reason, busy = str(error), isinstance(error, Unreachable) and error.busy
        else:
            troubles.over()
            return store
        pause = troubles.met(Unreachable(reason), since=since) if busy else 0.0
        if not busy or loop.time() + pause > deadline:
            raise LedgerError(f"the ledger {where} cannot be opened: {reason}; check its address, and that it is there")
        await asyncio.sleep(pause)


async def _attempt(make: Callable[[], Awaitable[Store]]) -> Store:
    store = await make()
    try:
        await store.open()
    except BaseException:
        await store.aclose()
        raise
    return store


def _read(url: str) -> tuple[str, Callable[[], Awaitable[Store]]]:
    """Give the name that may be shown for a URL, and what makes its store."""
    scheme, mark, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    if not mark or scheme not in ("sqlite", "postgresql", "postgres"):
        is_path = isinstance(url, PurePath) or (isinstance(url, str) and "://" not in url)
        hint = f", so for the file {str(url)!r:.80} sqlite:///{url!s:.80}" if is_path and str(url) else ""
        raise ConfigurationError(f"a ledger's URL is {_KINDS}{hint}")
    extra = "ledger" if scheme == "sqlite" else "postgres"
    problem = missing = None
    try:
        stores = importlib.import_module("motion_async.ledger.store")
        importlib.import_module("aiosqlite" if scheme == "sqlite" else "asyncpg")
        read = stores.sa.make_url(url.replace("postgres://", "postgresql://", 1))
        return _sqlite(stores, read) if scheme == "sqlite" else _server(stores, read)
    except ModuleNotFoundError as error:
        missing = f"a ledger needs {error.name}, which is not installed: install motion-async with its extra `{extra}`"
    except ConfigurationError as error:
        problem = str(error)
    except Exception as error:  # what SQLAlchemy raises is known by name only once it is imported
        if not isinstance(error, ValueError) and type(error).__name__ != "ArgumentError":
            raise
        problem = f"it cannot be read as {_KINDS}"  # never with the URL, in which the password stands
    raise ConfigurationError(missing or f"the ledger's URL cannot be used: {problem}")


def _sqlite(stores: Any, url: URL) -> tuple[str, Callable[[], Awaitable[Store]]]:
    if url.query or url.host:
        raise ConfigurationError(
            "sqlite takes a file and nothing else, as in sqlite:///launch.db or sqlite:////tmp/l.db"
        )
    if not url.database or url.database == ":memory:":
        return "in memory", partial(_made, stores.MemoryStore, secrets.token_hex(8))
    path = Path(url.database)
    if "\0" in url.database:
        raise ValueError("no name of a file")

    async def make() -> Store:
        file = await finished(
            asyncio.to_thread(stores.LedgerFile, path, busy_seconds=stores.BUSY_SECONDS),
            lambda file: asyncio.to_thread(file.release),
            name="motion_async.ledger.file",
        )
        store: Store = stores.FileStore(file)
        return store

    return str(path), make


def _server(stores: Any, url: URL) -> tuple[str, Callable[[], Awaitable[Store]]]:
    unknown = sorted(set(url.query) - set(_SERVER_OPTIONS))
    if unknown:
        raise ConfigurationError(f"option {unknown[0]} is not known; these are: {', '.join(_SERVER_OPTIONS)}")
    options: dict[str, Any] = {_SERVER_OPTIONS[name]: value for name, value in url.query.items()}
    if "port" in options:
        options["port"] = int(options["port"])
    plain = url.set(drivername="postgresql+asyncpg", query={})
    host = url.host or (None if "/" in str(options.get("host", "/")) else options["host"])
    shown = stores.sa.URL.create("postgresql", url.username, None, host, url.port, url.database)
    store = partial(stores.ServerStore, plain, secrets.token_hex(8), options)
    return str(shown), partial(_made, store)


async def _made(make: Callable[..., Store], *arguments: Any) -> Store:
    return make(*arguments)
