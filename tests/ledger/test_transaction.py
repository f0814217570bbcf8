"""Tests of `motion_async.ledger.transaction`: two processes on one server never wait for each other."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from motion_async import VideoRequest
from motion_async.ledger import Entry, Item, ItemState, Ledger, open_ledger, transaction
from motion_async.ledger.transitions import Claim, RecordStatus
from motion_async.ledger.writes import Bind, Write
from tests.ledger.conftest import entries, make_plan, seen, wait_for_locks
from tests.waiting import until


@asynccontextmanager
async def locked(url: str, statement: str) -> AsyncIterator[None]:
    """Hold what a statement locks, in a session of its own, and give it free again."""
    connection = await importlib.import_module("asyncpg").connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statement)
            yield
    finally:
        await connection.close()


async def cross(url: str, lock: str, *groups: tuple[Ledger, Sequence[Write]]) -> None:
    """Have groups be written one behind the other: all wait for the first lock, with what they have locked before it.

    A `TransientStoreError` says that the server found them waiting for each other.
    """
    async with locked(url, lock):
        commits = []
        for number, (ledger, writes) in enumerate(groups, start=1):
            commits.append(asyncio.ensure_future(ledger._store.commit(writes)))
            await until(lambda number=number: wait_for_locks(url, number), every=0.01)  # type: ignore[misc]
    await asyncio.gather(*commits)


@pytest.fixture
async def both(fresh_postgres: str) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """Two ledgers on one server."""
    async with open_ledger(fresh_postgres) as ledger, open_ledger(fresh_postgres) as other:
        yield ledger, other


def claims(ledger: Ledger, *items: Item) -> list[Write]:
    return [Claim(ledger._writer.next_op()[0], item, AT, ledger.owner) for item in items]


def news(ledger: Ledger, *items: Item) -> list[Write]:
    return [RecordStatus(ledger._writer.next_op()[0], item, AT, "job-1", "running", seen("running")) for item in items]


AT = "2026-05-01T12:00:00Z"
LOCK_A = "SELECT * FROM motion_items WHERE key = 'a' FOR UPDATE"


@pytest.mark.parametrize("kind", ["found", "replaced", "followed"])
async def test_plans_lock_in_the_order_of_moves(fresh_postgres: str, both: tuple[Ledger, Ledger], kind: str) -> None:
    """Whatever their own order is, and whatever the moves are that are written with them."""
    ledger, other = both
    a, b, c = await ledger.plan("launch", entries("a", "b", "c"))
    if kind == "followed":
        ledger._store.enqueue = lambda *_: asyncio.sleep(0)
    kinds = {
        "found": lambda key: entries(key)[0],
        "replaced": lambda key: Entry(key, VideoRequest(f"another {key}")),
        "followed": lambda key: Entry(f"after {key}", VideoRequest("more"), parent=key),
    }
    plans = [[kinds[kind](key)] for key in ("c", "b", "a")]
    group = [
        *[await make_plan(ledger, *planned) for planned in plans],
        *news(ledger, *([a, c] if kind == "found" else [c])),
    ]
    await cross(fresh_postgres, LOCK_A, (other, news(other, a, b, c)), (ledger, group))
    found = await ledger.find("launch", "a")
    assert found is not None
    assert found.request.prompt == ("another a" if kind == "replaced" else a.request.prompt)


async def test_what_a_plan_only_finds_it_does_not_wait_for(fresh_postgres: str, both: tuple[Ledger, Ledger]) -> None:
    """It was planned so before; somebody may be about to send it."""
    ledger, _ = both
    [a] = await ledger.plan("launch", entries("a"))
    async with locked(fresh_postgres, LOCK_A):
        assert [item.id for item in await ledger.plan("launch", entries("a"))] == [a.id]


async def test_one_batch_is_planned_in_two_orders(fresh_postgres: str, both: tuple[Ledger, Ledger]) -> None:
    """By two processes at the same time: each has an item for each entry, the same ones."""
    ledger, other = both
    await ledger.plan("launch", entries("first"))
    lock = "INSERT INTO motion_items SELECT 1000, batch, 'b', parent, request, metadata, planned_at, digest, state"
    lock += ", owner, claim, intent_at, taken_at, job_id, status, job_state, error, changed_at FROM motion_items"
    there = [await make_plan(ledger, *entries("a", "b", "c"))]
    back = [await make_plan(other, *entries("c", "b", "a"))]
    await cross(fresh_postgres, lock, (ledger, there), (other, back))
    assert await ledger.plan("launch", entries("a", "b", "c")) == await other.plan("launch", entries("a", "b", "c"))


async def test_batches_are_bound_in_one_order(fresh_postgres: str, both: tuple[Ledger, Ledger]) -> None:
    """Whatever the order is in which their runs have begun."""

    def binds(ledger: Ledger, *batches: str) -> list[Write]:
        return [
            Bind(ledger._writer.next_op()[0], batch, "https://a.example", "f", ledger.owner, AT) for batch in batches
        ]

    lock = "INSERT INTO motion_batches VALUES ('b', 'https://b.example', 'f', '', '')"
    ledger, other = both
    await cross(fresh_postgres, lock, (ledger, binds(ledger, "a", "b", "c")), (other, binds(other, "c", "b", "a")))


async def test_a_plan_and_a_claim_of_what_it_replaces_are_one_group(both: tuple[Ledger, Ledger]) -> None:
    """The claim is of what was read before, and is refused."""
    ledger, other = both
    [a] = await ledger.plan("launch", entries("a"))
    plan = await make_plan(ledger, Entry("a", VideoRequest("another")))
    [again], is_claimed = await ledger._store.commit([plan, *claims(ledger, a)])
    assert (again.request.prompt, is_claimed) == ("another", False)
    assert await other._store.commit(claims(other, again)) == [True]


async def test_what_was_given_back_since_a_plan_looked_is_not_overwritten(
    fresh_postgres: str, both: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third may be claiming it at that moment, and would send what is planned anew by then."""
    ledger, other = both
    _, b = await ledger.plan("launch", entries("a", "b"))
    record = other.journal(b)
    assert await record.begin()
    read, looks = transaction._read_planned, 0

    async def given_back_meanwhile(*arguments: Any) -> Any:
        """Between the first look, which locks nothing, and the second one."""
        nonlocal looks
        looks += 1
        if looks == 2:
            await record.released(None)
        found = await read(*arguments)
        if looks == 2:
            assert await other.journal(b).begin()
        return found

    monkeypatch.setattr(transaction, "_read_planned", given_back_meanwhile)
    plan = await make_plan(ledger, *(Entry(key, VideoRequest(f"another {key}")) for key in ("a", "b")))
    await ledger._store.commit([plan])
    monkeypatch.undo()
    found = await ledger.many("launch", ["a", "b"])
    assert (found["a"].request.prompt, found["b"].request.prompt) == ("another a", b.request.prompt)
    assert found["b"].state is ItemState.INTENT
