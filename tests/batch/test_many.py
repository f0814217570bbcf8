"""Tests of `motion_async.batch.many`: which ledger a batch has, and what goes on from a ledger alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from motion_async import (
    BatchRequest,
    ConfigurationError,
    CreateUncertainError,
    InputRequiredError,
    JobStatus,
    LedgerAccountError,
    MotionSession,
    NotSentError,
    Outcome,
    SessionClosedError,
    VideoRequest,
)
from motion_async.batch.requests import Intake
from motion_async.batch.runner import FanOut
from motion_async.ledger import Entry, ItemState, Ledger, open_ledger
from motion_async.sandbox import AwaitInput, Fail, LostAnswer, Sandbox
from tests.batches import QUICK, run, states
from tests.waiting import until


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(url) as ledger:
        yield ledger


async def read_all(outcomes: FanOut) -> dict[str | None, Outcome]:
    async with outcomes:
        return {outcome.key: outcome async for outcome in outcomes}


async def test_a_batch_goes_on_from_its_ledger_alone(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """What is planned is sent, with its followups, what runs is watched, and what has ended does not come out again."""
    await run(motion, ledger, [BatchRequest("done", id="done")])
    running = await motion.create("runs")
    [runs, *_] = await ledger.plan(
        "launch",
        [
            Entry("runs", VideoRequest("runs"), metadata={"n": 1}),
            Entry("new", VideoRequest("new")),
            Entry("more", VideoRequest("more"), parent="new"),
            Entry("further", VideoRequest("further"), parent="done"),
        ],
    )
    await ledger.resolve(runs, job_id=running.id)
    found = await read_all(motion.resume("launch", ledger=ledger, max_active=2))
    assert set(found) == {"runs", "new", "more", "further"}
    assert all(outcome.ok for outcome in found.values())
    assert (found["runs"].job_id, found["runs"].metadata) == (running.id, {"n": 1})
    assert found["more"].job_id == found["new"].job_id
    assert (sandbox.counts.creates, sandbox.counts.followups) == (3, 2)
    assert set((await states(ledger)).values()) == {ItemState.COMPLETED}
    assert await read_all(motion.resume("launch", ledger=ledger)) == {}


async def test_what_is_in_doubt_comes_out_as_that(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """It is not sent again, until a person has settled it."""
    sandbox.faults.for_prompt("lost", LostAnswer(), on="create", times=1)
    await run(motion, ledger, [BatchRequest("lost", id="lost")])
    for _ in range(2):
        assert isinstance((await read_all(motion.resume("launch", ledger=ledger)))["lost"].error, CreateUncertainError)
    item = await ledger.find("launch", "lost")
    assert item is not None
    await ledger.resolve(item, send_again=True)
    assert (await read_all(motion.resume("launch", ledger=ledger)))["lost"].ok
    assert sandbox.counts.creates == 2


async def test_single_creates_go_on_as_a_batch(url: str) -> None:
    """Those of which a process that ended had not seen the end."""
    async with Sandbox(speed=0) as sandbox:
        async with (
            open_ledger(url) as ledger,
            MotionSession(sandbox.api_key, base_url=sandbox.url, ledger=ledger, **QUICK) as motion,
        ):
            job = await motion.create("a cat", key="order-17", metadata=4)
        sandbox.advance(10_000)
        async with (
            open_ledger(url) as ledger,
            MotionSession(sandbox.api_key, base_url=sandbox.url, ledger=ledger, **QUICK) as motion,
        ):
            found = await read_all(motion.resume("single"))
    [outcome] = found.values()
    assert (outcome.key, outcome.job_id, outcome.metadata, outcome.ok) == ("order-17", job.id, 4, True)


async def test_a_followup_of_a_job_by_its_id_goes_on_too(url: str, sandbox: Sandbox) -> None:
    """Although no item of the ledger is its parent: planned by a process that died before it sent it."""
    async with (
        open_ledger(url) as ledger,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        made = await motion.create("a cat")
        await made.wait()
        await ledger.plan("single", [Entry("more", VideoRequest("faster"), parent=f"job:{made.id}")])
        found = await read_all(motion.resume("single", ledger=ledger))
    assert (found["more"].ok, found["more"].job_id) == (True, made.id)
    assert sandbox.counts.followups == 1


async def test_the_sessions_ledger_keeps_a_batch_that_is_named(sandbox: Sandbox, ledger: Ledger) -> None:
    """Without a name nothing is kept: equal prompts of two calls are different videos."""
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, ledger=ledger, **QUICK) as motion:
        for _ in range(2):
            assert len(await read_all(motion.generate_many(["p"], batch="launch"))) == 1
        assert sandbox.counts.creates == 1
        for _ in range(2):
            assert len(await read_all(motion.generate_many(["p"]))) == 1
    assert sandbox.counts.creates == 3
    assert list(await ledger.counts()) == ["launch"]


async def test_what_needs_a_ledger_says_so(motion: MotionSession, ledger: Ledger) -> None:
    """A batch that is named, and one that is to go on; and a batch that is not there."""
    with pytest.raises(ConfigurationError, match="needs a ledger"):
        motion.generate_many(["p"], batch="launch")
    with pytest.raises(ConfigurationError, match="needs a ledger"):
        motion.resume("launch")
    with pytest.raises(ConfigurationError, match="no batch 'lunch'"):
        await read_all(motion.resume("lunch", ledger=ledger))
    assert await ledger.counts() == {}


async def test_what_was_planned_anew_meanwhile_is_not_written_over(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """What a resume has read of the ledger is older than what somebody has planned since."""
    await ledger.plan("launch", [Entry("a", VideoRequest("old")), Entry("b", VideoRequest("b"))])
    resumed = motion.resume("launch", ledger=ledger, max_active=1)
    read = ledger.items

    async def and_planned_anew(*args: Any, **options: Any) -> Any:
        async for item in read(*args, **options):
            if item.key == "a":
                await ledger.plan("launch", [Entry("a", VideoRequest("new"))])
            yield item

    ledger.items = and_planned_anew  # type: ignore[method-assign]
    assert all(outcome.ok for outcome in (await read_all(resumed)).values())
    assert sorted(job.body["prompt"] for job in sandbox.jobs.values()) == ["b", "new"]


async def test_options_are_checked_at_once(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """As those of `generate_many` are; and a session that is not open."""
    wrong: list[dict[str, Any]] = [
        {"max_active": 0}, {"limiter": 1}, {"schedule": 1}, {"job_timeout": -1}, {"on_input": "ask"},
        {"on_insufficient_credits": "pay"}, {"ledger": "launch.db"},
    ]  # fmt: skip
    for options in wrong:
        with pytest.raises(ConfigurationError):
            motion.resume("launch", **{"ledger": ledger} | options)
    with pytest.raises(SessionClosedError):
        MotionSession(sandbox.api_key, base_url=sandbox.url).resume("launch", ledger=ledger)


async def test_a_batch_of_another_account_does_not_go_on(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """With the requests or without."""
    await run(motion, ledger, ["p"])
    async with MotionSession("motion_other", base_url=sandbox.url, **QUICK) as other:
        with pytest.raises(LedgerAccountError):
            await read_all(other.resume("launch", ledger=ledger))


async def test_a_long_run_reads_its_ledger_page_by_page(motion: MotionSession, ledger: Ledger) -> None:
    """However many items are open."""
    await ledger.plan("launch", [Entry(f"p{number}", VideoRequest(f"p{number}")) for number in range(520)])
    found = await read_all(motion.resume("launch", ledger=ledger, max_active=200))
    assert len(found) == 520
    assert {outcome.state.status for outcome in found.values() if outcome.state} == {JobStatus.COMPLETED}


# What a queue hands out.


async def handed_out(motion: MotionSession, ledger: Ledger, *keys: str) -> AsyncGenerator[Intake]:
    """Give items as a queue does that never ends."""
    kept = motion._kept_batch(ledger, "launch", schedule=motion._find_schedule(None))
    assert await kept.begin() is None
    found = await ledger.many("launch", keys)
    for key in keys:
        yield await kept.take(found[key])
    await asyncio.get_running_loop().create_future()


def take(motion: MotionSession, ledger: Ledger, *keys: str, check: Callable[[], None], here: int = 10) -> FanOut:
    schedule = motion._find_schedule(None)
    return motion._take_from(handed_out(motion, ledger, *keys), here=here, check=check, schedule=schedule)


async def test_what_a_queue_hands_out_is_made_in_its_places(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """A followup, too, of what has completed; a wait for a person is an outcome, and its place free again."""
    await run(motion, ledger, [BatchRequest("made", id="made")])
    sandbox.faults.for_prompt("asks", AwaitInput(until_answered=True))
    requests = [Entry(key, VideoRequest(key)) for key in ("asks", "new")]
    await ledger.plan("launch", [*requests, Entry("more", VideoRequest("more"), parent="made")])
    async with take(motion, ledger, "made", "asks", "new", "more", check=lambda: None, here=1) as outcomes:
        found = {outcome.key: outcome async for outcome in first(outcomes, 4)}
    assert [outcome.ok for outcome in found.values()] == [True, False, True, True]
    assert isinstance(found["asks"].error, InputRequiredError)
    assert (sandbox.counts.creates, sandbox.counts.followups) == (3, 1)


async def first(outcomes: FanOut, count: int) -> AsyncIterator[Outcome]:
    for _ in range(count):
        yield await anext(outcomes)


async def test_nothing_is_sent_that_a_queue_must_not_have_sent_any_more(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """It is asked for each; what runs is watched on."""
    running = await motion.create("runs")
    runs, _ = await ledger.plan("launch", [Entry(key, VideoRequest(key)) for key in ("runs", "new")])
    await ledger.resolve(runs, job_id=running.id)

    def check() -> None:
        raise NotSentError("paused")

    async with take(motion, ledger, "new", "runs", check=check) as outcomes:
        found = {outcome.key: outcome async for outcome in first(outcomes, 2)}
    assert found["runs"].ok
    assert "paused" in str(found["new"].error)
    assert (sandbox.counts.creates, await states(ledger)) == (
        1,
        {"runs": ItemState.COMPLETED, "new": ItemState.PLANNED},
    )


async def test_what_a_queue_hands_out_too_early_or_in_vain_says_so(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """What follows a video that failed, or is not there yet, is not sent."""
    sandbox.faults.for_prompt("fails", Fail())
    await run(motion, ledger, [BatchRequest("fails", id="fails")])
    entries = [Entry("planned", VideoRequest("planned"))]
    entries += [Entry(f"after {it}", VideoRequest("more"), parent=it) for it in ("fails", "planned", "nothing")]
    await ledger.plan("launch", entries)
    keys = ("fails", "after fails", "after planned", "after nothing")
    async with take(motion, ledger, *keys, check=lambda: None) as outcomes:
        found = {outcome.key: str(outcome.error) async for outcome in first(outcomes, 4)}
    assert "'fails', has failed" in found["after fails"]
    assert "'planned', has not completed: it is planned" in found["after planned"]
    assert "'nothing', has not completed: it is not in the batch" in found["after nothing"]
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


async def test_a_followup_goes_on_when_the_one_before_it_is_left_to_another_process(ledger: Ledger) -> None:
    """It finds the job at work, outlasts that, and is sent then."""
    async with Sandbox(speed=0) as still, MotionSession(still.api_key, base_url=still.url, **QUICK) as motion:
        made = asyncio.create_task(run(motion, ledger, [BatchRequest("made", id="made")]))
        await until(made.done, every=0.01, meanwhile=lambda: still.advance(20))
        await ledger.plan("launch", [Entry(key, VideoRequest(key), parent="made") for key in "bc"])
        async with take(motion, ledger, "b", "c", check=lambda: None) as outcomes:
            await until(lambda: outcomes.let_go(0), every=0.01)
            found = asyncio.ensure_future(anext(outcomes))
            await until(found.done, every=0.01, meanwhile=lambda: still.advance(20))
    outcome = await found
    assert (outcome.key, outcome.ok) == ("c", True)
    assert still.counts.followups_accepted == 2
    assert (await states(ledger))["b"] is ItemState.SUBMITTED
