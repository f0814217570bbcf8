"""Numbers by name, on disk for as long as somebody holds them, as a batch may have millions of names.

They lie in a temporary database of SQLite's that no other process sees. Nothing of them outlives the object, and
nothing here knows what they stand for.
"""

from __future__ import annotations

import sqlite3
import weakref

from motion_async.errors import LedgerError

__all__ = ["Seen"]


class Seen:
    """The names that have been seen, each with its number.

    Each method raises a `LedgerError` if the disk has no room for more.
    """

    def __init__(self) -> None:
        # Whoever collects garbage closes it, in whatever thread.
        self._names = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._close = weakref.finalize(self, self._names.close)
        self._ask("CREATE TABLE seen (name BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._ask("BEGIN")  # never committed: so the disk is used only for what memory has no room for

    def number(self, name: str) -> int | None:
        """Give the number of a name, None if it has not been seen.

        Args:
            name: any text.
        """
        return self._ask("SELECT number FROM seen WHERE name = ?", _bytes(name))

    def note(self, name: str, number: int) -> None:
        """Give a name this number.

        Args:
            name: any text.
            number: its number from now on.
        """
        self._ask("INSERT OR REPLACE INTO seen VALUES (?, ?)", _bytes(name), number)

    def count(self, name: str) -> int:
        """Give a name the next number, 1 if it is new, and give that.

        Args:
            name: any text.
        """
        counted = self._ask(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET number = number + 1 RETURNING number",
            _bytes(name),
        )
        return counted or 1

    def forget(self, name: str) -> None:
        """Have a name be one that has not been seen.

        Args:
            name: any text.
        """
        self._ask("DELETE FROM seen WHERE name = ?", _bytes(name))

    def close(self) -> None:
        """Forget everything now; it is forgotten, too, when nobody holds this any more."""
        self._close()

    def _ask(self, statement: str, *values: bytes | int) -> int | None:
        try:
            row = self._names.execute(statement, values).fetchone()
        except sqlite3.OperationalError as error:
            reason = str(error)
        else:
            return None if row is None else int(row[0])
        raise LedgerError(
            f"the ids of a batch cannot be kept beside each other on disk: {reason}; make room where temporary files "
            "are, or name another place in SQLITE_TMPDIR, and run the batch again"
        )


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")  # half a character is a text, too
