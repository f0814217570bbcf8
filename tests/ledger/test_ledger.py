"""Tests of `motion_async.ledger.ledger`: one suite over a ledger in memory, in a file and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from motion_async import (
    Attachment,
    ConfigurationError,
    CreateUncertainError,
    InvalidRequestError,
    JobFailedError,
    JobNotFoundError,
    JobState,
    JobStatus,
    LedgerConflictError,
    LedgerError,
    RateLimitedError,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.ledger import Entry, History, Item, ItemState, Ledger, open_ledger
from motion_async.ledger.codec import write_time
from motion_async.ledger.decisions import SendAgain
from motion_async.ledger.transitions import Accept, Expire
from tests.ledger.conftest import START, accepted, change, clock, entries, seen

UUID = "405d47cf-f72b-4852-b570-0de2446dbba1"
INVALID = InvalidRequestError((), http_status=400)
BUSY = RateLimitedError("too many", http_status=429)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """An empty ledger of each kind, with a clock that goes on by a second whenever it is read."""
    async with open_ledger(url, now=clock()) as opened:
        yield opened


async def planned(ledger: Ledger, key: str = "hero") -> Item:
    [item] = await ledger.plan("launch", entries(key))
    return item


async def again(ledger: Ledger, item: Item) -> Item:
    found = await ledger.find(item.batch, item.key)
    assert found is not None
    return found


async def brought_to(ledger: Ledger, state: ItemState, key: str = "hero") -> Item:
    """An item in a state, brought there as it comes to be there."""
    item = await planned(ledger, key)
    record = ledger.journal(item)
    if state is not ItemState.PLANNED:
        assert await record.begin()
    match state:
        case ItemState.REJECTED:
            await record.released(INVALID)
        case ItemState.UNCERTAIN | ItemState.DROPPED:
            await record.unknown(CreateUncertainError("reset"))
        case ItemState.SUBMITTED | ItemState.COMPLETED | ItemState.FAILED:
            await record.accepted(accepted())
    if state is ItemState.DROPPED:
        await ledger.resolve(item, drop=True)
    if state in (ItemState.COMPLETED, ItemState.FAILED):
        await record.ended(seen(state.value), None)
    item = await again(ledger, item)
    assert item.state is state
    return item


async def test_an_item_is_kept_as_it_was_planned(ledger: Ledger) -> None:
    """Every field of an entry comes back, with when it was planned, which is the clock's second reading."""
    attachment = Attachment("https://a.example/hero.png?X-Amz-Signature=s", name="Hero", type="image")
    request = VideoRequest("a video \0 \ud800 é", style_reference_url="https://youtu.be/x", attachments=[attachment])
    entry = Entry("hero", request, metadata={"row": [1, None, "é"]}, parent="first")
    [item] = await ledger.plan("launch", [entry])
    assert (item.batch, item.key, item.request, item.parent) == ("launch", "hero", request, "first")
    assert item.metadata == {"row": [1, None, "é"]}
    assert (item.state, item.planned_at, item.changed_at) == (ItemState.PLANNED, *[START + timedelta(seconds=2)] * 2)
    assert await again(ledger, item) == item
    assert await ledger.history(item) == []


async def test_a_plan_gives_its_items_in_order(ledger: Ledger) -> None:
    """Found or inserted, each entry has its item at its place; numbers go up as they were planned."""
    first = await ledger.plan("launch", entries("b", "d"))
    everything = await ledger.plan("launch", entries("d", "a", "b", "c"))
    assert [item.key for item in everything] == ["d", "a", "b", "c"]
    assert [everything[2], everything[0]] == first
    assert [item.key async for item in ledger.items()] == ["b", "d", "a", "c"]


async def test_nothing_is_planned_out_of_nothing(ledger: Ledger) -> None:
    """An empty plan is no mistake."""
    assert await ledger.plan("launch", []) == []
    assert await ledger.counts() == {}


async def test_a_plan_of_many_is_found_whole(ledger: Ledger) -> None:
    """More entries than fit into one statement; some found, some new."""
    keys = [f"k{number}" for number in range(600)]
    await ledger.plan("launch", entries(*keys[:300]))
    items = await ledger.plan("launch", entries(*keys))
    assert [item.key for item in items] == keys
    assert set(await ledger.many("launch", [*keys, "none"])) == set(keys)


async def test_a_planned_item_takes_over_what_is_fresher(ledger: Ledger) -> None:
    """A second run has signed its URLs again: the item goes on with those."""
    old = await planned(ledger)
    fresh = Entry("hero", VideoRequest("a fresher video"), metadata=2, parent="p")
    [item] = await ledger.plan("launch", [fresh])
    assert (item.id, item.request, item.metadata, item.parent) == (old.id, fresh.request, 2, "p")
    assert item.digest != old.digest
    assert (item.planned_at, item.changed_at > old.changed_at) == (old.planned_at, True)


@pytest.mark.parametrize("state", [state for state in ItemState if state is not ItemState.PLANNED])
async def test_an_item_that_is_past_planning_stays(ledger: Ledger, state: ItemState) -> None:
    """Planned again with another content it is given as it is, except that what was rejected is planned anew."""
    item = await brought_to(ledger, state)
    [same] = await ledger.plan("launch", entries("hero"))
    assert same == item
    [other] = await ledger.plan("launch", [Entry("hero", VideoRequest("another"))])
    if state is ItemState.REJECTED:
        assert (other.state, other.request.prompt, other.error) == (ItemState.PLANNED, "another", None)
        assert (await ledger.history(item))[-1].state is ItemState.PLANNED
        assert await ledger.journal(other).begin()
    else:
        assert other == item


@pytest.mark.parametrize(("batch", "key"), [("", "k"), ("b", ""), ("b\n", "k"), ("b", "\ud800")])
async def test_names_that_cannot_be_kept_are_refused(ledger: Ledger, batch: str, key: str) -> None:
    """Before anything is written."""
    with pytest.raises(ConfigurationError):
        await ledger.plan(batch, entries(key))


async def test_the_way_of_an_item(ledger: Ledger) -> None:
    """Planned, intended, taken, seen at work, completed: each step stands in the item and in its history."""
    item = await planned(ledger)
    record = ledger.journal(item)
    assert await record.begin() is True
    item = await again(ledger, item)
    assert (item.state, item.owner, item.intent_at) == (ItemState.INTENT, ledger.owner, item.changed_at)
    await record.accepted(accepted())
    item = await again(ledger, item)
    assert (item.state, item.job_id, item.status) == (ItemState.SUBMITTED, "job-1", "queued")
    assert item.taken_at == item.changed_at
    record.changed(change("running"))
    await record.ended(seen("completed"), None)
    item = await again(ledger, item)
    assert (item.state, item.status, item.error) == (ItemState.COMPLETED, JobStatus.COMPLETED, None)
    assert item.job_state == seen("completed")
    told = [(line.state, line.status, line.job_id) for line in await ledger.history(item)]
    assert told == [
        (ItemState.INTENT, None, None),
        (ItemState.SUBMITTED, "queued", "job-1"),
        (None, "running", "job-1"),
        (ItemState.COMPLETED, "completed", "job-1"),
    ]


async def test_only_one_may_send(ledger: Ledger) -> None:
    """Of many that want to send the same item at the same time, one is told that it may."""
    item = await planned(ledger)
    allowed = await asyncio.gather(*(ledger.journal(item).begin() for _ in range(10)))
    assert sorted(allowed) == [False] * 9 + [True]


async def test_what_was_not_taken_can_be_sent_again(ledger: Ledger) -> None:
    """After a 429 the item is planned again, with the reason; the next intent clears it."""
    item = await planned(ledger)
    record = ledger.journal(item)
    assert await record.begin()
    await record.released(BUSY)
    found = await again(ledger, item)
    assert (found.state, found.error) == (ItemState.PLANNED, "too many")
    assert await record.begin()
    assert (await again(ledger, item)).error is None
    await record.released(None)
    assert (await again(ledger, item)).error is None


async def test_what_the_service_refused_is_rejected(ledger: Ledger) -> None:
    """After a 400 it is not sent again, and says why."""
    item = await brought_to(ledger, ItemState.REJECTED)
    assert item.error == str(INVALID)
    assert await ledger.journal(item).begin() is False


async def test_a_lost_answer_is_uncertain(ledger: Ledger) -> None:
    """It is not sent again by itself, and says why."""
    item = await brought_to(ledger, ItemState.UNCERTAIN)
    assert "reset" in str(item.error)
    assert await ledger.journal(item).begin() is False


async def test_a_record_speaks_only_of_its_own_intent(ledger: Ledger) -> None:
    """A late word of a sender whose item is somebody else's by now changes nothing."""
    item = await planned(ledger)
    late, mine = ledger.journal(item), ledger.journal(item)
    assert await late.begin()
    await late.released(None)
    assert await mine.begin()
    await late.released(INVALID)
    await late.unknown(CreateUncertainError("late"))
    assert (await again(ledger, item)).state is ItemState.INTENT


@pytest.mark.parametrize("state", ItemState)
async def test_an_id_is_written_from_any_state(ledger: Ledger, state: ItemState) -> None:
    """By an answer that comes late: into the item if it has none, and in any case into its history."""
    item = await brought_to(ledger, state)
    await ledger.journal(item).accepted(accepted("job-9"))
    found = await again(ledger, item)
    has_one = item.job_id is not None
    assert found.job_id == ("job-1" if has_one else "job-9")
    assert found.state is (state if has_one else ItemState.SUBMITTED)
    assert (await ledger.history(item))[-1].job_id == "job-9"


async def test_a_job_that_failed_says_why(ledger: Ledger) -> None:
    """The item is failed, with the error that the caller was given."""
    item = await brought_to(ledger, ItemState.SUBMITTED)
    await ledger.journal(item).ended(seen("failed"), JobFailedError("job-1", error="render crashed"))
    found = await again(ledger, item)
    assert (found.state, found.status) == (ItemState.FAILED, "failed")
    assert "render crashed" in str(found.error)


@pytest.mark.parametrize("state", [None, seen("running")], ids=["unseen", "running"])
async def test_a_watch_that_ended_too_early_leaves_it_submitted(ledger: Ledger, state: JobState | None) -> None:
    """A timeout is noted; the next run takes the job up by its id."""
    item = await brought_to(ledger, ItemState.SUBMITTED)
    await ledger.journal(item).ended(state, WaitTimeoutError("job-1", timeout=900, status="running"))
    found = await again(ledger, item)
    assert (found.state, found.job_state) == (ItemState.SUBMITTED, state)
    assert "900" in str(found.error)


async def test_an_id_that_no_database_takes_is_kept_all_the_same(ledger: Ledger) -> None:
    """Whatever the service calls a job, nothing is lost by writing it."""
    item = await planned(ledger)
    await ledger.journal(item).accepted(accepted("job-\0-\ud800"))
    assert (await again(ledger, item)).job_id == "job-\\x00-\\ud800"


async def test_writing_goes_on_when_nobody_waits(ledger: Ledger) -> None:
    """Whoever is cancelled while it waits does not take the note with it."""
    item = await planned(ledger)
    record = ledger.journal(item)
    waiting = [asyncio.ensure_future(record.begin()), asyncio.ensure_future(record.accepted(accepted()))]
    for one in waiting:
        one.cancel()
    record.changed(change("running"))
    await planned(ledger, "next")  # written after all that came before
    found = await again(ledger, item)
    assert (found.state, found.job_id, found.status) == (ItemState.SUBMITTED, "job-1", "running")


async def test_what_is_not_there_is_not_found(ledger: Ledger) -> None:
    """An unknown key is None; an item of nowhere is an error, and its id is told as lost."""
    item = await planned(ledger)
    assert await ledger.find("launch", "other") is None
    assert await ledger.many("other", ["hero"]) == {}
    nowhere = attrs.evolve(item, id=item.id + 1_000)
    with pytest.raises(LedgerError, match="has no item 'hero'"):
        await ledger.refresh(nowhere)
    with pytest.raises(LedgerError, match="no such item") as caught:
        await ledger.journal(nowhere).accepted(accepted())
    assert caught.value.job_ids == (("launch", "hero", "job-1"),)
    with pytest.raises(LedgerError, match="hero is job job-1"):  # at the end it is told once more
        await ledger.aclose()


async def test_items_are_read_in_order_and_by_state(ledger: Ledger) -> None:
    """More than a page, of one batch or all, in some states or any."""
    await ledger.plan("launch", entries(*(f"k{number}" for number in range(1_003))))
    await ledger.plan("other", entries("o"))
    await ledger.journal((await ledger.many("launch", ["k7"]))["k7"]).begin()
    assert [item.key async for item in ledger.items("launch")] == [f"k{number}" for number in range(1_003)]
    assert len([item async for item in ledger.items()]) == 1_004
    assert [item.key async for item in ledger.items(states=[ItemState.INTENT])] == ["k7"]
    assert [item.key async for item in ledger.items("other", states={ItemState.PLANNED, ItemState.FAILED})] == ["o"]
    assert await ledger.counts() == {
        "launch": {ItemState.PLANNED: 1_002, ItemState.INTENT: 1},
        "other": {ItemState.PLANNED: 1},
    }
    assert await ledger.counts("other") == {"other": {ItemState.PLANNED: 1}}


class Clock:
    """A clock that is set by hand, in seconds from the start."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


async def test_durations_are_of_what_ended_well(url: str) -> None:
    """Newest first; a create by the service's clock, a followup from its own beginning; no person is timed."""
    async with open_ledger(url, now=(now := Clock())) as ledger:
        await _end_some(ledger, now)
        assert await ledger.durations() == [(60.0, 0), (61.0, 0), (57.0, 1)]
        assert await ledger.durations(limit=1) == [(57.0, 1)]


async def _end_some(ledger: Ledger, now: Clock) -> None:
    """Have jobs end that a person was waited for, that have failed, that go on, and others, each noticed late."""
    plan = [*entries("a", "b"), Entry("f", VideoRequest("faster"), parent="a"), *entries("asked", "failed", "running")]
    items = {item.key: item for item in await ledger.plan("launch", plan)}
    for number, (key, item) in enumerate(items.items()):
        record = ledger.journal(item)
        now.seconds = 5.0 if key == "f" else 0.0
        await record.begin()
        await record.accepted(accepted("job-1"))
        if key == "asked":
            record.changed(change("Awaiting_User_Input"))
        status = key if key in ("failed", "running") else "completed"
        now.seconds = 70.0
        await record.ended(seen(status, seconds=60 + number), None)


@pytest.mark.parametrize(
    ("sent", "taken", "running", "noticed", "stamped", "expected"),
    [
        (0, 1, 30, 70, 60, 60), (0, 1, 30, 58, 60, 60), (0, 1, 62, 70, 60, 60), (0, 1, None, 3_600, 60, 60),
        (0, 1, 3, 12, 220, 11), (0, 1, 100, 221, 60, 220), (0, 600, None, 601, 60, 60),
    ],
    ids=[
        "as the service says", "clocks a little off", "clocks a little off the other way", "noticed by a later run",
        "a service whose time runs faster", "one whose time runs slower", "taken note of late",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["create", "followup"])
async def test_a_duration_is_what_was_seen_here_where_the_services_times_contradict_it(
    url: str,
    kind: str,
    sent: float,
    taken: float,
    running: float | None,
    noticed: float,
    stamped: float,
    expected: float,
) -> None:
    """The schedule waits by this clock: a sandbox's time may run twenty times as fast."""
    async with open_ledger(url, now=(now := Clock())) as ledger:
        parent = None if kind == "create" else "hero"
        [item] = await ledger.plan("launch", [Entry("it", VideoRequest("a video"), parent=parent)])
        record = ledger.journal(item)
        now.seconds = sent
        await record.begin()
        now.seconds = taken
        await record.accepted(accepted("job-1"))
        if running is not None:
            now.seconds = running
            record.changed(change("running"))
        now.seconds = noticed
        record.changed(change("completed"))
        now.seconds = noticed + 9
        ended_at = START + timedelta(seconds=stamped + (0 if kind == "create" else taken))
        await record.ended(attrs.evolve(seen("completed"), completed_at=ended_at), None)
        assert await ledger.durations() == [(expected, 0 if kind == "create" else 1)]


async def test_what_was_made_before_is_made_anothers_and_times_no_job(url: str) -> None:
    """As far as it has come: a video at once, a running job to be waited for; what was sent keeps its own."""
    async with open_ledger(url, now=(now := Clock())) as ledger:
        await _end_some(ledger, now)
        before = await ledger.durations()
        sent, *_ = await ledger.plan("autumn", entries("running"))
        await ledger.journal(sent).begin()
        made = {item.key: item async for item in ledger.items("launch")}
        plan = [Entry(f"{key}-2", made[key].request, metadata=[key]) for key in ("a", "running")]
        plan.append(Entry("running", made["running"].request))
        found = await ledger.reuse(
            "autumn", list(zip(plan, [made["a"], made["running"], made["running"]], strict=True))
        )
        assert [(item.key, item.state, item.job_id) for item in found] == [
            ("a-2", ItemState.COMPLETED, "job-1"), ("running-2", ItemState.SUBMITTED, "job-1"),
            ("running", ItemState.INTENT, None),
        ]  # fmt: skip
        assert (found[0].job_state, found[0].metadata) == (made["a"].job_state, ["a"])
        [step] = await ledger.history(found[0])
        assert (step.state, step.job_id, step.detail) == (ItemState.COMPLETED, "job-1", "by a person, from a of launch")
        now.seconds = 90.0
        await ledger.journal(found[1]).ended(seen("completed", seconds=80), None)
        assert (await ledger.refresh(found[1])).state is ItemState.COMPLETED
        assert await ledger.durations() == before


async def test_only_a_video_of_the_same_content_can_be_anothers(ledger: Ledger) -> None:
    """Another content, or an item without a job, is a mistake of the caller's, and nothing is planned."""
    [planned] = await ledger.plan("launch", entries("a"))
    [taken] = await ledger.plan("launch", entries("b"))
    await ledger.resolve(taken, job_id="job-b")
    taken = await ledger.refresh(taken)
    for entry, item in ((entries("a")[0], planned), (entries("a")[0], taken)):
        with pytest.raises(ConfigurationError, match="has no video of 'a'"):
            await ledger.reuse("autumn", [(entry, item)])
    assert "autumn" not in await ledger.counts()


async def test_an_entry_that_another_process_plans_otherwise_gets_no_video(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the plan and the move; whoever asked finds it without that job."""
    [made] = await ledger.plan("launch", entries("a"))
    made = await ledger.resolve(made, job_id="job-a")
    plan = ledger.plan

    async def plan_both(batch: str, planned: Sequence[Entry]) -> list[Item]:
        found = await plan(batch, planned)
        await plan(batch, [attrs.evolve(planned[0], request=VideoRequest("Something else"))])
        return found

    monkeypatch.setattr(ledger, "plan", plan_both)
    [item] = await ledger.reuse("autumn", [(Entry("b", made.request), made)])
    assert (item.state, item.job_id, item.request.prompt) == (ItemState.PLANNED, None, "Something else")


async def test_a_duration_stands_without_a_history(url: str) -> None:
    """As in a ledger whose history was thinned out."""
    async with open_ledger(url, now=(now := Clock())) as ledger:
        await _end_some(ledger, now)
        async with ledger._store._engine.begin() as connection:
            await connection.execute(sa.text("DELETE FROM motion_history"))
        assert await ledger.durations() == [(60.0, 0), (61.0, 0), (57.0, 1), (63.0, 0)]


@pytest.mark.parametrize("state", ItemState)
async def test_a_person_can_name_the_job(ledger: Ledger, state: ItemState) -> None:
    """In every state but that of another job that has ended; even then it is in the history."""
    item = await brought_to(ledger, state)
    if state in (ItemState.COMPLETED, ItemState.FAILED):
        with pytest.raises(LedgerConflictError, match=f"it is {state}, as job job-1") as caught:
            await ledger.resolve(item, job_id="job-9")
        assert (caught.value.key, caught.value.state, caught.value.job_id) == ("hero", state.value, "job-1")
    else:
        found = await ledger.resolve(item, job_id="job-9")
        assert (found.state, found.job_id) == (ItemState.SUBMITTED, "job-9")
    assert "job-9" in {line.job_id for line in await ledger.history(item)}


@pytest.mark.parametrize("state", ItemState)
async def test_a_person_can_have_it_sent_again(ledger: Ledger, state: ItemState) -> None:
    """What is uncertain or was rejected; nothing else."""
    item = await brought_to(ledger, state)
    if state in (ItemState.UNCERTAIN, ItemState.REJECTED):
        found = await ledger.resolve(item, send_again=True)
        assert (found.state, found.error) == (ItemState.PLANNED, None)
        assert await ledger.journal(found).begin()
    else:
        with pytest.raises(LedgerConflictError, match=f"cannot be sent again: it is {state}"):
            await ledger.resolve(item, send_again=True)
        assert await again(ledger, item) == item


@pytest.mark.parametrize("state", ItemState)
async def test_a_person_can_drop_it(ledger: Ledger, state: ItemState) -> None:
    """What is uncertain; nothing else."""
    item = await brought_to(ledger, state)
    if state is ItemState.UNCERTAIN:
        assert (await ledger.resolve(item, drop=True)).state is ItemState.DROPPED
        assert (await ledger.history(item))[-1] == History(
            (await again(ledger, item)).changed_at, ItemState.DROPPED, detail="by a person"
        )
    else:
        with pytest.raises(LedgerConflictError, match=f"cannot be dropped: it is {state}"):
            await ledger.resolve(item, drop=True)


@pytest.mark.parametrize("choice", ["send_again", "drop"])
async def test_a_person_can_take_a_mistyped_id_back(ledger: Ledger, choice: str) -> None:
    """As long as nobody saw a job of it, however often an id was named, and though the service knows no such job."""
    item = await brought_to(ledger, ItemState.UNCERTAIN)
    for job_id in ("typo", "typo-2", "typo-2"):
        item = await ledger.resolve(item, job_id=job_id)
    await ledger.journal(item).ended(None, JobNotFoundError("no such job", http_status=404, job_id="typo-2"))
    found = await ledger.resolve(item, **{choice: True})  # type: ignore[arg-type]
    state = ItemState.PLANNED if choice == "send_again" else ItemState.DROPPED
    assert (found.state, found.job_id, found.taken_at, found.error) == (state, None, None, None)
    last = (await ledger.history(item))[-1]
    assert (last.state, last.detail) == (state, "by a person; job typo-2, which a person had named, was never seen")
    assert await ledger.journal(found).begin() is (choice == "send_again")


@pytest.mark.parametrize("how", ["before", "polled", "late"])
async def test_a_job_that_was_seen_is_not_taken_back(ledger: Ledger, how: str) -> None:
    """Whenever the service told of one, before a person named another or after it: to send again would pay twice."""
    item = await brought_to(ledger, ItemState.SUBMITTED if how == "before" else ItemState.UNCERTAIN)
    record = ledger.journal(item)
    item = await ledger.resolve(item, job_id="typo")
    if how == "polled":
        record.changed(change("running", "typo"))
    elif how == "late":
        await record.accepted(accepted("job-1"))
    for choice in ({"send_again": True}, {"drop": True}):
        with pytest.raises(LedgerConflictError, match=f"as job {'job-1' if how == 'late' else 'typo'}"):
            await ledger.resolve(item, **choice)


async def test_a_job_that_is_told_of_at_the_same_time_is_not_taken_back(ledger: Ledger) -> None:
    """An answer that shares a transaction with what the person says counts as seen."""
    item = await ledger.resolve(await brought_to(ledger, ItemState.UNCERTAIN), job_id="typo")
    told = ledger.journal(item).accepted(accepted("job-1"))
    sent_again = ledger._writer.put(SendAgain("s", item, write_time(START)))
    assert ledger.unwritten == (("launch", "hero", "job-1"),)
    await told
    assert await sent_again is False
    assert (ledger.unwritten, (await again(ledger, item)).job_id) == ((), "job-1")


@pytest.mark.parametrize("when", ["live", "uncertain", "same transaction"])
async def test_the_services_late_id_takes_the_place_of_a_mistyped_one(ledger: Ledger, when: str) -> None:
    """Nobody has ever seen the person's job, and the service's was paid for: it is watched, and both are on record."""
    item = await brought_to(ledger, ItemState.INTENT if when == "live" else ItemState.UNCERTAIN)
    record = ledger.journal(item)
    if when == "same transaction":
        typed = ledger._writer.put(Accept("typed", item, write_time(START), "typo", by="person"))
        await asyncio.gather(typed, record.accepted(accepted("job-1")))
    else:
        await ledger.resolve(item, job_id="typo")
        await record.accepted(accepted("job-1"))
    found = await again(ledger, item)
    assert (found.state, found.job_id, found.status) == (ItemState.SUBMITTED, "job-1", "queued")
    typed_line, told_line = (await ledger.history(item))[-2:]
    assert (typed_line.job_id, typed_line.detail) == ("typo", "named by a person")
    words = "instead of typo, which a person had named and the service had never told of"
    assert (told_line.job_id, told_line.status, told_line.detail) == ("job-1", "queued", words)


async def test_the_services_second_id_takes_no_place_of_a_job_that_was_seen(ledger: Ledger) -> None:
    """The person's job exists and is watched; the other one is in the history for a person to look at."""
    item = await brought_to(ledger, ItemState.UNCERTAIN)
    record = ledger.journal(item)
    await ledger.resolve(item, job_id="job-1")
    record.changed(change("running", "job-1"))
    await record.accepted(accepted("job-2"))
    assert (await again(ledger, item)).job_id == "job-1"
    assert (await ledger.history(item))[-1].detail == "a second job; the item keeps job-1"
    assert (await ledger.resolve(item, job_id="job-2")).job_id == "job-2", "a person still decides"


async def test_what_was_seen_is_asked_for_where_an_item_has_another_id(ledger: Ledger) -> None:
    """One statement more for those, and none for the way of all others."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        if "motion_history" in arguments[2]:
            asked.append(arguments[2])

    sa.event.listen(ledger._store._engine.sync_engine, "before_cursor_execute", note)
    item = await brought_to(ledger, ItemState.SUBMITTED)
    await ledger.journal(item).accepted(accepted())
    await ledger.journal(item).ended(seen("completed"), None)
    assert [statement for statement in asked if "SELECT" in statement] == []
    other = await brought_to(ledger, ItemState.SUBMITTED, "other")
    await ledger.journal(other).accepted(accepted("job-2"))
    assert len([statement for statement in asked if "SELECT" in statement]) == 1


async def test_a_person_says_one_thing_at_a_time(ledger: Ledger) -> None:
    """None or two of the three are a mistake, and so is an id that can be none."""
    item = await brought_to(ledger, ItemState.UNCERTAIN)
    with pytest.raises(ConfigurationError, match="exactly one"):
        await ledger.resolve(item)
    with pytest.raises(ConfigurationError, match="exactly one"):
        await ledger.resolve(item, send_again=True, drop=True)
    with pytest.raises(InvalidRequestError):
        await ledger.resolve(item, job_id="..")
    assert await again(ledger, item) == item


async def test_an_own_intent_stays(ledger: Ledger) -> None:
    """Whoever holds this very ledger is alive."""
    item = await brought_to(ledger, ItemState.INTENT)
    assert await ledger.refresh(item) == item


async def test_a_sender_that_was_taken_for_dead_is_believed(ledger: Ledger) -> None:
    """It knows what became of its call, whatever others made of its silence."""
    for number, settle in enumerate(("not_taken", "taken")):
        item = await planned(ledger, f"k{number}")
        record = ledger.journal(item)
        assert await record.begin()
        claim = (await ledger._read_again(item))[1]
        await ledger._writer.put(Expire(f"presume-{number}", item, "2026-05-01T12:00:00+00:00", ledger.owner, claim))
        assert (await again(ledger, item)).state is ItemState.UNCERTAIN
        await (record.released(BUSY) if settle == "not_taken" else record.accepted(accepted()))
        expected = ItemState.PLANNED if settle == "not_taken" else ItemState.SUBMITTED
        assert (await again(ledger, item)).state is expected


async def test_a_clock_that_jumps_back_changes_nothing(url: str) -> None:
    """Times are told, never compared: order, states and owners do not depend on them."""
    async with open_ledger(url, now=clock(-3_600)) as ledger:
        await ledger.plan("launch", entries("a", "b"))
        item = await brought_to(ledger, ItemState.COMPLETED)
        told = [line.state for line in await ledger.history(item)]
        assert told == [ItemState.INTENT, ItemState.SUBMITTED, ItemState.COMPLETED]
        assert [found.key async for found in ledger.items()] == ["a", "b", "hero"]
        assert item.changed_at < item.planned_at


async def test_a_closed_ledger_says_so(url: str) -> None:
    """After the end nothing is taken in silently; an id that comes then is named."""
    async with open_ledger(url) as ledger:
        item = await planned(ledger)
    with pytest.raises(LedgerError, match="closed"):
        await ledger.find("launch", "hero")
    with pytest.raises(LedgerError, match="closed"):
        await ledger.plan("launch", entries("b"))
    with pytest.raises(LedgerError, match="closed") as caught:
        await ledger.journal(item).accepted(accepted())
    assert caught.value.job_ids == (("launch", "hero", "job-1"),)
    await ledger.aclose()


async def test_leaving_writes_what_waits(shared_url: str) -> None:
    """What was told at the last moment is on disk, though nobody waited for it."""
    async with open_ledger(shared_url) as ledger:
        item = await planned(ledger)
        record = ledger.journal(item)
        record.begin()
        record.accepted(accepted())
        record.changed(change("running"))
    async with open_ledger(shared_url) as ledger:
        found = await again(ledger, item)
        assert (found.state, found.job_id, found.status) == (ItemState.SUBMITTED, "job-1", "running")
        assert len(await ledger.history(found)) == 3


async def test_entering_and_leaving_in_different_tasks(url: str) -> None:
    """Fixtures and web frameworks do that: neither the end of the first task nor the second one's is the ledger's."""
    stack = AsyncExitStack()
    ledger = await asyncio.create_task(stack.enter_async_context(open_ledger(url)))
    [item] = await ledger.plan("launch", entries("a"))
    assert await ledger.find("launch", "a") == item
    await asyncio.create_task(stack.aclose())
    assert ledger._store._writing is None
    with pytest.raises(LedgerError, match="closed"):
        await ledger.find("launch", "a")


async def test_a_ledger_shows_itself_without_its_password(url: str) -> None:
    """Its repr says where it is."""
    async with open_ledger(url) as ledger:
        assert repr(ledger).startswith("<Ledger ")
        assert ledger.owner in repr(ledger)


@pytest.mark.parametrize(
    "gives", [ZeroDivisionError("clock"), None, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))], ids=repr
)
async def test_a_clock_that_fails_costs_no_note(url: str, caplog: pytest.LogCaptureFixture, gives: Any) -> None:
    """An id is noted by this machine's clock if the caller's raises or gives no moment, and the log says so."""
    broken = False

    def now() -> datetime:
        if broken and isinstance(gives, Exception):
            raise gives
        return gives if broken else START

    async with open_ledger(url, now=now) as ledger:
        [item] = await ledger.plan("launch", [Entry("a", VideoRequest("a"))])
        record = ledger.journal(item)
        assert await record.begin()
        broken = True
        await record.accepted(accepted())
        found = await again(ledger, item)
        assert found.job_id == "job-1"
        assert found.taken_at is not None
        assert found.taken_at > START
    assert "the ledger's clock failed" in caplog.text


async def test_a_clock_that_is_none_is_refused(url: str) -> None:
    """A naive datetime would be taken for another moment."""
    with pytest.raises(ConfigurationError, match="now must give an aware datetime"):
        async with open_ledger(url, now=lambda: datetime(2026, 4, 28)):  # noqa: DTZ001  # that is the mistake
            pass


async def test_the_items_of_one_job_are_found(ledger: Ledger) -> None:
    """A request and what follows it, in the order of planning, and no other."""
    for key, job_id in (("hero", "job-1"), ("teaser", "job-2"), ("faster", "job-1")):
        record = ledger.journal(await planned(ledger, key))
        assert await record.begin()
        await record.accepted(accepted(job_id))
    assert [item.key for item in await ledger.of_job("job-1")] == ["hero", "faster"]
    assert await ledger.of_job("job-3") == []


async def test_a_job_is_found_however_its_id_is_written(ledger: Ledger) -> None:
    """A UUID in capitals is the same job, whoever named it, and its end is the item's."""
    item = await planned(ledger)
    record = ledger.journal(item)
    assert await record.begin()
    await record.unknown(CreateUncertainError("reset"))
    await ledger.resolve(item, job_id=UUID.upper())
    await record.accepted(accepted(UUID))
    [found] = await ledger.of_job(UUID.upper())
    assert (found.key, found.job_id, found.state) == (item.key, UUID, ItemState.SUBMITTED)
    assert await ledger.of_job(UUID) == [found]


NFC, NFD = "Caf\u00e9", "Cafe\u0301"


async def test_names_are_found_in_every_form_of_unicode(ledger: Ledger) -> None:
    """Of a batch, of an item and of the one that it follows: whoever asks, in whatever form they were planned."""
    entry = Entry(f"{NFD} ", VideoRequest("p"), parent=NFD)
    for batch in (NFD, f"{NFC} "):
        [item] = await ledger.plan(batch, [entry])
        assert (item.batch, item.key, item.parent) == (NFC, NFC, NFC)
        assert await ledger.find(batch, NFD) == await ledger.find(NFC, f" {NFC}") == item
        assert await ledger.many(batch, [NFD]) == {NFC: item}
        assert [found async for found in ledger.items(batch)] == [item]
        assert await ledger.counts(batch) == {NFC: {ItemState.PLANNED: 1}}


async def test_what_was_refused_is_not_planned_anew_with_other_bytes(ledger: Ledger) -> None:
    """The service refused the same text."""
    [item] = await ledger.plan("launch", [Entry("a", VideoRequest(f"{NFC}\nb"))])
    record = ledger.journal(item)
    assert await record.begin()
    await record.released(INVALID)
    [again] = await ledger.plan("launch", [Entry("a", VideoRequest(f"{NFD}\r\nb"))])
    assert again.state is ItemState.REJECTED


async def test_a_failed_create_is_made_anew_if_a_person_says_so(ledger: Ledger) -> None:
    """As another try of the same item: planned without the failed job, which stands in its history."""
    item = await brought_to(ledger, ItemState.FAILED)
    assert await ledger.try_again([item]) == [item]
    found = await again(ledger, item)
    assert (found.state, found.job_id, found.status, found.job_state) == (ItemState.PLANNED, None, None, None)
    assert (await ledger.history(item))[-1].detail == "by a person; job job-1 had failed"
    assert await ledger.journal(found).begin()
    assert await ledger.try_again([found]) == []


# What a person decides on many at a time.


async def test_only_what_nothing_was_sent_of_can_be_cancelled(ledger: Ledger) -> None:
    """It is told which that is; whoever is about to send one of those does not."""
    items = [await brought_to(ledger, state, f"{state}-{number}") for state in ItemState for number in range(2)]
    given_up = await ledger.cancel(items)
    assert [item.key for item in given_up] == ["planned-0", "planned-1"]
    assert not await ledger.journal(items[0]).begin()
    for item in items:
        expected = ItemState.DROPPED if item in given_up else item.state
        assert (await again(ledger, item)).state is expected
    assert [it.detail for it in await ledger.history(items[0])] == ["by a person"]
    assert await ledger.cancel(items) == []


async def test_what_was_cancelled_is_planned_again_and_what_may_have_been_sent_is_not(ledger: Ledger) -> None:
    """Also after a try of which nothing came."""
    item = await planned(ledger)
    record = ledger.journal(item)
    assert await record.begin()
    await record.released(BUSY)
    in_doubt = await brought_to(ledger, ItemState.DROPPED, "in doubt")
    assert await ledger.cancel([item, in_doubt]) == [item]
    assert (await again(ledger, item)).intent_at is None
    assert await ledger.plan_again([item, in_doubt]) == [item]
    assert (await again(ledger, item)).state is ItemState.PLANNED
    assert (await again(ledger, in_doubt)).state is ItemState.DROPPED
    assert await ledger.journal(item).begin()


async def test_what_is_planned_again_is_what_no_job_was_made_of(ledger: Ledger) -> None:
    """As `resolve` does it for one."""
    items = [await brought_to(ledger, state, state) for state in ItemState]
    planned_again = await ledger.plan_again(items)
    assert {item.key for item in planned_again} == {"rejected", "uncertain"}
    assert await ledger.plan_again([]) == []


async def test_a_ledger_that_is_only_read_decides_nothing(shared_url: str) -> None:
    """Not even on nothing."""
    async with open_ledger(shared_url) as made:
        item = await planned(made)
    async with open_ledger(shared_url, read_only=True) as reader:
        for decide in (reader.cancel, reader.plan_again):
            with pytest.raises(LedgerError, match="for reading only"):
                await decide([item])
