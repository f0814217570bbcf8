"""Tests of `motion_async.ledger.ready`: what a queue hears of, in the transaction in which it becomes ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from motion_async import LedgerError, VideoRequest
from motion_async.ledger import Entry, Item, ItemState, Ledger, open_ledger
from motion_async.ledger.items import parent_of_job
from motion_async.ledger.outage import PermanentStoreError, TransientStoreError
from motion_async.ledger.ready import find_ready
from motion_async.ledger.transaction import commit_group
from motion_async.ledger.transitions import Finish
from tests.ledger.conftest import accepted, change, entries, make_plan, seen, wait_for_locks
from tests.waiting import until


class Heard:
    """A queue that keeps what it was told, and fails as often as it is to."""

    def __init__(self, ledger: Ledger) -> None:
        self.groups: list[list[int]] = []
        self.failures: list[Exception] = []
        ledger._store.enqueue = self.enqueue

    async def enqueue(self, _connection: Any, numbers: Sequence[int]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.groups.append(list(numbers))

    @property
    def numbers(self) -> list[int]:
        """What was heard since it was asked last."""
        groups, self.groups = self.groups, []
        return [number for group in groups for number in group]


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """An empty ledger of each kind."""
    async with open_ledger(url) as opened:
        yield opened


@pytest.fixture
def heard(ledger: Ledger) -> Heard:
    """A queue beside it."""
    return Heard(ledger)


def follows(key: str, parent: str) -> Entry:
    return Entry(key, VideoRequest(key), parent=parent)


async def submit(ledger: Ledger, item: Item) -> Any:
    """Have an item be taken by the service, and give its journal."""
    journal = ledger.journal(item)
    assert await journal.begin()
    await journal.accepted(accepted(f"job-{item.key}"))
    return journal


async def end(ledger: Ledger, item: Item, how: str = "completed") -> None:
    journal = await submit(ledger, item)
    await journal.ended(seen(how, f"job-{item.key}"), None)


async def test_what_is_planned_is_ready_in_its_order(ledger: Ledger, heard: Heard) -> None:
    """Creates, and followups of a job by its id; each time they are planned, as long as more is to be done."""
    items = await ledger.plan("launch", [*entries("c", "a"), follows("b", parent_of_job("job-17"))])
    numbers = [item.id for item in items]
    assert heard.numbers == numbers
    await ledger.plan("launch", [*entries("a", "c")])
    assert heard.numbers == numbers[:2]
    many = await ledger.plan("launch", entries(*map(str, range(300))))
    assert sorted(heard.numbers) == [item.id for item in many]


async def test_what_has_ended_or_waits_for_a_person_is_not_ready_when_it_is_planned_again(
    ledger: Ledger, heard: Heard
) -> None:
    """What runs is: somebody has to watch it."""
    runs, ended, failed, dropped = items = await ledger.plan("launch", entries("runs", "ended", "failed", "dropped"))
    assert heard.numbers == [item.id for item in items]
    await submit(ledger, runs)
    await end(ledger, ended)
    await end(ledger, failed, "failed")
    assert await ledger.cancel([dropped]) == [dropped]
    heard.groups.clear()
    await ledger.plan("launch", entries("runs", "ended", "failed", "dropped"))
    assert heard.numbers == [runs.id]


async def test_a_followup_is_ready_when_what_it_follows_has_completed(ledger: Ledger, heard: Heard) -> None:
    """Not before, not after another end, and not in another batch; planned later it is ready at once."""
    made, *others = await ledger.plan(
        "launch", [*entries("a"), follows("b", "a"), follows("c", "a"), follows("d", "b")]
    )
    await ledger.plan("other", [follows("b", "a")])
    assert heard.numbers == [made.id]
    journal = await submit(ledger, made)
    heard.groups.clear()
    journal.changed(change("running", "job-a"))
    await journal.ended(None, LedgerError("the watch ended, and not the job"))
    assert heard.numbers == []
    await journal.ended(seen("completed", "job-a"), None)
    assert heard.numbers == [item.id for item in others[:2]]
    await end(ledger, others[0], "failed")
    assert heard.numbers == [others[0].id]  # as its job was known, and not for its end
    [late, _] = await ledger.plan("launch", [follows("late", "a"), follows("d", "b")])
    assert heard.numbers == [late.id]


async def test_what_a_queue_does_not_take_is_not_planned(ledger: Ledger, heard: Heard) -> None:
    """Both or neither: it is tried again where that may pass, and an error where it will not."""
    heard.failures = [TransientStoreError("a lock")]
    [item] = await ledger.plan("launch", entries("a"))
    assert heard.groups == [[item.id]]
    heard.failures = [PermanentStoreError("no such table")]
    with pytest.raises(LedgerError, match="no such table"):
        await ledger.plan("launch", entries("b"))
    assert await ledger.find("launch", "b") is None


async def test_an_end_and_its_followup_are_told_of_at_once(ledger: Ledger, heard: Heard) -> None:
    """The end is not noted before the followup is queued."""
    made, child = await ledger.plan("launch", [*entries("a"), follows("b", "a")])
    journal = await submit(ledger, made)
    heard.groups.clear()
    heard.failures = [TransientStoreError("a lock")] * 2
    await journal.ended(seen("completed", "job-a"), None)
    assert heard.groups == [[child.id]]


async def test_a_job_whose_id_comes_late_is_to_be_watched(ledger: Ledger, heard: Heard) -> None:
    """Whoever took its sender for dead has taken it out of the queue, as nobody knew the id."""
    [item] = await ledger.plan("launch", entries("a"))
    heard.groups.clear()
    await submit(ledger, item)
    assert heard.numbers == [item.id]


@pytest.mark.parametrize("first", ["plan", "end"])
async def test_a_followup_that_is_planned_while_its_parent_ends_is_heard_of_once(
    fresh_postgres: str, first: str
) -> None:
    """By two processes on one server: whoever comes second waits for the first, and sees what it did."""
    async with open_ledger(fresh_postgres) as ledger, open_ledger(fresh_postgres) as other:
        heard = Heard(other)
        [made] = await ledger.plan("launch", entries("a"))
        journal = await submit(other, made)
        heard.groups.clear()
        state = seen("completed", "job-a")
        op, at = ledger._writer.next_op()
        finish = Finish(op, made, at, state.job_id, str(state.status), state, None)
        planned = await make_plan(ledger, follows("b", "a"))
        write = planned if first == "plan" else finish
        async with ledger._store._transaction() as connection:
            results = await commit_group(connection, [write], with_parents=True)
            ready = await find_ready(connection, [write], results)
            if first == "plan":
                second: Any = asyncio.ensure_future(journal.ended(state, None))
            else:
                second = asyncio.create_task(other.plan("launch", [follows("b", "a")]))
            await until(lambda: wait_for_locks(fresh_postgres, 1), every=0.01)
        await second
        child = await ledger.find("launch", "b")
        assert child is not None
        assert (ready, heard.numbers) == ([], [child.id])
        found = await ledger.find("launch", "a")
        assert found is not None
        assert found.state is ItemState.COMPLETED
