"""Tests of `motion_async.ledger.legacy`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.ledger.conftest import make_version_1
from tests.ledger.earlier import earlier_digest


def test_the_tests_make_digests_as_the_first_version_made_them(tmp_path: Path) -> None:
    """Those of rows that it wrote itself."""
    make_version_1(f"sqlite:///{tmp_path}/launch.db")
    with sqlite3.connect(tmp_path / "launch.db") as connection:
        rows = connection.execute("SELECT request, digest FROM motion_items").fetchall()
    connection.close()
    assert len(rows) == 5
    assert [earlier_digest(json.loads(request)) for request, _ in rows] == [digest for _, digest in rows]
