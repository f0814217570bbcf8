"""Tests of `motion_async.ledger.owners` and of what hangs on it: several ledgers and processes in one place."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from motion_async import LedgerConflictError
from motion_async.ledger import ItemState, open_ledger, owners
from motion_async.ledger.owners import LockedFile, is_holding, remove_dead
from tests.ledger.conftest import accepted, entries
from tests.postgres import execute

SENDER = Path(__file__).with_name("sender.py")


@asynccontextmanager
async def sender(url: str, told: str = "leave") -> AsyncIterator[Process]:
    """Another process that has the ledger open, and will take what it can when it is told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SENDER), url, "launch", told, stdin=PIPE, stdout=PIPE
    )
    try:
        assert await line_of(process) == ["ready"]
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_of(process: Process) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().split()


def tell(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


async def test_two_ledgers_never_both_send_an_item(shared_url: str) -> None:
    """Of one process: each intent is won once."""
    async with open_ledger(shared_url) as one, open_ledger(shared_url) as other:
        keys = [f"k{number}" for number in range(100)]
        items = await one.plan("launch", entries(*keys))
        backwards = list(reversed(items))
        won = await asyncio.gather(
            *(one.record(item).sending() for item in items), *(other.record(item).sending() for item in backwards)
        )
        assert sum(won) == 100
        assert [a + b for a, b in zip(won[:100], reversed(won[100:]), strict=True)] == [True] * 100
        intents = [item async for item in one.items(states=[ItemState.INTENT])]
        assert [item.owner for item in intents] == [one.owner if mine else other.owner for mine in won[:100]]


async def test_two_processes_never_both_send_an_item(shared_url: str) -> None:
    """Each intent is won once, by one of them."""
    keys = [f"k{number}" for number in range(60)]
    async with open_ledger(shared_url) as ledger:
        await ledger.plan("launch", entries(*keys))
        async with sender(shared_url) as one, sender(shared_url) as other:
            tell(one)
            tell(other)
            won = [(await line_of(process))[1:] for process in (one, other)]
        assert sorted(won[0] + won[1]) == sorted(keys)


async def test_a_living_owner_keeps_its_intent_and_a_killed_one_does_not(shared_url: str) -> None:
    """However long it takes; after a SIGKILL the item is uncertain, and on disk as such."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with sender(shared_url, "stay") as process:
            tell(process)
            owner, *won = await line_of(process)
            assert won == ["hero"]
            found = await ledger.settled(item)
            assert (found.state, found.owner) == (ItemState.INTENT, owner)
            with pytest.raises(LedgerConflictError, match="it is intent"):
                await ledger.resolve(item, send_again=True)
            process.kill()
            await process.wait()
        async with asyncio.timeout(10):  # a server may take a moment to notice that a session has gone
            while (found := await ledger.settled(item)).state is ItemState.INTENT:
                await asyncio.sleep(0.02)
        assert (found.state, found.owner) == (ItemState.UNCERTAIN, owner)
        assert await ledger.find("launch", "hero") == found
        assert "ended before the answer" in str((await ledger.history(item))[-1].detail)
        assert (await ledger.resolve(item, send_again=True)).state is ItemState.PLANNED


async def test_a_person_can_settle_what_a_killed_process_left(shared_url: str) -> None:
    """Without looking at it first: resolving looks whether the owner is dead."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with open_ledger(shared_url) as gone:
            assert await gone.record(item).sending()
        assert (await ledger.resolve(item, job_id="job-9")).job_id == "job-9"


async def test_an_owner_that_left_is_dead_and_many_may_see_it(shared_url: str) -> None:
    """All who look at the same time come to the same end."""
    async with open_ledger(shared_url) as ledger, open_ledger(shared_url) as other:
        items = await ledger.plan("launch", entries(*"abcdefgh"))
        async with open_ledger(shared_url) as gone:
            await asyncio.gather(*(gone.record(item).sending() for item in items))
        found = await asyncio.gather(*(one.settled(item) for item in items for one in (ledger, other)))
        assert {item.state for item in found} == {ItemState.UNCERTAIN}
        assert [len(await ledger.history(item)) for item in items] == [2] * 8


async def test_an_id_that_comes_after_all_is_taken(shared_url: str) -> None:
    """Its sender was taken for dead, and was not: the id is written whoever thinks what."""
    async with open_ledger(shared_url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        async with open_ledger(shared_url) as gone:
            await gone.record(item).sending()
        assert (await ledger.settled(item)).state is ItemState.UNCERTAIN
        async with open_ledger(shared_url) as back:
            await back.record(item).taken(accepted())
        assert (await ledger.settled(item)).state is ItemState.SUBMITTED


async def test_a_session_that_was_lost_takes_its_lock_again(fresh_postgres: str) -> None:
    """No intent is committed by a session that does not show that it is alive."""
    async with open_ledger(fresh_postgres) as mine, open_ledger(fresh_postgres) as other:
        items = await mine.plan("launch", entries("a", "b"))
        assert await mine.record(items[0]).sending()
        await execute(
            fresh_postgres,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        )
        assert await mine.record(items[1]).sending()
        assert (await other.settled(items[1])).state is ItemState.INTENT


async def test_an_owner_with_a_strange_name_is_dead(fresh_postgres: str) -> None:
    """Somebody has written into the table by hand."""
    async with open_ledger(fresh_postgres) as ledger:
        [item] = await ledger.plan("launch", entries("a"))
        await execute(fresh_postgres, "UPDATE motion_items SET state = 'intent', owner = 'by hand'")
        assert (await ledger.settled(item)).state is ItemState.UNCERTAIN


async def test_files_of_owners_go(file_url: str, tmp_path: Path) -> None:
    """While a ledger is open one file lies beside it; afterwards none, and a dead one's goes at the next opening."""
    async with open_ledger(file_url) as ledger:
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 1
        await ledger.plan("launch", entries("hero"))
        async with sender(file_url, "stay") as process:
            assert len(list(tmp_path.glob("launch.db-owner-*"))) == 2
            process.kill()
            await process.wait()
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 2
        async with open_ledger(file_url):
            pass
        assert len(list(tmp_path.glob("launch.db-owner-*"))) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "launch.db"


def test_a_file_is_held_until_it_is_let_go(ledger_file: Path) -> None:
    """By this process as by another; whoever looks does not let go of it."""
    held = LockedFile(ledger_file, "me")
    assert [is_holding(ledger_file, "me") for _ in range(3)] == [True] * 3
    remove_dead(ledger_file)
    assert is_holding(ledger_file, "me")
    held.release()
    assert not is_holding(ledger_file, "me")
    assert list(ledger_file.parent.iterdir()) == []


def test_a_file_that_nobody_holds_is_removed(ledger_file: Path) -> None:
    """Its owner was killed; files that look alike, and are another ledger's or somebody's copy, stay."""
    others = {
        f"other.db-owner-{'d' * 16}",
        "launch.db-ownership",
        "launch.db-owner-backup",
        f"launch.db-owner-{'d' * 17}",
    }
    for name in (f"launch.db-owner-{'d' * 16}", *others):
        ledger_file.with_name(name).touch()
    remove_dead(ledger_file)
    assert {file.name for file in ledger_file.parent.iterdir()} == others


def test_a_file_that_is_no_lock_is_held_by_nobody_and_stays(ledger_file: Path) -> None:
    """Whatever it holds is somebody's, and must neither be lost nor keep a ledger from being opened."""
    stray = ledger_file.with_name(f"launch.db-owner-{'d' * 16}")
    stray.write_bytes(b"notes of somebody\n" * 100)
    assert not is_holding(ledger_file, "d" * 16)
    remove_dead(ledger_file)
    assert stray.read_bytes() == b"notes of somebody\n" * 100


@pytest.mark.parametrize("moment", ["before it was opened", "before it was locked"])
def test_a_file_that_is_removed_too_soon_is_no_lock(
    ledger_file: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Between making and locking it, somebody takes it for a dead one's: the owner notices, and takes another."""
    connect = owners._connect

    def disturbed(file: Path, *, patience: float) -> sqlite3.Connection:
        connection = None if moment == "before it was opened" else connect(file, patience=patience)
        file.unlink(missing_ok=True)
        return connection or connect(file, patience=patience)

    monkeypatch.setattr(owners, "_connect", disturbed)
    with pytest.raises((FileNotFoundError, sqlite3.OperationalError)):
        LockedFile(ledger_file, "me")
    assert list(ledger_file.parent.iterdir()) == []


def test_a_name_is_taken_once(ledger_file: Path) -> None:
    """Two owners of one name can't be: nobody would know which is dead."""
    held = LockedFile(ledger_file, "me")
    with pytest.raises(FileExistsError):
        LockedFile(ledger_file, "me")
    assert is_holding(ledger_file, "me")
    held.release()


async def test_an_owner_tries_other_names(file_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Opening succeeds although the first files are removed before they are locked."""
    connect, removed = owners._connect, iter([True, True])

    def disturbed(file: Path, *, patience: float) -> sqlite3.Connection:
        if next(removed, False):
            file.unlink()
        return connect(file, patience=patience)

    monkeypatch.setattr(owners, "_connect", disturbed)
    async with open_ledger(file_url) as ledger:
        assert is_holding(tmp_path.resolve() / "launch.db", ledger.owner)


async def test_a_link_leads_to_the_same_owners(tmp_path: Path) -> None:
    """Whatever path a process opens the ledger by, it sees who is alive."""
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "link.db").symlink_to(place / "launch.db")
    async with (
        open_ledger(f"sqlite:///{place}/launch.db") as one,
        open_ledger(f"sqlite:///{tmp_path}/link.db") as other,
    ):
        [item] = await one.plan("launch", entries("hero"))
        assert await one.record(item).sending()
        assert (await other.settled(item)).state is ItemState.INTENT
