"""Batches that more than one process makes at a time, against the sandbox: what one sends the other leaves to it."""

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
    MotionError,
    MotionSession,
    NotSentError,
    Outcome,
    SentElsewhereError,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.ledger import Entry, Ledger, open_ledger
from motion_async.ledger.journal import LedgerJournal
from motion_async.sandbox import Fail, Hang, Sandbox, ServerError
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


@pytest.mark.parametrize("when", ["before", "claimed", "running"])
async def test_a_followup_that_another_process_is_sending_has_its_turn(ledger: Ledger, when: str) -> None:
    """It comes out at once, and what waits for the same video is not sent on top of it, but by the next run."""
    async with (
        Sandbox(speed=1_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
    ):
        await run(motion, ledger, FOLLOWED[:1])
        plan = ledger.plan
        made, sent, _ = await plan("launch", PLANNED)
        elsewhere = ledger.journal(sent)

        async def plan_first(batch: str, entries: Any) -> Any:
            items = await plan(batch, entries)
            ledger.plan = plan  # type: ignore[method-assign]
            assert await elsewhere.begin()
            if when == "running":
                await other.followup(made.job_id or "", "b")
            return items

        if when == "before":
            assert await elsewhere.begin()
        else:
            ledger.plan = plan_first  # type: ignore[method-assign]
        first, second, third = await run(motion, ledger, FOLLOWED)
        assert first.ok
        assert is_sent_by(second.error, ledger.owner, key="b")
        assert isinstance(third.error, NotSentError)
        assert "an earlier followup of the same job has not ended" in str(third.error)
        assert sandbox.counts.followups == (when == "running")
        if when != "running":
            await other.followup(made.job_id or "", "b")
        await elsewhere.accepted(JobState(made.job_id or "", JobStatus.QUEUED))
        outcomes = await run(motion, ledger, FOLLOWED)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sandbox.counts.followups_accepted == 2


async def test_what_another_process_is_sending_is_left_to_it(motion: MotionSession, ledger: Ledger, url: str) -> None:
    """Nobody waits for it, whoever resumes the batch or makes it; and what follows it is not sent either."""
    requests = [BatchRequest("hero", id="hero"), BatchRequest("more", id="more", follows="hero"), "another"]
    async with open_ledger(url) as mine, open_ledger(url) as others:
        [item] = await others.plan("launch", [Entry("hero", VideoRequest("hero"))])
        elsewhere = others.journal(item)
        assert await elsewhere.begin()
        hero, more, another = await run(motion, mine, requests)
        assert another.ok
        assert is_sent_by(hero.error, others.owner, key="hero")
        assert type(more.error) is NotSentError
        assert "'hero', is being sent by another process" in str(more.error)
        async with motion.resume("launch", ledger=mine) as outcomes:
            resumed = {outcome.key: outcome.error async for outcome in outcomes}
        assert is_sent_by(resumed["hero"], others.owner, key="hero")
        assert "'hero', is being sent by another process" in str(resumed["more"])
        job = await motion.create("hero")
        await elsewhere.accepted(JobState(job.id, JobStatus.QUEUED))
        outcomes_by_now = await run(motion, mine, requests)
        assert [outcome.error for outcome in outcomes_by_now] == [None] * 3
        assert outcomes_by_now[0].job_id == outcomes_by_now[1].job_id == job.id


@pytest.mark.parametrize("request_", [FOLLOWED[0], FOLLOWED[1]], ids=["create", "followup"])
async def test_what_another_process_could_not_send_meanwhile_is_sent(
    motion: MotionSession, sandbox: Sandbox, ledger: Ledger, request_: BatchRequest
) -> None:
    """It is planned again when it is looked for, and so it begins anew."""
    if request_.follows is not None:
        await run(motion, ledger, FOLLOWED[:1])
    entry = next(it for it in PLANNED if it.key == request_.id)
    [item] = await ledger.plan("launch", [entry])
    elsewhere, begin = ledger.journal(item), LedgerJournal.begin
    refused = 0

    async def begin_second(journal: LedgerJournal) -> bool:
        nonlocal refused
        if refused:
            return await begin(journal)
        refused += 1
        assert await begin(elsewhere)
        assert not await begin(journal)
        await elsewhere.released(None)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LedgerJournal, "begin", begin_second)
        [outcome] = await run(motion, ledger, [request_])
    assert (outcome.error, refused) == (None, 1)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, request_.follows is not None)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_what_waits_for_a_video_that_another_process_makes_is_not_sent(ledger: Ledger, when: str) -> None:
    """Whether it has waited for it here, or asks for it in the ledger."""
    async with (
        Sandbox(speed=1_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        plan = ledger.plan
        item, *_ = await plan("launch", PLANNED)

        async def plan_first(batch: str, entries: Any) -> Any:
            items = await plan(batch, entries)
            ledger.plan = plan  # type: ignore[method-assign]
            assert await ledger.journal(item).begin()
            return items

        if when == "before":
            assert await ledger.journal(item).begin()
        else:
            ledger.plan = plan_first  # type: ignore[method-assign]
        first, *others = await run(motion, ledger, FOLLOWED)
    assert is_sent_by(first.error, ledger.owner, key="a")
    assert all("'a', is being sent by another process" in str(outcome.error) for outcome in others)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (0, 0)


async def test_a_followup_alone_asks_once_for_the_video_that_it_changes(
    motion: MotionSession, sandbox: Sandbox, ledger: Ledger, url: str
) -> None:
    """It is sent if that has completed; else it says how that stands, also if its process has died in the middle."""
    child = [BatchRequest("more", id="b", follows="a")]
    async with open_ledger(url) as mine:
        async with open_ledger(url) as others:
            [item] = await others.plan("launch", PLANNED[:1])
            assert await others.journal(item).begin()
            [outcome] = await run(motion, mine, child)
            assert "'a', is being sent by another process" in str(outcome.error)
        [outcome] = await run(motion, mine, child)
        assert "'a', has not completed: it is uncertain" in str(outcome.error)
        job = await motion.create("make")
        await mine.resolve(item, job_id=job.id)
        [outcome] = await run(motion, mine, child)
        assert "'a', has not completed: it is submitted" in str(outcome.error)
        assert sandbox.counts.followups == 0
        await run(motion, mine, FOLLOWED[:1])
        [outcome] = await run(motion, mine, child)
        assert (outcome.error, outcome.job_id, sandbox.counts.followups) == (None, job.id, 1)


async def test_a_followup_that_another_process_could_not_send_waits_for_a_sibling_that_runs(ledger: Ledger) -> None:
    """It is sent by the next run, and not before the one that another process has sent has ended."""
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
        _, second, third = await run(motion, ledger, FOLLOWED, job_timeout=0.1)
        assert is_sent_by(second.error, ledger.owner, key="b")
        assert isinstance(third.error, WaitTimeoutError)  # it is watched by its id all the same
        await elsewhere.released(None)
        ended = asyncio.create_task(run(motion, ledger, FOLLOWED))
        polls = sandbox.counts.polls
        await until(lambda: sandbox.counts.polls >= polls + 30 or ended.done(), every=0.01)
        assert sandbox.counts.followups == 1
        await until(ended.done, every=0.01, meanwhile=lambda: sandbox.advance(20))
        outcomes = await ended
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sandbox.counts.followups_accepted == 2


async def test_several_processes_make_a_batch_once(sandbox: Sandbox, url: str) -> None:
    """Each makes what the others do not send, until all of it is made; what one has sent the others watch."""
    requests = [BatchRequest(f"make {n}", id=f"a{n}") for n in range(30)]
    requests += [BatchRequest(f"more {n}", id=f"b{n}", follows=f"a{n % 10}") for n in range(20)]

    async def make_all(seen: list[MotionError]) -> list[Outcome]:
        async with (
            open_ledger(url) as ledger,
            MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        ):
            while True:
                outcomes = await run(motion, ledger, requests)
                errors = [outcome.error for outcome in outcomes if outcome.error is not None]
                if not errors:
                    return outcomes
                seen += errors

    seen: list[MotionError] = []
    sandbox.faults.for_prompt("make", Hang(0.05), on="create")
    ended = await asyncio.gather(*(make_all(seen) for _ in range(3)))
    assert [error for error in seen if not isinstance(error, NotSentError | FollowupNotAllowedError)] == []
    jobs = [[outcome.job_id for outcome in outcomes] for outcomes in ended]
    assert jobs[0] == jobs[1] == jobs[2]
    assert (sandbox.counts.creates_accepted, sandbox.counts.followups_accepted) == (30, 20)
    assert sandbox.counts.duplicates == 0


def is_sent_by(error: MotionError | None, owner: str, *, key: str) -> bool:
    """Tell whether an error says that somebody is sending an item of the batch."""
    return isinstance(error, SentElsewhereError) and (error.batch, error.key, error.owner) == ("launch", key, owner)


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
