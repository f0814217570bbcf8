"""Tests of `motion_async.fleet.fleet`: what a program asks of a fleet, wherever its workers are."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from motion_async import BatchRequest, ConfigurationError, InvalidRequestError, LedgerError, MotionSession, VideoRequest
from motion_async.fleet import BatchProgress, Fleet, FleetLimits, QueueCounts, open_fleet
from motion_async.ledger import ItemState, LedgerChange
from motion_async.sandbox import Fail, LostAnswer, Sandbox
from motion_async.sending import gate
from tests.fleets import at_rest, session, states, working
from tests.ledger.earlier import Earlier, make_earlier
from tests.postgres import has_no_session
from tests.waiting import until

C, D, F, P, S = (
    ItemState.COMPLETED,
    ItemState.DROPPED,
    ItemState.FAILED,
    ItemState.PLANNED,
    ItemState.SUBMITTED,
)
MADE = BatchRequest("make", id="a")
MORE = BatchRequest("more", id="b", follows="a")


async def queued(fleet: Fleet, batch: str | None = None) -> QueueCounts:
    return await fleet._queue.count(batch)


# Enqueuing.


async def test_each_request_is_an_item_and_a_row(fleet: Fleet) -> None:
    """In the order of the requests, whatever iterable they come from; nothing of the service is needed for it."""

    async def more() -> AsyncIterator[VideoRequest]:
        yield VideoRequest("video 3")

    first = await fleet.enqueue("launch", ["video 0", BatchRequest("video 1", id="one", metadata={"n": 1})])
    second = await fleet.enqueue("launch", (f"video {n}" for n in (2,)))
    third = await fleet.enqueue("other", more())
    items = [*first, *second, *third]
    assert [item.request.prompt for item in items] == [f"video {n}" for n in range(4)]
    assert (first[1].key, first[1].metadata) == ("one", {"n": 1})
    assert {item.state for item in items} == {P}
    assert (await queued(fleet, "launch"), await queued(fleet)) == (QueueCounts(waiting=3), QueueCounts(waiting=4))
    assert await fleet.enqueue("launch", []) == []


async def test_requests_without_ids_have_the_same_keys_each_time(fleet: Fleet) -> None:
    """By their content and their place among their equals: two of the same are two videos, now and the next time."""
    requests: list[Any] = ["a cat", "a dog", "a cat", BatchRequest("more", follows="x"), BatchRequest("x", id="x")]
    requests[3:] = requests[:2:-1]
    first = await fleet.enqueue("launch", requests)
    again = await fleet.enqueue("launch", ["a new one", *requests])
    assert [item.id for item in again[1:]] == [item.id for item in first]
    assert len({item.key for item in again}) == 6


async def test_what_a_ledger_of_the_first_time_has_is_not_made_again(fresh_postgres: str) -> None:
    """It stands there under a key that was made in another way."""
    make_earlier(fresh_postgres, Earlier({"prompt": "a video"}, job_id="job-1"))
    async with open_fleet(fresh_postgres) as fleet:
        [made] = [item async for item in fleet.ledger.items("launch")]
        found, new = await fleet.enqueue("launch", ["a video", "another"])
        assert (found.id, found.job_id) == (made.id, "job-1")
        assert new.state is P


async def test_many_are_enqueued_in_one_call(fleet: Fleet) -> None:
    """However many transactions that takes."""
    items = await fleet.enqueue("launch", (f"video {n}" for n in range(300)))
    assert [item.request.prompt for item in items] == [f"video {n}" for n in range(300)]
    assert await queued(fleet) == QueueCounts(waiting=300)


WRONG: dict[str, tuple[list[Any], set[tuple[str | int, ...]]]] = {
    "content": (
        ["fine", "", VideoRequest("x", attachments=["nowhere"])],
        {(1, "prompt"), (2, "attachments", 0, "url")},
    ),
    "no request": (["fine", 17], {(1,)}),
    "id twice": ([MADE, "fine", BatchRequest("other", id="a")], {(2, "id")}),
    "id": ([BatchRequest("make", id="a\n")], {(0, "id")}),
    "metadata": ([BatchRequest("make", metadata={1, 2})], {(0, "metadata")}),
    "follows what is unknown": ([MADE, MORE, BatchRequest("x", follows="z")], {(2, "follows")}),
    "follows what comes later": ([MORE, MADE], {(0, "follows")}),
    "follows itself": ([BatchRequest("x", id="x", follows="x")], {(0, "follows")}),
    "follows what is refused": ([BatchRequest("", id="a"), MORE], {(0, "prompt")}),
    "follows a job": ([BatchRequest("make", id="job:17"), BatchRequest("x", follows="job:17")], {(1, "follows")}),
    "all": (["", BatchRequest("x", follows="z"), "fine"], {(0, "prompt"), (1, "follows")}),
}


async def test_nothing_is_enqueued_if_any_request_is_wrong(fleet: Fleet) -> None:
    """All that is wrong is told at once, each with the place of its request."""
    for what, (requests, places) in WRONG.items():
        with pytest.raises(InvalidRequestError) as caught:
            await fleet.enqueue("launch", requests)
        assert {problem.path for problem in caught.value.problems} == places, what
        assert await states(fleet) == {}
        assert await queued(fleet) == QueueCounts()


async def test_a_single_request_is_no_iterable_of_requests(fleet: Fleet) -> None:
    """Else each letter of a prompt would be a video."""
    singles: list[Any] = ["a cat", VideoRequest("a cat"), MADE, 17, None]
    for single in singles:
        with pytest.raises(ConfigurationError, match="put a single in a list"):
            await fleet.enqueue("launch", single)


async def test_a_batch_has_a_name(fleet: Fleet) -> None:
    """As in any ledger."""
    for name in ("", "a\nb", "x" * 513):
        with pytest.raises(ConfigurationError, match="name of a batch"):
            await fleet.enqueue(name, ["a cat"])


async def test_an_iterable_that_fails_enqueues_nothing(fleet: Fleet) -> None:
    """Its error comes out as it is."""

    async def broken() -> AsyncIterator[str]:
        yield "a cat"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fleet.enqueue("launch", broken())
    assert await states(fleet) == {}


# Followups.


async def test_a_followup_is_queued_when_what_it_follows_has_completed(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """In the transaction that notes that: whoever sees the one sees the other, and it may come in a later call."""
    await fleet.enqueue("launch", [MADE, MORE])
    await fleet.enqueue("launch", [BatchRequest("further", id="c", follows="b")])
    assert await queued(fleet) == QueueCounts(waiting=1)
    async with working(fleet, motion):
        await until(lambda: _all_completed(fleet), every=0.01)
        await fleet.enqueue("launch", [BatchRequest("late", id="d", follows="a")])
        await at_rest(fleet)
    assert await states(fleet) == dict.fromkeys("abcd", C)
    assert (sandbox.counts.creates, sandbox.counts.followups_accepted) == (1, 3)


async def _all_completed(fleet: Fleet) -> bool:
    progress = await fleet.progress("launch")
    assert not progress.is_at_rest or set(progress.states) == {C}, "nobody would go on"
    return progress.is_at_rest


async def test_what_follows_a_video_that_failed_is_not_sent(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """The batch is at rest then, however often it is enqueued or retried."""
    sandbox.faults.for_prompt("make", Fail("no scene could be rendered"))
    async with working(fleet, motion):
        for _ in range(2):
            await fleet.enqueue("launch", [MADE, MORE])
            await at_rest(fleet)
            await fleet.retry("launch")
            await at_rest(fleet)
    assert await fleet.progress("launch") == BatchProgress({F: 1, P: 1}, QueueCounts())
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


# What may not be sent as it is.


async def test_what_cannot_be_sent_any_more_is_noted_and_queued_again_when_it_is_signed_anew(
    fresh_postgres: str, sandbox: Sandbox
) -> None:
    """A signature ran out while the request waited; whoever enqueued it reads so in the ledger."""
    now = datetime(2026, 5, 1, tzinfo=UTC)

    def signed(day: int) -> BatchRequest:
        url = f"https://bucket.example/hero.png?X-Amz-Date=202605{day:02}T000000Z&X-Amz-Expires=60&X-Amz-Signature=a"
        return BatchRequest(VideoRequest("make", attachments=[url]), id="a")

    async with open_fleet(fresh_postgres, heartbeat=3_600, now=lambda: now) as fleet:
        await fleet.enqueue("launch", [signed(1)])
        now = datetime(2026, 5, 8, tzinfo=UTC)
        async with session(sandbox, now=lambda: now) as motion, working(fleet, motion):
            await at_rest(fleet)
            told = await until(lambda: _note(fleet), every=0.01)
            assert "sign it again" in told
            assert await states(fleet) == {"a": P}
            with pytest.raises(InvalidRequestError):
                await fleet.enqueue("launch", [signed(1)])
            assert sandbox.counts.creates == 0
            await fleet.enqueue("launch", [signed(8)])
            await at_rest(fleet)
            assert await states(fleet) == {"a": C}
    assert sandbox.counts.creates == 1


async def _note(fleet: Fleet) -> str | None:
    item = await fleet.ledger.find("launch", "a")
    return None if item is None else item.error


async def test_what_is_signed_anew_while_a_worker_looks_at_the_old_one_is_made(
    fresh_postgres: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is still the worker's at that moment, so that no second one is queued."""
    now = datetime(2026, 5, 1, tzinfo=UTC)

    def signed(day: int) -> BatchRequest:
        url = f"https://bucket.example/hero.png?X-Amz-Date=202605{day:02}T000000Z&X-Amz-Expires=60&X-Amz-Signature=a"
        return BatchRequest(VideoRequest("make", attachments=[url]), id="a")

    async with open_fleet(fresh_postgres, heartbeat=3_600, now=lambda: now) as fleet:
        await fleet.enqueue("launch", [signed(1)])
        now = datetime(2026, 5, 8, tzinfo=UTC)
        finish = fleet._queue.finish

        async def enqueue_first(rows: Any) -> None:
            monkeypatch.undo()
            await fleet.enqueue("launch", [signed(8)])
            await finish(rows)

        monkeypatch.setattr(fleet._queue, "finish", enqueue_first)
        async with session(sandbox, now=lambda: now) as motion, working(fleet, motion):
            await until(lambda: sandbox.counts.creates, every=0.01)
            await at_rest(fleet)
    assert sandbox.counts.creates == 1


# Cancelling and retrying.


async def test_cancel_gives_up_what_is_not_sent_and_tells_of_what_goes_on(fleet: Fleet, still: Sandbox) -> None:
    """What the service has taken is watched on, to its end."""
    await fleet.enqueue("launch", [BatchRequest(f"video {n}", id=str(n)) for n in range(5)])
    async with session(still) as motion, working(fleet, motion, here=2):
        await until(lambda: still.counts.creates_accepted == 2, every=0.01)
        await until(lambda: _are(fleet, {S: 2, P: 3}), every=0.01)
        given_up, going_on = await fleet.cancel("launch")
        assert [item.key for item in given_up] == ["2", "3", "4"]
        assert [item.key for item in going_on] == ["0", "1"]
        assert await queued(fleet) == QueueCounts(claimed=2)
        still.advance(10_000)
        await at_rest(fleet)
        assert await fleet.cancel("launch") == ([], [])
    assert await states(fleet) == {"0": C, "1": C, "2": D, "3": D, "4": D}
    assert still.counts.creates == 2


async def _are(fleet: Fleet, counts: dict[ItemState, int]) -> bool:
    return (await fleet.progress("launch")).states == counts


async def test_cancel_takes_only_the_keys_it_is_given(fleet: Fleet) -> None:
    """Of that batch; a key that is not there is told of, and nothing is given up then."""
    for batch in ("launch", "other"):
        await fleet.enqueue(batch, [MADE, BatchRequest("another", id="c")])
    with pytest.raises(ConfigurationError, match="batch 'launch' has no item 'no such key'"):
        await fleet.cancel("launch", ["c", "no such key"])
    given_up, going_on = await fleet.cancel("launch", ["c"])
    assert ([item.key for item in given_up], going_on) == (["c"], [])
    assert (await states(fleet), await states(fleet, "other")) == ({"a": P, "c": D}, {"a": P, "c": P})
    assert (await queued(fleet, "launch"), await queued(fleet, "other")) == (QueueCounts(1), QueueCounts(2))
    await fleet.enqueue("launch", [BatchRequest("another", id="c")])
    assert await states(fleet) == {"a": P, "c": D}, "what was given up stays so when it is enqueued again"
    assert await queued(fleet, "launch") == QueueCounts(1)


async def test_what_stands_at_a_workers_gate_is_cancelled_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not sent when its turn comes."""
    monkeypatch.setattr(gate, "CREDITS_INTERVAL", 0.05)
    async with Sandbox(speed=10_000, credits=0) as sandbox, session(sandbox) as motion, working(fleet, motion):
        await fleet.enqueue("launch", [MADE, BatchRequest("another", id="c")])
        await until(lambda: sandbox.counts.refused.get(402), every=0.01)
        await until(lambda: _is_cancelled(fleet), every=0.01)
        sandbox.add_credits(sandbox.api_key, 10_000)
        await at_rest(fleet)
        assert await states(fleet) == {"a": D, "c": D}
        assert sandbox.counts.creates_accepted == 0
        await fleet.retry("launch", ["a"])
        await at_rest(fleet)
        assert await states(fleet) == {"a": C, "c": D}


async def _is_cancelled(fleet: Fleet) -> bool:
    """Cancel, again for what was being sent at that moment."""
    return not (await fleet.cancel("launch"))[1]


async def test_what_follows_what_was_cancelled_waits_until_that_is_made_after_all(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """`retry` queues again what `cancel` gave up, and what it follows first."""
    await fleet.enqueue("launch", [MADE, MORE])
    given_up, _ = await fleet.cancel("launch")
    assert len(given_up) == 2
    assert await queued(fleet) == QueueCounts()
    assert {item.key for item in await fleet.retry("launch")} == {"a", "b"}
    assert await queued(fleet) == QueueCounts(waiting=1)
    async with working(fleet, motion):
        await until(lambda: _all_completed(fleet), every=0.01)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 1)


async def test_retry_leaves_what_may_have_been_paid_for_and_what_was_refused(
    fleet: Fleet, motion: MotionSession, sandbox: Sandbox
) -> None:
    """What failed stays failed, what is in doubt is a person's; what the service refused is for whoever names it."""
    sandbox.faults.for_prompt("fails", Fail())
    sandbox.faults.for_prompt("is lost", LostAnswer(), on="create")
    async with working(fleet, motion):
        await fleet.enqueue(
            "launch", [BatchRequest(it, id=it) for it in ("fails", "is lost", "is dropped", "is refused")]
        )
        await at_rest(fleet)
        items = await fleet.ledger.many("launch", ["is lost", "is dropped", "is refused"])
        creates = sandbox.counts.creates
        assert await fleet.retry("launch") == []
        assert await fleet.retry("launch", ["fails", "is lost"]) == []
        await fleet.ledger.resolve(items["is lost"], drop=True)
        assert await fleet.retry("launch", ["is lost"]) == []
        await at_rest(fleet)
    assert sandbox.counts.creates == creates == 4


async def test_retry_of_what_the_service_refused_needs_its_key(fleet: Fleet, raw_server: Any) -> None:
    """It would be refused again."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        body = b'{"error":"Invalid request","details":[]}'
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    raw_server.handler = refuse
    async with MotionSession("motion_key", base_url=raw_server.url) as motion, working(fleet, motion):
        await fleet.enqueue("launch", [MADE])
        await at_rest(fleet)
        assert await states(fleet) == {"a": ItemState.REJECTED}
        assert await fleet.retry("launch") == []
        assert await queued(fleet) == QueueCounts()
        assert len(raw_server.requests) == 1
        assert [item.key for item in await fleet.retry("launch", ["a"])] == ["a"]
        await at_rest(fleet)
        await until(lambda: len(raw_server.requests) == 2, every=0.01)


async def test_retry_queues_nothing_twice(fleet: Fleet, still: Sandbox) -> None:
    """What waits keeps its place, and what a worker has stays its."""
    await fleet.enqueue("launch", [BatchRequest(f"video {n}", id=str(n)) for n in range(3)])
    async with session(still) as motion, working(fleet, motion, here=1):
        await until(lambda: still.counts.creates == 1, every=0.01)
        assert len(await fleet.retry("launch")) == 3
        assert await queued(fleet) == QueueCounts(waiting=2, claimed=1)


# Looking on.


async def test_changes_come_in_one_order_and_go_on_from_where_they_were_left(
    fresh_postgres: str, fleet: Fleet, motion: MotionSession
) -> None:
    """In whatever process they are read; those of other batches only for who wants all."""

    async def read(from_: Fleet, count: int, batch: str | None, after: int | None = None) -> list[LedgerChange]:
        async with aclosing(from_.changes(batch, after=after)) as changes:
            return [await anext(changes) for _ in range(count)]

    async with open_fleet(fresh_postgres, heartbeat=3_600) as other, working(fleet, motion):
        following = asyncio.create_task(read(other, 6, None))
        await fleet.enqueue("other", ["a cat"])
        await fleet.enqueue("launch", [MADE])
        await at_rest(fleet)
        await at_rest(fleet, "other")
        seen = await read(other, 3, "launch")
        assert await read(fleet, 3, "launch") == seen
        assert await read(fleet, 2, "launch", seen[0].position) == seen[1:]
        assert {change.batch for change in await following} == {"launch", "other"}
    assert {(change.batch, change.key) for change in seen} == {("launch", "a")}
    assert [change.state for change in seen[:2]] == [ItemState.INTENT, S]
    assert [change.position for change in seen] == sorted(change.position for change in seen)


async def test_progress_and_status_tell_how_all_stands(fleet: Fleet, still: Sandbox) -> None:
    """A batch that nobody knows has nothing in it, and is at rest."""
    assert await fleet.progress("launch") == BatchProgress({}, QueueCounts())
    assert (await fleet.progress("launch")).is_at_rest
    await fleet.limit(max_active=2, max_polls_per_second=100)
    await fleet.enqueue("launch", [BatchRequest(f"video {n}", id=str(n)) for n in range(3)])
    await fleet.enqueue("other", ["a cat"])
    async with session(still) as motion, working(fleet, motion):
        await until(lambda: _are(fleet, {S: 2, P: 1}), every=0.01)
        assert (await fleet.progress("launch")).queue == QueueCounts(waiting=1, claimed=2)
        assert not (await fleet.progress("launch")).is_at_rest
        status = await fleet.status()
    assert status.limits == FleetLimits(2, 100, None)
    assert status.workers == 1
    assert status.queue == QueueCounts(waiting=2, claimed=2)
    assert status.batches == {"launch": {S: 2, P: 1}, "other": {P: 1}}


async def test_what_is_no_limit_is_refused(fleet: Fleet) -> None:
    """And changes nothing; no limit at all is no change."""
    wrong: list[dict[str, Any]] = [{"max_activ": 3}, {"paused": "no"}, {"max_active": 0}, {"max_polls_per_second": -1}]
    for limits in wrong:
        with pytest.raises(ConfigurationError, match=min(limits)):
            await fleet.limit(**{"max_active": 7} | limits)
    await fleet.limit()
    assert (await fleet.status()).limits == FleetLimits()


# Opening.


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///fleet.db", "mysql://localhost/fleet", "fleet.db"])
async def test_a_fleet_is_on_a_postgresql(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is no place for many machines; none is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="postgresql://"):
        async with open_fleet(url):
            pass
    assert not list(tmp_path.iterdir())


async def test_options_of_a_fleet_have_bounds(fresh_postgres: str) -> None:
    """Before anything is opened."""
    wrong: list[dict[str, Any]] = [{"heartbeat": 0.5}, {"heartbeat": 3_601}, {"patience": -1}, {"now": 17}]
    for options in wrong:
        with pytest.raises(ConfigurationError, match=min(options)):
            async with open_fleet(fresh_postgres, **options):
                pass


async def test_a_database_that_is_not_there_is_told_of_at_once(fresh_postgres: str) -> None:
    """Without its password."""
    url = fresh_postgres.replace("/motion_", "/no_such_").replace("postgres@", "postgres:secret@")
    with pytest.raises(LedgerError, match="cannot be opened") as caught:
        async with open_fleet(url):
            pass
    assert "secret" not in str(caught.value)


async def test_many_machines_open_a_new_fleet_at_once(fresh_postgres: str) -> None:
    """And none of them leaves a session behind."""

    async def enqueue(number: int) -> None:
        async with open_fleet(fresh_postgres) as fleet:
            await fleet.enqueue("launch", [f"video {number}"])

    await asyncio.gather(*(enqueue(number) for number in range(6)))
    await until(lambda: has_no_session(fresh_postgres), every=0.02)
    async with open_fleet(fresh_postgres) as fleet:
        assert await queued(fleet) == QueueCounts(waiting=6)


def test_without_its_extra_it_says_what_to_install() -> None:
    """In the last line of the traceback, where a person looks."""
    code = "import sys; sys.modules['pgqueuer'] = None; import motion_async.fleet"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    wants = "needs pgqueuer, which is not installed: install motion-async with its extra `fleet`"
    assert last == f"ModuleNotFoundError: motion_async.fleet {wants}"
