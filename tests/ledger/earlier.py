"""Items as the first version of the library has planned them, with what it guessed and the digests that it made."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs

from tests.postgres import execute_now

AT = "2026-05-01T12:00:00.000000+00:00"


def earlier_digest(body: Mapping[str, Any]) -> str:
    """Give the digest of a request's body, whose URLs have no other signatures than those of S3 and `signature`."""
    content = json.loads(json.dumps(body))
    for attachment in content.get("attachments", ()):
        attachment["url"] = re.sub(r"\?(X-Amz|signature).*", "", attachment["url"])
    written = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:32]


@attrs.frozen
class Earlier:
    """An item of that time: `key` is its id, or its place among its equals if it has none."""

    body: Mapping[str, Any]
    key: str | int = 1
    state: str = attrs.field(default="completed", kw_only=True)
    job_id: str | None = attrs.field(default=None, kw_only=True)
    parent: str | None = attrs.field(default=None, kw_only=True)
    batch: str = attrs.field(default="launch", kw_only=True)

    @property
    def name(self) -> str:
        """The key that it was planned under."""
        if isinstance(self.key, str):
            return self.key
        digest = earlier_digest(self.body)
        if self.parent is not None:
            digest = hashlib.sha256(f"{digest} {self.parent}".encode()).hexdigest()[:32]
        return f"{digest}-{self.key}"

    def insert(self) -> str:
        """Give the statement that writes it."""
        ended_at = AT if self.state == "completed" else None
        job = {"job_id": self.job_id, "status": self.state, "created_at": AT, "completed_at": ended_at}
        row = {
            "batch": self.batch,
            "key": self.name,
            "parent": self.parent,
            "request": json.dumps(self.body, separators=(",", ":")),
            "planned_at": AT,
            "digest": earlier_digest(self.body),
            "state": self.state,
            "job_id": self.job_id,
            "job_state": None if self.state not in ("completed", "failed") else json.dumps(job),
            "changed_at": AT,
        }
        values = ("NULL" if value is None else "'" + value.replace("'", "''") + "'" for value in row.values())
        return f"INSERT INTO motion_items ({', '.join(row)}) VALUES ({', '.join(values)})".replace(" key,", ' "key",')


def execute_on(url: str, *statements: str) -> None:
    """Write into the database of a ledger that nobody has open."""
    if url.startswith("postgresql"):
        execute_now(url, *statements)
        return
    with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as connection:
        connection.executescript(";\n".join(statements))


def make_earlier(url: str, *items: Earlier) -> None:
    """Make a ledger of the first version with a batch of these items."""
    made = Path(__file__).with_name("version_1") / ("postgresql.sql" if url.startswith("postgresql") else "sqlite.sql")
    if not url.startswith("postgresql"):
        Path(url.removeprefix("sqlite:///")).touch(0o600)
    tables = [statement for statement in made.read_text().split(";\n") if statement.strip()]
    execute_on(url, *tables, "INSERT INTO motion_ledger (version) VALUES (1)", *(item.insert() for item in items))
