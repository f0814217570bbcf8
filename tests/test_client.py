"""Tests of `motion_async.client`: creates, followups and their looks, on virtual time and a scripted service."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import aiohttp
import attrs
import pytest

from benchmarks import inprocess
from benchmarks.inprocess import Jobs, in_process_session
from motion_async import (
    ConnectFailedError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    GrowingSchedule,
    InvalidRequestError,
    JobNotFoundError,
    LearnedSchedule,
    MotionError,
    MotionSession,
    RateLimitedError,
    SendDisturbed,
    ServiceError,
    SessionClosedError,
    SessionSlowed,
    VideoRequest,
)
from motion_async.batch.requests import Intake
from motion_async.contract.protocol import Answer, Call
from tests.fuzz.service import START, Fault, Service, state_of

DAY = datetime(2026, 4, 28, tzinfo=UTC)


pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
async def motion() -> AsyncIterator[MotionSession]:
    with mock.patch("motion_async.session.Transport", Service):
        session = MotionSession(
            "motion_key",
            base_url="http://127.0.0.1/",
            now=lambda: DAY + timedelta(seconds=now()),
            random=lambda: 0.5,
        )
        async with session:
            yield session


@pytest.fixture
def service(motion: MotionSession) -> Service:
    transport: Any = motion._client._transport  # type: ignore[union-attr]
    assert isinstance(transport, Service)
    return transport


async def completed(motion: MotionSession, service: Service) -> Any:
    """Give a job that this session has seen complete."""
    job = await motion.create("a video")
    service.step(job.id, "completed")
    await job.wait()
    return job


# The look before a followup.


async def test_a_followup_outlasts_what_passes(motion: MotionSession, service: Service) -> None:
    """The service cannot be asked for a while when the followup is due: that is told, and it is sent after that."""
    job = await completed(motion, service)
    service.jobs[job.id].faults.extend([Fault("503"), Fault("lost"), Fault("429"), Fault("503"), *[Fault("503")] * 4])
    events = motion.events()
    await job.followup("Faster")
    assert service.taken[job.id] == 1
    await events.aclose()
    told = [event async for event in events if isinstance(event, SendDisturbed)]
    assert [event.job_id for event in told] == [job.id] * 2, "each look makes four tries by itself"


async def test_a_look_that_nobody_can_read_is_not_made_for_ever(motion: MotionSession, service: Service) -> None:
    """Something is wrong that no waiting mends; nothing is sent."""
    job = await completed(motion, service)
    service.jobs[job.id].faults.extend([Fault("another's")] * 100)
    with pytest.raises(Exception, match="cannot be read"):
        await job.followup("Faster")
    assert service.taken[job.id] == 0


@pytest.mark.parametrize("is_known_here", [True, False], ids=["seen in this session", "known from the batch"])
async def test_an_answer_from_before_the_end_does_not_count(
    motion: MotionSession, service: Service, is_known_here: bool
) -> None:
    """The job has completed, and one part of the service does not know it yet: it is asked once more."""
    job = await completed(motion, service)
    end = job.state
    service.jobs[job.id].faults.extend([Fault("behind")] * 3)
    if is_known_here:
        await job.followup("Faster")
    else:
        job_id = job.id
        del job
        calls: Any = motion._client
        assert calls.polls.job(job_id).state is None
        intake = Intake(VideoRequest("Faster"), parent_job_id=job_id, parent_end=end)
        await calls.send(intake, schedule=GrowingSchedule())
    assert max(service.taken.values()) == 1


async def test_an_answer_that_stays_behind_leaves_it_to_the_service(motion: MotionSession, service: Service) -> None:
    """After half a minute what is known counts: of a job that has completed, the followup is sent and judged there."""
    job = await completed(motion, service)
    service.jobs[job.id].faults.extend([Fault("behind")] * 100)
    start = now()
    await job.followup("Faster")
    assert 10 < now() - start < 30


async def test_an_old_end_that_is_seen_again_allows_no_followup(motion: MotionSession, service: Service) -> None:
    """The session has begun a turn, and the service still answers with the end before it: nothing is sent."""
    job = await completed(motion, service)
    await job.followup("Faster")
    service.jobs[job.id].faults.extend([Fault("stale")] * 100)
    with pytest.raises(FollowupNotAllowedError, match="not sent: it is queued"):
        await job.followup("Louder")
    assert service.taken[job.id] == 1


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_409_just_after_the_end_is_looked_at_once_more(
    motion: MotionSession, service: Service, refusals: int
) -> None:
    """The part of the service that takes followups may be a moment behind the one that answers polls."""
    job = await completed(motion, service)
    service.sends.extend([Fault("409")] * refusals)
    if refusals == 1:
        await job.followup("Faster")
        assert service.taken[job.id] == 1
    else:
        with pytest.raises(FollowupNotAllowedError):
            await job.followup("Faster")
        assert not service.sends


async def test_followups_to_one_job_have_their_turns(motion: MotionSession, service: Service) -> None:
    """The second one finds the end of the first one's turn, or is refused; it never takes that end for its own."""
    job = await completed(motion, service)
    service.sends.append(Fault("late", 20.0))
    first, second = (asyncio.create_task(job.followup(words)) for words in ("Faster", "Louder"))
    await asyncio.sleep(5)
    service.step(job.id, "completed")
    await first
    await second
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(60)
    assert not waiting.done()
    service.step(job.id, "completed")
    assert (await waiting).completed_at == service.jobs[job.id].versions[-1].completed_at


@pytest.mark.parametrize("status", ["404", "401", "403"])
async def test_a_followup_outlasts_a_denial_of_a_job_that_the_service_has_taken(
    motion: MotionSession, service: Service, status: str
) -> None:
    """It is believed when it has stood for a minute; before that the followup is tried again."""
    job = await completed(motion, service)
    service.jobs[job.id].faults.extend([Fault(status)] * 3)
    await job.followup("Faster")
    assert service.taken[job.id] == 1
    service.step(job.id, "completed")
    service.jobs[job.id].faults.extend([Fault(status)] * 1_000)
    start = now()
    events = motion.events()
    with pytest.raises(ServiceError) as caught:
        await job.followup("Louder")
    assert caught.value.http_status == int(status)
    assert 60 <= now() - start < 95
    await events.aclose()
    told = [event async for event in events if isinstance(event, SendDisturbed)]
    assert {(event.job_id, type(event.error)) for event in told} == {(job.id, type(caught.value))}


async def test_a_followup_that_waits_out_a_denial_ends_with_its_session(
    motion: MotionSession, service: Service
) -> None:
    """Nothing was sent, and it is said that the session was left."""
    job = await completed(motion, service)
    service.jobs[job.id].faults.extend([Fault("404")] * 1_000)
    waiting = asyncio.create_task(job.followup("Faster"))
    await asyncio.sleep(20)
    start = now()
    await motion.aclose()
    with pytest.raises(SessionClosedError):
        await waiting
    assert now() - start < 1
    assert service.taken[job.id] == 0


async def test_a_poll_by_hand_says_what_the_service_said(motion: MotionSession, service: Service) -> None:
    """At once, also of a job that the service has taken; those who follow the job wait on."""
    job = await motion.create("a video")
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(5)
    service.jobs[job.id].faults.append(Fault("404"))
    start = now()
    with pytest.raises(JobNotFoundError):
        await motion.poll(job.id)
    assert now() - start < 1
    service.step(job.id, "completed")
    assert (await waiting).status == "completed"


async def test_a_followup_to_a_job_that_was_taken_up_by_its_id_is_denied_at_once(
    motion: MotionSession, service: Service
) -> None:
    """The service has told this session of nothing that would speak against it."""
    service.begin_turn("theirs")
    service.jobs["theirs"].faults.append(Fault("404"))
    start = now()
    with pytest.raises(JobNotFoundError):
        await motion.job("theirs").followup("Faster")
    assert now() - start < 1


@pytest.mark.parametrize(("was_accepted", "seconds"), [(True, 60), (False, 0)])
async def test_a_denial_of_a_job_of_an_earlier_run_is_believed_as_that_runs_was(
    motion: MotionSession, service: Service, was_accepted: bool, seconds: float
) -> None:
    """The ledger says whether the service has told of the job; an id that a person gave it may be mistyped."""
    service.begin_turn("a")
    service.jobs["a"].faults.extend([Fault("404")] * 1_000)
    calls: Any = motion._client
    intake = Intake(VideoRequest("a video"), job_id="a", was_accepted=was_accepted)
    watched = calls.take_up(intake, schedule=GrowingSchedule())
    start = now()
    with pytest.raises(JobNotFoundError):
        await motion.job(watched.job_id).wait()
    assert seconds <= now() - start < seconds + 35


@pytest.mark.parametrize(("status", "is_taken"), [("succeeded", True), ("COMPLETED", True), ("cancelled", False)])
async def test_a_success_under_another_name_can_be_followed_up(
    motion: MotionSession, service: Service, status: str, is_taken: bool
) -> None:
    """The service decides; what has failed under another name is not asked for."""
    job = await motion.create("a video")
    service.step(job.id, status)
    if is_taken:
        service.sends.append(Fault("409"))  # the double of the service takes documented statuses alone
        with pytest.raises(FollowupNotAllowedError, match="followup refused"):
            await job.followup("Faster")
        assert not service.sends
    else:
        with pytest.raises(FollowupNotAllowedError, match="not sent: it is cancelled; it takes none any more"):
            await job.followup("Faster")


async def test_a_turn_that_shows_the_last_ones_end_under_a_new_status_is_waited_for(
    motion: MotionSession, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that nobody knows and the old `completed_at` are no end, also not for the next followup."""
    job = await completed(motion, service)
    before = service.jobs[job.id].versions[-1]

    def with_old_time(job_id: str, seen: Any) -> bytes:
        seen = seen if seen.has_ended else attrs.evolve(seen, completed_at=before.completed_at)
        return state_of(job_id, seen)

    monkeypatch.setattr("tests.fuzz.service.state_of", with_old_time)
    await job.followup("Faster")
    service.step(job.id, "polishing")
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(60)
    assert not waiting.done()
    with pytest.raises(FollowupNotAllowedError, match="not sent: it is polishing; wait for it to complete"):
        await job.followup("Louder")
    service.step(job.id, "completed")
    assert (await waiting).completed_at == service.jobs[job.id].versions[-1].completed_at


# Uncertain followups.


@pytest.mark.parametrize("is_taken", [True, False])
async def test_waiting_clears_up_an_uncertain_followup(motion: MotionSession, service: Service, is_taken: bool) -> None:
    """The natural `except FollowupUncertainError: state = await job.wait()` never hands on the old video."""
    job = await completed(motion, service)
    service.sends.append(Fault("lost" if is_taken else "untaken"))
    with pytest.raises(FollowupUncertainError):
        await job.followup("Faster")
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(30)
    if is_taken:
        service.step(job.id, "completed")
        assert (await waiting).completed_at == service.jobs[job.id].versions[-1].completed_at
    else:
        with pytest.raises(FollowupUncertainError, match="shown the end that the job had before"):
            await waiting
        await job.followup("Faster")
        assert service.taken[job.id] == 1


async def test_events_tell_what_became_of_an_uncertain_followup(motion: MotionSession, service: Service) -> None:
    """Nobody waits for the job, and whoever reads events hears of its end."""
    job = await completed(motion, service)
    events = motion.events()
    service.sends.append(Fault("lost"))
    with pytest.raises(FollowupUncertainError):
        await job.followup("Faster")
    service.step(job.id, "completed")
    async with asyncio.timeout(60):
        while getattr(event := await anext(events), "current", None) != "completed":
            pass
    assert event.state.completed_at == service.jobs[job.id].versions[-1].completed_at


# What is taken up.


async def test_a_job_that_is_watched_may_be_taken_up_with_another_schedule(
    motion: MotionSession, service: Service
) -> None:
    """Neither its readers nor a poll by hand fail, whether the schedules learn or not."""
    calls: Any = motion._client
    watched = await calls.create(VideoRequest("a video"), schedule=LearnedSchedule())
    job = motion.job(watched.job_id)
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(5)
    for schedule in (GrowingSchedule(), LearnedSchedule(), GrowingSchedule()):
        calls.take_up(Intake(VideoRequest("a video"), job_id=job.id), schedule=schedule)
        service.step(job.id, "running")
        assert (await job.poll()).status == "running"
        await asyncio.sleep(10)
    service.step(job.id, "completed")
    assert (await waiting).status == "completed"


async def test_polls_are_held_to_a_limit_from_outside(motion: MotionSession, service: Service) -> None:
    """Below what the session may, for as long as it stands."""
    calls: Any = motion._client
    calls.limit_polls(0.5)
    start = now()
    job = await motion.create("a video")
    for _ in range(5):
        await job.poll()
    assert now() - start >= 8
    calls.limit_polls(None)
    start = now()
    for _ in range(5):
        await job.poll()
    assert now() - start < 4


# What can become invalid while it waits.


def signed(seconds: float) -> str:
    ends = START.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(seconds=seconds)
    return f"https://storage.example.com/a.png?se={ends:%Y-%m-%dT%H:%M:%SZ}&sig=abc"


async def test_a_url_that_runs_out_while_its_create_waits_is_not_paid_for(
    motion: MotionSession, service: Service
) -> None:
    """A pause that the service asked for lasts longer than the signature: the create is refused and not sent."""
    service.sends.append(Fault("429", retry_after=40))
    with pytest.raises(InvalidRequestError, match="signature expired"):
        await motion.create("a video", attachments=[signed(now() + 30)])
    assert service.creates == 0
    await motion.create("a video", attachments=[signed(now() + 30)])
    assert service.creates == 1


@pytest.mark.parametrize("retry_after", [None, 5])
async def test_a_create_that_waited_complains_of_when_it_left(
    motion: MotionSession, service: Service, retry_after: int | None
) -> None:
    """A pause that is asked for then is news; and that the service wants fewer creates says nothing about polls."""
    calls: Any = motion._client
    calls.polls.slow_down(RateLimitedError("slow", http_status=429, retry_after=20), sent_at=now())
    events = motion.events()
    service.sends.append(Fault("429", retry_after=retry_after))
    await motion.create("a video")
    await events.aclose()
    assert len([event async for event in events if isinstance(event, SessionSlowed)]) == (retry_after is not None)


# Bounds.


async def test_a_create_by_itself_keeps_a_bound_in_time(motion: MotionSession, service: Service) -> None:
    """However many others wait, each ends within two minutes, with the refusal."""
    service.sends.extend([Fault("429")] * 1_000)
    start = now()
    creates = [asyncio.create_task(motion.create("a video")) for _ in range(30)]
    await asyncio.wait(creates)
    assert {type(create.exception()) for create in creates} == {RateLimitedError}
    assert 60 < now() - start < 125
    assert len(service.sends) > 950, "only one at a time was tried"


@pytest.mark.parametrize("videos", [120, pytest.param(400, marks=pytest.mark.slow), None], ids=str)
async def test_a_batch_outlives_an_outage_and_a_single_create_says_so(videos: int | None) -> None:
    """Five minutes without a connection cost a batch nothing but time."""
    start = now()
    connect = "benchmarks.inprocess._InProcess._create_connection"
    jobs = Jobs(lambda _: 60.0, create_seconds=0.1)
    tried = []

    async def refuse(connector: Any, *args: Any, **options: Any) -> Any:
        if now() < start + 300:
            tried.append(now())
            raise aiohttp.ClientConnectorError(mock.Mock(host="h", port=1, ssl=None), OSError("no route"))
        return await whole(connector, *args, **options)

    whole = inprocess._InProcess._create_connection
    with mock.patch(connect, refuse):
        async with in_process_session(jobs, random=lambda: 0.5) as motion:
            if videos is not None:
                requests = (f"video number {number}" for number in range(videos))
                async with motion.generate_many(requests, max_active=50) as outcomes:
                    assert [outcome.ok async for outcome in outcomes] == [True] * videos
                assert jobs.created == videos
                assert len(tried) < 30
            else:
                with pytest.raises(ConnectFailedError):
                    await motion.create("video number 1")
                assert now() - start < 120


async def test_a_flag_that_is_not_as_documented_ends_no_watch_and_is_told_once(
    motion: MotionSession, service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id and its status decide; the log says once a session what the service sends instead."""

    def oddly(job_id: str, seen: Any) -> bytes:
        return state_of(job_id, seen).replace(b'"pending_user_input": false', b'"pending_user_input": null')

    monkeypatch.setattr("tests.fuzz.service.state_of", oddly)
    jobs = [await motion.create(f"video {number}") for number in range(2)]
    waiting = [asyncio.create_task(job.wait()) for job in jobs]
    await asyncio.sleep(60)
    for job in jobs:
        service.step(job.id, "completed")
    ends = await asyncio.gather(*waiting)
    assert [(end.status, end.pending_user_input, end.extra) for end in ends] == [
        ("completed", False, {"pending_user_input": None})
    ] * 2
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "the service's pending_user_input is not as documented: None" in told


async def test_trouble_is_logged_at_its_beginning_and_its_end(
    motion: MotionSession, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Once for all jobs, however many polls fail in between; each call is there for whoever debugs, with its job."""
    caplog.set_level(logging.DEBUG, "motion_async")
    job = await completed(motion, service)
    caplog.clear()
    calls: Any = motion._client
    for answer in (503, 502, 404, 503, None, None, 503):
        poll = service_answer(job.id, answer)
        calls._transport.exchange, was = poll, calls._transport.exchange
        with suppress(MotionError):
            await calls.poll_once(job.id)
        calls._transport.exchange = was
    said = [(record.levelname, getattr(record, "job_id", None)) for record in caplog.records]
    assert said == [
        ("WARNING", job.id), ("DEBUG", job.id), ("DEBUG", job.id), ("DEBUG", job.id), ("INFO", None), ("DEBUG", job.id),
        ("DEBUG", job.id), ("WARNING", job.id),
    ]  # fmt: skip
    assert {record.name for record in caplog.records} == {"motion_async"}


def service_answer(job_id: str, status: int | None) -> Any:
    """Give an exchange that is answered so."""
    body = {"job_id": job_id, "status": "running"} if status is None else {"error": "no"}

    async def exchange(_: Call) -> Answer:
        return Answer(status or 200, json.dumps(body).encode())

    return exchange
