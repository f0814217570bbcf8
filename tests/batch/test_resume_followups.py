"""Followups within batches, against the sandbox: each is sent when its turn comes, in every run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async import (
    BatchRequest,
    FollowupUncertainError,
    JobFailedError,
    LedgerConflictError,
    MotionSession,
    NotSentError,
    StatusChange,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.ledger import Entry, Item, ItemState, Ledger
from motion_async.ledger.transitions import ItemRow, Note, RecordStatus
from motion_async.sandbox import AwaitInput, Fail, LostAnswer, Sandbox, SlowBody, StaleCompleted
from tests.batches import QUICK, run, stands, states
from tests.waiting import until


async def test_siblings_have_their_turns_one_after_the_other_in_a_later_run_too(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Those that an earlier run has not sent wait for each other, although what they follow has long completed."""
    parent = BatchRequest("make", id="a")
    assert (await run(motion, ledger, [parent]))[0].ok
    siblings = [BatchRequest(f"change {number}", id=f"b{number}", follows="a") for number in range(5)]
    child = BatchRequest("further", id="c", follows="b1")
    outcomes = await run(motion, ledger, [parent, *siblings, child])
    assert [outcome.error for outcome in outcomes] == [None] * 7
    assert len({outcome.job_id for outcome in outcomes}) == 1
    assert (sandbox.counts.followups, sandbox.counts.followups_accepted) == (6, 6)
    ends = {outcome.key: outcome.state.completed_at for outcome in outcomes if outcome.state is not None}
    assert sorted(ends, key=lambda key: str(ends[key])) == ["a", "b0", "b1", "c", "b2", "b3", "b4"]


async def test_a_followup_waits_for_the_turn_of_a_sibling_that_an_earlier_run_began(
    ledger: Ledger,
) -> None:
    """It is sent when that turn has ended, not refused as the job is running."""
    requests = [BatchRequest("make", id="a"), *(BatchRequest(f"{n}", id=n, follows="a") for n in "bc")]
    async with Sandbox(speed=0) as sandbox:

        async def time_goes_on() -> None:
            while True:
                sandbox.advance(5)
                await asyncio.sleep(0.01)

        clock = asyncio.create_task(time_goes_on())
        async with (
            MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
            motion.generate_many(requests, ledger=ledger, batch="launch"),
        ):
            await until(lambda: stands(ledger, "b", ItemState.SUBMITTED), every=0.01)
            clock.cancel()
        assert (await states(ledger))["c"] == ItemState.PLANNED
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            ended = asyncio.create_task(run(motion, ledger, requests))
            polls = sandbox.counts.polls
            await until(lambda: sandbox.counts.polls >= polls + 5, every=0.01)
            assert sandbox.counts.followups == 1
            clock = asyncio.create_task(time_goes_on())
            assert [outcome.error for outcome in await ended] == [None] * 3
            clock.cancel()
        assert sandbox.counts.followups_accepted == 2


async def test_the_old_end_of_a_followup_that_is_taken_up_does_not_count(ledger: Ledger) -> None:
    """A run that ends just after a followup was taken leaves the next run to wait for the new turn's end."""
    async with Sandbox(speed=0) as sandbox:
        requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            sandbox.faults.next(StaleCompleted(50))
            async with motion.generate_many(requests, ledger=ledger, batch="launch") as outcomes:
                await until(
                    lambda: stands(ledger, "b", ItemState.SUBMITTED),
                    every=0.01,
                    meanwhile=lambda: sandbox.counts.followups or sandbox.advance(50),
                )
                assert outcomes
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            ended = asyncio.create_task(run(motion, ledger, requests))
            polls = sandbox.counts.polls
            await until(lambda: sandbox.counts.polls >= polls + 3, every=0.01)
            assert not ended.done()
            await until(ended.done, every=0.01, meanwhile=lambda: sandbox.advance(50))
        first, second = ended.result()
        assert first.state is not None
        assert second.state is not None
        assert first.state.completed_at is not None
        assert second.state.completed_at is not None
        assert second.state.completed_at > first.state.completed_at


def record_whole(move: RecordStatus, row: ItemRow) -> tuple[None, Note]:
    """Keep an end with the status, as earlier versions did."""
    row.change(at=move.at, status=move.status, job_state=move.job_state)
    return None, Note(None, move.status, move.about)


@pytest.mark.parametrize("version", ["this", "an earlier one"])
async def test_a_followup_of_which_the_end_was_seen_and_not_kept_ends(
    ledger: Ledger, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is killed, or another reads, between two notes: its own end must not be taken for the one that it found."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    async with Sandbox(speed=2_000) as sandbox:
        sandbox.faults.for_prompt("more", AwaitInput(until_answered=True))
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            async with motion.generate_many(requests, ledger=ledger, batch="launch"):
                await until(lambda: stands(ledger, "b", ItemState.SUBMITTED), every=0.01)
            [job_id] = sandbox.jobs
            await until(lambda: sandbox.jobs[job_id].status == "awaiting_user_input", every=0.01)
            sandbox.give_input(job_id)
            end = await motion.job(job_id).wait()
        if version != "this":
            monkeypatch.setattr(RecordStatus, "apply", record_whole)
        item = await ledger.find("launch", "b")
        assert item is not None
        ledger.journal(item).changed(StatusChange(job_id, None, end.status, end, datetime.now(UTC)))
        await until(lambda: has_noted_end(ledger, item), every=0.01)
        async with asyncio.timeout(30), MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            _, second = await run(motion, ledger, requests)
    assert second.state == end


async def has_noted_end(ledger: Ledger, item: Item) -> bool:
    """Whether the history of an item tells that its job has completed."""
    return any(it.status == "completed" for it in await ledger.history(item))


async def test_a_followup_is_sent_when_its_parent_has_completed(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Chains too, in the order of the turns, each an item of its own with its parent."""
    requests = [BatchRequest("make", id="a"), *(BatchRequest(f"{n}", id=n, follows=p) for n, p in ("ba", "cb", "dc"))]
    outcomes = await run(motion, ledger, requests, max_active=1)
    assert all(outcome.ok for outcome in outcomes)
    assert len({outcome.job_id for outcome in outcomes}) == 1
    ends = [outcome.state.completed_at for outcome in outcomes if outcome.state and outcome.state.completed_at]
    assert ends == sorted(set(ends))
    assert len(ends) == 4
    assert sandbox.counts.followups_accepted == 3
    assert [item.parent async for item in ledger.items("launch")] == [None, "a", "b", "c"]
    before = sandbox.counts
    again = await run(motion, ledger, requests)
    assert [outcome.state for outcome in again] == [outcome.state for outcome in outcomes]
    assert sandbox.counts == before


async def test_a_followup_of_what_did_not_complete_is_not_sent(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Be it failed, in this run or an earlier one, or not in the batch at all."""
    sandbox.faults.for_prompt("make", Fail("no"))
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    requests += [BatchRequest("other", id="c", follows="nobody"), BatchRequest("further", id="d", follows="b")]
    for _ in range(2):
        outcomes = await run(motion, ledger, requests)
        assert [type(outcome.error) for outcome in outcomes] == [JobFailedError, *[NotSentError] * 3]
    assert "it is not in the batch" in str(outcomes[2].error)
    assert sandbox.counts.followups == 0


async def test_a_lost_followup_is_told_with_its_job(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """The job is known, whether it has a new turn is not."""
    sandbox.faults.next(LostAnswer(), on="followup")
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    for _ in range(2):
        made, lost = await run(motion, ledger, requests)
        assert isinstance(lost.error, FollowupUncertainError)
        assert lost.error.job_id == made.job_id
    assert sandbox.counts.followups == 1


async def test_the_turn_of_a_lost_followup_is_outlasted(ledger: Ledger) -> None:
    """The service may have taken it: its siblings are not refused while the job runs, but sent after that."""
    requests = [BatchRequest("make", id="a"), *(BatchRequest(f"more {key}", id=key, follows="a") for key in "bcd")]
    async with Sandbox(speed=300) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        sandbox.faults.next(LostAnswer(), on="followup")
        made, lost, *others = await run(motion, ledger, requests)
        assert isinstance(lost.error, FollowupUncertainError)
        assert all(outcome.ok and outcome.job_id == made.job_id for outcome in others)
        assert sandbox.counts.followups == 3


async def test_a_turn_that_nobody_here_knows_is_outlasted_for_as_long_as_a_job_is_watched(ledger: Ledger) -> None:
    """Another program follows the job up meanwhile; the request says so, is not sent, and may be in the next run."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    async with Sandbox(speed=2_000) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        [made] = await run(motion, ledger, requests[:1])
        sandbox.faults.for_prompt("something else", AwaitInput(until_answered=True))
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as elsewhere:
            job = await elsewhere.followup(made.job_id or "", "something else")
            _, late = await run(motion, ledger, requests, job_timeout=0.2)
            assert isinstance(late.error, NotSentError)
            assert "another followup" in str(late.error)
            assert sandbox.counts.followups == 1
            await until(lambda: sandbox.jobs[job.id].status == "awaiting_user_input")
            sandbox.give_input(job.id)
            await job.wait()
        assert [outcome.ok for outcome in await run(motion, ledger, requests)] == [True, True]


async def test_without_a_ledger_nothing_can_be_followed(motion: MotionSession) -> None:
    """The request that asks for it says so, the others go on."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    async with motion.generate_many(requests) as outcomes:
        ended = sorted([outcome async for outcome in outcomes], key=lambda outcome: outcome.index)
    assert (ended[0].ok, ended[0].key) == (True, "a")
    assert "needs a ledger" in str(ended[1].error)


async def test_the_same_words_to_two_videos_are_two_followups(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """A request without an id is known by what it follows, too."""
    requests = [BatchRequest("cat", id="a"), BatchRequest("dog", id="b"), "faster"]
    requests += [BatchRequest("faster", follows=parent) for parent in ("a", "b", "a")]
    for _ in range(2):
        outcomes = await run(motion, ledger, requests)
        assert all(outcome.ok for outcome in outcomes)
        jobs = [outcome.job_id for outcome in outcomes]
        assert jobs[3:] == [jobs[0], jobs[1], jobs[0]]
        assert len({outcome.key for outcome in outcomes}) == 6
    assert (sandbox.counts.creates, sandbox.counts.followups_accepted) == (3, 3)


async def test_nothing_follows_what_was_refused_in_this_run(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Although an older request of the same id has a video."""
    assert (await run(motion, ledger, [BatchRequest("cat", id="a")]))[0].ok
    changed, child = await run(motion, ledger, [BatchRequest("dog", id="a"), BatchRequest("more", id="b", follows="a")])
    assert isinstance(changed.error, LedgerConflictError)
    assert isinstance(child.error, NotSentError)
    assert sandbox.counts.followups == 0


async def test_what_is_wrong_with_another_line_of_an_id_keeps_nothing_from_following_the_right_one(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """A line that is there twice, or cannot be sent, is one bad line; in a later run as in the first."""
    requests = [
        BatchRequest("", id="a"),
        BatchRequest("cat", id="a"),
        BatchRequest("cat", id="a"),
        BatchRequest("", id="a"),
    ]
    assert [outcome.ok for outcome in await run(motion, ledger, requests)] == [False, True, False, False]
    child = BatchRequest("more", id="b", follows="a")
    outcomes = await run(motion, ledger, [*requests, child])
    assert [outcome.ok for outcome in outcomes] == [False, True, False, False, True]
    assert (sandbox.counts.creates, sandbox.counts.followups_accepted) == (1, 1)


async def test_an_end_that_the_session_has_seen_ends_a_followup_that_is_taken_up(
    motion: MotionSession, ledger: Ledger
) -> None:
    """A batch that was left, and whose job somebody else watched to its end, goes on in the same session."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    async with motion.generate_many(requests, ledger=ledger, batch="launch"):
        await until(lambda: stands(ledger, "b", ItemState.SUBMITTED), every=0.01)
    [item] = [item async for item in ledger.items("launch") if item.key == "b"]
    seen = await motion.job(item.job_id or "").wait(timeout=10)
    async with asyncio.timeout(10):
        _, ended = await run(motion, ledger, requests)
    assert (ended.ok, ended.state) == (True, seen)


async def test_nothing_starts_after_the_batch_was_left(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """A parent that ends while the batch is being left has no followup sent."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    sandbox.faults.for_prompt("slow", SlowBody(0.5), on="create")
    async with motion.generate_many([*requests, "slow"], ledger=ledger, batch="launch"):
        await until(lambda: sandbox.counts.creates >= 2)
    await motion.job(next(job for job, made in sandbox.jobs.items() if made.body["prompt"] == "make")).wait(timeout=10)
    await asyncio.sleep(0.1)
    assert sandbox.counts.followups == 0


async def test_a_turn_that_others_sent_and_that_has_ended_is_heard_of(ledger: Ledger) -> None:
    """Also by a session that had seen the job complete before, and that sees it only completed again."""
    parent, child = BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")
    async with Sandbox(speed=0) as sandbox:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            made = asyncio.create_task(run(motion, ledger, [parent]))
            await until(lambda: stands(ledger, "a", ItemState.SUBMITTED), every=0.01)
            sandbox.advance(1_000)
            [first] = await made
            held = motion.job(first.job_id or "")
            async with (
                MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
                other.generate_many([parent, child], ledger=ledger, batch="launch"),
            ):
                await until(lambda: stands(ledger, "b", ItemState.SUBMITTED), every=0.01)
            sandbox.advance(1_000)
            async with asyncio.timeout(10):
                _, second = await run(motion, ledger, [parent, child])
            assert held.state == second.state
        assert second.ok
        assert second.state is not None
        assert first.state is not None
        assert str(second.state.completed_at) > str(first.state.completed_at)


async def test_a_followup_that_is_taken_up_does_not_get_the_end_of_the_one_before_it(ledger: Ledger) -> None:
    """Although the service still tells of that one for a moment."""
    requests = [BatchRequest("make", id="a"), *(BatchRequest(f"{n}", id=n, follows="a") for n in "bc")]
    async with Sandbox(speed=0) as sandbox:
        sandbox.faults.for_prompt("c", StaleCompleted(polls=3), on="followup")
        async with (
            MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
            motion.generate_many(requests, ledger=ledger, batch="launch"),
        ):
            await until(
                lambda: stands(ledger, "c", ItemState.SUBMITTED),
                every=0.01,
                meanwhile=lambda: sandbox.counts.followups_accepted >= 2 or sandbox.advance(5),
            )
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            ended = asyncio.create_task(run(motion, ledger, requests))
            polls = sandbox.counts.polls
            await until(lambda: sandbox.counts.polls >= polls + 5 or ended.done(), every=0.01)
            assert (await states(ledger))["c"] == ItemState.SUBMITTED
            sandbox.advance(1_000)
            _, second, third = await ended
    assert second.state is not None
    assert third.state is not None
    assert str(third.state.completed_at) > str(second.state.completed_at)


async def test_a_turn_that_is_not_watched_to_its_end_is_passed_to_nobody(ledger: Ledger) -> None:
    """Else its result would be that of the next: what waits for the job is not sent, nor what comes later."""
    requests = [BatchRequest("make", id="a"), *(BatchRequest(f"{n}", id=n, follows="a") for n in "bc")]
    late = BatchRequest("late", id="d", follows="a")

    async def source(told: asyncio.Event) -> AsyncIterator[BatchRequest]:
        for request in requests:
            yield request
        await told.wait()
        yield late

    async with Sandbox(speed=0) as sandbox:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            made = asyncio.create_task(run(motion, ledger, requests[:1]))
            await until(lambda: sandbox.counts.creates_accepted != 0, every=0.01)
            sandbox.advance(1_000)
            await made
        told, ended = asyncio.Event(), {}
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            options: dict[str, Any] = {"ledger": ledger, "batch": "launch", "job_timeout": 0.2}
            async with motion.generate_many(source(told), **options) as outcomes:
                async for outcome in outcomes:
                    ended[outcome.key] = outcome
                    if outcome.key == "c":
                        sandbox.advance(1_000)  # the turn of the first ends only now
                        told.set()
        assert isinstance(ended["b"].error, WaitTimeoutError)
        assert all("an earlier followup of the same job" in str(ended[key].error) for key in "cd")
        assert sandbox.counts.followups == 1
        assert [str(state) for state in (await states(ledger)).values()] == [
            "completed",
            "submitted",
            "planned",
            "planned",
        ]


async def test_the_end_of_an_earlier_turn_is_not_told_of_a_followup_that_is_given_up(
    motion: MotionSession, ledger: Ledger
) -> None:
    """Neither as its outcome's state nor in the ledger, though this session has seen the job complete."""
    requests = [BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")]
    [made] = await run(motion, ledger, requests[:1])
    held = motion.job(made.job_id or "")
    assert await held.wait(timeout=10) == made.state
    [item] = await ledger.plan("launch", [Entry("b", VideoRequest("more"), parent="a")])
    record = ledger.journal(item)
    await record.begin()
    await record.unknown(FollowupUncertainError("reset", job_id=held.id))
    await ledger.resolve(item, job_id=held.id)
    _, given_up = await run(motion, ledger, requests, job_timeout=0.2)
    assert (type(given_up.error), given_up.state) == (WaitTimeoutError, None)
    assert (await states(ledger))["b"] == ItemState.SUBMITTED
