"""Batches that more than one process makes at a time, against the sandbox: what one sends the other waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motion_async import (
    BatchRequest,
    CreateUncertainError,
    FollowupNotAllowedError,
    GrowingSchedule,
    JobState,
    JobStatus,
    MotionSession,
    NotSentError,
    SentElsewhere,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.ledger import Entry, Ledger
from motion_async.sandbox import Fail, Sandbox, ServerError
from tests.batches import QUICK, run
from tests.waiting import until

PLANNED = [Entry("a", VideoRequest("make")), *(Entry(n, VideoRequest(n), parent="a") for n in "bc")]
FOLLOWED = [BatchRequest("make", id="a"), *(BatchRequest(n, id=n, follows="a") for n in "bc")]


async def test_a_followup_that_another_process_sends_just_then_is_taken_up(ledger: Ledger) -> None:
    """It is refused here, as the job runs, and looked for in the ledger again."""
    requests = FOLLOWED[:2]
    async with (
        Sandbox(speed=10_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
    ):
        await run(motion, ledger, requests[:1])
        poll = motion._client.poll  # type: ignore[union-attr]

        async def while_the_other_sends(job_id: str) -> Any:
            outcomes.append(await run(other, ledger, requests))
            motion._client.poll = poll  # type: ignore[method-assign,union-attr]
            raise FollowupNotAllowedError("not sent: it is running", http_status=409, status="running", job_id=job_id)

        outcomes: list[Any] = []
        motion._client.poll = while_the_other_sends  # type: ignore[method-assign,union-attr]
        outcomes.append(await run(motion, ledger, requests))
    assert [outcome.state for outcome in outcomes[0]] == [outcome.state for outcome in outcomes[1]]
    assert sandbox.counts.followups == 1


@pytest.mark.parametrize("how", ["completed", "failed"])
async def test_an_end_that_another_process_saw_first_is_the_one_that_is_told(ledger: Ledger, how: str) -> None:
    """Not that of the followup which the other one has sent since, as this one polls more slowly."""
    slow: dict[str, Any] = QUICK | {"schedule": GrowingSchedule(first=1, growth=0, cap=1)}
    parent, child = BatchRequest("make", id="a"), BatchRequest("more", id="b", follows="a")
    async with Sandbox(speed=0) as sandbox:
        if how == "failed":
            sandbox.faults.for_prompt("more", Fail("no more"))
        async with (
            MotionSession(sandbox.api_key, base_url=sandbox.url, **slow) as motion,
            MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
        ):
            late = asyncio.create_task(run(motion, ledger, [parent]))
            await until(lambda: sandbox.counts.creates_accepted, every=0.01)
            early = asyncio.create_task(run(other, ledger, [parent, child]))
            await until(early.done, every=0.01, meanwhile=lambda: sandbox.advance(20))
            first, second = await early
            sandbox.advance(1_000)
            [seen_late] = await late
    assert (first.ok, second.ok) == (True, how == "completed")
    assert first.state != second.state
    assert (seen_late.ok, seen_late.state, seen_late.error) == (True, first.state, None)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_followup_that_another_process_is_sending_has_its_turn(ledger: Ledger, when: str) -> None:
    """What waits for the same video is sent when that turn has ended, and is not refused because the video runs."""
    async with (
        Sandbox(speed=1_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
    ):
        await run(motion, ledger, FOLLOWED[:1])
        plan = ledger.plan
        made, sent, _ = await plan("launch", PLANNED)
        elsewhere = ledger.journal(sent)

        async def send() -> None:
            assert await elsewhere.begin()
            await other.followup(made.job_id or "", "b")

        async def plan_first(batch: str, entries: Any) -> Any:
            items = await plan(batch, entries)
            if not sandbox.counts.followups:
                await send()
            return items

        if when == "before":
            await send()
        else:
            ledger.plan = plan_first  # type: ignore[method-assign]
        ended = asyncio.create_task(run(motion, ledger, FOLLOWED))
        await asyncio.sleep(0.1)
        assert sandbox.counts.followups == 1
        await elsewhere.accepted(JobState(made.job_id or "", JobStatus.QUEUED))
        outcomes = await ended
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sandbox.counts.followups_accepted == 2


async def test_what_another_process_is_sending_is_told_and_waited_for_as_long_as_a_job_is(ledger: Ledger) -> None:
    """That process may have been stopped in the middle, and would be waited for without end; nothing is sent twice."""
    async with (
        Sandbox(speed=1_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        await run(motion, ledger, FOLLOWED[:1])
        _, sent, _ = await ledger.plan("launch", PLANNED)
        [create] = await ledger.plan("launch", [Entry("hero", VideoRequest("hero"))])
        for item in (sent, create):
            assert await ledger.journal(item).begin()
        events = motion.events()
        requests = [*FOLLOWED, BatchRequest("hero", id="hero")]
        made, *others = await run(motion, ledger, requests, job_timeout=1.5)
        await events.aclose()
        told = {event.key: event for event in [event async for event in events] if isinstance(event, SentElsewhere)}
        assert made.ok
        assert all(isinstance(outcome.error, NotSentError) for outcome in others)
        assert "'b' was still being sent by somebody else" in str(others[0].error)
        assert "an earlier followup of the same job has not ended" in str(others[1].error)
        assert "'hero' was still being sent by somebody else" in str(others[2].error)
        assert set(told) == {"b", "hero"}
        assert {event.owner for event in told.values()} == {ledger.owner}
        assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


async def test_a_followup_that_another_process_could_not_send_waits_for_a_sibling_that_runs(ledger: Ledger) -> None:
    """It had its turn while it was sent there, and gives it up when it has to be sent here after all."""
    async with (
        Sandbox(speed=0) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
    ):
        made = asyncio.create_task(run(motion, ledger, FOLLOWED[:1]))
        await until(made.done, every=0.01, meanwhile=lambda: sandbox.advance(20))
        parent, refused, runs = await ledger.plan("launch", PLANNED)
        record = ledger.journal(runs)
        assert await record.begin()
        record.found(await other.poll(parent.job_id or ""))
        await other.followup(parent.job_id or "", "c")
        await record.accepted(JobState(parent.job_id or "", JobStatus.QUEUED))
        elsewhere = ledger.journal(refused)
        assert await elsewhere.begin()
        ended = asyncio.create_task(run(motion, ledger, FOLLOWED))
        await asyncio.sleep(0.1)
        await elsewhere.released(None)
        polls = sandbox.counts.polls
        await until(lambda: sandbox.counts.polls >= polls + 30 or ended.done(), every=0.01)
        await until(ended.done, every=0.01, meanwhile=lambda: sandbox.advance(20))
        outcomes = await ended
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sandbox.counts.followups_accepted == 2


async def test_a_job_that_a_person_took_back_meanwhile_is_no_parent(ledger: Ledger) -> None:
    """Whatever the right one has come to since: a followup to the wrong one would be paid for."""
    async with (
        Sandbox(speed=1_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as blind,
    ):
        wrong = await motion.create("somebody else's video")
        sandbox.faults.for_prompt("somebody", ServerError(), on="poll")
        item, *_ = await ledger.plan("launch", PLANNED)
        record = ledger.journal(item)
        await record.begin()
        await record.unknown(CreateUncertainError("reset"))
        await ledger.resolve(item, job_id=wrong.id)
        polls = sandbox.counts.polls
        ended = asyncio.create_task(run(blind, ledger, FOLLOWED[:2], job_timeout=1))
        await until(lambda: sandbox.counts.polls != polls, every=0.01)
        right = await motion.create("make")
        await ledger.resolve(item, job_id=right.id)
        [found] = await run(motion, ledger, FOLLOWED[:1])
        first, second = await ended
    assert (found.ok, found.job_id) == (True, right.id)
    assert (type(first.error), first.job_id) == (WaitTimeoutError, wrong.id)
    assert isinstance(second.error, NotSentError)
    assert sandbox.counts.followups == 0
