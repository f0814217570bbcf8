"""Tests of `motion_async.ledger.opening`, `schema` and `store.files`: what can be opened, what is said of the rest."""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async import ConfigurationError, LedgerError, LedgerVersionError
from motion_async.ledger import Item, ItemState, LedgerTrouble, open_ledger, schema
from motion_async.ledger.store import postgres, sqlite
from tests.ledger.conftest import SlowFile, become_a_plain_user, entries
from tests.postgres import LOCKED_ROLE, PostgresServer, execute


@pytest.fixture(autouse=True)
def quick_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)


async def opened(url: str, *, patience: float = 0.0) -> None:
    async with open_ledger(url, patience=patience) as ledger:
        await ledger.counts()


async def test_a_new_file_is_for_its_owner_alone(file_url: str, tmp_path: Path) -> None:
    """Signed URLs are in it; the files that SQLite lays beside it are like it."""
    before = os.umask(0o022)
    try:
        async with open_ledger(file_url) as ledger:
            await ledger.plan("launch", entries("hero"))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


async def test_a_commit_is_on_disk_before_it_is_answered(file_url: str) -> None:
    """WAL, and a sync at every commit, on the connection that writes."""
    async with open_ledger(file_url) as ledger:
        connection = ledger._store._writing
        assert connection is not None
        async with connection.begin():
            found = [
                await connection.scalar(sa.text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
    assert found == ["wal", 2, 1]


async def test_a_relative_path_is_taken_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the process goes elsewhere afterwards."""
    monkeypatch.chdir(tmp_path)
    async with open_ledger("sqlite:///launch.db") as ledger:
        monkeypatch.chdir("/")
        await ledger.plan("launch", entries("hero"))
    assert (tmp_path / "launch.db").stat().st_size


async def test_a_ledger_in_memory_is_gone_at_the_end() -> None:
    """Two of them know nothing of each other."""
    async with open_ledger("sqlite://") as one, open_ledger("sqlite:///:memory:") as other:
        await one.plan("launch", entries("hero"))
        assert await other.find("launch", "hero") is None


async def test_both_names_of_postgresql_lead_there(fresh_postgres: str) -> None:
    """Many settings still say `postgres://`."""
    async with open_ledger(fresh_postgres.replace("postgresql://", "postgres://")) as ledger:
        await ledger.plan("launch", entries("hero"))
    async with open_ledger(fresh_postgres + "&sslmode=disable") as ledger:
        assert await ledger.find("launch", "hero")


@pytest.mark.parametrize(
    "url",
    [
        "", "launch.db", "/tmp/launch.db", "mysql://u:SECRET@h/d", "postgresql+psycopg://u:SECRET@h/d", None, 3,
        "sqlite:launch.db", "sqlite://host/launch.db", "sqlite:///launch.db?mode=ro", "sqlite:///launch\0.db",
        "postgresql://u:SECRET@h/d?channel_binding=require", "postgresql://u:SECRET@h:port/d",
        "postgresql://u:SECRET@h/d?port=SECRET",
    ],
)  # fmt: skip
async def test_what_is_no_ledgers_url_is_refused(url: str) -> None:
    """At once, with what it could be, and without the password in it."""
    with pytest.raises(ConfigurationError) as caught:
        await opened(url)
    assert "SECRET" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert b"SECRET" not in pickle.dumps(caught.value)
    assert caught.value.__context__ is None or "SECRET" not in repr(caught.value.__context__)


@pytest.mark.parametrize("path", ["videos.db", Path("videos.db")], ids=["text", "path"])
async def test_a_path_is_answered_with_its_url(path: Any) -> None:
    """Whoever names a file reads how it is named."""
    with pytest.raises(ConfigurationError, match=r"so for the file 'videos\.db' sqlite:///videos\.db"):
        await opened(path)


@pytest.mark.parametrize("patience", [-1, 86_401, "long"])
async def test_a_patience_out_of_bounds_is_refused(patience: float) -> None:
    """Like every option of this library."""
    with pytest.raises(ConfigurationError, match="patience"):
        await opened("sqlite://", patience=patience)


@pytest.mark.parametrize(
    ("missing", "url", "extra"),
    [
        ("sqlalchemy", "sqlite://", "ledger"),
        ("aiosqlite", "sqlite://", "ledger"),
        ("asyncpg", "postgresql://u:SECRET@h/d", "postgres"),
    ],
)
def test_a_missing_extra_is_named(missing: str, url: str, extra: str) -> None:
    """The module can be imported without; opening says what to install."""
    code = f"""
import asyncio, sys
sys.modules[{missing!r}] = None
import motion_async.ledger
async def main():
    async with motion_async.ledger.open_ledger({url!r}):
        pass
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("motion_async.errors.ConfigurationError")
    assert f"which is not installed: install motion-async with its extra `{extra}`" in last
    assert "URL" not in last
    assert "SECRET" not in last


def test_importing_the_ledger_imports_no_database() -> None:
    """The batch imports its values, and the client imports the batch."""
    code = "import sys, motion_async.ledger; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "motion_async.ledger.opening" in loaded
    assert not {"sqlalchemy", "aiosqlite", "asyncpg"} & set(loaded)


async def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(LedgerError, match=r"none/launch\.db cannot be used: No such file or directory"):
        await opened(f"sqlite:///{tmp_path}/none/launch.db", patience=60)


async def test_a_directory_is_no_ledger(tmp_path: Path) -> None:
    """A path that leads to something else is told as what it is."""
    with pytest.raises(LedgerError, match="cannot be used: it is no file"):
        await opened(f"sqlite:///{tmp_path}", patience=60)


async def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    """It may be somebody's only copy of something."""
    file = tmp_path / "launch.db"
    file.write_bytes(b"prompts of the launch\n" * 100)
    with pytest.raises(LedgerError, match="file is not a database"):
        await opened(f"sqlite:///{file}", patience=60)
    assert file.read_bytes() == b"prompts of the launch\n" * 100
    assert list(tmp_path.iterdir()) == [file]


async def test_a_damaged_file_is_told_at_once(file_url: str, tmp_path: Path) -> None:
    """Waiting would not mend it."""
    async with open_ledger(file_url) as ledger:
        await ledger.plan("launch", entries(*(f"k{number}" for number in range(200))))
    file = tmp_path / "launch.db"
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with pytest.raises(LedgerError, match="malformed"):
        await opened(file_url, patience=60)


async def test_a_file_that_cannot_be_written_is_told(plain_user: Path) -> None:
    """At once, and not when the first video has been paid for."""
    with closing(sqlite3.connect(plain_user / "launch.db")):
        plain_user.joinpath("launch.db").touch()
    become_a_plain_user(plain_user)
    with pytest.raises(LedgerError, match="attempt to write a readonly database"):
        await opened(f"sqlite:///{plain_user}/launch.db", patience=60)
    with pytest.raises(LedgerError, match="Permission denied"):
        await opened(f"sqlite:///{plain_user}/new.db", patience=60)


async def test_no_server_is_told_at_once(tmp_path: Path) -> None:
    """Whoever starts a batch wants to know; the password is not shown."""
    with pytest.raises(LedgerError, match=r"postgresql://u@127\.0\.0\.1:1/d cannot be opened") as caught:
        await opened("postgresql://u:SECRET@127.0.0.1:1/d", patience=60)
    assert "SECRET" not in repr(caught.value)
    assert caught.value.__context__ is None


async def test_a_wrong_password_is_told_at_once(postgres_server: PostgresServer, fresh_postgres: str) -> None:
    """Neither the wrong one nor the right one is shown."""
    if not postgres_server.ours:
        pytest.skip("only our own server is known to ask for passwords")
    await execute(
        postgres_server.url, f"DROP ROLE IF EXISTS {LOCKED_ROLE}", f"CREATE ROLE {LOCKED_ROLE} LOGIN PASSWORD 'right'"
    )
    with pytest.raises(LedgerError, match="password authentication failed") as caught:
        await opened(fresh_postgres.replace("//postgres@", f"//{LOCKED_ROLE}:SECRET@"), patience=60)
    assert "SECRET" not in f"{caught.value!r} {caught.value.__context__!r}"
    await execute(postgres_server.url, f"DROP ROLE {LOCKED_ROLE}")


async def test_an_opening_waits_for_a_lock(file_url: str, tmp_path: Path) -> None:
    """Somebody else is writing: that passes, and is told in the meantime."""
    troubles: list[LedgerTrouble] = []
    async with open_ledger(file_url):
        pass
    locker = sqlite3.connect(tmp_path / "launch.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")

    def let_go(trouble: LedgerTrouble) -> None:
        troubles.append(trouble)
        if locker.in_transaction:
            locker.execute("ROLLBACK")

    async with open_ledger(file_url, on_trouble=let_go) as ledger:
        await ledger.plan("launch", entries("hero"))
    locker.close()
    assert [trouble.reason for trouble in troubles] == ["database is locked"]
    assert troubles[0].waited >= 0.02, "the wait for the lock counts"


async def test_an_opening_does_not_wait_for_ever(file_url: str, tmp_path: Path) -> None:
    """When its patience is over it says what stands in the way."""
    async with open_ledger(file_url):
        pass
    with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="cannot be opened: database is locked"):
            await opened(file_url)


async def test_an_opening_that_is_cancelled_leaves_no_half_of_a_ledger(
    file_url: str, tmp_path: Path, slow_file: SlowFile
) -> None:
    """The thread that makes the file cannot be stopped, so it is waited for: a whole ledger is left, and no owner."""
    opening = asyncio.ensure_future(opened(file_url))
    await asyncio.to_thread(slow_file.has_begun.wait, 20)
    opening.cancel()
    await asyncio.sleep(0)
    slow_file.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]
    with closing(sqlite3.connect(tmp_path / "launch.db")) as connection:
        assert connection.execute("SELECT count(*) FROM motion_items").fetchone() == (0,)


def test_many_may_open_a_new_ledger_at_once(shared_url: str) -> None:
    """One of them makes the tables; the others find them, and all of them find the same item."""
    start = threading.Barrier(8)

    async def planned() -> Item:
        await asyncio.to_thread(start.wait, 20)
        async with open_ledger(shared_url) as ledger:
            return (await ledger.plan("launch", entries("hero")))[0]

    with ThreadPoolExecutor(8) as threads:
        found = [one.result() for one in [threads.submit(asyncio.run, planned()) for _ in range(8)]]
    assert len({item.id for item in found}) == 1
    assert {item.state for item in found} == {ItemState.PLANNED}


async def test_a_new_server_ledger_waits_for_whoever_makes_the_tables(fresh_postgres: str) -> None:
    """PostgreSQL lets two make the same table at once, and fails one of them: so only one makes any, and one waits."""
    asyncpg = importlib.import_module("asyncpg")
    other = await asyncpg.connect(fresh_postgres)
    try:
        async with asyncio.timeout(20):
            async with other.transaction():
                await other.execute(f"SELECT pg_advisory_xact_lock({postgres._UPGRADE_LOCK})")
                opening = asyncio.ensure_future(opened(fresh_postgres))
                here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                waiting = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND {here}"
                while not await other.fetchval(waiting):
                    assert not opening.done(), "it did not wait"
                    await asyncio.sleep(0.005)
                assert await other.fetchval("SELECT to_regclass('motion_items')") is None
            await opening
        assert await other.fetchval("SELECT to_regclass('motion_items')") == "motion_items"
    finally:
        await other.close()


async def test_an_older_ledger_is_upgraded(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, once, and with all that is in it."""
    async with open_ledger(shared_url) as ledger:
        await ledger.plan("launch", entries("hero"))
    made: list[str] = []

    async def add(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("ALTER TABLE motion_items ADD COLUMN colour TEXT"))
        made.append("add")

    async def fill(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("UPDATE motion_items SET colour = 'red'"))
        made.append("fill")

    newest = schema.newest_version()
    monkeypatch.setattr(schema, "UPGRADES", [*schema.UPGRADES, add, fill])
    for _ in range(2):
        async with open_ledger(shared_url) as ledger:
            assert await ledger.find("launch", "hero")
    assert made == ["add", "fill"]
    monkeypatch.undo()
    with pytest.raises(LedgerVersionError) as caught:
        await opened(shared_url, patience=60)
    assert (caught.value.found, caught.value.known) == (newest + 2, newest)


async def test_an_upgrade_that_fails_leaves_the_old_ledger(shared_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction: the library that made the ledger can still use it."""
    async with open_ledger(shared_url) as ledger:
        await ledger.plan("launch", entries("hero"))

    async def fail(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("ALTER TABLE motion_items ADD COLUMN colour TEXT"))
        await connection.execute(sa.text("UPDATE motion_items SET nothing = 1"))

    with monkeypatch.context() as patched:
        patched.setattr(schema, "UPGRADES", [*schema.UPGRADES, fail])
        with pytest.raises(LedgerError, match="nothing"):
            await opened(shared_url, patience=60)
    async with open_ledger(shared_url) as ledger:
        assert await ledger.find("launch", "hero")
