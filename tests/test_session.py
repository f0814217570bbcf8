"""The session, against the sandbox over real HTTP."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import anyio
import pytest

from motion_async import (
    Attachment,
    AuthenticationError,
    Backoff,
    ConfigurationError,
    FollowupNotAllowedError,
    FollowupUncertainError,
    GrowingSchedule,
    InputRequiredError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobAccepted,
    JobFailedError,
    JobNotFoundError,
    JobStatus,
    LearnedSchedule,
    MotionError,
    MotionSession,
    NotSentError,
    RateLimitedError,
    ServiceUnavailableError,
    SessionClosedError,
    StatusChange,
    VideoRequest,
    WaitTimeoutError,
)
from motion_async.ledger import open_ledger
from motion_async.polling.transitions import Transitions
from motion_async.sandbox import (
    AwaitInput,
    Fail,
    LostAnswer,
    NewStatus,
    RateLimited,
    Reset,
    Sandbox,
    ServerError,
    SlowBody,
    StaleCompleted,
)
from tests.waiting import until

QUICK: dict[str, Any] = {
    "schedule": GrowingSchedule(first=0.02, growth=0.2, cap=0.1),
    "backoff": Backoff(first=0.02, cap=0.1),
    "max_polls_per_second": 1_000,
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1_000) as sandbox:
        yield sandbox


@pytest.fixture
async def motion(sandbox: Sandbox) -> AsyncIterator[MotionSession]:
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        yield motion


# Making videos.


async def test_a_prompt_becomes_a_finished_video(sandbox: Sandbox, motion: MotionSession) -> None:
    """`generate` creates one job and gives its completed state."""
    state = await motion.generate("A 15 second launch video", timeout=30)
    assert state.status is JobStatus.COMPLETED
    assert state.completed_at is not None
    assert state.completed_at.tzinfo is not None
    assert sandbox.counts.creates == 1


async def test_the_whole_request_reaches_the_service(sandbox: Sandbox, motion: MotionSession) -> None:
    """Prompt, style reference and attachments arrive as the contract names them, with guessed types."""
    job = await motion.create(
        "A launch",
        style_reference_url="https://youtu.be/dQw4w9WgXcQ",
        attachments=["https://cdn.example.com/a.png?sig=1", Attachment(url="https://x.example.com/b", name="B")],
    )
    assert sandbox.jobs[job.id].body == {
        "prompt": "A launch",
        "style_reference_url": "https://youtu.be/dQw4w9WgXcQ",
        "attachments": [
            {"url": "https://cdn.example.com/a.png?sig=1", "content_type": "image/png", "type": "image"},
            {"url": "https://x.example.com/b", "name": "B"},
        ],
    }


async def test_a_job_tells_its_transitions_in_order_to_the_end(motion: MotionSession) -> None:
    """`transitions` begins with the current state and ends after `completed`."""
    job = await motion.create("A launch")
    seen = [change async for change in job.transitions(timeout=30)]
    assert seen[0].previous is None
    assert seen[0].current == "queued"
    assert seen[-1].current == "completed"
    assert [change.previous for change in seen[1:]] == [change.current for change in seen[:-1]]


async def test_a_failed_job_raises_with_the_services_words(sandbox: Sandbox, motion: MotionSession) -> None:
    """`wait` raises a `JobFailedError` that carries the `error` of the state."""
    sandbox.faults.next(Fail(error="the style could not be read"))
    job = await motion.create("A launch")
    with pytest.raises(JobFailedError, match="the style could not be read") as caught:
        await job.wait(timeout=30)
    assert caught.value.job_id == job.id
    assert job.state is not None
    assert job.state.error == "the style could not be read"


async def test_waiting_for_input_is_the_callers_choice(sandbox: Sandbox, motion: MotionSession) -> None:
    """`on_input="raise"` tells at once; the default waits on, through the answer, to the end."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    job = await motion.create("A launch")
    with pytest.raises(InputRequiredError) as caught:
        await job.wait(timeout=30, on_input="raise")
    assert caught.value.job_id == job.id
    assert job.state is not None
    assert job.state.pending_user_input
    sandbox.give_input(job.id)
    assert (await job.wait(timeout=30)).status == "completed"


async def test_an_undocumented_status_breaks_nothing() -> None:
    """A status that nobody has named is a transition, and the job goes on to its end."""
    async with (
        Sandbox(speed=0) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        sandbox.faults.next(NewStatus(status="rendering"))
        job = await motion.create("A launch")
        reading = asyncio.create_task(_currents(job.transitions(timeout=30)))
        while not (await job.poll()).status.is_terminal:
            sandbox.advance(5)
        assert await reading == ["queued", "created", "running", "rendering", "running", "completed"]


async def _currents(changes: Transitions) -> list[str]:
    return [change.current async for change in changes]


async def test_a_job_is_taken_up_again_by_its_id(sandbox: Sandbox, motion: MotionSession) -> None:
    """`job` does no I/O, and the handle it gives waits like the first one, in another session too."""
    job = await motion.create("A launch")
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other:
        before = sandbox.counts.polls
        again = other.job(job.id)
        assert sandbox.counts.polls == before
        assert again.state is None
        assert (await again.wait(timeout=30)).job_id == job.id


async def test_poll_asks_once(sandbox: Sandbox, motion: MotionSession) -> None:
    """`poll` is one GET, and what it reads is known to the job's handles."""
    job = await motion.create("A launch")
    state = await job.poll()
    assert sandbox.counts.polls == 1
    assert job.state == state


async def test_a_batch_learns_when_jobs_end_unless_told_otherwise(sandbox: Sandbox) -> None:
    """`generate_many` polls by a `LearnedSchedule` of the session's; a schedule that is given counts instead."""

    class Noting:
        asked = 0

        def wait(self, age: float, turn: int) -> float:
            Noting.asked += 1
            return 0.02

    async with MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        async with motion.generate_many(["one"], schedule=Noting()) as outcomes:
            assert [outcome.ok async for outcome in outcomes] == [True]
        assert Noting.asked
        async with motion.generate_many(["two"]) as outcomes:
            assert [outcome.ok async for outcome in outcomes] == [True]
        assert isinstance(motion._batch_schedule, LearnedSchedule)
        assert motion._batch_schedule.remembered(0) == pytest.approx(1, abs=0.01)
        with pytest.raises(ConfigurationError, match="schedule"):
            motion.generate_many(["three"], schedule=cast("Any", 3.0))


# Followups.


async def test_a_followup_is_a_new_turn_of_the_same_job(sandbox: Sandbox, motion: MotionSession) -> None:
    """A completed job takes a followup, keeps its id, and completes again, later."""
    job = await motion.create("A launch")
    first = await job.wait(timeout=30)
    again = await job.followup("Faster")
    assert again.id == job.id
    assert job.state is not None
    assert job.state.status == "queued"
    second = await job.wait(timeout=30)
    assert first.completed_at is not None
    assert second.completed_at is not None
    assert second.completed_at > first.completed_at
    assert sandbox.counts.followups == 1


async def test_a_followup_in_a_fresh_session_tells_what_stood_before(sandbox: Sandbox, motion: MotionSession) -> None:
    """The change is from `completed` to `queued`, although this session had never heard of the job."""
    first = await motion.generate("A launch", timeout=30)
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other:
        events = other.events()
        await other.followup(first.job_id, "Faster")
        changes = [await anext(events) for _ in range(3)]
    assert [(change.previous, change.current) for change in changes if isinstance(change, StatusChange)] == [
        (None, "completed"),
        ("completed", "queued"),
    ]


async def test_the_old_completed_is_not_taken_for_the_new_one(sandbox: Sandbox, motion: MotionSession) -> None:
    """Stale answers after a followup are passed over, also by a handle that knew nothing of the first turn."""
    sandbox.faults.next(StaleCompleted(polls=5))
    first = await motion.generate("A launch", timeout=30)
    await motion.followup(first.job_id, "Faster")
    second = await motion.job(first.job_id).wait(timeout=30)
    assert first.completed_at is not None
    assert second.completed_at is not None
    assert second.completed_at > first.completed_at
    assert sandbox.counts.faults["StaleCompleted"] == 1


async def test_a_followup_to_a_running_job_is_refused(sandbox: Sandbox, motion: MotionSession) -> None:
    """409 comes with the status that the job has, and the job goes on as it was."""
    job = await motion.create("A launch")
    with pytest.raises(FollowupNotAllowedError) as caught:
        await job.followup("Faster")
    assert caught.value.http_status == 409
    assert caught.value.status in {"queued", "created", "running"}
    assert caught.value.job_id == job.id
    assert (await job.wait(timeout=30)).status == "completed"
    assert sandbox.counts.followups_accepted == 0


async def test_a_lost_answer_to_a_followup_is_uncertain_and_is_not_sent_again(
    sandbox: Sandbox, motion: MotionSession
) -> None:
    """One POST, a `FollowupUncertainError` that names the job, and a poll that clears it up."""
    job = await motion.create("A launch")
    done = await job.wait(timeout=30)
    sandbox.faults.next(LostAnswer(), on="followup")
    with pytest.raises(FollowupUncertainError) as caught:
        await job.followup("Faster")
    assert caught.value.job_id == job.id
    assert sandbox.counts.followups == sandbox.counts.followups_accepted == 1
    assert (await job.poll()).completed_at != done.completed_at


async def test_a_followup_looks_at_its_job_before_each_try(sandbox: Sandbox, motion: MotionSession) -> None:
    """While it was refused, somebody else's turn may have begun and ended, whose end must not be taken for its own."""
    job = await motion.create("A launch")
    await job.wait(timeout=30)
    sandbox.faults.next(RateLimited(), on="followup")
    seen = []

    async def poll(job_id: str) -> Any:
        seen.append(sandbox.counts.followups)
        return await asked(job_id)

    calls: Any = motion._client
    asked, calls.poll = calls.poll, poll
    await job.followup("Faster")
    assert seen == [0, 1]
    assert sandbox.counts.followups_accepted == 1


# Refusals.


async def test_a_bad_request_is_never_sent_and_tells_every_problem(sandbox: Sandbox, motion: MotionSession) -> None:
    """All problems come at once, in the shape of the service's own details; nothing is sent."""
    with pytest.raises(InvalidRequestError) as caught:
        await motion.create(
            "", style_reference_url="https://evil-youtube.com/x", attachments=["https://a.example.com/b.png"] * 11
        )
    assert [problem.path for problem in caught.value.problems] == [
        ("prompt",),
        ("style_reference_url",),
        ("attachments",),
    ]
    assert caught.value.http_status is None
    assert sandbox.counts.creates == 0


async def test_missing_credits_are_told_with_the_numbers(sandbox: Sandbox) -> None:
    """402 carries what is required and what there is."""
    key = sandbox.add_account("poor", 299)
    async with MotionSession(key, base_url=sandbox.url, **QUICK) as motion:
        with pytest.raises(InsufficientCreditsError) as caught:
            await motion.create("A launch")
    assert caught.value.minimum_required_credits == 300
    assert caught.value.current_balance == 299
    assert caught.value.code == "insufficient_credits_minimum_kickoff_balance"


async def test_another_owners_job_is_not_found(sandbox: Sandbox, motion: MotionSession) -> None:
    """A key cannot poll another user's job: 404, which ends a watch at once."""
    job = await motion.create("A launch")
    async with MotionSession(sandbox.add_account("other"), base_url=sandbox.url, **QUICK) as other:
        with pytest.raises(JobNotFoundError):
            await other.poll(job.id)
        with pytest.raises(JobNotFoundError) as caught:
            await other.job(job.id).wait(timeout=30)
        assert caught.value.job_id == job.id


async def test_an_unknown_key_is_told(sandbox: Sandbox) -> None:
    """401 is an `AuthenticationError` that does not show the key."""
    async with MotionSession("motion_nobody_knows_this", base_url=sandbox.url, **QUICK) as motion:
        with pytest.raises(AuthenticationError, match="MOTION_API_KEY") as caught:
            await motion.create("A launch")
    assert "nobody_knows" not in repr(caught.value)


# Trouble.


@pytest.mark.parametrize("fault", [RateLimited(), RateLimited(retry_after=0.05)], ids=["bare", "retry-after"])
async def test_a_429_to_a_create_is_sent_again(sandbox: Sandbox, motion: MotionSession, fault: RateLimited) -> None:
    """The service has not taken what it answers with 429, so the create goes out again, and once is enough."""
    sandbox.faults.next(fault, on="create", times=2)
    await motion.create("A launch")
    assert sandbox.counts.creates == 3
    assert sandbox.counts.creates_accepted == 1


async def test_a_429_without_end_is_told_in_the_end(sandbox: Sandbox, motion: MotionSession) -> None:
    """After eight tries a create that is always refused raises the refusal."""
    sandbox.faults.next(RateLimited(), on="create", times=100)
    with pytest.raises(RateLimitedError):
        await motion.create("A launch")
    assert sandbox.counts.creates == 8


@pytest.mark.parametrize(
    "fault",
    [
        ServerError(500),
        ServerError(502, html=True),
        ServerError(503, taken=True),
        LostAnswer(),
        Reset(),
    ],
    ids=str,
)
async def test_a_create_whose_answer_is_lost_is_sent_once(sandbox: Sandbox, motion: MotionSession, fault: Any) -> None:
    """Whatever becomes of the answer, one POST goes out, and the caller is told that a job may exist."""
    sandbox.faults.next(fault, on="create")
    with pytest.raises(MotionError, match="a job may exist") as caught:
        await motion.create("A launch")
    assert type(caught.value).__name__ == "CreateUncertainError"
    assert caught.value.__cause__ is not None
    assert sandbox.counts.creates == 1


async def test_a_poll_is_tried_again_and_gives_up_in_the_end(sandbox: Sandbox, motion: MotionSession) -> None:
    """`poll` outlives three failures of any passing kind, not four."""
    job = await motion.create("A launch")
    for fault in (ServerError(502, html=True), Reset(), RateLimited()):
        sandbox.faults.next(fault, on="poll")
    assert (await job.poll()).job_id == job.id
    sandbox.faults.next(ServerError(503), on="poll", times=4)
    with pytest.raises(ServiceUnavailableError):
        await job.poll()
    assert sandbox.counts.polls == 8


async def test_a_slow_body_is_read_to_its_end(sandbox: Sandbox, motion: MotionSession) -> None:
    """An answer that drips in pieces is read whole."""
    sandbox.faults.next(SlowBody(seconds=0.1), on="create")
    job = await motion.create("A launch")
    assert job.id in sandbox.jobs


async def test_a_wait_ends_at_its_deadline_and_the_job_goes_on(sandbox: Sandbox, motion: MotionSession) -> None:
    """A `WaitTimeoutError` names the job, the deadline and the last status; a later wait still succeeds."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    job = await motion.create("A launch")
    with pytest.raises(WaitTimeoutError) as caught:
        await job.wait(timeout=0.3)
    assert (caught.value.job_id, caught.value.timeout) == (job.id, 0.3)
    assert caught.value.status == job.state.status if job.state else False
    with pytest.raises(WaitTimeoutError):
        async for _ in job.transitions(timeout=0.3):
            pass

    async def is_waiting() -> bool:
        return (await job.poll()).pending_user_input

    await until(is_waiting, every=0.01)
    sandbox.give_input(job.id)
    assert (await job.wait(timeout=30)).status == "completed"


async def test_a_wait_that_nobody_answered_says_so(sandbox: Sandbox) -> None:
    """A `WaitTimeoutError` does not claim that a job goes on that was never seen."""
    async with MotionSession(sandbox.api_key, base_url="http://127.0.0.1:9/api", **QUICK) as motion:
        with pytest.raises(WaitTimeoutError, match=r"nothing of it was seen, and its last .* failed") as caught:
            await motion.job("abc").wait(timeout=0.3)
    assert caught.value.failures > 0
    assert "goes on" not in str(caught.value)


# Events.


async def test_five_tabs_cost_one_poll_and_none_after_the_end(sandbox: Sandbox, motion: MotionSession) -> None:
    """Each is one call; whoever comes back with its last token goes on there, in another session too."""
    jobs = [await motion.create(f"A launch, version {number}") for number in range(2)]

    async def read(session: MotionSession, after: str | None = None) -> list[StatusChange]:
        async with session.watch([job.id for job in jobs], after=after, timeout=30) as watch:
            return [event async for event in watch if isinstance(event, StatusChange)]

    tabs = await asyncio.gather(*(read(motion) for _ in range(5)))
    assert {(change.job_id, change.current) for change in tabs[0] if change.is_end} == {
        (job.id, JobStatus.COMPLETED) for job in jobs
    }
    assert [[change.token for change in tab] for tab in tabs] == [[change.token for change in tabs[0]]] * 5
    polls = sandbox.counts.polls
    again = await read(motion, after=tabs[0][-1].token)
    assert sandbox.counts.polls == polls
    assert len(again) == 1
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as other:
        tokens = [change.token for change in tabs[0] if change.is_end]
        watch = other.watch([job.id for job in jobs], after=tokens, timeout=30)
        assert [event async for event in watch] == []
        assert sandbox.counts.polls == polls + 2
        end = next(change for change in tabs[0] if change.is_end)
        assert [change async for change in other.job(end.job_id).transitions(after=end.token)] == []


@pytest.mark.parametrize("job_ids", ["a-job", b"a-job", 5, None])
async def test_what_is_no_list_of_jobs_is_refused(motion: MotionSession, job_ids: Any) -> None:
    """One id alone would be watched letter by letter."""
    with pytest.raises(ConfigurationError, match="job_ids"):
        motion.watch(job_ids)


async def test_a_watch_of_what_cannot_be_a_job_is_refused(motion: MotionSession) -> None:
    """At once, and so is a deadline that is none."""
    with pytest.raises(InvalidRequestError, match="job_id"):
        motion.watch(["a", ".."])
    with pytest.raises(ConfigurationError, match="timeout"):
        motion.watch(["a"], timeout=-1)
    assert [event async for event in motion.watch([])] == []


async def test_events_tell_of_jobs_that_nobody_waits_for(sandbox: Sandbox, motion: MotionSession) -> None:
    """While a stream is open the session's jobs are polled to their end, and every change is told."""
    events = motion.events()
    jobs = [await motion.create(f"A launch {number}") for number in range(5)]
    told: dict[str, list[str]] = {job.id: [] for job in jobs}
    accepted = []
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, JobAccepted):
                accepted.append(event.job_id)
            if isinstance(event, StatusChange):
                told[event.job_id].append(event.current)
            if all(statuses and statuses[-1] == "completed" for statuses in told.values()):
                break
    await events.aclose()
    assert accepted == [job.id for job in jobs]
    assert all(statuses[0] == "queued" for statuses in told.values())
    polls = sandbox.counts.polls
    await asyncio.sleep(0.2)
    assert sandbox.counts.polls == polls


# Opening, closing, settings.


async def test_a_session_may_be_entered_in_one_task_and_left_in_another(sandbox: Sandbox) -> None:
    """Web frameworks and fixtures do that; nothing is bound to the task that entered."""
    motion = MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK)
    await asyncio.create_task(motion.__aenter__())
    job = await motion.create("A launch")
    waiting = asyncio.create_task(job.wait())
    await asyncio.sleep(0.05)
    await asyncio.create_task(motion.__aexit__(None, None, None))
    with pytest.raises(SessionClosedError):
        await waiting
    with pytest.raises(SessionClosedError, match="has been left"):
        await motion.create("Another")


async def test_closing_during_a_create_hands_its_job_over(sandbox: Sandbox) -> None:
    """A create that is under way when the session closes gets the grace, and its caller the job with its id."""
    motion = MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK)
    await motion.__aenter__()
    sandbox.faults.next(SlowBody(seconds=0.2), on="create")
    creating = asyncio.create_task(motion.create("A launch"))
    await until(lambda: sandbox.counts.creates, every=0.005)
    await motion.aclose()
    assert (await creating).id in sandbox.jobs


async def test_nothing_is_sent_any_more_once_it_is_being_closed(sandbox: Sandbox) -> None:
    """Of a batch, what waits for a connection is held back: sent now, it would be cut when the grace is over."""
    for _ in range(10):
        sandbox.faults.next(SlowBody(seconds=0.15), on="create")
    async with (
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK, max_connections=4) as motion,
        motion.generate_many([f"p{number}" for number in range(10)], max_active=10) as outcomes,
    ):
        await until(lambda: sandbox.counts.creates_accepted, every=0.005)
        sent = sandbox.counts.creates
        await motion.aclose()
        ended = [outcome async for outcome in outcomes]
    assert sandbox.counts.creates == sent <= 2
    assert sorted(outcome.index for outcome in ended) == list(range(10))
    assert sum(isinstance(outcome.error, SessionClosedError | NotSentError) for outcome in ended) == 10


async def test_whoever_closes_it_meanwhile_waits_for_the_end(sandbox: Sandbox) -> None:
    """A ledger that is closed after that must not miss the id of a create that is under way."""
    sandbox.faults.next(SlowBody(seconds=0.3), on="create")
    motion = MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK)
    await motion.__aenter__()
    creating = asyncio.create_task(motion.create("A launch"))
    await until(lambda: sandbox.counts.creates_accepted, every=0.005)
    closing = asyncio.create_task(motion.aclose())
    await asyncio.sleep(0)
    impatient = asyncio.create_task(motion.aclose())
    await asyncio.sleep(0)
    impatient.cancel()
    await motion.aclose()
    assert creating.done()
    await closing
    await motion.aclose()
    assert impatient.cancelled()
    assert (await creating).id in sandbox.jobs


async def test_closing_ends_a_create_that_waits_to_be_sent_again(sandbox: Sandbox) -> None:
    """After a 429 with a long Retry-After, closing tells the caller at once that nothing was taken."""
    motion = MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK)
    await motion.__aenter__()
    sandbox.faults.next(RateLimited(retry_after=1_000), on="create")
    creating = asyncio.create_task(motion.create("A launch"))
    await until(lambda: sandbox.counts.refused, every=0.005)
    await asyncio.sleep(0.05)
    await motion.aclose()
    with pytest.raises(SessionClosedError):
        await creating
    assert sandbox.counts.creates == 1


async def test_leaving_in_a_cancelled_scope_still_tells_waiters_and_keeps_ids(sandbox: Sandbox) -> None:
    """Anyio cancels every await in its scope; leaving is done all the same, with the grace for a create."""
    sandbox.faults.next(SlowBody(seconds=0.3), on="create")
    accepted: list[str] = []
    with anyio.move_on_after(0.1):
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            accepted.append((await motion.create("A launch")).id)  # cut off by the scope, after it was sent
    assert accepted == []
    async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
        events = motion.events()
        sandbox.faults.next(SlowBody(seconds=0.3), on="create")
        with anyio.move_on_after(0.1):
            await motion.create("Another")
        told = [await anext(events) for _ in range(2)]
    assert [type(event).__name__ for event in told] == ["JobAccepted", "StatusChange"]
    assert told[0].job_id in sandbox.jobs


async def test_a_waiter_elsewhere_is_told_when_the_owners_scope_is_cancelled(sandbox: Sandbox) -> None:
    """A task that waits for a job of a session does not wait for ever when the session is left so."""
    sandbox.faults.next(AwaitInput(until_answered=True))
    with anyio.move_on_after(0.2):
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion:
            job = await motion.create("A launch")
            waiting = asyncio.create_task(job.wait())
            await anyio.sleep_forever()
    with pytest.raises(SessionClosedError) as caught:
        await waiting
    assert caught.value.job_id == job.id


async def test_a_cancelled_generate_says_which_job_goes_on(
    sandbox: Sandbox, motion: MotionSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller never saw the id, so the log has it."""
    caplog.set_level(logging.WARNING, "motion_async")
    sandbox.faults.next(AwaitInput(until_answered=True))
    with anyio.move_on_after(0.2):
        await motion.generate("A launch")
    (job_id,) = sandbox.jobs
    assert job_id in caplog.text


async def test_a_session_that_was_not_entered_says_so() -> None:
    """Every call names the remedy."""
    motion = MotionSession("motion_key")
    with pytest.raises(SessionClosedError, match="async with"):
        motion.job("some-id")
    with pytest.raises(SessionClosedError, match="async with"):
        motion.events()
    with pytest.raises(SessionClosedError, match="async with"):
        await motion.poll("some-id")


async def test_a_session_is_entered_once() -> None:
    """Entering again, even after leaving, is refused."""
    async with MotionSession("motion_key", base_url="http://127.0.0.1:9") as motion:
        with pytest.raises(SessionClosedError):
            await motion.__aenter__()
    with pytest.raises(SessionClosedError):
        await motion.__aenter__()


def test_key_and_base_url_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`MOTION_API_KEY` and `MOTION_BASE_URL` count where no argument is given."""
    with pytest.raises(ConfigurationError, match="MOTION_API_KEY"):
        MotionSession()
    monkeypatch.setenv("MOTION_API_KEY", "motion_from_outside")
    monkeypatch.setenv("MOTION_BASE_URL", "http://127.0.0.1:9/api/motion")
    assert "127.0.0.1:9" in repr(MotionSession())


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "sk_wrong"},
        {"api_key": "motion_"},
        {"api_key": "motion_with space"},
        {"api_key": "motion_line\r\nX-Header: 1"},
        {"api_key": "motion_" + "a" * 600},
        {"api_key": 5},
        {"base_url": "http://api.motion.so/api/motion"},
        {"base_url": "ftp://api.motion.so"},
        {"base_url": "https://user:pass@api.motion.so"},
        {"base_url": "https://api.motion.so/?x=1"},
        {"base_url": "nonsense"},
        {"base_url": ""},
        {"base_url": 7},
        {"max_connections": 1},
        {"max_connections": 2.5},
        {"max_polls_per_second": 0},
        {"max_polls_per_second": float("nan")},
        {"exchange_timeout": -1},
        {"exchange_timeout": "10"},
        {"max_answer_bytes": 10},
        {"cancel_grace": -1},
        {"schedule": 3.0},
        {"backoff": 3.0},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(options: dict[str, Any]) -> None:
    """Bad settings raise a `ConfigurationError` when the session is made, and never show the key."""
    with pytest.raises(ConfigurationError) as caught:
        MotionSession(**{"api_key": "motion_key", **options})
    if isinstance(options.get("api_key"), str):
        assert options["api_key"] not in str(caught.value) or options["api_key"] == "motion_"


async def test_bad_arguments_get_the_librarys_errors(motion: MotionSession) -> None:
    """Wrong types and values of every option are told by name."""
    bad: Any = object()
    for wrong in (
        lambda: motion.generate_many(bad),
        lambda: motion.generate_many("a prompt"),
        lambda: motion.generate_many(cast("Any", {"prompt": "a body"})),
        lambda: motion.generate_many([], max_active=0),
        lambda: motion.generate_many([], on_input=bad),
        lambda: motion.generate_many([], limiter=cast("Any", asyncio.Semaphore(2))),
        lambda: motion.generate_many([], ledger=cast("Any", "sqlite:///videos.db")),
        lambda: motion.generate_many([], ledger=cast("Any", open_ledger("sqlite://"))),
        lambda: motion.events(max_unread=0),
        lambda: motion.job(bad),
        lambda: motion.job("some-id").transitions(timeout=bad),
    ):
        with pytest.raises((ConfigurationError, InvalidRequestError)):
            wrong()
    with pytest.raises(ConfigurationError, match="job_timeout must be a number at least 0"):
        motion.generate_many([], job_timeout=-1)
    for awaitable in (
        motion.create(bad),
        motion.create("x", attachments=bad),
        motion.create(VideoRequest("x"), style_reference_url="https://youtu.be/x"),
        motion.generate("x", timeout=-1),
        motion.generate("x", on_input=bad),
        motion.poll(bad),
        motion.followup("..", "x"),
        motion.followup("id", bad),
        motion.job("some-id").wait(timeout=float("nan")),
    ):
        with pytest.raises((ConfigurationError, InvalidRequestError)):
            await awaitable


async def test_the_key_shows_nowhere(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Not in reprs, not in pickles, not in any log line at DEBUG, aiohttp's and asyncio's included."""
    caplog.set_level(logging.DEBUG)
    key = sandbox.api_key
    motion = MotionSession(key, base_url=sandbox.url, **QUICK)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(motion)
    async with motion:
        job = await motion.create("A launch", attachments=["https://a.example.com/b.png?X-Sig=secret"])
        await job.wait(timeout=30)
        shown = [repr(motion), repr(job), str(motion), repr(motion.events()), repr(vars(motion)["_client"])]
    assert not [text for text in [*shown, caplog.text] if key in text or "secret" in text]


# A session of the caller's own.


async def test_a_session_of_the_callers_own_is_used_and_left_alone(sandbox: Sandbox) -> None:
    """Its connector carries the calls; it is neither closed nor changed, and its defaults meet no call."""
    seen: list[tuple[str, dict[str, str]]] = []

    async def note(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append((params.method, dict(params.headers)))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    async with aiohttp.ClientSession(
        headers={"X-Mine": "1", "Authorization": "Basic mine"}, cookies={"mine": "1"}, trace_configs=[trace]
    ) as mine:
        before = dict(mine.headers)
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, client_session=mine, **QUICK) as motion:
            assert (await motion.generate("A launch", timeout=30)).status == "completed"
        assert not mine.closed
        assert dict(mine.headers) == before
        assert sandbox.api_key not in str(mine.headers)
    assert {method for method, _ in seen} == {"POST", "GET"}
    for _, headers in seen:
        assert "X-Mine" not in headers
        assert headers["Authorization"] == f"Bearer {sandbox.api_key}"


async def test_a_closed_session_of_the_callers_own_is_refused(sandbox: Sandbox) -> None:
    """It is told when the session is entered."""
    mine = aiohttp.ClientSession()
    await mine.close()
    with pytest.raises(ConfigurationError, match="closed"):
        async with MotionSession(sandbox.api_key, base_url=sandbox.url, client_session=mine):
            pass
