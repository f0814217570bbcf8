"""Batches with a ledger and whose they are, against the sandbox: nothing is sent where another account would pay."""

from __future__ import annotations

from pathlib import Path

import pytest

from motion_async import (
    BatchRequest,
    JobState,
    JobStatus,
    LedgerAccountError,
    MotionSession,
    NotSentError,
    VideoRequest,
)
from motion_async.ledger import Entry, ItemState, Ledger, open_ledger
from motion_async.sandbox import Sandbox
from tests.batches import QUICK, run, states
from tests.ledger.earlier import Earlier, make_earlier

REQUESTS = [f"p{number}" for number in range(6)]


async def test_a_rehearsal_is_not_taken_for_the_real_thing(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """What was made in one sandbox is not told as done by a session with another service."""
    assert all(outcome.ok for outcome in await run(motion, ledger, REQUESTS))
    async with Sandbox(speed=10_000) as real, MotionSession(real.api_key, base_url=real.url, **QUICK) as other:
        with pytest.raises(LedgerAccountError) as caught:
            await run(other, ledger, REQUESTS)
        assert real.counts.creates == real.counts.polls == 0
    assert sandbox.url.startswith(caught.value.bound_origin)
    assert real.url.startswith(caught.value.origin)


async def test_a_batch_is_not_continued_on_another_account(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Neither polled nor sent, until a person says that the key was only replaced."""
    await run(motion, ledger, REQUESTS[:3])
    before = sandbox.counts
    async with MotionSession("motion_of_another_client", base_url=sandbox.url, **QUICK) as other:
        with pytest.raises(LedgerAccountError, match="another API key"):
            await run(other, ledger, REQUESTS)
    assert sandbox.counts == before
    await ledger.adopt("launch")
    assert all(outcome.ok for outcome in await run(motion, ledger, REQUESTS))


async def test_a_refused_key_leaves_the_batch_to_the_right_one(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Nothing was sent with it, so there is nothing to protect."""
    async with MotionSession("motion_mistyped", base_url=sandbox.url, **QUICK) as other:
        assert not any(outcome.ok for outcome in await run(other, ledger, REQUESTS))
    assert all(outcome.ok for outcome in await run(motion, ledger, REQUESTS))


async def take(motion: MotionSession, ledger: Ledger, count: int) -> list[BatchRequest]:
    """Have jobs in the ledger that the service does not know, and give their requests and three new ones."""
    await ledger.bind("launch", motion.account)
    requests = [BatchRequest(f"p{number}", id=f"p{number}") for number in range(count + 3)]
    entries = [Entry(f"p{number}", request.request) for number, request in enumerate(requests[:count])]
    for item in await ledger.plan("launch", entries):
        journal = ledger.journal(item)
        await journal.begin()
        await journal.accepted(JobState(f"job-{item.key}", JobStatus.QUEUED))
    return requests


async def test_nothing_new_is_sent_where_none_of_three_jobs_is_known(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """The service is another one, or the account; what is new stays planned."""
    requests = await take(motion, ledger, 3)
    outcomes = await run(motion, ledger, requests, job_timeout=1)
    assert sandbox.counts.creates == 0
    assert not any(outcome.ok for outcome in outcomes)
    assert all(isinstance(outcome.error, NotSentError) for outcome in outcomes[3:])
    assert "knows none of 3 jobs" in str(outcomes[3].error)
    assert (await states(ledger))["p3"] is ItemState.PLANNED


async def test_two_jobs_that_are_not_known_prove_nothing(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """The rest of the batch goes on."""
    outcomes = await run(motion, ledger, await take(motion, ledger, 2), job_timeout=1)
    assert [outcome.ok for outcome in outcomes] == [False, False, True, True, True]
    assert sandbox.counts.creates == 3


async def test_one_that_is_not_known_is_enough_where_nobody_knows_whose_the_batch_is(
    motion: MotionSession, sandbox: Sandbox, tmp_path: Path
) -> None:
    """As in a ledger of before that has no other running job."""
    url = f"sqlite:///{tmp_path}/launch.db"
    make_earlier(url, Earlier({"prompt": "a"}, "a", state="submitted", job_id="job-1"))
    requests = [BatchRequest("a", id="a"), BatchRequest("new", id="new")]
    async with open_ledger(url) as ledger:
        first, new = await run(motion, ledger, requests, job_timeout=1)
    assert isinstance(new.error, NotSentError)
    assert not first.ok
    assert sandbox.counts.creates == 0


async def test_videos_that_are_known_show_whose_the_batch_is(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """The service may have forgotten every job that ran."""
    done = [BatchRequest("done", id="done")]
    await run(motion, ledger, done)
    outcomes = await run(motion, ledger, [*done, *await take(motion, ledger, 3)], job_timeout=1)
    assert [outcome.ok for outcome in outcomes] == [True, False, False, False, True, True, True]


async def test_one_job_that_is_known_is_enough(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """The service may have forgotten others."""
    requests = await take(motion, ledger, 3)
    known = await motion.create("known")
    [item] = await ledger.plan("launch", [Entry("known", VideoRequest("known"))])
    await ledger.resolve(item, job_id=known.id)
    outcomes = await run(motion, ledger, requests, job_timeout=1)
    assert [outcome.ok for outcome in outcomes[3:]] == [True, True, True]
