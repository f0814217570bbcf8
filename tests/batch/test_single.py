"""Tests of `motion_async.batch.single`: a session with a ledger, in which the same key is the same job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async import (
    Attachment,
    ConfigurationError,
    CreateUncertainError,
    DroppedError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    InsufficientCreditsError,
    InvalidRequestError,
    Job,
    JobAccepted,
    JobFailedError,
    JobStatus,
    LedgerAccountError,
    LedgerConflictError,
    MotionSession,
    NotSentError,
    SentElsewhereError,
    SessionClosedError,
    VideoRequest,
)
from motion_async.batch import single
from motion_async.client import Client
from motion_async.ledger import Entry, Item, ItemState, Ledger, open_ledger
from motion_async.sandbox import Fail, Hang, LostAnswer, Sandbox
from tests.batches import QUICK
from tests.conftest import RawServer
from tests.waiting import until


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(url) as ledger:
        yield ledger


@pytest.fixture
async def motion(sandbox: Sandbox, ledger: Ledger) -> AsyncIterator[MotionSession]:
    async with session(sandbox, ledger) as motion:
        yield motion


def session(sandbox: Sandbox, ledger: Ledger, **options: Any) -> MotionSession:
    return MotionSession(sandbox.api_key, base_url=sandbox.url, ledger=ledger, **QUICK | options)


async def item_of(ledger: Ledger, key: str = "order-17") -> Item:
    found = await ledger.find("single", key)
    assert found is not None
    return found


async def test_calls_at_the_same_time_with_one_key_are_one_job(motion: MotionSession, sandbox: Sandbox) -> None:
    """One POST, and the same job for all of them."""
    jobs = await asyncio.gather(*(motion.create("a cat", key="order-17") for _ in range(3)))
    assert len({job.id for job in jobs}) == sandbox.counts.creates == 1


async def test_a_key_is_the_same_job_in_another_process_later(sandbox: Sandbox, url: str) -> None:
    """Whatever form its text has; `generate` waits for it, and an ended one is no new one."""
    ids = []
    for key in ("caf\u00e9", "cafe\u0301", "caf\u00e9"):
        async with open_ledger(url) as ledger, session(sandbox, ledger) as motion:
            job = await motion.create("a cat", key=key)
            assert (await motion.generate("a cat", key=key)).status == JobStatus.COMPLETED
            ids.append(job.id)
    assert len(set(ids)) == sandbox.counts.creates == 1


async def test_other_content_under_a_key_is_a_conflict(motion: MotionSession, sandbox: Sandbox) -> None:
    """Neither one of them is the other; so it is where a followup has the key of a create."""
    job = await motion.create("a cat", key="order-17")
    with pytest.raises(LedgerConflictError) as caught:
        await motion.create("a dog", key="order-17")
    assert (caught.value.key, caught.value.job_id) == ("order-17", job.id)
    await job.wait()
    with pytest.raises(LedgerConflictError):
        await job.followup("a cat", key="order-17")
    assert (sandbox.counts.creates, sandbox.counts.followups) == (1, 0)


async def test_what_may_have_been_sent_is_told_until_it_is_settled(
    motion: MotionSession, sandbox: Sandbox, ledger: Ledger
) -> None:
    """Then it is sent again, is the job that was found, or is given up."""
    sandbox.faults.for_prompt("a cat", LostAnswer(), on="create", times=1)
    for _ in range(2):
        with pytest.raises(CreateUncertainError):
            await motion.create("a cat", key="order-17")
    assert sandbox.counts.creates == 1
    await ledger.resolve(await item_of(ledger), job_id=(found := next(iter(sandbox.jobs))))
    assert (await motion.create("a cat", key="order-17")).id == found
    sandbox.faults.for_prompt("a dog", LostAnswer(), on="create", times=1)
    with pytest.raises(CreateUncertainError):
        await motion.create("a dog", key="order-18")
    await ledger.resolve(await item_of(ledger, "order-18"), drop=True)
    with pytest.raises(DroppedError):
        await motion.create("a dog", key="order-18")


async def test_what_the_service_did_not_take_is_sent_by_the_next_call(ledger: Ledger) -> None:
    """A 402 leaves it planned."""
    async with Sandbox(speed=10_000, credits=0) as sandbox, session(sandbox, ledger) as motion:
        with pytest.raises(InsufficientCreditsError):
            await motion.create("a cat", key="order-17")
        assert (await item_of(ledger)).state is ItemState.PLANNED
        sandbox.add_credits(sandbox.api_key, 1_000)
        assert await motion.create("a cat", key="order-17")
        assert sandbox.counts.creates_accepted == 1


async def test_what_had_no_key_and_was_not_sent_is_left_alone_by_a_resume(ledger: Ledger) -> None:
    """Its caller was told of that, and has asked anew: it is sent only if a person says so in the ledger."""
    async with Sandbox(speed=10_000, credits=0) as sandbox, session(sandbox, ledger) as motion:
        for key in (None, "order-17"):
            with pytest.raises(InsufficientCreditsError):
                await motion.create("a cat", key=key)
        sandbox.add_credits(sandbox.api_key, 10_000)
        made = await motion.generate("a cat")  # whose end may still be on its way into the ledger

        async def resumed() -> list[str | None]:
            async with motion.resume("single") as outcomes:
                return [outcome.key async for outcome in outcomes if outcome.job_id != made.job_id]

        assert await resumed() == ["order-17"]
        assert sandbox.counts.creates_accepted == 2
        sandbox.faults.next(LostAnswer(), on="create")
        with pytest.raises(CreateUncertainError):
            await motion.create("a dog")
        [lost] = [item async for item in ledger.items("single", states=(ItemState.UNCERTAIN,))]
        await ledger.resolve(lost, send_again=True)
        assert await resumed() == [lost.key]


async def test_what_the_service_refused_is_sent_again_with_other_content(raw_server: RawServer, ledger: Ledger) -> None:
    """The same content stays refused, without another call."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        body = b'{"error":"invalid_request","message":"no"}'
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    raw_server.handler = refuse
    async with MotionSession("motion_key", base_url=raw_server.url, ledger=ledger, **QUICK) as motion:
        for prompt in ("a dog", "a dog", "a nicer dog"):
            with pytest.raises(InvalidRequestError):
                await motion.create(prompt, key="order-18")
    assert len(raw_server.requests) == 2


async def test_a_failed_job_stays_the_keys(motion: MotionSession, sandbox: Sandbox) -> None:
    """`create` gives it, and waiting for it tells of the failure; another video needs another key."""
    sandbox.faults.for_prompt("a cat", Fail("no cats"), on="create")
    for _ in range(2):
        with pytest.raises(JobFailedError, match="no cats"):
            await motion.generate("a cat", key="order-17")
    assert sandbox.counts.creates == 1


async def test_a_call_that_was_cancelled_has_its_job_all_the_same(
    sandbox: Sandbox, ledger: Ledger, motion: MotionSession
) -> None:
    """The answer is waited for within the grace, and written down."""
    sandbox.faults.for_prompt("a cat", Hang(0.3), on="create", times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await motion.create("a cat", key="order-17")
    job = await motion.create("a cat", key="order-17")
    assert [job.id] == list(sandbox.jobs)
    assert sandbox.counts.creates == 1


async def test_what_another_process_is_sending_is_waited_for(sandbox: Sandbox, url: str) -> None:
    """And is the same job then."""
    sandbox.faults.for_prompt("a cat", Hang(0.5), on="create", times=1)
    async with (
        open_ledger(url) as one,
        open_ledger(url) as two,
        session(sandbox, one) as first,
        session(sandbox, two) as second,
    ):
        sending = asyncio.create_task(first.create("a cat", key="order-17"))

        async def is_under_way() -> bool:
            item = await two.find("single", "order-17")
            return item is not None and item.state is ItemState.INTENT

        await until(is_under_way, every=0.01)
        assert (await second.create("a cat", key="order-17")).id == (await sending).id
    assert sandbox.counts.creates == 1


async def test_a_session_that_is_left_waits_for_no_other_process(
    sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for it is told so, and at once."""
    monkeypatch.setattr(single, "_PAUSE", 3_600)
    async with open_ledger(url) as one, open_ledger(url) as two:
        [item] = await two.plan("single", [Entry("order-17", VideoRequest("a cat"))])
        assert await two.journal(item).begin()
        async with session(sandbox, one) as motion:
            waiting = asyncio.create_task(motion.create("a cat", key="order-17"))
            await asyncio.sleep(0.1)
        with pytest.raises(SessionClosedError):
            await waiting
    assert sandbox.counts.creates == 0


async def test_another_process_is_not_waited_for_without_end(
    motion: MotionSession, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been stopped in the middle of sending."""
    monkeypatch.setattr(single, "_LONGEST_WAIT", 0.2)
    async with open_ledger(url) as two:
        [item] = await two.plan("single", [Entry("order-17", VideoRequest("a cat"))])
        assert await two.journal(item).begin()
        with pytest.raises(SentElsewhereError) as caught:
            await motion.create("a cat", key="order-17")
        assert (caught.value.batch, caught.value.key, caught.value.owner) == ("single", "order-17", two.owner)


async def test_a_followup_that_another_process_has_just_made_is_the_same_one(
    sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job is at work then, and takes no other: that is no refusal of this key."""
    async with (
        open_ledger(url) as one,
        open_ledger(url) as two,
        session(sandbox, one) as first,
        session(sandbox, two) as second,
    ):
        job = await first.create("a cat", key="order-17")
        await job.wait()
        look = Client._look

        async def after_the_other(client: Client, watched: Any) -> Any:
            monkeypatch.setattr(Client, "_look", look)
            await first.followup(job.id, "faster", key="more")
            raise FollowupNotAllowedError("not sent: it is running", http_status=409, job_id=job.id)

        monkeypatch.setattr(Client, "_look", after_the_other)
        assert (await second.followup(job.id, "faster", key="more")).id == job.id
    assert sandbox.counts.followups == 1


async def test_a_followups_end_is_not_that_of_the_create_before_it(sandbox: Sandbox, url: str) -> None:
    """Where the create's own end was never seen: its process had died before."""
    sandbox.faults.for_prompt("sadder", Fail("no cats"), on="followup")
    async with open_ledger(url) as ledger:
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as plain:
            made = await plain.create("a cat")
            await made.wait()
        [item] = await ledger.plan("single", [Entry("order-17", VideoRequest("a cat"))])
        await ledger.resolve(item, job_id=made.id)
        async with session(sandbox, ledger) as motion:
            more = await motion.followup(made.id, "sadder", key="more")
            assert (await motion.create("a cat", key="order-17")).id == made.id
            with pytest.raises(JobFailedError):
                await more.wait()

            async def is_written() -> bool:
                return (await item_of(ledger, "more")).state is ItemState.FAILED

            await until(is_written, every=0.01)
        assert (await item_of(ledger)).state is ItemState.SUBMITTED


async def test_followups_have_keys_too(sandbox: Sandbox, url: str) -> None:
    """By `Job.followup` and by the session's own, also to a job of which the ledger knows nothing."""
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as plain:
        made = await plain.create("a cat")
        await made.wait()
    for _ in range(2):
        async with open_ledger(url) as ledger, session(sandbox, ledger) as motion:
            job = await motion.job(made.id).followup("faster", key="order-17/2", metadata={"by": "anna"})
            assert (await job.wait()).status == JobStatus.COMPLETED
            assert (await motion.followup(made.id.upper(), "faster", key="order-17/2")).id == made.id
            item = await item_of(ledger, "order-17/2")
            assert (item.parent, item.metadata) == (f"job:{made.id}", {"by": "anna"})
    assert sandbox.counts.followups == 1


async def test_a_followup_that_may_have_been_sent_is_told_by_its_job(motion: MotionSession, sandbox: Sandbox) -> None:
    """Until it is settled; the job's id is known."""
    job = await motion.create("a cat", key="order-17")
    await job.wait()
    sandbox.faults.for_prompt("faster", LostAnswer(), on="followup", times=1)
    for _ in range(2):
        with pytest.raises(FollowupUncertainError) as caught:
            await job.followup("faster", key="more")
        assert caught.value.job_id == job.id
    assert sandbox.counts.followups == 1


async def test_a_followup_that_came_too_early_can_be_made_later(ledger: Ledger) -> None:
    """It was not sent, and so its key is free for it."""
    async with Sandbox(speed=0) as sandbox, session(sandbox, ledger) as motion:
        job = await motion.create("a cat", key="order-17")
        with pytest.raises(FollowupNotAllowedError):
            await job.followup("faster", key="more")
        sandbox.advance(10_000)
        await job.wait()
        assert (await job.followup("faster", key="more")).id == job.id
    assert sandbox.counts.followups == 1


async def test_without_a_key_each_call_is_a_job_and_written_down(motion: MotionSession, ledger: Ledger) -> None:
    """So the ledger is the history of all ids; equal requests are different videos."""
    jobs = [await motion.create("a cat", metadata={"number": number}) for number in range(2)]
    await jobs[0].wait()
    await jobs[0].followup("faster")
    found = [item async for item in ledger.items("single")]
    assert [item.job_id for item in found] == [jobs[0].id, jobs[1].id, jobs[0].id]
    assert [item.metadata for item in found] == [{"number": 0}, {"number": 1}, None]


async def test_what_is_seen_of_a_job_is_written_down_once(motion: MotionSession, ledger: Ledger) -> None:
    """Its changes and its end, however often it is asked for; a followup's are the followup's."""
    job = await motion.create("a cat", key="order-17")
    again = await motion.create("a cat", key="order-17")
    await asyncio.gather(job.wait(), again.wait())
    await (await job.followup("faster", key="more")).wait()
    for key in ("order-17", "more"):

        async def is_completed(key: str = key) -> bool:
            return (await item_of(ledger, key)).state is ItemState.COMPLETED

        await until(is_completed, every=0.01)
        item = await item_of(ledger, key)
        statuses = [happened.status for happened in await ledger.history(item) if happened.state is None]
        assert statuses[-1] == JobStatus.COMPLETED
        assert len(statuses) == len(set(statuses))
        assert item.job_state is not None
        assert item.job_state.completed_at is not None


async def test_acceptances_carry_key_and_metadata(motion: MotionSession) -> None:
    """So whoever reads the events knows whose order it is; so do those of a batch."""
    async with motion.events() as events:
        job = await motion.create("a cat", key="order-17", metadata={"customer": 4})
        async for event in events:
            if isinstance(event, JobAccepted):
                break
        assert event == JobAccepted(job.id, key="order-17", metadata={"customer": 4})


async def test_a_key_without_a_ledger_is_refused(sandbox: Sandbox) -> None:
    """It would promise what nobody keeps; metadata needs none."""
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        with pytest.raises(ConfigurationError, match="a key needs a ledger"):
            await motion.create("a cat", key="order-17")
        assert isinstance(await motion.create("a cat", metadata={"n": 1}), Job)
    assert sandbox.counts.creates == 1


@pytest.mark.parametrize("key", ["", "a\nb", "x" * 201, 17, " "])
async def test_what_cannot_be_a_key_is_refused(motion: MotionSession, sandbox: Sandbox, key: Any) -> None:
    """By the name under which it was given, and before anything is sent."""
    with pytest.raises(InvalidRequestError) as caught:
        await motion.create("a cat", key=key)
    assert caught.value.problems[0].path == ("key",)
    assert sandbox.counts.creates == 0


@pytest.mark.parametrize("job_id", [None, "", 5])
async def test_a_followup_to_no_job_is_no_create(motion: MotionSession, sandbox: Sandbox, job_id: Any) -> None:
    """Nothing is sent, and nothing planned."""
    with pytest.raises(InvalidRequestError, match="job_id"):
        await motion.followup(job_id, "faster", key="order-17")
    assert sandbox.counts.creates == sandbox.counts.followups == 0


async def test_metadata_that_cannot_be_kept_is_refused(motion: MotionSession, sandbox: Sandbox) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="JSON"):
        await motion.create("a cat", key="order-17", metadata={"at": object()})
    assert sandbox.counts.creates == 0


@pytest.mark.parametrize("options", [{"ledger": "orders.db"}, {"batch": ""}])
async def test_what_is_no_ledger_is_refused_at_once(ledger: Ledger, options: dict[str, Any]) -> None:
    """Where the session is made, and not at its first call."""
    with pytest.raises(ConfigurationError):
        MotionSession("motion_key", **{"ledger": ledger} | options)


async def test_keys_are_of_one_account(motion: MotionSession, sandbox: Sandbox, ledger: Ledger) -> None:
    """Another key or service is refused, unless it has a batch of its own."""
    await motion.create("a cat", key="order-17")
    async with Sandbox(speed=10_000) as real:
        async with session(real, ledger) as other:
            with pytest.raises(LedgerAccountError):
                await other.create("a cat", key="order-17")
        async with session(real, ledger, batch="real") as other:
            assert await other.create("a cat", key="order-17")
        assert real.counts.creates == 1


async def test_an_expired_url_does_no_harm_to_what_was_made(sandbox: Sandbox, ledger: Ledger) -> None:
    """It is only asked for; what is still to be sent needs a fresh one."""
    signed = "https://bucket.s3.amazonaws.com/a.png?X-Amz-Date=20260501T120000Z&X-Amz-Expires=60&X-Amz-Signature=0"
    attachments = [Attachment(signed)]
    before = datetime(2026, 5, 1, 12, tzinfo=UTC)
    async with session(sandbox, ledger, now=lambda: before) as motion:
        job = await motion.create("a cat", key="order-17", attachments=attachments)
    async with session(sandbox, ledger) as motion:
        assert (await motion.create("a cat", key="order-17", attachments=attachments)).id == job.id
        with pytest.raises(InvalidRequestError, match="expired"):
            await motion.create("a dog", key="order-18", attachments=attachments)
    assert sandbox.counts.creates == 1


async def test_a_refusal_of_one_is_that_of_nobody_else(motion: MotionSession, sandbox: Sandbox) -> None:
    """An error is raised anew for each call."""
    sandbox.faults.for_prompt("a cat", LostAnswer(), on="create", times=1)
    errors = await asyncio.gather(*(motion.create("a cat", key="order-17") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, CreateUncertainError) for error in errors)
    assert len(set(map(id, errors))) == 3
    assert not any(isinstance(error, NotSentError) for error in errors)
