"""What any engine of a fleet's queue has to hold, by its verbs alone; that of `motion_async.fleet.queue` is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TypeAlias

import attrs
import pytest

from motion_async.fleet.connection import FleetConnection
from motion_async.fleet.queue import Claim, Queue, QueueCounts
from tests.fleets import Link, open_link, plan
from tests.postgres import execute
from tests.waiting import until

LONG = 3_600.0
"""Seconds of a heartbeat that no test outlasts; `Engine.age` has claims be older."""


@attrs.frozen
class Engine:
    """An engine to be tried.

    Args:
        make: makes a queue of it on a connection of its own.
        age: a statement that has all claims have been extended so many seconds earlier.
    """

    make: Callable[..., Queue]
    age: str


ENGINES = {"PGQueuer": Engine(Queue, "UPDATE motion_pgqueuer SET heartbeat = heartbeat - interval '{} seconds'")}


@attrs.define
class Place:
    """Queues of one engine on one database, each as a process of its own would have it."""

    engine: Engine
    url: str
    link: Link
    stack: AsyncExitStack

    async def queue(self) -> Queue:
        """Give a further process's queue."""
        link = await self.stack.enter_async_context(open_link(self.url))
        queue = self.engine.make(link.connection, heartbeat=LONG)
        await queue.open()
        return queue

    async def enqueue(self, queue: Queue, *names: str, batch: str = "launch") -> list[int]:
        """Plan and enqueue items, and give their numbers."""
        numbers = await plan(self.link.ledger, names, batch)
        async with self.link.transaction() as transaction:
            await queue.enqueue_within(transaction, numbers)
        return numbers

    async def let_die(self) -> None:
        """Have all who have claimed something until now be taken for dead."""
        await execute(self.url, self.engine.age.format(LONG + 1))


@pytest.fixture(params=ENGINES)
async def place(request: pytest.FixtureRequest, fresh_postgres: str, link: Link) -> AsyncIterator[Place]:
    """A database for the queues of each engine."""
    async with AsyncExitStack() as stack:
        yield Place(ENGINES[request.param], fresh_postgres, link, stack)


@pytest.fixture
async def queue(place: Place) -> Queue:
    """The queue of one process."""
    return await place.queue()


@pytest.fixture
async def other(place: Place, queue: Queue) -> Queue:
    """That of another one."""
    return await place.queue()


Verb: TypeAlias = Callable[[Queue, list[int]], Awaitable[None]]


def rows(claims: list[Claim]) -> list[int]:
    return [claim.row for claim in claims]


def numbers(claims: list[Claim]) -> list[int]:
    return [claim.number for claim in claims]


async def test_what_was_enqueued_first_is_claimed_first_and_once(place: Place, queue: Queue, other: Queue) -> None:
    """A claim gives at most as many as were asked for."""
    enqueued = await place.enqueue(queue, *"abcde")
    assert numbers(await queue.claim(2, cap=None)) == enqueued[:2]
    assert numbers(await other.claim(9, cap=None)) == enqueued[2:]
    assert await queue.claim(9, cap=None) == []
    assert await queue.count() == QueueCounts(claimed=5)


@pytest.mark.parametrize("cap", [None, 13])
async def test_claims_made_at_the_same_time_never_meet_nor_exceed_the_cap(
    place: Place, queue: Queue, cap: int | None
) -> None:
    """From as many connections; and each gets what is left, however many have asked at that moment."""
    queues = [queue, *[await place.queue() for _ in range(3)]]
    enqueued = set(await place.enqueue(queue, *map(str, range(60))))
    done: set[int] = set()
    while done < enqueued:
        claimed = await asyncio.gather(*(it.claim(5, cap=cap) for it in queues for _ in range(2)))
        got = [claim for claims in claimed for claim in claims]
        left = len(enqueued) - len(done)
        assert len(got) == min(left, 40 if cap is None else cap)
        assert (await queue.count()).claimed == len(got)
        assert len(set(rows(got))) == len(got)
        assert not done & set(numbers(got))
        done |= set(numbers(got))
        await asyncio.gather(*(it.finish(rows(claims)) for it, claims in zip(queues * 2, claimed[::2], strict=False)))
        await queue.finish(rows(got))
    assert await queue.count() == QueueCounts()


ENDS: dict[str, Verb] = {
    "finish": lambda queue, claimed: queue.finish(claimed),
    "hold": lambda queue, claimed: queue.hold(claimed),
    "give back": lambda queue, claimed: queue.give_back(claimed),
    "give back for later": lambda queue, claimed: queue.give_back(claimed, after=LONG),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_claim_has_its_place_until_it_is_ended_in_any_way(
    place: Place, queue: Queue, other: Queue, end: Verb
) -> None:
    """One that waits for a person, too, gives its place back."""
    await place.enqueue(queue, *"abcd")
    first, second = await queue.claim(9, cap=2)
    assert await other.claim(9, cap=2) == []
    await end(queue, [first.row])
    [third] = await other.claim(9, cap=2)
    assert third.row != second.row


async def test_a_cap_that_is_changed_counts_what_was_claimed_before(place: Place, queue: Queue, other: Queue) -> None:
    """Claimed without any cap, or under a higher one; nothing new is claimed until there are fewer."""
    await place.enqueue(queue, *"abcdefgh")
    first = await queue.claim(2, cap=None)
    assert len(await other.claim(9, cap=3)) == 1
    assert await other.claim(9, cap=2) == []
    assert len(await other.claim(9, cap=4)) == 1
    await queue.finish(rows(first))
    assert await queue.claim(9, cap=2) == []
    assert len(await queue.claim(1, cap=None)) == 1
    assert len(await queue.claim(9, cap=5)) == 2
    assert (await queue.count()).claimed == 5


async def test_a_cap_that_is_taken_back_lets_everything_be_claimed(place: Place, queue: Queue, other: Queue) -> None:
    """Also what was given back while another took the place that it had had."""
    enqueued = await place.enqueue(queue, *"ab")
    [first] = await queue.claim(1, cap=2)
    await queue.give_back([first.row], after=0.2)
    [second] = await other.claim(1, cap=2)
    [third] = await until(lambda: queue.claim(9, cap=None), every=0.01)
    assert sorted(numbers([second, third])) == enqueued


async def test_what_a_worker_does_not_extend_for_a_heartbeat_goes_to_another(
    place: Place, queue: Queue, other: Queue
) -> None:
    """What it did extend stays its own; it learns what it has lost when it extends the next time."""
    await place.enqueue(queue, *"ab")
    dead, alive = await queue.claim(2, cap=None)
    assert await other.claim(9, cap=None) == []
    await place.let_die()
    assert await queue.extend([alive.row]) == {alive.row}
    assert await other.claim(9, cap=None) == [dead]
    assert await queue.extend([dead.row, alive.row]) == {alive.row}
    assert await other.extend([dead.row]) == {dead.row}
    assert await queue.extend([]) == set()


async def test_rows_of_the_dead_count_in_the_cap_and_are_taken_over_within_it(
    place: Place, queue: Queue, other: Queue
) -> None:
    """Their jobs go on at the service. So nothing new is claimed in their places, and they come first."""
    await place.enqueue(queue, *"abcdef")
    lost = await queue.claim(3, cap=3)
    assert await other.claim(9, cap=3) == []
    await place.let_die()
    assert (await queue.count()).claimed == 3
    assert await other.claim(9, cap=3) == lost
    assert (await queue.count()) == QueueCounts(waiting=3, claimed=3)
    await place.let_die()
    third = await place.queue()
    assert await third.claim(9, cap=1) == lost, "a cap that is lower since keeps nobody from watching what runs"


async def test_what_is_given_back_is_there_for_all_at_once(place: Place, queue: Queue, other: Queue) -> None:
    """They need not wait for a heartbeat."""
    [number] = await place.enqueue(queue, "a")
    [claim] = await queue.claim(1, cap=1)
    await queue.give_back([claim.row])
    assert await queue.count() == QueueCounts(waiting=1)
    assert numbers(await other.claim(1, cap=1)) == [number]


async def test_a_worker_that_leaves_gives_back_all_that_is_its_own(place: Place, queue: Queue, other: Queue) -> None:
    """Also what it does not know of, as it was told to end while it claimed."""
    await place.enqueue(queue, *"abc")
    await queue.claim(1, cap=None)
    [theirs] = await other.claim(1, cap=None)
    await queue.claim(1, cap=None)
    await queue.give_all_back()
    assert await queue.count() == QueueCounts(waiting=2, claimed=1)
    assert await other.extend([theirs.row]) == {theirs.row}
    await queue.give_all_back()
    assert await queue.count() == QueueCounts(waiting=2, claimed=1)


async def test_all_are_told_of_what_is_given_back(place: Place, queue: Queue, other: Queue) -> None:
    """Else another worker would look for it no sooner than by chance."""
    heard = []
    connection: FleetConnection = other._connection
    connection.hear = heard.append
    await place.enqueue(queue, "a")
    [claim] = await queue.claim(1, cap=None)
    heard.clear()
    await queue.give_back([claim.row])
    await until(lambda: {"kind": "claims"} in heard, every=0.01)


async def test_what_is_given_back_for_later_rests_until_then(place: Place, queue: Queue, other: Queue) -> None:
    """It counts as waiting, though nobody has it; and then anybody may."""
    later, soon = await place.enqueue(queue, *"ab")
    claims = await queue.claim(2, cap=None)
    await queue.give_back([claims[0].row], after=LONG)
    await queue.give_back([claims[1].row], after=0.1)
    assert await queue.count() == QueueCounts(waiting=2)
    claimed = await until(lambda: other.claim(9, cap=None), every=0.01)
    assert numbers(claimed) == [soon] != [later]
    assert await queue.claim(9, cap=None) == []


LATE: dict[str, Verb] = {name: end for name, end in ENDS.items() if name != "finish"}


@pytest.mark.parametrize("end", LATE.values(), ids=LATE)
async def test_who_was_taken_for_dead_does_nothing_to_the_claims_of_others(
    place: Place, queue: Queue, other: Queue, end: Verb
) -> None:
    """A process that was stopped for a while goes on with what it was about to do."""
    await place.enqueue(queue, "a")
    [claim] = await queue.claim(1, cap=None)
    await place.let_die()
    assert await other.claim(1, cap=None) == [claim]
    await end(queue, [claim.row])
    assert await other.extend([claim.row]) == {claim.row}
    assert await queue.count() == QueueCounts(claimed=1)


async def test_what_is_finished_does_not_come_again(place: Place, queue: Queue, other: Queue) -> None:
    """Not when the worker dies, either; and to finish it twice, as after an answer that was lost, does no harm."""
    await place.enqueue(queue, *"ab")
    done, left = await queue.claim(2, cap=None)
    await queue.finish([done.row])
    await queue.finish([done.row])
    await place.let_die()
    assert await other.claim(9, cap=None) == [left]
    assert await queue.count() == QueueCounts(claimed=1)


async def test_what_is_held_is_nobodys_until_it_is_enqueued_again(place: Place, queue: Queue, other: Queue) -> None:
    """It is counted, and not deleted, and not done again by itself; then there is one row of it, and not two."""
    [number] = await place.enqueue(queue, "a")
    for _ in range(2):
        [claim] = await queue.claim(1, cap=1)
        await queue.hold([claim.row])
        await place.let_die()
        assert await other.claim(9, cap=1) == []
        assert await queue.count() == QueueCounts(held=1)
        assert await place.enqueue(queue, "a") == [number]
        assert await queue.count() == QueueCounts(waiting=1)
    assert numbers(await other.claim(9, cap=1)) == [number]


async def test_what_is_enqueued_twice_is_claimed_once(place: Place, queue: Queue, other: Queue) -> None:
    """While it waits, in one call, while it is claimed, and while it rests."""
    await place.enqueue(queue, "a")
    await place.enqueue(other, "a")
    await place.enqueue(other, *"aba")
    assert await queue.count() == QueueCounts(waiting=2)
    first, second = await queue.claim(9, cap=None)
    await place.enqueue(other, *"ab")
    assert await other.claim(9, cap=None) == []
    await queue.give_back([first.row], after=LONG)
    await queue.finish([second.row])
    await place.enqueue(other, "a")
    assert await queue.count() == QueueCounts(waiting=1)
    assert await other.claim(9, cap=None) == []


async def test_what_was_finished_can_be_enqueued_again(place: Place, queue: Queue) -> None:
    """An engine remembers nothing of it: whether anything is to be done is the ledger's to say."""
    [number] = await place.enqueue(queue, "a")
    await queue.finish(rows(await queue.claim(1, cap=None)))
    await place.enqueue(queue, "a")
    assert numbers(await queue.claim(1, cap=None)) == [number]


async def test_what_is_enqueued_comes_with_its_transaction_or_not_at_all(
    place: Place, queue: Queue, other: Queue
) -> None:
    """Nobody claims it before that has ended."""
    planned = await plan(place.link.ledger, "ab")
    with suppress(ZeroDivisionError):
        async with place.link.transaction() as transaction:
            await queue.enqueue_within(transaction, planned)
            raise ZeroDivisionError
    assert await queue.count() == QueueCounts()
    async with place.link.transaction() as transaction:
        await queue.enqueue_within(transaction, planned)
        assert await other.claim(9, cap=None) == []
    assert numbers(await other.claim(9, cap=None)) == planned


async def test_only_what_nobody_has_claimed_can_be_discarded(place: Place, queue: Queue) -> None:
    """What waits, rests or is held goes; other items stay."""
    enqueued = await place.enqueue(queue, *"abcde")
    claimed, held, rests = await queue.claim(3, cap=None)
    await queue.hold([held.row])
    await queue.give_back([rests.row], after=LONG)
    await queue.discard(enqueued[:4])
    assert await queue.count() == QueueCounts(waiting=1, claimed=1)
    assert await queue.extend([claimed.row]) == {claimed.row}
    assert numbers(await queue.claim(9, cap=None)) == enqueued[4:]


async def test_rows_are_counted_by_batch(place: Place, queue: Queue) -> None:
    """And all together."""
    await place.enqueue(queue, *"abc")
    await place.enqueue(queue, "a", batch="other")
    claims = await queue.claim(2, cap=None)
    await queue.hold([claims[0].row])
    assert await queue.count("launch") == QueueCounts(waiting=1, claimed=1, held=1)
    assert await queue.count("other") == QueueCounts(waiting=1)
    assert await queue.count("no such batch") == QueueCounts()
    assert await queue.count() == QueueCounts(waiting=2, claimed=1, held=1)


async def test_workers_are_those_that_have_claimed_something_and_live(place: Place, queue: Queue, other: Queue) -> None:
    """Whatever number of rows each has."""
    await place.enqueue(queue, *"abcd")
    assert await queue.count_workers() == 0
    claims = await queue.claim(3, cap=None)
    await other.claim(1, cap=None)
    assert await queue.count_workers() == 2
    await place.let_die()
    assert await queue.count_workers() == 0
    await queue.extend(rows(claims))
    assert await queue.count_workers() == 1
    await queue.finish(rows(claims))
    assert await queue.count_workers() == 0


async def test_many_processes_open_an_empty_database_at_once(place: Place) -> None:
    """One of them makes the tables; who opens them later leaves what is there as it is."""
    queues = await asyncio.gather(*(place.queue() for _ in range(5)))
    [number] = await place.enqueue(queues[0], "a")
    late = await place.queue()
    assert numbers(await late.claim(9, cap=None)) == [number]


async def test_a_lost_session_costs_no_call(place: Place, queue: Queue) -> None:
    """Each is made again on the next one."""
    await place.enqueue(queue, *"abc")
    end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    await execute(place.url, end)
    claims = await queue.claim(3, cap=2)
    await execute(place.url, end)
    assert await queue.extend(rows(claims)) == set(rows(claims))
    await execute(place.url, end)
    await queue.finish(rows(claims))
    await execute(place.url, end)
    assert await queue.count() == QueueCounts(waiting=1)
