"""What an error of a database means: whether it passes, and in which words it may be told.

Drivers raise what they like. It does no I/O, and lets no value of a statement out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from sqlalchemy import exc

from motion_async.errors import MotionError
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.showing import shown

__all__ = ["POOLED", "spares_session", "translate_error"]

POOLED: Final = (
    "a pooler in transaction mode stands before it, and the ledger needs sessions of its own: give the pooler "
    "pool_mode = session, or take the database's own port"
)
"""What is wrong where the statements of one connection are executed in different sessions."""

_BAD_VALUES: Final = ("0A", "21", "22", "23", "54")
"""Classes of SQLSTATE that blame what was to be written, and not the state of the database."""

_BAD_INPUT: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite's driver raises for the same reason."""
_CLOSED: Final = ("closed database", "connection closed", "no active connection", "connection is closed")
"""Words of drivers for a connection that is not there any more, in errors of the same kinds as those of bad values."""
_LOCKED: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "40001", "40P01", "55P03")
"""Names and SQLSTATEs that say that somebody else holds a lock."""
_ENDS_THE_TRANSACTION: Final = ("21", "22", "23", "40", "53", "54", "55P03", "57014")
"""Classes of SQLSTATE and SQLSTATEs with which a server ends what it was asked, and goes on with the session."""
_OF_ANOTHER_SESSION: Final = ("26000", "42P05")
"""SQLSTATEs that say that a prepared statement is not there, or there before it was made."""
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
"""Names and SQLSTATEs of a database that is damaged, or is none: no waiting mends it."""


def translate_error(error: Exception, unshown: Iterable[str]) -> Exception:
    """Give what an error of the database means, without what hangs on it; one of this library's stays as it is."""
    if isinstance(error, MotionError | TransientStoreError | PermanentStoreError):
        return error
    origin, code = _find_origin(error)
    reason = POOLED if code in _OF_ANOTHER_SESSION else _explain(origin, unshown)
    if code.startswith(_DAMAGED) or _blames_the_values(error, origin, code):
        return PermanentStoreError(reason)
    return TransientStoreError(reason, busy=code.startswith(_LOCKED))


def spares_session(error: Exception) -> bool:
    """Whether the server only ended the transaction, so that the session is as good as before."""
    _, code = _find_origin(error)
    return code.startswith(_ENDS_THE_TRANSACTION) and not getattr(error, "connection_invalidated", False)


def _find_origin(error: Exception) -> tuple[BaseException, str]:
    """Give the driver's own error, whether it came through SQLAlchemy or not, with SQLite's name or the SQLSTATE."""
    origin = getattr(error, "orig", None) or error
    return origin, getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or ""


def _explain(origin: BaseException, unshown: Iterable[str]) -> str:
    """Give the database's own words for what happened, in one line, without secrets."""
    origin = origin.__cause__ or origin  # where SQLAlchemy translates for asyncpg, asyncpg's words stand in the cause
    first = str(origin).strip().partition("\n")[0]
    if not isinstance(origin, sqlite3.Error | OSError | exc.SQLAlchemyError) or not first:
        first = f"{type(origin).__name__}: {first}" if first else type(origin).__name__
    for secret in unshown:
        first = first.replace(secret, "…")
    return shown(first[:2_000], limit=300)


def _blames_the_values(error: Exception, origin: BaseException, code: str) -> bool:
    if getattr(error, "connection_invalidated", False) or any(words in str(origin).lower() for words in _CLOSED):
        return False
    if isinstance(origin, sqlite3.Error):
        return isinstance(origin, _BAD_INPUT)
    if code or isinstance(error, exc.SQLAlchemyError):
        return code[:2] in _BAD_VALUES
    return not isinstance(error, OSError | TimeoutError)
