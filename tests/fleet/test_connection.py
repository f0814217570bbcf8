"""Tests of `motion_async.fleet.connection`: one connection, made anew after any trouble, and what it hears."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from motion_async import LedgerError
from motion_async.fleet.connection import CHANNEL, Connection
from tests.fleets import Link, open_link
from tests.postgres import PostgresServer, execute, has_no_session
from tests.waiting import until

END_ALL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


def heard_by(link: Link) -> list[Mapping[str, Any]]:
    """Give a list into which comes what a process hears from now on."""
    heard: list[Mapping[str, Any]] = []
    link.connection.hear = heard.append
    return heard


async def test_what_one_process_tells_all_hear(fresh_postgres: str, link: Link) -> None:
    """The one that tells it, too."""
    async with open_link(fresh_postgres) as other:
        links = [link, other]
        heard = [heard_by(it) for it in links]
        await asyncio.gather(*(it.session() for it in links))
        assert heard == [[{}], [{}]], "a new connection is told of, as what came before it is lost"
        await link.connection.notify(kind="slow", seconds=1.5)
        await until(lambda: all({"kind": "slow", "seconds": 1.5} in it for it in heard), every=0.01)


async def test_what_is_no_news_is_warned_of_and_ends_nothing(
    fresh_postgres: str, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody who can reach the database can notify."""
    await link.session()
    heard = heard_by(link)
    for payload in ("", "no JSON", "[1]", "null", '{"kind": "limits"}'):
        await execute(fresh_postgres, f"SELECT pg_notify('{CHANNEL}', '{payload}')")
    await until(lambda: heard, every=0.01)
    assert heard == [{"kind": "limits"}]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text for text in told if "no news" in text] == told
    assert len(told) == 4


async def test_a_lost_session_is_told_at_once_and_made_anew(fresh_postgres: str, link: Link) -> None:
    """What was notified in between is lost: whoever listens is told twice that anything may have changed."""
    before = await link.session()
    heard = heard_by(link)
    await execute(fresh_postgres, END_ALL)
    await until(lambda: heard == [{}], every=0.01)
    assert await link.session() != before
    assert heard == [{}, {}]
    await link.connection.notify(kind="limits")
    await until(lambda: {"kind": "limits"} in heard, every=0.01)


async def test_who_leaves_while_it_is_made_anew_costs_nobody_the_news(fresh_postgres: str, link: Link) -> None:
    """However far that has come: the next one listens."""
    heard = heard_by(link)
    for steps in range(60):
        await link.connection.aclose()
        asked = asyncio.create_task(link.session())
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
        heard.clear()
        await link.connection.notify(kind="limits")
        await until(lambda: {"kind": "limits"} in heard, every=0.01, within=5)


async def add(connection: Connection) -> int:
    """Write the next number, in a transaction of some statements."""
    async with connection.transaction():
        await connection.execute("CREATE TABLE IF NOT EXISTS numbers (n bigint)")
        await connection.execute("INSERT INTO numbers SELECT count(*) FROM numbers")
        return int(await connection.fetchval("SELECT max(n) FROM numbers"))


async def test_who_leaves_in_the_middle_leaves_no_transaction_open(fresh_postgres: str) -> None:
    """At whatever step: it would hold its locks for as long as the process lives."""
    async with open_link(fresh_postgres, patience=0) as link:
        await link.connection.run(add)
        for steps in range(40):
            adding = asyncio.create_task(link.connection.run(add))
            for _ in range(steps):
                await asyncio.sleep(0)
            adding.cancel()
            await asyncio.wait([adding])
            before = await link.connection.run(add)
            assert await execute(fresh_postgres, "SELECT max(n) FROM numbers") == [before]


async def test_leaving_it_drops_what_does_not_end(fresh_postgres: str, link: Link) -> None:
    """Such as a statement that waits for a lock of somebody else's, and whose caller has gone."""
    await link.connection.run(add)
    async with link.transaction() as transaction:
        await transaction.exec_driver_sql("LOCK TABLE numbers")
        adding = asyncio.create_task(link.connection.run(add))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

        async def waits() -> bool:
            return await execute(fresh_postgres, waiting) == [1]

        await until(waits, every=0.01)
        adding.cancel()
        await asyncio.wait([adding])
        await link.connection.aclose()
        assert adding.cancelled()
    assert await link.connection.run(add) == 1


async def test_calls_have_their_turns(link: Link) -> None:
    """The driver refuses a second statement on a connection that is at work."""
    assert await asyncio.gather(*(link.connection.run(add) for _ in range(20))) == list(range(20))


async def test_what_the_database_will_never_do_is_an_error_at_once(link: Link) -> None:
    """It names the ledger, and neither the statement nor its values."""
    with pytest.raises(LedgerError, match="the ledger postgresql://") as caught:
        await link.connection.execute("SELECT 1 / ($1::bigint - 4711)", 4711)
    assert "4711" not in str(caught.value)
    assert "division by zero" in str(caught.value)
    assert [tuple(row) for row in await link.connection.execute("SELECT 1, $1::text", "a")] == [(1, "a")]


async def test_calls_wait_while_the_database_is_away(postgres_server: PostgresServer, link: Link) -> None:
    """And are answered when it is back."""
    if not postgres_server.ours:
        return
    await link.session()
    heard = heard_by(link)
    await asyncio.to_thread(postgres_server.stop)
    try:
        asked = asyncio.create_task(link.session())
        await until(lambda: heard == [{}], every=0.01)
        await asyncio.sleep(0)
        assert not asked.done()
    finally:
        await asyncio.to_thread(postgres_server.start)
    await asked
    assert heard == [{}, {}]


async def test_nobody_waits_for_longer_than_the_patience(postgres_server: PostgresServer, fresh_postgres: str) -> None:
    """Then it is an error."""
    if not postgres_server.ours:
        return
    async with open_link(fresh_postgres, patience=0) as link:
        await link.session()
        await asyncio.to_thread(postgres_server.stop)
        try:
            with pytest.raises(LedgerError):
                await link.session()
            await link.connection.aclose()
        finally:
            await asyncio.to_thread(postgres_server.start)


async def test_leaving_it_leaves_no_session(fresh_postgres: str) -> None:
    """Whether it was used or not, and however often it is left."""
    async with open_link(fresh_postgres) as link:
        await link.connection.aclose()
        await link.session()
        await link.connection.aclose()
        await link.connection.aclose()
    await until(lambda: has_no_session(fresh_postgres), every=0.01)


async def test_a_session_that_is_left_while_nobody_answers_is_dropped(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """Leaving never fails."""
    caplog.set_level(logging.DEBUG)
    await link.session()
    connection = link.connection._connection
    link.connection._connection = Unanswered(connection)
    await link.connection.aclose()
    assert connection.is_closed()
    assert "could not be left in good order: TimeoutError" in caplog.text


class Unanswered:
    """A connection whose server does not answer any more."""

    def __init__(self, connection: Connection) -> None:
        self.is_closed = connection.is_closed
        self.terminate = connection.terminate

    async def close(self, *, timeout: float) -> None:
        raise TimeoutError(f"after {timeout:g} s")


async def test_who_is_cut_off_in_the_middle_of_a_transaction_leaves_no_lock(fresh_postgres: str, link: Link) -> None:
    """At whatever step of it: what comes after is no part of that transaction, and waits for none of its locks."""

    async def work(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            await connection.execute("SELECT 1")

    async with open_link(fresh_postgres) as other:
        for steps in range(40):
            task = asyncio.create_task(link.connection.run(work))
            for _ in range(steps):
                await asyncio.sleep(0.0005)
            task.cancel()
            await asyncio.wait([task])
            [(locks,)] = await link.connection.execute(
                "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"
            )
            assert locks == 0
            await asyncio.wait_for(other.connection.run(work), 30)
