"""Tests of `motion_async.ledger.reading`: who follows a ledger hears of every change, from whatever process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest

from motion_async import ConfigurationError, LedgerError, VideoRequest
from motion_async.ledger import Entry, ItemState, Ledger, LedgerChange, open_ledger
from motion_async.ledger.items import parent_of_job
from tests.ledger.conftest import START, accepted, change, entries, seen
from tests.postgres import execute


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """An empty ledger of each kind."""
    async with open_ledger(url) as opened:
        yield opened


async def send(ledger: Ledger, key: str, batch: str = "launch") -> None:
    [item] = await ledger.plan(batch, entries(key))
    journal = ledger.journal(item)
    await journal.begin()
    await journal.accepted(accepted(f"job-{key}"))
    journal.changed(change("running", f"job-{key}"))
    await journal.ended(seen("completed", f"job-{key}"), None)


ALL = [
    (ItemState.INTENT, None), (ItemState.SUBMITTED, "queued"), (None, "running"), (ItemState.COMPLETED, "completed"),
]  # fmt: skip


async def test_jobs_that_are_followed_are_known_however_the_followup_names_them(ledger: Ledger) -> None:
    """By the key of an item of its batch, or by the job's own id; before the followup is sent and after."""
    for key in ("one", "two", "three", "alone"):
        await send(ledger, key)
    assert await ledger.jobs_followed() == set()
    await send(ledger, "two", batch="spring")
    [sent, *_] = await ledger.plan(
        "launch",
        [
            Entry("again", VideoRequest("Faster"), parent="three"),
            Entry("by-key", VideoRequest("Faster"), parent="one"),
            Entry("by-job", VideoRequest("Faster"), parent=parent_of_job("job-elsewhere")),
        ],
    )
    await ledger.journal(sent).begin()
    await ledger.journal(sent).accepted(accepted("job-3-now"))
    assert await ledger.jobs_followed() == {"job-one", "job-three", "job-3-now", "job-elsewhere"}


async def test_a_job_of_several_batches_is_told_with_them(ledger: Ledger) -> None:
    """Of requests alone: a followup has the job of what it changes."""
    await send(ledger, "one", batch="spring")
    one = await ledger.find("spring", "one")
    assert one is not None
    await ledger.reuse("summer", [(Entry("taken", one.request), one)])
    await ledger.plan("autumn", [Entry("fast", VideoRequest("Faster"), parent=parent_of_job("job-one"))])
    await send(ledger, "two", batch="summer")
    assert await ledger.jobs_shared() == {"job-one": ["spring", "summer"]}


async def read(ledger: Ledger, count: int, *, after: int | None = None, batch: str | None = None) -> list[LedgerChange]:
    """Read so many changes, and no more."""
    found: list[LedgerChange] = []
    async with asyncio.timeout(30), aclosing(ledger.changes(after=after, batch=batch, interval=0.01)) as changes:
        async for happened in changes:
            found.append(happened)
            if len(found) == count:
                break
    return found


async def test_every_change_is_read_in_order_and_from_any_position(ledger: Ledger) -> None:
    """With the item that it is of, its time and its job."""
    await send(ledger, "one")
    await send(ledger, "two", batch="spring")
    found = await read(ledger, 8)
    assert [(it.batch, it.key) for it in found] == [("launch", "one")] * 4 + [("spring", "two")] * 4
    assert [(it.state, it.status) for it in found] == ALL * 2
    assert found[1].job_id == "job-one"
    assert [it.position for it in found] == sorted({it.position for it in found})
    for number in range(8):
        assert await read(ledger, 8 - number, after=found[number - 1].position if number else None) == found[number:]
    assert await read(ledger, 4, batch="spring") == found[4:]


async def test_items_are_found_by_their_numbers(ledger: Ledger) -> None:
    """However many, whatever batch they are of; a number that no item has is no error."""
    items = [*await ledger.plan("launch", entries(*map(str, range(600)))), *await ledger.plan("spring", entries("a"))]
    wanted = items[::2]
    assert await ledger.numbered([item.id for item in wanted]) == {item.id: item for item in wanted}
    assert await ledger.numbered([items[-1].id + 1, items[0].id]) == {items[0].id: items[0]}
    assert await ledger.numbered([]) == {}


async def test_what_is_written_later_is_read_as_it_comes(shared_url: str) -> None:
    """By another process, too."""
    async with open_ledger(shared_url) as ledger, open_ledger(shared_url) as other:
        reading = asyncio.create_task(read(ledger, 8))
        for key in ("one", "two"):
            await send(other, key)
        assert [it.key for it in await reading] == ["one"] * 4 + ["two"] * 4


async def test_a_ledger_that_is_only_read_is_followed(shared_url: str) -> None:
    """As a page for operators does."""
    async with open_ledger(shared_url) as ledger:
        await send(ledger, "one")
        async with open_ledger(shared_url, read_only=True) as reader:
            assert len(await read(reader, 4)) == 4


async def test_many_changes_are_read_page_by_page(ledger: Ledger) -> None:
    """However many there are."""
    items = await ledger.plan("launch", entries(*map(str, range(600))))
    await asyncio.gather(*(ledger.journal(item).begin() for item in items))
    found = await read(ledger, 600)
    assert {it.key for it in found} == set(map(str, range(600)))


async def test_a_change_whose_transaction_ends_late_is_not_passed_over(fresh_postgres: str) -> None:
    """Its number is lower than that of what others wrote after it, and have committed before."""
    async with open_ledger(fresh_postgres) as ledger:
        await send(ledger, "one")
        late = await read(ledger, 4)
        [number] = await execute(fresh_postgres, "SELECT nextval('motion_history_id_seq')")

        async def hold(release: asyncio.Event, begun: asyncio.Event) -> None:
            import asyncpg  # noqa: PLC0415

            connection = await asyncpg.connect(fresh_postgres)
            try:
                async with connection.transaction():
                    await connection.execute(
                        "INSERT INTO motion_history (id, item, op, at, status) "
                        "SELECT $1, item, 'late', at, 'created' FROM motion_history LIMIT 1",
                        number,
                    )
                    begun.set()
                    await release.wait()
            finally:
                await connection.close()

        release, begun = asyncio.Event(), asyncio.Event()
        holding = asyncio.create_task(hold(release, begun))
        await begun.wait()
        await send(ledger, "two")
        reading = asyncio.create_task(read(ledger, 5, after=late[-1].position))
        await asyncio.sleep(0.2)
        assert not reading.done()
        release.set()
        found = await reading
        await holding
    assert [it.status for it in found] == ["created", None, "queued", "running", "completed"]


@pytest.mark.parametrize("interval", [0, -1, 3_601, "often"])
async def test_an_interval_out_of_bounds_is_refused(ledger: Ledger, interval: float) -> None:
    """At the first step."""
    with pytest.raises(ConfigurationError, match="interval"):
        await anext(ledger.changes(interval=interval))


async def test_a_ledger_that_is_closed_ends_its_readers(file_url: str) -> None:
    """They are told, and wait for nothing."""
    async with open_ledger(file_url) as ledger:
        changes = ledger.changes(interval=0.01)
        reading = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.05)
    with pytest.raises(LedgerError, match="has been closed"):
        await reading


async def test_the_newest_come_first_and_only_what_is_asked_for(url: str) -> None:
    """Across batches and pages, by state, and from a moment on, which is when they were begun to be sent."""
    clock = iter(START + timedelta(hours=hour) for hour in range(10_000))
    async with open_ledger(url, now=lambda: next(clock)) as ledger:
        await ledger.plan("launch", entries(*map(str, range(600))))
        await send(ledger, "sent", batch="spring")
        [middle] = await ledger.plan("launch", entries("300"))
        found = [item async for item in ledger.newest_first()]
        assert [item.key for item in found] == ["sent", *map(str, reversed(range(600)))]
        assert [item.key async for item in ledger.newest_first("spring")] == ["sent"]
        assert [item.key async for item in ledger.newest_first(states=[ItemState.COMPLETED])] == ["sent"]
        [newest] = [item async for item in ledger.newest_first("spring")]
        assert newest.intent_at is not None
        assert [item.key async for item in ledger.newest_first(since=newest.intent_at)] == ["sent"]
        late = [item async for item in ledger.newest_first("launch", since=middle.planned_at)]
        planned_late = [item.key for item in found if item.planned_at >= middle.planned_at]
        assert [item.key for item in late] == [key for key in planned_late if key != "sent"]
        assert 0 < len(late) < 600
