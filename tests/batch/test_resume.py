"""Batches with a ledger, against the sandbox: a batch that ended anyhow goes on where it was."""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async import (
    AuthenticationError,
    BatchRequest,
    ConfigurationError,
    CreateUncertainError,
    DroppedError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobAccepted,
    JobFailedError,
    JobStatus,
    LearnedSchedule,
    LedgerConflictError,
    LedgerError,
    MotionError,
    MotionSession,
    NotSentError,
    Outcome,
    SendDisturbed,
    VideoRequest,
)
from motion_async.ledger import Entry, ItemState, Ledger, open_ledger
from motion_async.sandbox import Fail, Hang, LostAnswer, RateLimited, Reset, Sandbox
from tests.batches import QUICK, run, states
from tests.waiting import until


async def test_a_second_run_gives_what_is_finished_without_a_call(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Videos and failures alike come out as they were, in the places that their requests have now."""
    sandbox.faults.for_prompt("p3", Fail("no cats"))
    requests = [BatchRequest(f"p{number}", metadata={"number": number}) for number in range(5)]
    first = await run(motion, ledger, requests)
    before = sandbox.counts
    second = await run(motion, ledger, reversed(requests))
    assert sandbox.counts == before
    assert [outcome.metadata["number"] for outcome in second] == [4, 3, 2, 1, 0]
    for was, now in zip(first, reversed(second), strict=True):
        assert (now.key, now.job_id, now.state) == (was.key, was.job_id, was.state)
        assert now.ok == (now.request.prompt != "p3")
    assert isinstance(second[1].error, JobFailedError)
    assert second[1].error.error == "no cats"


async def test_what_runs_is_taken_up_by_its_id_and_what_was_not_sent_is_sent(ledger: Ledger, sandbox: Sandbox) -> None:
    """A batch that was left in the middle goes on in another session, and creates nothing twice."""
    requests = [f"p{number}" for number in range(12)]
    async with Sandbox(speed=0) as slow:
        async with (
            MotionSession(slow.api_key, base_url=slow.url, **QUICK) as motion,
            motion.generate_many(requests, ledger=ledger, batch="launch", max_active=4) as outcomes,
        ):

            async def four_are_under_way() -> bool:
                return list((await states(ledger)).values()).count("submitted") == 4

            await until(four_are_under_way, every=0.01)
            assert outcomes
        assert sorted((await states(ledger)).values()) == ["planned"] * 8 + ["submitted"] * 4
        slow.advance(10_000)
        async with MotionSession(slow.api_key, base_url=slow.url, **QUICK) as motion:
            ended = asyncio.create_task(run(motion, ledger, requests))
            await until(ended.done, every=0.01, meanwhile=lambda: slow.advance(100))
        assert all(outcome.ok for outcome in ended.result())
        assert slow.counts.creates == 12
        assert slow.counts.duplicates == 0


async def test_equal_requests_are_as_many_videos_and_stay_the_same_ones(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """A prompt that stands three times is made three times, and not again."""
    first = await run(motion, ledger, ["cat", "dog", "cat", "cat"])
    assert len({outcome.job_id for outcome in first}) == 4
    second = await run(motion, ledger, ["cat", "cat", "dog", "cat"])
    assert {outcome.job_id for outcome in second} == {outcome.job_id for outcome in first}
    assert sandbox.counts.creates == 4


@pytest.mark.parametrize("fault", [LostAnswer(), Reset()])
async def test_what_may_have_been_sent_is_told_and_not_sent_again(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, fault: Any
) -> None:
    """Until a person has settled it, either way."""
    sandbox.faults.for_prompt("p1", fault, on="create", times=1)
    requests = [BatchRequest(f"p{number}", id=f"id-{number}") for number in range(3)]
    for _ in range(2):
        outcomes = await run(motion, ledger, requests)
        assert [outcome.ok for outcome in outcomes] == [True, False, True]
        assert isinstance(outcomes[1].error, CreateUncertainError)
    assert "motion-async ledger resolve" in str(outcomes[1].error)
    assert sandbox.counts.creates == 3
    item = await ledger.find("launch", "id-1")
    assert item is not None
    await ledger.resolve(item, send_again=True)
    assert all(outcome.ok for outcome in await run(motion, ledger, requests))
    assert sandbox.counts.creates == 4


async def test_an_id_that_a_person_found_is_taken_up(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """The lost answer's job is watched like any other once its id is known."""
    sandbox.faults.next(LostAnswer(), on="create")
    [lost] = await run(motion, ledger, ["p0"])
    assert isinstance(lost.error, CreateUncertainError)
    [job_id] = sandbox.jobs
    item = await ledger.find("launch", lost.key or "")
    assert item is not None
    await ledger.resolve(item, job_id=job_id)
    [found] = await run(motion, ledger, ["p0"])
    assert (found.ok, found.job_id) == (True, job_id)
    assert sandbox.counts.creates == 1


async def test_a_batch_that_no_ledger_can_keep_is_refused_at_once(motion: MotionSession, ledger: Ledger) -> None:
    """Before anything is pulled or sent."""
    with pytest.raises(ConfigurationError, match="the name of a batch"):
        motion.generate_many(["p0"], ledger=ledger, batch="")


async def test_what_a_person_dropped_is_not_sent(motion: MotionSession, ledger: Ledger, sandbox: Sandbox) -> None:
    """It comes out as not sent, in this and every later run."""
    sandbox.faults.next(LostAnswer(), on="create")
    [lost] = await run(motion, ledger, ["p0"])
    item = await ledger.find("launch", lost.key or "")
    assert item is not None
    await ledger.resolve(item, drop=True)
    [dropped] = await run(motion, ledger, ["p0"])
    assert isinstance(dropped.error, DroppedError)
    assert sandbox.counts.creates == 1


async def test_what_the_service_provably_did_not_take_stays_planned(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """However often it is refused with 429 it is tried again; if the batch is left meanwhile, nothing is uncertain."""
    sandbox.faults.next(RateLimited(None), on="create", times=1_000)
    async with motion.generate_many(["p0"], ledger=ledger, batch="launch"):
        while sandbox.counts.creates < 12:
            await asyncio.sleep(0.01)
    assert list((await states(ledger)).values()) == [ItemState.PLANNED]
    sandbox.faults.clear()
    assert [outcome.ok for outcome in await run(motion, ledger, ["p0"])] == [True]


async def test_a_request_that_the_service_refuses_is_not_sent_again(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, raw_server: Any
) -> None:
    """Its 400 is on record; a request that is put right under the same id is a new one."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        body = b'{"error":"Invalid request","details":[{"code":"custom","message":"No cats","path":["prompt"]}]}'
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    raw_server.handler = refuse
    for _ in range(2):
        async with MotionSession("motion_key", base_url=raw_server.url, **QUICK) as strict:
            [refused] = await run(strict, ledger, [BatchRequest("a cat", id="a")])
        assert isinstance(refused.error, InvalidRequestError)
        assert "No cats" in str(refused.error)
        assert len(raw_server.requests) == 1
    assert await states(ledger) == {"a": ItemState.REJECTED}
    assert (await run(motion, ledger, [BatchRequest("a dog", id="a")]))[0].ok
    assert sandbox.counts.creates == 1


async def test_bad_requests_come_out_and_are_not_planned(motion: MotionSession, ledger: Ledger) -> None:
    """Whatever is wrong with them: content, id, metadata, an id that stands twice."""
    requests = ["p0", "", 3, BatchRequest("a", id="x"), BatchRequest("b", id="x"), BatchRequest("c", metadata=object())]
    requests += [BatchRequest("d", id=" "), BatchRequest("e", id="e", follows="e")]
    outcomes = await run(motion, ledger, requests)
    assert [outcome.index for outcome in outcomes if outcome.ok] == [0, 3]
    assert all(isinstance(outcome.error, InvalidRequestError) for outcome in outcomes if not outcome.ok)
    assert "stands at an earlier request" in str(outcomes[4].error)
    assert len(await states(ledger)) == 2


async def test_another_request_under_the_id_of_one_that_was_sent_is_a_conflict(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """It is neither sent nor taken for the one that was."""
    assert (await run(motion, ledger, [BatchRequest("a cat", id="hero")]))[0].ok
    [changed] = await run(motion, ledger, [BatchRequest("a dog", id="hero")])
    assert isinstance(changed.error, LedgerConflictError)
    assert "give the new one another id" in str(changed.error)
    assert sandbox.counts.creates == 1


async def test_a_request_that_was_only_planned_may_change(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """What is sent is what the newest run says."""
    await ledger.plan("launch", [Entry("hero", VideoRequest("a cat"))])
    assert (await run(motion, ledger, [BatchRequest("a dog", id="hero")]))[0].ok
    assert [job.body["prompt"] for job in sandbox.jobs.values()] == ["a dog"]


async def test_urls_that_are_signed_again_are_the_same_request(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """A new signature makes no new video."""
    url = "https://bucket.example/hero.png?X-Amz-Date={}T000000Z&X-Amz-Expires=604800&X-Amz-Signature={}"
    today = f"{datetime.now(UTC):%Y%m%d}"
    for signature in ("aa", "bb"):
        request = VideoRequest("p0", attachments=[url.format(today, signature)])
        assert (await run(motion, ledger, [request]))[0].ok
    assert sandbox.counts.creates == 1


async def test_signatures_that_have_run_out_do_not_hide_what_was_made(ledger: Ledger, sandbox: Sandbox) -> None:
    """A rerun after a week gives the videos; only what was never sent needs to be signed again."""
    url = "https://bucket.example/hero.png?X-Amz-Date=20260501T000000Z&X-Amz-Expires=60&X-Amz-Signature=a"
    made, unsent = (BatchRequest(VideoRequest(prompt, attachments=[url]), id=prompt) for prompt in ("made", "unsent"))
    now = datetime(2026, 5, 1, tzinfo=UTC)
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, now=lambda: now, **QUICK) as motion:
        assert (await run(motion, ledger, [made]))[0].ok
        now = datetime(2026, 5, 8, tzinfo=UTC)
        first, second = await run(motion, ledger, [made, unsent])
    assert first.ok
    assert isinstance(second.error, InvalidRequestError)
    assert "sign it again" in str(second.error)
    assert sandbox.counts.creates == 1


async def test_an_odd_number_of_the_service_hides_no_item(ledger: Ledger, raw_server: Any) -> None:
    """A number beyond the range of floats is kept as its text, and the ledger can be read."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        fields = b'{"job_id":"a","status":"%b","completed_at":"2026-05-01T00:00:00Z","score":1e999%b}'
        rest = b',"created_at":null,"updated_at":null,"error":null,"pending_user_input":false'
        body = fields % ((b"queued", b"") if request.startswith(b"POST") else (b"completed", rest))
        status = b"202 Accepted" if request.startswith(b"POST") else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

    raw_server.handler = answer
    for _ in range(2):
        async with MotionSession("motion_key", base_url=raw_server.url, **QUICK) as motion:
            [outcome] = await run(motion, ledger, ["p0"])
        assert outcome.ok
        assert outcome.state is not None
        assert outcome.state.extra == {"score": "1e999"}
    assert await ledger.durations() == []


async def test_items_end_as_their_jobs_do_whatever_that_is_called(ledger: Ledger, raw_server: Any) -> None:
    """A success completes its item, any other end fails it; neither is sent or asked for again."""
    ends = {"p0": ("succeeded", None), "p1": ("cancelled", None), "p2": ("odd", "no frames"), "p3": ("COMPLETED", None)}

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        if is_create := head.startswith(b"POST"):
            fields = {"job_id": json.loads(body)["prompt"], "status": "success"}
        else:
            job_id = head.split()[1].rpartition(b"/")[2].decode()
            fields = {"job_id": job_id, "status": ends[job_id][0], "error": ends[job_id][1]}
        said = json.dumps(fields).encode()
        status = b"202 Accepted" if is_create else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(said), said))

    raw_server.handler = answer
    calls = 0
    for _ in range(2):
        async with MotionSession("motion_key", base_url=raw_server.url, **QUICK) as motion:
            outcomes = await run(motion, ledger, list(ends))
        assert [getattr(outcome.state, "status", None) for outcome in outcomes] == [
            status for status, _ in ends.values()
        ]
        reasons = [getattr(outcome.error, "error", None) for outcome in outcomes]
        assert reasons == [None, "the service calls it cancelled", "no frames", None]
        assert [outcome.ok for outcome in outcomes] == [True, False, False, True]
        assert list((await states(ledger)).values()) == ["completed", "failed", "failed", "completed"]
        calls = calls or len(raw_server.requests)
        assert len(raw_server.requests) == calls


async def test_a_source_that_breaks_loses_nothing_that_came_before(motion: MotionSession, ledger: Ledger) -> None:
    """What was pulled already is made, then its error comes; a stray cancellation is such an error too."""

    def broken(error: BaseException) -> Any:
        yield "p0"
        yield "p1"
        raise error

    for error, shown in ((LookupError("line 3"), LookupError), (asyncio.CancelledError(), MotionError)):
        seen: list[Outcome] = []
        with pytest.raises(shown):
            async with motion.generate_many(broken(error), ledger=ledger, batch="launch") as outcomes:
                seen.extend([outcome async for outcome in outcomes])
        del seen
    assert set((await states(ledger)).values()) == {ItemState.COMPLETED}


# Credits, keys and cancellations.


async def test_the_first_402_leaves_the_rest_planned(ledger: Ledger) -> None:
    """What runs goes on to its end, and the next run sends the rest."""
    async with (
        Sandbox(speed=10_000, credits=900) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        requests = [f"p{number}" for number in range(8)]
        outcomes = await run(motion, ledger, requests, max_active=2)
        assert sum(outcome.ok for outcome in outcomes) == 3
        assert {type(outcome.error) for outcome in outcomes if not outcome.ok} <= {
            InsufficientCreditsError,
            NotSentError,
        }
        assert sorted((await states(ledger)).values()) == ["completed"] * 3 + ["planned"] * 5
        sandbox.add_credits(sandbox.api_key, 10_000)
        assert all(outcome.ok for outcome in await run(motion, ledger, requests))
        assert sandbox.counts.creates_accepted == 8
        assert sandbox.counts.duplicates == 0


async def test_a_401_leaves_the_rest_planned(ledger: Ledger, sandbox: Sandbox) -> None:
    """Nothing is uncertain after a key that the service does not know."""
    async with MotionSession("motion_of_nobody", base_url=sandbox.url, **QUICK) as motion:
        outcomes = await run(motion, ledger, ["p0", "p1", "p2"], max_active=1)
    assert isinstance(outcomes[0].error, AuthenticationError)
    assert [type(outcome.error) for outcome in outcomes[1:]] == [NotSentError] * 2
    assert set((await states(ledger)).values()) == {ItemState.PLANNED}


async def test_a_create_that_is_cancelled_under_way_has_its_id_on_record(ledger: Ledger, sandbox: Sandbox) -> None:
    """The exchange is finished and noted before the batch is left."""
    async with (
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
        motion.generate_many(["p0"], ledger=ledger, batch="launch"),
    ):
        await until(lambda: sandbox.counts.creates != 0)
    [item] = [item async for item in ledger.items("launch")]
    assert item.state in (ItemState.SUBMITTED, ItemState.COMPLETED)
    assert item.job_id in sandbox.jobs


async def test_nobody_hears_of_an_id_before_it_is_on_record(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox
) -> None:
    """Neither the events nor the outcome."""
    seen: list[bool] = []

    async def read() -> None:
        async for event in motion.events():
            if isinstance(event, JobAccepted):
                noted = [item.job_id async for item in ledger.items("launch")]
                seen.append(event.job_id in noted)

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    assert all(outcome.ok for outcome in await run(motion, ledger, [f"p{number}" for number in range(20)]))
    await until(lambda: len(seen) >= 20, every=0.01)
    reader.cancel()
    await asyncio.wait([reader])
    assert all(seen)


async def test_a_ledger_that_cannot_be_written_ends_new_creates(
    motion: MotionSession, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written down is not sent."""
    caplog.set_level(logging.CRITICAL, "motion_async")
    async with open_ledger("sqlite://") as ledger:
        journal = ledger.journal

        def broken(item: Any) -> Any:
            made = journal(item)

            async def begin() -> bool:
                raise LedgerError("the ledger cannot be written: disk full")

            return with_methods(made, begin=begin)

        monkeypatch.setattr(ledger, "journal", broken)
        outcomes = await run(motion, ledger, ["p0", "p1", "p2"], max_active=1)
    assert isinstance(outcomes[0].error, LedgerError)
    assert [type(outcome.error) for outcome in outcomes[1:]] == [NotSentError] * 2
    assert sandbox.counts.creates == 0


def with_methods(made: Any, **replaced: Any) -> Any:
    """An object that does what another one does, but for some methods."""

    class Like:
        def __getattr__(self, name: str) -> Any:
            return replaced.get(name) or getattr(made, name)

    return Like()


async def test_only_what_has_a_connection_stands_as_under_way(ledger: Ledger) -> None:
    """All else is planned still: killed in this moment, nobody would have to look for hundreds of videos."""
    async with Sandbox(speed=0) as sandbox:
        sandbox.faults.at_random(Hang(60), 1, on="create")
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, max_connections=12, cancel_grace=0) as motion:
            requests = [f"p{number}" for number in range(50)]
            async with motion.generate_many(requests, ledger=ledger, batch="launch", max_active=50):
                await until(lambda: sandbox.counts.creates >= 3, every=0.01)
                await asyncio.sleep(0.1)
                found = Counter((await states(ledger)).values())
    assert found == {ItemState.INTENT: 3, ItemState.PLANNED: 47}


@pytest.mark.parametrize("wrong_key", [False, True])
async def test_what_waits_for_a_connection_is_not_sent_after_a_refusal(ledger: Ledger, wrong_key: bool) -> None:
    """Only what was under way with the first that was refused; each of the others stays planned."""
    async with Sandbox(speed=0, credits=0) as sandbox:
        key = "motion_wrong" if wrong_key else sandbox.api_key
        async with MotionSession(key, base_url=sandbox.url, max_connections=12) as motion:
            ended = await run(motion, ledger, [f"p{number}" for number in range(50)], max_active=50)
        assert sandbox.counts.creates <= 2 * 3
    refused = AuthenticationError if wrong_key else InsufficientCreditsError
    found = Counter(type(outcome.error) for outcome in ended)
    assert found[refused] == sandbox.counts.creates
    assert found[NotSentError] == 50 - found[refused]
    assert set((await states(ledger)).values()) == {ItemState.PLANNED}


# Several at once.


async def test_two_sessions_on_one_ledger_send_each_request_once(sandbox: Sandbox, ledger: Ledger) -> None:
    """Both give all outcomes, and every video is made by one of them."""
    requests = [f"p{number}" for number in range(60)]
    async with (
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as one,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other,
    ):
        both = await asyncio.gather(*(run(motion, ledger, requests, max_active=10) for motion in (one, other)))
    for outcomes in both:
        assert all(outcome.ok for outcome in outcomes)
        assert len(outcomes) == 60
    assert sandbox.counts.creates == 60
    assert sandbox.counts.duplicates == 0


async def test_a_schedule_learns_from_what_the_ledger_has_seen_end(
    sandbox: Sandbox, motion: MotionSession, ledger: Ledger
) -> None:
    """Once for each schedule, before the first job is polled, and of the newest most."""
    await run(motion, ledger, [f"p{number}" for number in range(10)])
    schedule = LearnedSchedule()
    for _ in range(2):
        await run(motion, ledger, [], schedule=schedule)
    assert round(schedule.remembered(0)) == 10


async def test_a_batch_waits_for_credits_if_asked(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """One create at a time is tried again until there are some, and all is made in the end."""
    monkeypatch.setattr("motion_async.sending.gate.CREDITS_INTERVAL", 0.1)
    async with (
        Sandbox(speed=10_000, credits=600) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        events: list[Any] = []

        async def read() -> None:
            async for event in motion.events():
                events.append(event)  # noqa: PERF401  # each as it comes

        reader = asyncio.create_task(read())
        requests = [f"p{number}" for number in range(6)]
        ended = asyncio.create_task(run(motion, ledger, requests, on_insufficient_credits="wait", max_active=3))
        await until(lambda: sum(isinstance(event, SendDisturbed) for event in events) >= 4, every=0.01)
        refused = sandbox.counts.refused[402]
        sandbox.add_credits(sandbox.api_key, 10_000)
        assert all(outcome.ok for outcome in await ended)
        reader.cancel()
        await asyncio.wait([reader])
    waits = [event for event in events if isinstance(event, SendDisturbed)]
    assert refused <= 6
    assert {event.next_wait for event in waits} == {0.1}
    assert isinstance(waits[0].error, InsufficientCreditsError)
    assert JobStatus.COMPLETED in {item.status async for item in ledger.items("launch")}


# A database that goes away.


async def test_a_batch_outlives_its_database(
    sandbox: Sandbox, postgres_server: Any, fresh_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Stopped in the middle and started again: the batch waits, says so, and makes each video once."""
    if not postgres_server.ours:
        pytest.skip("the server is not ours to stop")
    caplog.set_level(logging.WARNING, "motion_async")
    troubles: list[Any] = []
    async with (
        open_ledger(fresh_postgres, on_trouble=troubles.append) as ledger,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        requests = [f"p{number}" for number in range(60)]
        ended = asyncio.create_task(run(motion, ledger, requests, max_active=5))
        await until(lambda: sandbox.counts.creates_accepted >= 15, every=0.01)
        await asyncio.to_thread(postgres_server.stop)
        sent = sandbox.counts.creates
        await until(lambda: troubles, every=0.01)
        assert sandbox.counts.creates <= sent + 5
        await asyncio.to_thread(postgres_server.start)
        assert all(outcome.ok for outcome in await ended)
    assert (sandbox.counts.creates, sandbox.counts.duplicates) == (60, 0)
    assert "ledger" in caplog.text


@pytest.mark.parametrize("id", [None, "logo"])
async def test_what_another_machine_would_guess_of_a_file_is_no_other_request(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, id: str | None
) -> None:
    """A batch that goes on where no table of MIME types is, or another one, pays for nothing again."""
    first: str | None = None
    for table in ("image/vnd.adobe.photoshop", None, "image/x-photoshop"):
        monkeypatch.setattr(mimetypes, "guess_type", lambda *_, known=table, **__: (known, None))
        request = VideoRequest("a logo", attachments=["https://files.example.com/logo.psd"])
        [outcome] = await run(motion, ledger, [BatchRequest(request, id=id)])
        assert outcome.ok
        assert outcome.job_id == (first := first or outcome.job_id)
    assert sandbox.counts.creates == 1


@pytest.mark.parametrize("has_id", [True, False])
async def test_the_same_text_in_other_bytes_is_no_other_request(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, has_id: bool
) -> None:
    """Saved again by a spreadsheet or on another system; what is sent is what was given, to the letter."""
    written = {"NFD": "Cafe\u0301\r\nat night ", "NFC": "Caf\u00e9\nat night"}
    jobs = set()
    for text in written.values():
        name = text[:5].strip()
        request = BatchRequest(text, id=name if has_id else None)
        followup = BatchRequest(f"more {text}", follows=name) if has_id else BatchRequest("no followup")
        outcomes = await run(motion, ledger, [request, followup])
        assert all(outcome.ok for outcome in outcomes)
        jobs.add(outcomes[0].job_id)
    [job_id] = jobs
    assert job_id is not None
    assert sandbox.jobs[job_id].body["prompt"] == written["NFD"]
    assert (sandbox.counts.creates, sandbox.counts.followups) == ((1, 1) if has_id else (2, 0))


@pytest.mark.parametrize("id", [None, "hero"])
async def test_a_url_that_is_signed_again_is_no_other_request(
    motion: MotionSession, ledger: Ledger, sandbox: Sandbox, id: str | None
) -> None:
    """Whoever signs it; another file behind the same name is one."""
    signed = "https://x.supabase.co/storage/v1/object/sign/bucket/hero.png?{}token={}"
    for token in "ab":
        request = VideoRequest("a hero", attachments=[signed.format("", token)])
        [outcome] = await run(motion, ledger, [BatchRequest(request, id=id)])
        assert outcome.ok
    assert sandbox.counts.creates == 1
    others = [VideoRequest("a hero", attachments=[signed.format(f"v={number}&", "c")]) for number in range(2)]
    assert len({outcome.job_id for outcome in await run(motion, ledger, others)}) == 2
    assert sandbox.counts.creates == 3
