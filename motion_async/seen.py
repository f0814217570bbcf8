"""Numbers by name, on disk for as long as somebody holds them, as a batch may have millions of names.

They lie in a temporary database of SQLite's that no other process sees. Nothing of them outlives the object, and
nothing here knows what they stand for.
"""

from __future__ import annotations

import sqlite3
import weakref

__all__ = ["Seen"]


class Seen:
    """The names that have been seen, each with its number."""

    def __init__(self) -> None:
        # Whoever collects garbage closes it, in whatever thread.
        self._names = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._names.execute("CREATE TABLE seen (name BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._names.execute("BEGIN")  # never committed: so the disk is used only for what memory has no room for
        self._close = weakref.finalize(self, self._names.close)

    def number(self, name: str) -> int | None:
        """Give the number of a name, None if it has not been seen.

        Args:
            name: any text.
        """
        row = self._names.execute("SELECT number FROM seen WHERE name = ?", (_bytes(name),)).fetchone()
        return None if row is None else int(row[0])

    def note(self, name: str, number: int) -> None:
        """Give a name this number.

        Args:
            name: any text.
            number: its number from now on.
        """
        self._names.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (_bytes(name), number))

    def count(self, name: str) -> int:
        """Give a name the next number, 1 if it is new, and give that.

        Args:
            name: any text.
        """
        counted = self._names.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET number = number + 1 RETURNING number",
            (_bytes(name),),
        )
        return int(counted.fetchone()[0])

    def forget(self, name: str) -> None:
        """Have a name be one that has not been seen.

        Args:
            name: any text.
        """
        self._names.execute("DELETE FROM seen WHERE name = ?", (_bytes(name),))

    def close(self) -> None:
        """Forget everything now; it is forgotten, too, when nobody holds this any more."""
        self._close()


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")  # half a character is a text, too
