"""Tests of `motion_async.ledger.store.base`: what it asks of its databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from motion_async.ledger import ItemState, LedgerTrouble, open_ledger
from motion_async.ledger.store import base, sqlite
from motion_async.ledger.store.files import LedgerFile
from tests.ledger.conftest import accepted, entries


async def test_a_read_takes_no_write_lock(file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else is writing, for however long: whoever reads does not wait for that."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)
    troubles: list[LedgerTrouble] = []
    async with open_ledger(file_url, patience=0, on_trouble=troubles.append) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("DELETE FROM motion_items")
            assert await ledger.counts() == {"launch": {ItemState.PLANNED: 1}}
            assert await ledger.find("launch", "hero") == item
            assert await ledger.history(item) == []
            assert [found async for found in ledger.items()] == [item]
            writer.execute("ROLLBACK")
    assert troubles == []


async def test_readers_do_not_keep_a_writer_waiting(file_url: str, tmp_path: Path) -> None:
    """Not even one that reads slowly."""
    async with open_ledger(file_url, patience=0) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM motion_items").fetchone()
            assert await ledger.journal(item).begin()
            await ledger.journal(item).accepted(accepted())
        assert (await ledger.refresh(item)).state is ItemState.SUBMITTED


async def test_sqlite_waits_a_second_for_a_lock(file_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is told; while the file is opened, while it is written and while it is read."""
    given: list[float] = []

    class NotedFile(LedgerFile):
        def __init__(self, path: Path, *, busy_seconds: float) -> None:
            given.append(busy_seconds)
            super().__init__(path, busy_seconds=busy_seconds)

    monkeypatch.setattr(sqlite, "LedgerFile", NotedFile)
    asks = sa.text("PRAGMA busy_timeout")
    async with open_ledger(file_url) as ledger:
        writing = ledger._store._writing
        assert writing is not None
        async with writing.begin():
            given.append(await writing.scalar(asks) / 1_000)
        async with ledger._store._reading() as reading:
            given.append(await reading.scalar(asks) / 1_000)
    assert given == [1.0, 1.0, 1.0]


async def test_a_server_that_says_nothing_is_given_up(fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten seconds without a connection, and after thirty without an answer; five sessions are the most."""
    made: list[dict[str, Any]] = []
    create = base.create_async_engine

    def noted(*args: Any, **options: Any) -> Any:
        made.append(options)
        return create(*args, **options)

    monkeypatch.setattr(base, "create_async_engine", noted)
    async with open_ledger(fresh_postgres) as ledger:
        await ledger.counts()
    [options] = made
    assert options["connect_args"].items() >= {"timeout": 10.0, "command_timeout": 30.0}.items()
    assert (options["pool_size"], options["max_overflow"], options["hide_parameters"]) == (5, 0, True)
