"""What a ledger on a server asks of the sessions that it is given."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from motion_async import LedgerError
from motion_async.ledger import open_ledger
from motion_async.ledger.address import read_address
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.store.base import Store
from tests.demands import demand_program
from tests.ledger.conftest import entries
from tests.postgres import NOBODY

postgres = pytest.importorskip("motion_async.ledger.store.postgres", reason="no asyncpg")
asyncpg = pytest.importorskip("asyncpg")


@contextmanager
def pooler(url: str, mode: str) -> Iterator[str]:
    """PgBouncer before a database, and the URL that goes through it."""
    program, server = demand_program("pgbouncer"), urlsplit(url)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o777)  # it refuses to be root, and is nobody then
        [host] = parse_qs(server.query)["host"]
        file = place / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host={host} user={server.username}\n"
            f"[pgbouncer]\nlisten_addr =\nunix_socket_dir = {place}\nauth_type = any\npool_mode = {mode}\n",
            encoding="utf-8",
        )
        user = ["-u", NOBODY] if os.geteuid() == 0 else []
        with subprocess.Popen([program, *user, file], cwd=place, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            try:
                assert any(b"process up" in line for line in process.stderr), "it has ended"
                yield f"postgresql://{server.username}@{server.path}?host={place}&port=6432"
            finally:
                process.kill()


@pytest.fixture
def behind(request: pytest.FixtureRequest, fresh_postgres: str) -> Iterator[str]:
    """The URL of an empty database behind a pooler of some mode."""
    if "host=" not in fresh_postgres:
        pytest.skip("the server that was named is not on a socket")
    with pooler(fresh_postgres, request.param) as url:
        yield url


@pytest.mark.parametrize("behind", ["transaction"], indirect=True)
async def test_a_pooler_that_shares_sessions_is_refused_each_time(behind: str) -> None:
    """The owner's lock would be whoever's comes next; the second opening meets the statements of the first."""
    for _ in range(3):
        with pytest.raises(LedgerError, match=r"a pooler in transaction mode stands before it.*pool_mode = session"):
            async with open_ledger(behind):
                pass


@pytest.mark.parametrize("behind", ["session"], indirect=True)
async def test_a_pooler_that_gives_each_its_own_session_is_no_hindrance(behind: str) -> None:
    """Two ledgers stand open at a time."""
    async with open_ledger(behind) as one, open_ledger(behind) as other:
        assert (await one.counts(), await other.counts()) == ({}, {})


async def test_the_server_asks_whether_the_owners_machine_is_alive(fresh_postgres: str) -> None:
    """Of itself it would wait for hours; over a socket of this machine the values are read as zero, so by whose."""
    address = read_address(fresh_postgres)
    store = postgres.ServerStore(address.server, address.options)
    try:
        await store.open()
        async with store._transaction() as connection:
            found = await connection.execute(
                sa.text("SELECT name FROM pg_settings WHERE name LIKE 'tcp%' AND source = 'session' ORDER BY name")
            )
            names = ["tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout"]
            assert list(found.scalars()) == names
    finally:
        await store.aclose()


async def test_a_connection_apart_is_one_more_session_like_the_ledgers(fresh_postgres: str) -> None:
    """With its settings; whoever asked for it closes it."""
    async with open_ledger(fresh_postgres) as ledger:
        store = ledger._store
        assert isinstance(store, postgres.ServerStore)
        connection = await store.connect_apart()
        try:
            settings = "SELECT name, setting FROM pg_settings WHERE source = 'client' AND name <> 'client_encoding'"
            apart = {tuple(row) for row in await connection.fetch(settings)}
            mine = {tuple(row) for row in await store.fetch(sa.text(settings))}
            assert apart == mine
        finally:
            await connection.close()


def test_errors_of_a_connection_apart_pass_unless_a_value_is_to_blame() -> None:
    """A driver out of step with a breaking session says nothing of what was asked; and no secret is told."""
    address = read_address("postgresql://me:s3cret@localhost/motion")
    store = postgres.ServerStore(address.server, address.options, read_only=False)
    for error, kind in (
        (asyncpg.InterfaceError("connection s3cret is being released"), TransientStoreError),
        (
            asyncpg.InternalClientError("cannot switch to state 11; another operation is in progress"),
            TransientStoreError,
        ),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle"), TransientStoreError),
        (asyncpg.SerializationError("could not serialize"), TransientStoreError),
        (asyncpg.DeadlockDetectedError("deadlock detected"), TransientStoreError),
        (asyncpg.AdminShutdownError("terminating connection"), TransientStoreError),
        (OSError("no route"), TransientStoreError),
        (asyncpg.DataError("invalid input for query argument"), PermanentStoreError),
        (asyncpg.UniqueViolationError("duplicate key"), PermanentStoreError),
        (TypeError("of ours"), PermanentStoreError),
    ):
        found = store.explain(error)
        assert type(found) is kind, error
        assert "s3cret" not in str(found)


@pytest.mark.parametrize("code", ["40P01", "40001", "55P03", "22021", "53100", "57014"])
async def test_a_transaction_that_the_server_ends_leaves_the_owners_lock(fresh_postgres: str, code: str) -> None:
    """Else others would take for lost what is being sent just then."""
    async with open_ledger(fresh_postgres) as ledger, open_ledger(fresh_postgres) as other:
        store = ledger._store
        before = store.lock_generation
        with pytest.raises(sa.exc.DBAPIError):
            await _fail(store, code)
        assert await other._store.probe_owner(ledger.owner)
        assert store.lock_generation == before
        await ledger.plan("launch", entries("a"))


async def test_a_session_that_is_no_good_is_made_anew(fresh_postgres: str) -> None:
    """As that of a server which has become one for reading only, and which others write to no more."""
    async with open_ledger(fresh_postgres) as ledger:
        store = ledger._store
        before = store.lock_generation
        with pytest.raises(sa.exc.DBAPIError):
            await _fail(store, "25006")
        assert store.lock_generation > before
        await ledger.plan("launch", entries("a"))


async def _fail(store: Store, code: str) -> None:
    """Have the server end a transaction with an error."""
    async with store._transaction() as connection:
        await connection.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))
