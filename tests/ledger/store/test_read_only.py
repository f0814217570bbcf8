"""Tests of ledgers that are opened for reading only: what they show, and that they leave no trace."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from motion_async import ConfigurationError, LedgerError
from motion_async.ledger import ItemState, Ledger, LedgerTrouble, open_ledger, schema
from motion_async.ledger.store import base, files
from motion_async.ledger.transitions import EXPIRED
from tests.ledger.conftest import accepted, become_a_plain_user, entries, make_version_1
from tests.postgres import execute


def names_in(place: Path) -> list[str]:
    return sorted(file.name for file in place.iterdir())


async def states(ledger: Ledger) -> dict[str, ItemState]:
    return {item.key: item.state async for item in ledger.items()}


async def test_reading_leaves_no_trace(file_url: str, tmp_path: Path) -> None:
    """No byte, no time and no file is another one afterwards, or in between."""
    make_version_1(file_url)
    file = tmp_path / "launch.db"
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    async with open_ledger(file_url, read_only=True) as ledger:
        assert len(await states(ledger)) == 5
        assert names_in(tmp_path) == ["launch.db"]
    assert names_in(tmp_path) == ["launch.db"]
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


async def test_what_cannot_be_written_can_be_read(plain_user: Path) -> None:
    """Neither the file nor its directory has to be writable."""
    url = f"sqlite:///{plain_user}/launch.db"
    make_version_1(url)
    become_a_plain_user(plain_user)
    async with open_ledger(url, read_only=True, patience=0) as ledger:
        assert len(await states(ledger)) == 5


async def test_a_server_that_lets_nothing_be_written_can_be_read(fresh_postgres: str) -> None:
    """Every transaction is one that only reads, and says so."""
    make_version_1(fresh_postgres)
    async with open_ledger(fresh_postgres, read_only=True, patience=0) as ledger:
        assert len(await states(ledger)) == 5
        [(is_read_only,)] = await ledger._store.fetch(sa.text("SHOW transaction_read_only"))  # type: ignore[arg-type]
        assert is_read_only == "on"


async def test_a_reader_sees_what_a_writer_writes(shared_url: str) -> None:
    """While the writer has it open, and when it has left; neither waits for the other."""
    async with open_ledger(shared_url, patience=0) as writer:
        [item] = await writer.plan("launch", entries("hero"))
        async with open_ledger(shared_url, read_only=True, patience=0) as reader:
            assert await states(reader) == {"hero": ItemState.PLANNED}
            await writer.journal(item).begin()
            assert await states(reader) == {"hero": ItemState.INTENT}
            await writer.journal(item).accepted(accepted())
            await writer.aclose()
            assert await states(reader) == {"hero": ItemState.SUBMITTED}
            async with open_ledger(shared_url, patience=0) as other:
                await other.plan("launch", entries("second"))
                assert set(await states(reader)) == {"hero", "second"}


async def test_what_a_killed_writer_left_is_read(file_url: str, tmp_path: Path) -> None:
    """Its newest lines lie beside the file, and stay there."""
    copy = tmp_path / "copy"
    copy.mkdir()
    async with open_ledger(file_url) as ledger:
        await ledger.plan("launch", entries("hero"))
        for end in ("", "-wal", "-shm"):
            shutil.copy(tmp_path / f"launch.db{end}", copy)
    before = names_in(copy)
    async with open_ledger(f"sqlite:///{copy}/launch.db", read_only=True, patience=0) as ledger:
        assert await states(ledger) == {"hero": ItemState.PLANNED}
    assert names_in(copy) == before


async def test_an_intent_of_a_dead_owner_is_uncertain_and_nobody_notes_it(shared_url: str) -> None:
    """However it is asked for; one of a living owner stands as it is, and so does the owner's file."""
    async with open_ledger(shared_url, patience=0) as alive:
        dead, living, _ = await alive.plan("launch", entries("dead", "living", "new"))
        await alive.journal(living).begin()
        async with open_ledger(shared_url, patience=0) as dying:
            await dying.journal(dead).begin()
        async with open_ledger(shared_url, read_only=True, patience=0) as reader:
            assert await reader.counts() == {
                "launch": {ItemState.UNCERTAIN: 1, ItemState.INTENT: 1, ItemState.PLANNED: 1}
            }
            assert [item.key async for item in reader.items(states=[ItemState.UNCERTAIN])] == ["dead"]
            assert [item.key async for item in reader.items(states=[ItemState.INTENT])] == ["living"]
            found = await reader.find("launch", "dead")
            assert found is not None
            assert (found.state, found.error) == (ItemState.UNCERTAIN, EXPIRED)
            assert await reader.refresh(dead) == found
            assert (await reader.refresh(living)).state is ItemState.INTENT
        assert (await alive.find("launch", "dead")) != found, "it was noted"


async def test_the_file_of_a_dead_owner_stays(file_url: str, tmp_path: Path) -> None:
    """Whoever reads removes nothing."""
    make_version_1(file_url)
    owner = "0123456789abcdef"
    (tmp_path / f"launch.db-owner-{owner}").touch()
    with closing(sqlite3.connect(tmp_path / "launch.db")) as connection, connection:
        connection.execute("UPDATE motion_items SET state = 'intent', owner = ? WHERE id = 1", (owner,))
    before = names_in(tmp_path)
    async with open_ledger(file_url, read_only=True, patience=0) as ledger:
        assert (await states(ledger))["planned"] is ItemState.UNCERTAIN
    assert names_in(tmp_path) == before


async def test_whatever_would_write_is_an_error(shared_url: str) -> None:
    """It says why, and nothing is written."""
    make_version_1(shared_url)
    async with open_ledger(shared_url, read_only=True, patience=0) as ledger:
        item = await ledger.find("launch", "planned")
        assert item is not None
        with pytest.raises(LedgerError, match="was opened for reading only"):
            await ledger.plan("launch", entries("new"))
        with pytest.raises(LedgerError, match="was opened for reading only"):
            ledger.journal(item)
        with pytest.raises(LedgerError, match="was opened for reading only"):
            await ledger.resolve(item, job_id="job-9")
        assert len(await states(ledger)) == 5


async def test_what_is_not_there_is_not_made(tmp_path: Path, fresh_postgres: str) -> None:
    """Neither a file, nor tables, nor anything in memory."""
    empty = tmp_path / "empty.db"
    empty.touch(0o600)
    for url, words in (
        (f"sqlite:///{tmp_path}/none.db", "No such file"),
        (f"sqlite:///{empty}", "there is no ledger in it"),
        (fresh_postgres, "there is no ledger in it"),
    ):
        with pytest.raises(LedgerError, match=words):
            async with open_ledger(url, read_only=True, patience=0):
                pass
    with pytest.raises(ConfigurationError, match="nothing to read"):
        async with open_ledger("sqlite://", read_only=True):
            pass
    assert names_in(tmp_path) == ["empty.db"]
    assert empty.stat().st_size == 0
    assert await execute(fresh_postgres, "SELECT to_regclass('motion_items')") == [None]


async def test_an_older_version_is_not_brought_up_to_date(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That would be writing; it is said who does it."""
    make_version_1(shared_url)

    async def never(_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(schema, "UPGRADES", [never])
    monkeypatch.setattr(base, "OLDEST_WITH_THESE_TABLES", 2)
    with pytest.raises(LedgerError, match="it has version 1; open it once for writing, which brings it to 2"):
        async with open_ledger(shared_url, read_only=True, patience=0):
            pass


async def test_a_file_that_was_written_while_it_was_read_is_read_again(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read may be half of the old and half of the new."""
    make_version_1(file_url)
    troubles: list[LedgerTrouble] = []
    async with open_ledger(file_url, read_only=True, on_trouble=troubles.append) as ledger:
        look = files.ReadFile.look
        looks = 0

        def changing(self: files.ReadFile) -> files.Look:
            nonlocal looks
            looks += 1
            if looks == 2:  # between the two of the first read
                os.utime(tmp_path / "launch.db", ns=(1, 1))
            return look(self)

        monkeypatch.setattr(files.ReadFile, "look", changing)
        assert len(await states(ledger)) == 5
    assert [trouble.reason for trouble in troubles] == ["somebody has written it while it was read"]
    assert looks > 2


@pytest.mark.parametrize("kind", ["in memory", "to write", "to read"])
async def test_a_read_that_nobody_waits_for_is_interrupted(file_url: str, kind: str) -> None:
    """It would go on for ever, and the closing of the ledger with it."""
    make_version_1(file_url)
    endless = sa.text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
    async with asyncio.timeout(30):
        async with open_ledger("sqlite://" if kind == "in memory" else file_url, read_only=kind == "to read") as ledger:
            reading = asyncio.ensure_future(ledger._store.fetch(endless))  # type: ignore[arg-type]
            await asyncio.sleep(0.2)
            assert not reading.done()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            if kind != "to read":
                await ledger.plan("launch", entries("hero"))
            await ledger.counts()
