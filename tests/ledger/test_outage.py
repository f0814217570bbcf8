"""Tests of `motion_async.ledger.outage`, and of how long a ledger keeps on in one, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from motion_async import InvalidRequestError, LedgerError, UncertainError
from motion_async.ledger import LedgerTrouble, open_ledger
from motion_async.ledger.batch_accounts import BatchAccounts
from motion_async.ledger.journal import LedgerJournal
from motion_async.ledger.outage import Outage, TransientStoreError
from motion_async.ledger.store.base import Store
from motion_async.ledger.writer import Writer
from motion_async.ledger.writes import Write
from tests.ledger.conftest import accepted, change, clock, seen
from tests.ledger.test_writer import ITEM, intend, take
from tests.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run these tests on virtual time."""
    return "asyncio", {"loop_factory": VirtualLoop}


class DownDatabase:
    """A database that cannot be reached until it is told otherwise."""

    owner = "me"
    lock_generation = 0

    def __init__(self) -> None:
        self.is_over = False
        self.written: list[str] = []
        self.attempts: list[float] = []

    async def commit(self, group: Sequence[Write]) -> list[Any]:
        self.attempts.append(asyncio.get_running_loop().time())
        if not self.is_over:
            raise TransientStoreError("locked")
        self.written += [write.op for write in group]
        return [None for _ in group]


async def test_pauses_grow_up_to_two_seconds_and_begin_anew() -> None:
    """So that a lock that is held for a moment costs a moment, and a server that is down is asked no more than that."""
    outage = Outage("launch.db", None, patience=60)
    assert [outage.failed(TransientStoreError("locked"), since=0) for _ in range(9)] == [
        0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0,
    ]  # fmt: skip
    outage.recovered()
    assert outage.failed(TransientStoreError("locked"), since=0) == 0.05


async def test_a_read_is_given_up_when_its_patience_is_over() -> None:
    """Not later, and not before: it is told how long it was waited each time."""
    told: list[LedgerTrouble] = []

    async def attempt() -> None:
        raise TransientStoreError("locked")

    began_at = asyncio.get_running_loop().time()
    with pytest.raises(LedgerError, match="cannot be read: locked"):
        await Outage("launch.db", told.append, patience=60).retry(attempt)
    assert 58 < asyncio.get_running_loop().time() - began_at <= 60
    assert [round(trouble.waited, 2) for trouble in told[:4]] == [0.0, 0.05, 0.15, 0.35]
    assert 58 < told[-1].waited <= 60


async def test_closing_in_an_outage_ends_after_five_seconds() -> None:
    """What waits is tried again for so long, and no longer, and then it is named."""
    database = DownDatabase()
    writer = Writer(database, Outage("launch.db", None, patience=60), clock())
    writer.put(take())
    await asyncio.sleep(100)
    began_at = asyncio.get_running_loop().time()
    with pytest.raises(LedgerError, match="launch/hero is job job-1"):
        await writer.aclose()
    assert 5 < asyncio.get_running_loop().time() - began_at <= 7  # the pause that begins in time is the last
    assert sum(at > began_at for at in database.attempts) >= 3


Told = Callable[[LedgerJournal], object]
FACTS: dict[str, Told] = {
    "not taken": lambda record: record.released(None),
    "refused": lambda record: record.released(InvalidRequestError((), http_status=400)),
    "lost": lambda record: record.unknown(UncertainError("reset", job_id="job-1")),
    "taken": lambda record: record.accepted(accepted()),
    "changed": lambda record: record.changed(change("running")),
    "ended": lambda record: record.ended(seen("completed"), None),
}


@pytest.mark.parametrize("tell", FACTS.values(), ids=FACTS)
async def test_what_has_happened_outlives_an_outage(tell: Told) -> None:
    """However long that is: whoever waits is told when the patience is over, and the fact is written all the same."""
    database = DownDatabase()
    outage = Outage("launch.db", None, patience=60)
    writer = Writer(database, outage, clock())
    tell(LedgerJournal(ITEM, writer, database, BatchAccounts(database, writer, outage)))
    writer.put(intend("later"))
    await asyncio.sleep(3_600)
    assert database.written == []
    database.is_over = True
    await asyncio.sleep(3)
    assert database.written == ["me-1", "later-undone"]
    await writer.aclose()


async def test_an_opening_that_nobody_wants_has_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is cut, so that whoever leaves is not kept by a server that does not answer."""
    loop = asyncio.get_running_loop()

    async def never(_: Store) -> None:
        await asyncio.sleep(3_600)

    monkeypatch.setattr(Store, "open", never)
    going = asyncio.ensure_future(AsyncExitStack().enter_async_context(open_ledger("sqlite://")))
    await asyncio.sleep(10)
    going.cancel()
    await asyncio.wait([going])
    assert going.cancelled()
    assert loop.time() == pytest.approx(12)


async def test_an_opening_waits_for_a_lock_as_long_as_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told why."""

    async def locked(_: Store) -> None:
        raise TransientStoreError("database is locked", busy=True)

    monkeypatch.setattr(Store, "open", locked)
    with pytest.raises(LedgerError, match="cannot be opened: database is locked"):
        async with open_ledger("sqlite://", patience=60):
            pass
    assert 58 < asyncio.get_running_loop().time() <= 60
