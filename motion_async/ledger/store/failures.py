"""What an error of a database means: whether it passes, and in which words it may be told.

Drivers raise what they like. It does no I/O, and lets no value of a statement out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from sqlalchemy import exc

from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.showing import shown

__all__ = ["translate_error"]

_BAD_VALUES: Final = ("0A", "21", "22", "23", "54")
"""Classes of SQLSTATE that blame what was to be written, and not the state of the database."""

_BAD_INPUT: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite's driver raises for the same reason."""
_CLOSED: Final = ("closed database", "connection closed", "no active connection", "connection is closed")
"""Words of drivers for a connection that is not there any more, in errors of the same kinds as those of bad values."""
_LOCKED: Final = ("40001", "40P01", "55P03")
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
"""Names and SQLSTATEs of a database that is damaged, or is none: no waiting mends it."""


def translate_error(error: Exception, *, secrets: Iterable[str] = ()) -> TransientStoreError | PermanentStoreError:
    """Give what an error of the database means, without what hangs on it."""
    reason = _explain(error, secrets)
    return PermanentStoreError(reason) if _is_hopeless(error) else TransientStoreError(reason, busy=_is_busy(error))


def _find_origin(error: BaseException) -> BaseException:
    """Give the driver's own error, whether it came through SQLAlchemy or not."""
    return getattr(error, "orig", None) or error


def _explain(error: BaseException, secrets: Iterable[str]) -> str:
    """Give the database's own words for what happened, in one line, without secrets."""
    origin = _find_origin(error)
    origin = origin.__cause__ or origin  # where SQLAlchemy translates for asyncpg, asyncpg's words stand in the cause
    first = str(origin).strip().partition("\n")[0]
    if not isinstance(origin, sqlite3.Error | OSError | exc.SQLAlchemyError) or not first:
        first = f"{type(origin).__name__}: {first}" if first else type(origin).__name__
    for secret in secrets:
        first = first.replace(secret, "…")
    return shown(first[:2_000], limit=300)


def _find_code(error: BaseException) -> str:
    """Give SQLite's name for an error, or PostgreSQL's SQLSTATE."""
    origin = _find_origin(error)
    return getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or ""


def _is_hopeless(error: BaseException) -> bool:
    """Whether no other attempt can end otherwise: the values are wrong, or the database is damaged."""
    return _find_code(error).startswith(_DAMAGED) or _blames_the_values(error)


def _blames_the_values(error: BaseException) -> bool:
    origin = _find_origin(error)
    if getattr(error, "connection_invalidated", False) or any(words in str(origin).lower() for words in _CLOSED):
        return False
    if isinstance(origin, sqlite3.Error):
        return isinstance(origin, _BAD_INPUT)
    if isinstance(error, exc.SQLAlchemyError):
        return _find_code(error)[:2] in _BAD_VALUES
    return not isinstance(error, OSError | TimeoutError)


def _is_busy(error: BaseException) -> bool:
    return _find_code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", *_LOCKED))
