"""Tests of `motion_async.ledger.store.recognition`: what is no ledger is told at once, and stays as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from motion_async import LedgerError, LedgerVersionError
from motion_async.ledger import ItemState, open_ledger
from motion_async.ledger.store.recognition import APPLICATION_ID
from tests.ledger.conftest import entries, make_version_1
from tests.postgres import execute

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, i AS batch, i AS state FROM n"
)
BOTH = pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])


async def opened(url: str, *, read_only: bool) -> None:
    async with open_ledger(url, read_only=read_only, patience=0) as ledger:
        await ledger.counts()


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def mark_of(file: Path) -> Any:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA application_id").fetchone()[0]


@BOTH
async def test_a_ledger_of_the_first_version_opens_as_before(shared_url: str, read_only: bool) -> None:
    """It bears no mark, and is known by its tables and its version."""
    make_version_1(shared_url)
    async with open_ledger(shared_url, read_only=read_only, patience=0) as ledger:
        found = {item.key: item async for item in ledger.items()}
        assert list(found) == ["planned", "uncertain", "submitted", "completed", "followup"]
        assert {item.state for item in found.values()} == {
            ItemState.PLANNED, ItemState.UNCERTAIN, ItemState.SUBMITTED, ItemState.COMPLETED,
        }  # fmt: skip
        assert found["planned"].metadata == {"of": "planned"}
        assert found["completed"].job_state is not None
        assert [step.status for step in await ledger.history(found["completed"])] == [
            None,
            "queued",
            "running",
            "completed",
        ]
        assert await ledger.durations() == [(2.0, 0)]
        if not read_only:
            assert await ledger.journal(found["planned"]).begin()


async def test_a_file_is_marked_when_it_is_opened_to_be_written(file_url: str, tmp_path: Path) -> None:
    """A new one at once, one of the first version by whoever writes it first, and by nobody who only reads."""
    make_version_1(file_url)
    await opened(file_url, read_only=True)
    assert mark_of(tmp_path / "launch.db") == 0
    await opened(file_url, read_only=False)
    await opened(f"sqlite:///{tmp_path}/new.db", read_only=False)
    assert [mark_of(tmp_path / name) for name in ("launch.db", "new.db")] == [APPLICATION_ID] * 2


@BOTH
@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE customers (name)"],
        ["CREATE VIEW motion_items_of_mine AS SELECT 1"],
        ["PRAGMA application_id=1196444487"],
        ["PRAGMA application_id=-1"],
    ],
)
async def test_another_programs_database_stays_as_it_is(
    file_url: str, tmp_path: Path, statements: list[str], read_only: bool
) -> None:
    """To the byte: it gets no tables, no other journal, and nothing beside it."""
    file = tmp_path / "launch.db"
    file.touch(0o600)
    change(file, *statements)
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="it is another program's database"):
        await opened(file_url, read_only=read_only)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


DAMAGES = {
    "an endless view": (
        ["DROP TABLE motion_history", "DROP TABLE motion_items", f"CREATE VIEW motion_items AS {ENDLESS}"],
        "motion_items is a view",
    ),
    "no history": (["DROP TABLE motion_history"], "it has no table motion_history"),
    "no column": (["ALTER TABLE motion_history DROP COLUMN detail"], "motion_history has no column detail"),
    "no version": (["DELETE FROM motion_ledger"], "not the one version"),
    "two versions": (["INSERT INTO motion_ledger VALUES (1)"], "not the one version"),
    "a negative version": (["UPDATE motion_ledger SET version = -1"], "not the one version"),
    "version nought": (["UPDATE motion_ledger SET version = 0"], "not the one version"),
}  # fmt: skip
FILE_DAMAGES = {
    "a trigger": (["CREATE TRIGGER t AFTER INSERT ON motion_items BEGIN DELETE FROM motion_items; END"],
                  "a trigger 't'"),
    "a version in words": (["UPDATE motion_ledger SET version = 'one'"], "not the one version"),
    "a virtual table": (["DROP TABLE motion_history", "CREATE VIRTUAL TABLE motion_history USING fts5(a)"],
                        "motion_history is a virtual table"),
    "a generated column": (
        ["ALTER TABLE motion_history DROP COLUMN detail",
         "ALTER TABLE motion_history ADD COLUMN detail TEXT AS (hex(zeroblob(100000000)))"],
        "motion_history has no column detail",
    ),
}  # fmt: skip
SERVER_DAMAGES = {
    "a materialized view": (["DROP TABLE motion_history", "CREATE MATERIALIZED VIEW motion_history AS SELECT 1 AS id"],
                            "motion_history is a materialized view"),
    "a generated column": (
        ["ALTER TABLE motion_history DROP COLUMN detail",
         "ALTER TABLE motion_history ADD COLUMN detail TEXT GENERATED ALWAYS AS (repeat('a', 1000000)) STORED"],
        "motion_history has no column detail",
    ),
    "another type": (["ALTER TABLE motion_history ALTER COLUMN detail TYPE json USING '1'"], "no column detail"),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    ("statements", "words"), [*DAMAGES.values(), *FILE_DAMAGES.values()], ids=[*DAMAGES, *FILE_DAMAGES]
)
async def test_a_file_that_was_made_to_look_like_a_ledger_is_refused(
    file_url: str, tmp_path: Path, statements: list[str], words: str, read_only: bool
) -> None:
    """Before anything of it is read, so that what never ends is never begun."""
    make_version_1(file_url)
    change(tmp_path / "launch.db", *statements)
    with pytest.raises(LedgerError, match=words):
        await opened(file_url, read_only=read_only)


@BOTH
@pytest.mark.parametrize(
    ("statements", "words"), [*DAMAGES.values(), *SERVER_DAMAGES.values()], ids=[*DAMAGES, *SERVER_DAMAGES]
)
async def test_a_database_that_was_made_to_look_like_a_ledger_is_refused(
    fresh_postgres: str, statements: list[str], words: str, read_only: bool
) -> None:
    """On a server, too."""
    make_version_1(fresh_postgres)
    await execute(fresh_postgres, *statements)
    with pytest.raises(LedgerError, match=words):
        await opened(fresh_postgres, read_only=read_only)


@BOTH
async def test_a_newer_ledger_stays_as_it_is(file_url: str, tmp_path: Path, read_only: bool) -> None:
    """Though its tables may be others."""
    make_version_1(file_url)
    change(
        tmp_path / "launch.db", "UPDATE motion_ledger SET version = 7", "ALTER TABLE motion_items DROP COLUMN parent"
    )
    before = (tmp_path / "launch.db").read_bytes()
    with pytest.raises(LedgerVersionError, match="version 7"):
        await opened(file_url, read_only=read_only)
    assert (tmp_path / "launch.db").read_bytes() == before


async def test_a_ledger_beside_other_tables_is_one(shared_url: str) -> None:
    """On a server an application's own tables may lie beside the ledger's, and in a file they may have come later."""
    async with open_ledger(shared_url) as ledger:
        await ledger.plan("launch", entries("hero"))
    if shared_url.startswith("postgresql"):
        await execute(shared_url, "CREATE TABLE customers (name text)")
    else:
        change(Path(shared_url.removeprefix("sqlite:///")), "CREATE TABLE customers (name)")
    async with open_ledger(shared_url, patience=0) as ledger:
        assert await ledger.find("launch", "hero")
