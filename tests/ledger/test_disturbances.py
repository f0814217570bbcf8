"""What can happen to a database while a ledger is open: each is tried on a real one, and nothing is lost."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from motion_async import LedgerError, VideoRequest
from motion_async.ledger import Entry, ItemState, Ledger, LedgerTrouble, open_ledger
from motion_async.ledger.outage import TransientStoreError
from motion_async.ledger.store import base, sqlite
from motion_async.ledger.transitions import Expire
from motion_async.timing.backoff import Backoff
from tests.hostile.stepping import SteppingLoop
from tests.ledger.conftest import accepted, change, entries, seen
from tests.postgres import PostgresServer, execute

SIGNED = "https://a.example/hero.png?X-Amz-Signature=SECRET"


@pytest.fixture(autouse=True)
def quick_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr("motion_async.ledger.outage._BACKOFF", Backoff(first=0.05, cap=0.1))


@pytest.fixture
def troubles() -> list[LedgerTrouble]:
    return []


@pytest.fixture
async def ledger(shared_url: str, troubles: list[LedgerTrouble]) -> AsyncIterator[Ledger]:
    async with open_ledger(shared_url, on_trouble=troubles.append) as opened:
        yield opened


async def until_trouble(troubles: list[LedgerTrouble], number: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(troubles) < number:
            await asyncio.sleep(0.005)


async def whole_way(ledger: Ledger, key: str) -> None:
    """Bring an item from its plan to its end."""
    [item] = await ledger.plan("launch", entries(key))
    record = ledger.journal(item)
    assert await record.begin()
    await record.accepted(accepted())
    record.changed(change("running"))
    await record.ended(seen("completed"), None)


async def test_a_locked_file_is_waited_for(file_url: str, tmp_path: Path, troubles: list[LedgerTrouble]) -> None:
    """Somebody else holds the file: all is written once they let go, and it is said why it takes so long."""
    async with open_ledger(file_url, on_trouble=troubles.append) as ledger:
        with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as locker:
            locker.execute("BEGIN EXCLUSIVE")
            going = asyncio.ensure_future(whole_way(ledger, "hero"))
            await until_trouble(troubles, 2)
            assert not going.done()
        await going
        assert await ledger.counts() == {"launch": {ItemState.COMPLETED: 1}}
    assert {trouble.reason for trouble in troubles} == {"database is locked"}


async def test_patience_ends_for_an_intent_and_not_for_an_id(
    file_url: str, tmp_path: Path, troubles: list[LedgerTrouble]
) -> None:
    """What was not sent is not sent; what was sent is written as soon as it can be."""
    async with open_ledger(file_url, on_trouble=troubles.append, patience=0.1) as ledger:
        items = await ledger.plan("launch", entries("a", "b"))
        with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as locker:
            locker.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LedgerError, match="database is locked"):
                await ledger.journal(items[0]).begin()
            taken = ledger.journal(items[1]).accepted(accepted())
            await until_trouble(troubles, len(troubles) + 4)
            assert not asyncio.ensure_future(taken).done()
        await taken
        assert await ledger.counts() == {"launch": {ItemState.PLANNED: 1, ItemState.SUBMITTED: 1}}


async def test_a_full_disk_is_waited_for(file_url: str, troubles: list[LedgerTrouble]) -> None:
    """Somebody makes room: what could not be written is, and what was not planned was not half planned."""
    async with open_ledger(file_url, on_trouble=troubles.append) as ledger:
        room = [1]
        engine = ledger._store._engine.sync_engine

        @event.listens_for(engine, "connect")
        def limit(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA max_page_count={room[0]}")  # never less than there is
            cursor.close()

        await ledger._store._drop_writing()
        big = [Entry(f"k{number}", VideoRequest("x" * 12_000)) for number in range(50)]
        going = asyncio.ensure_future(ledger.plan("launch", big))
        await until_trouble(troubles, 2)
        assert await ledger.counts() == {}
        room[0] = 1_000_000
        assert len(await going) == 50
    assert {trouble.reason for trouble in troubles} == {"database or disk is full"}


async def test_an_id_that_cannot_be_written_is_named(
    file_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of all attempts, in the error and in the log: it is the only place where it stands."""
    monkeypatch.setattr("motion_async.ledger.writer._LAST_ROUND", 0.05)
    with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None, timeout=5)) as locker:
        with pytest.raises(LedgerError, match="launch/hero is job job-1") as caught:  # noqa: PT012  # from its end
            async with open_ledger(file_url) as ledger:
                [item] = await ledger.plan("launch", entries("hero"))
                locker.execute("BEGIN EXCLUSIVE")
                ledger.journal(item).accepted(accepted())
        locker.execute("ROLLBACK")
    assert caught.value.job_ids == (("launch", "hero", "job-1"),)
    assert "launch/hero is job job-1" in caplog.text
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_commit_whose_answer_is_lost_is_made_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whether it was made or not: every write gives the same, and the history has each line once."""
    commit_group, failed = base.commit_group, set[str]()

    async def disturbed(connection: AsyncConnection, writes: Any, **options: Any) -> list[Any]:
        """Make each group fail at its first attempt, before its commit or after it."""
        results = await commit_group(connection, writes, **options)
        if writes[0].op not in failed:
            failed.add(writes[0].op)
            if moment == "after":
                await connection.commit()
            raise ConnectionResetError("the server closed the connection")
        return results

    monkeypatch.setattr(base, "commit_group", disturbed)
    await whole_way(ledger, "hero")
    [item] = await ledger.plan("launch", entries("other"))
    assert await ledger.journal(item).begin()
    assert not await ledger.journal(item).begin()
    assert len(failed) == 7
    hero = await ledger.find("launch", "hero")
    assert hero is not None
    assert hero.state is ItemState.COMPLETED
    assert len(await ledger.history(hero)) == 4
    assert len(await ledger.history(item)) == 1


async def test_a_read_that_fails_takes_no_connection_from_whoever_writes(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without a file handle to spare, say: what is being written just then is written."""
    commit_group, is_down = base.commit_group, True
    reading = type(ledger._store)._reading

    @asynccontextmanager
    async def no_connection(given: Any) -> AsyncIterator[AsyncConnection]:
        if is_down:
            raise OSError("too many open files")
        async with reading(given) as connection:
            yield connection

    async def disturbed(connection: AsyncConnection, writes: Any, **options: Any) -> list[Any]:
        results = await commit_group(connection, writes, **options)
        with pytest.raises(TransientStoreError, match="too many open files"):
            await ledger._store.queries.count(None)
        return results

    monkeypatch.setattr(base, "commit_group", disturbed)
    monkeypatch.setattr(type(ledger._store), "_reading", no_connection)
    await whole_way(ledger, "hero")
    is_down = False
    assert await ledger.counts() == {"launch": {ItemState.COMPLETED: 1}}


@pytest.mark.parametrize(
    ("column", "value"),
    [("request", "{"), ("request", '{"attachments": [{"no": "url"}]}'), ("state", "lost"), ("changed_at", "noon")],
)
async def test_a_row_that_is_damaged_is_named(file_url: str, tmp_path: Path, column: str, value: str) -> None:
    """Somebody has edited the file by hand: whoever reads it is told where, and the rest can still be found."""
    async with open_ledger(file_url) as ledger:
        hero, _ = await ledger.plan("launch", entries("hero", "teaser"))
        with closing(sqlite3.connect(tmp_path / "launch.db")) as connection, connection:
            connection.execute(f"UPDATE motion_items SET {column} = ? WHERE key = 'hero'", (value,))
        for reading in (ledger.find("launch", "hero"), ledger.refresh(hero), anext(aiter(ledger.items("launch")))):
            with pytest.raises(LedgerError, match="'hero' of batch 'launch' is damaged"):
                await reading
        found = await ledger.find("launch", "teaser")
        assert found is not None
        assert found.key == "teaser"


@pytest.mark.parametrize("what", ["deleted", "moved", "replaced"])
async def test_a_file_that_has_gone_takes_no_writes(
    file_url: str, tmp_path: Path, troubles: list[LedgerTrouble], what: str
) -> None:
    """SQLite would write on into a file without a name: nothing is sent, and an id that cannot be kept is named."""
    file = tmp_path / "launch.db"
    other = tmp_path / "other.db"
    async with open_ledger(f"sqlite:///{other}"):
        pass
    with pytest.raises(LedgerError, match=r"hero is job job-1\): the file .*launch\.db was moved or deleted"):  # noqa: PT012  # from its end
        async with open_ledger(file_url, on_trouble=troubles.append, patience=0.05) as ledger:
            hero, teaser = await ledger.plan("launch", entries("hero", "teaser"))
            if what == "replaced":
                other.replace(file)
            elif what == "moved":
                file.rename(tmp_path / "elsewhere.db")
            else:
                file.unlink()
            with pytest.raises(LedgerError, match="was moved or deleted while it was in use"):
                await ledger.journal(teaser).begin()
            ledger.journal(hero).accepted(accepted())
    assert file.exists() is (what == "replaced")
    assert troubles


@pytest.mark.parametrize(("first", "words"), [(100, "malformed"), (0, "not a database")])
async def test_a_file_that_is_damaged_while_it_is_open_is_not_waited_for(
    file_url: str, tmp_path: Path, troubles: list[LedgerTrouble], first: int, words: str
) -> None:
    """No waiting mends it: whoever reads or writes is told at once, and an id that cannot be kept is named."""
    async with open_ledger(file_url) as ledger:
        [item, *_] = await ledger.plan("launch", entries(*(f"k{number}" for number in range(200))))
    file = tmp_path / "launch.db"
    whole = file.read_bytes()
    with pytest.raises(LedgerError, match=r"not written.*is job job-1.*malformed"):  # noqa: PT012  # from its end
        async with open_ledger(file_url, on_trouble=troubles.append) as ledger:
            with file.open("r+b") as other:
                other.seek(first)
                other.write(b"\xff" * (len(whole) - first))
            async with asyncio.timeout(20):
                with pytest.raises(LedgerError, match=words):
                    await ledger.items("launch").__anext__()
                with pytest.raises(LedgerError, match="malformed"):
                    await ledger.journal(item).accepted(accepted())
    assert troubles == []


async def test_a_value_that_is_too_large_for_an_index_costs_only_its_own_write(fresh_postgres: str) -> None:
    """PostgreSQL says so in a way of its own, which is no trouble that passes."""
    name = "".join(chr(0x20000 + 7 * number % 0x9000) for number in range(512))
    async with open_ledger(fresh_postgres) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        with pytest.raises(LedgerError, match="index row size"):
            await ledger.plan(name, [Entry(name[::-1], VideoRequest("a"))])
        assert await ledger.journal(item).begin()


async def test_a_bad_value_costs_only_its_own_write(ledger: Ledger) -> None:
    """A mistake in one write, of whatever kind, must not keep the others waiting."""
    items = await ledger.plan("launch", entries("a", "b", "c"))
    await ledger.journal(items[2]).begin()
    bad = ledger._writer.next_op()
    claim = (await ledger._read_again(items[2]))[1]
    waiting = [
        ledger.journal(items[0]).begin(),
        ledger._writer.put(Expire(bad[0], items[2], object(), ledger.owner, claim)),  # type: ignore[arg-type]  # that is the mistake
        ledger.journal(items[1]).begin(),
    ]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert (results[0], results[2]) == (True, True)
    assert isinstance(results[1], LedgerError)


async def test_no_error_holds_a_signed_url(file_url: str, tmp_path: Path) -> None:
    """Neither its words nor what hangs on it: statements carry requests, and errors carry statements."""
    async with open_ledger(file_url, patience=0.0) as ledger:
        with closing(sqlite3.connect(tmp_path / "launch.db", isolation_level=None)) as locker:
            locker.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LedgerError) as caught:
                await ledger.plan("launch", [Entry("hero", VideoRequest("a", attachments=[SIGNED]))])
    error: BaseException | None = caught.value
    assert b"SECRET" not in pickle.dumps(error)
    while error is not None:
        assert "sqlalchemy" not in type(error).__module__
        assert "SECRET" not in repr(error)
        error = error.__cause__ or error.__context__


async def test_a_table_that_has_gone_is_an_error_of_the_ledger(file_url: str, tmp_path: Path) -> None:
    """Whatever somebody does to the database, SQLAlchemy's own errors stay inside."""
    async with open_ledger(file_url, patience=0.0) as ledger:
        await ledger.plan("launch", entries("hero"))
        with closing(sqlite3.connect(tmp_path / "launch.db")) as connection:
            connection.execute("DROP TABLE motion_history")
            connection.execute("DROP TABLE motion_items")
        with pytest.raises(LedgerError, match="no such table"):
            await ledger.find("launch", "hero")
        with pytest.raises(LedgerError, match="no such table"):
            await ledger.plan("launch", entries("other"))


async def test_sessions_that_are_ended_cost_nothing(fresh_postgres: str, troubles: list[LedgerTrouble]) -> None:
    """An administrator ends every connection, again and again, in the middle of the work."""
    async with open_ledger(fresh_postgres, on_trouble=troubles.append) as ledger:
        going = asyncio.gather(*(whole_way(ledger, f"k{number}") for number in range(50)))
        for _ in range(4):
            await execute(
                fresh_postgres,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()",
            )
            await asyncio.sleep(0.02)
        await going
        assert await ledger.counts() == {"launch": {ItemState.COMPLETED: 50}}
        lines = [len(await ledger.history(item)) async for item in ledger.items()]
        assert lines == [4] * 50


async def test_an_owner_whose_session_is_ended_is_alive_again_at_once(fresh_postgres: str) -> None:
    """Nothing has to be written for it: a create that takes long must not pass for a dead process's."""
    async with open_ledger(fresh_postgres) as ledger, open_ledger(fresh_postgres) as other:
        [item] = await ledger.plan("launch", entries("hero"))
        record = ledger.journal(item)
        assert await record.begin()
        assert record.still_owned()
        await execute(
            fresh_postgres, "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
        )
        async with asyncio.timeout(20):
            while record.still_owned():  # for a moment others can take it for dead, and let it be sent again
                await asyncio.sleep(0.005)
            while not (await ledger._store.probe_owner(ledger.owner) and await ledger._store.probe_owner(other.owner)):
                await asyncio.sleep(0.005)
        assert (await other.refresh(item)).state is ItemState.INTENT
        await record.released(None)
        assert await record.begin()
        assert record.still_owned()
        await record.accepted(accepted())


async def test_a_connection_that_is_given_up_keeps_nobody_from_sending(
    fresh_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a commit that failed it is left, and the lock that shows that the owner is alive ends with it."""

    async def disturbed(*_: Any, **__: Any) -> list[Any]:
        monkeypatch.undo()
        raise OSError("the answer was lost")

    async with open_ledger(fresh_postgres) as ledger:
        hero, other = await ledger.plan("launch", entries("hero", "teaser"))
        record = ledger.journal(hero)
        assert await record.begin()
        monkeypatch.setattr(base, "commit_group", disturbed)
        assert await ledger.journal(other).begin()
        assert not record.still_owned()
        await record.released(None)


async def test_a_server_that_is_stopped_and_started_is_waited_for(
    postgres_server: PostgresServer, fresh_postgres: str, troubles: list[LedgerTrouble]
) -> None:
    """Writers and readers wait while it is down, say so, and go on when it is up."""
    if not postgres_server.ours:
        pytest.skip("a server that is not ours is not stopped")
    async with open_ledger(fresh_postgres, on_trouble=troubles.append) as ledger:
        items = await ledger.plan("launch", entries("a", "b"))
        assert await ledger.journal(items[0]).begin()
        await asyncio.to_thread(postgres_server.stop)
        try:
            writing = asyncio.gather(ledger.journal(items[0]).accepted(accepted()), whole_way(ledger, "c"))
            reading = asyncio.ensure_future(ledger.find("launch", "b"))
            await until_trouble(troubles, 4)
            assert not writing.done()
            assert not reading.done()
        finally:
            await asyncio.to_thread(postgres_server.start)
        await writing
        assert (await reading) == items[1]
        assert await ledger.counts() == {
            "launch": {ItemState.SUBMITTED: 1, ItemState.PLANNED: 1, ItemState.COMPLETED: 1}
        }


async def test_two_servers_sessions_that_block_each_other_get_on(fresh_postgres: str) -> None:
    """Rows are locked in one order; what is locked all the same is waited for."""
    async with open_ledger(fresh_postgres) as one, open_ledger(fresh_postgres) as other:
        items = await one.plan("launch", entries(*(f"k{number}" for number in range(40))))
        records = [(one if number % 2 else other).journal(item) for number, item in enumerate(items)]
        assert all(await asyncio.gather(*(record.begin() for record in records)))
        ways = [
            record.accepted(accepted(f"job-{number}"))
            for ledger_items in (items, list(reversed(items)))
            for number, item in enumerate(ledger_items)
            for record in (one.journal(item), other.journal(item))
        ]
        await asyncio.gather(*ways)
        assert await other.counts() == {"launch": {ItemState.SUBMITTED: 40}}


def _back_up(source: Path, copy: Path) -> None:
    with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(copy)) as to:
        from_.backup(to)


def _vacuum_into(source: Path, copy: Path) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


@pytest.mark.parametrize("back_up", [_back_up, _vacuum_into], ids=["backup", "VACUUM INTO"])
async def test_a_ledger_that_is_in_use_can_be_copied_by_sqlites_own_means(
    file_url: str, tmp_path: Path, back_up: Callable[[Path, Path], None]
) -> None:
    """The copy has all that was written; nobody is sending from it, and the ledger goes on as if nothing had been."""
    copy = tmp_path / "copy.db"
    async with open_ledger(file_url) as ledger:
        await whole_way(ledger, "hero")
        teaser, _ = await ledger.plan("launch", entries("teaser", "last"))
        record = ledger.journal(teaser)
        assert await record.begin()
        await asyncio.to_thread(back_up, tmp_path / "launch.db", copy)
        async with open_ledger(f"sqlite:///{copy}") as copied:
            assert [item.state async for item in copied.items()] == [
                ItemState.COMPLETED, ItemState.INTENT, ItemState.PLANNED,
            ]  # fmt: skip
            assert [len(await copied.history(item)) async for item in copied.items()] == [4, 1, 0]
            assert (await copied.refresh(teaser)).state is ItemState.UNCERTAIN
        assert record.still_owned()
        await record.accepted(accepted())
        assert (await ledger.refresh(teaser)).state is ItemState.SUBMITTED


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": SteppingLoop})], ids=["asyncio"])
async def test_the_end_of_the_loop_at_any_step_of_a_commit_loses_no_id(shared_url: str) -> None:
    """It cancels the writer once, wherever that is: what was cut off is written once more."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    for step in count():
        assert step < 500
        async with open_ledger(shared_url) as ledger:
            [item] = await ledger.plan("launch", entries(f"hero {step}"))
            record = ledger.journal(item)
            assert await record.begin()
            taken = record.accepted(accepted(f"job-{step}"))
            loop.after(step, ledger._writer._task.cancel)
            await taken
            was_before = ledger._writer._loop_ended_at is None
        async with open_ledger(shared_url, read_only=True) as ledger:
            found = {item.key: item.job_id async for item in ledger.items("launch")}
        assert found[f"hero {step}"] == f"job-{step}"
        if was_before:
            break
    assert step > 5
