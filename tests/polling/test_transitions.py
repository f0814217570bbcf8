"""Tests of `motion_async.polling.transitions`, on virtual time and a poll loop that is fed by hand."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import anyio
import attrs
import pytest

from motion_async import JobNotFoundError, JobState, JobStatus, StatusChange, WaitTimeoutError
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.transitions import Transitions
from motion_async.polling.waiting import wait_for_end
from tests.quiet import START, state, unanswered

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("end", [state("cancelled", 2), state("polishing", 2, error="no frames")], ids=str)
async def test_transitions_end_with_an_end_under_another_name(polls: PollLoop, job: TrackedJob, end: JobState) -> None:
    """Also one that only its error shows, of a status that was told before."""
    reader = Transitions(polls, job, timeout=None)
    for each in (state("Running"), state("polishing"), end):
        polls.observe(job, each)
    assert [(change.current, change.is_end) async for change in reader] == [(end.status, True)]
    late = Transitions(polls, job, timeout=None)
    assert [change.state async for change in late] == [end]


async def test_a_reader_gets_every_change_however_slow(polls: PollLoop, job: TrackedJob) -> None:
    """Changes wait for a reader in order; nobody waits for it."""
    slow, fast = (Transitions(polls, job, timeout=None) for _ in range(2))
    first = await anext(slow)
    assert (first.previous, first.current) == (None, "queued")
    seen_fast = [await anext(fast)]
    for minute, status in enumerate(["created", "running", "awaiting_user_input", "running", "completed"], 1):
        polls.observe(job, state(status, minute))
        seen_fast.append(await anext(fast))
    assert [change.current for change in seen_fast][-1] == "completed"
    rest = [change.current async for change in slow]
    assert rest == ["created", "running", "awaiting_user_input", "running", "completed"]
    assert job.followers == 0


async def test_a_late_reader_first_gets_the_current_state(polls: PollLoop, job: TrackedJob) -> None:
    """Whoever comes later begins with the state as it is, without the changes that led there."""
    polls.observe(job, state("created", 1))
    polls.observe(job, state("running", 2))
    late = Transitions(polls, job, timeout=None)
    first = await anext(late)
    assert (first.previous, first.current) == (None, "running")
    polls.observe(job, state("completed", 3))
    assert [change.current async for change in late] == ["completed"]


@pytest.mark.parametrize("is_known", [True, False], ids=["seen here", "not seen here"])
async def test_a_reader_goes_on_after_a_token(polls: PollLoop, is_known: bool) -> None:
    """What was seen before, in this process or another, is not told again; what comes back later is."""
    polls._poll = unanswered
    job = polls.job("a")
    token = StatusChange("a", None, JobStatus.RUNNING, state("running"), START).token
    if is_known:
        polls.observe(job, state("running"))
    reading = asyncio.ensure_future(_all(Transitions(polls, job, timeout=None, after=token)))
    await asyncio.sleep(1)
    for minute, status in enumerate(["running", "awaiting_user_input", "running", "completed"], start=1):
        polls.observe(job, state(status, minute))
    assert [change.current for change in await reading] == ["awaiting_user_input", "running", "completed"]


async def _all(reader: Transitions) -> list[StatusChange]:
    return [change async for change in reader]


async def test_a_reader_that_has_seen_the_end_ends(polls: PollLoop, job: TrackedJob) -> None:
    """Without a poll if the session knows it, and with one if not; another end is told."""
    polls._poll = unanswered
    ended = state("completed", 2)
    token = StatusChange("a", None, JobStatus.COMPLETED, ended, START).token
    reading = asyncio.ensure_future(_all(Transitions(polls, polls.job("b"), timeout=None, after=token)))
    reading_unknown = asyncio.ensure_future(_all(Transitions(polls, job, timeout=None, after=token)))
    await asyncio.sleep(1)
    assert job.followers == 1
    polls.observe(job, ended)
    assert [change.current for change in await reading_unknown] == ["queued", "completed"]
    assert await _all(Transitions(polls, job, timeout=None, after=token)) == []
    polls.observe(polls.job("b"), attrs.evolve(ended, job_id="b"))
    assert [change.current for change in await reading] == ["completed"]
    fresh = polls.job("c")
    same = StatusChange("c", None, JobStatus.COMPLETED, attrs.evolve(ended, job_id="c"), START).token
    reading = asyncio.ensure_future(_all(Transitions(polls, fresh, timeout=None, after=same)))
    await asyncio.sleep(1)
    polls.observe(fresh, attrs.evolve(ended, job_id="c"))
    assert await reading == []
    assert fresh.followers == 0


async def test_a_reader_of_an_ended_job_gets_its_end(polls: PollLoop, job: TrackedJob) -> None:
    """One change, the end, and no poll."""
    polls.observe(job, state("completed"))
    assert [change.current async for change in Transitions(polls, job, timeout=None)] == ["completed"]


async def test_a_job_is_followed_while_a_step_waits(polls: PollLoop, job: TrackedJob) -> None:
    """A loop that was left by `break` follows no longer, nor does a reader that is busy, or one that was closed."""
    async for _ in Transitions(polls, job, timeout=None):
        break
    assert job.followers == 0
    async with Transitions(polls, job, timeout=None) as reader:
        assert (await anext(reader)).current == "queued"
        assert job.followers == 0
        step = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(1)
        assert job.followers == 1
        polls.observe(job, state("running"))
        assert (await step).current == "running"
        assert job.followers == 0
    assert [change async for change in reader] == []


@pytest.mark.parametrize("ends", ["by a timeout", "in a task group", "with its error kept"])
async def test_a_reader_that_was_cancelled_is_gone_at_once(polls: PollLoop, job: TrackedJob, ends: str) -> None:
    """Though its frames live on in a traceback, or in a list of results, nothing is polled for it."""

    async def read() -> None:
        async for _ in Transitions(polls, job, timeout=None):
            pass

    kept: list[Any] = []
    gc.disable()
    try:
        if ends == "by a timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await read()
        elif ends == "in a task group":
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await asyncio.sleep(1)
                tasks.cancel_scope.cancel()
        else:
            task = asyncio.create_task(read())
            await asyncio.sleep(1)
            task.cancel()
            kept = await asyncio.gather(task, return_exceptions=True)
        assert job.followers == 0
    finally:
        gc.enable()
    assert [type(error) for error in kept] == [asyncio.CancelledError] * (ends == "with its error kept")


async def test_steps_that_are_cancelled_lose_no_change(polls: PollLoop, job: TrackedJob) -> None:
    """`wait_for(anext(…))` in a loop gives every change once, although another reader has the job polled meanwhile."""
    other = asyncio.ensure_future(wait_for_end(polls, job, timeout=None, on_input="wait"))
    reader, seen = Transitions(polls, job, timeout=None), list[str]()

    async def feed() -> None:
        for minute, status in enumerate(["created", "running", "awaiting_user_input", "running", "completed"], 1):
            await asyncio.sleep(0.7)
            polls.observe(job, state(status, minute))

    feeding = asyncio.ensure_future(feed())
    while "completed" not in seen:
        try:
            seen.append((await asyncio.wait_for(anext(reader), 0.5)).current)
        except TimeoutError:
            await asyncio.sleep(0.9)
    assert seen == ["queued", "created", "running", "awaiting_user_input", "running", "completed"]
    await asyncio.gather(other, feeding)


async def test_closing_a_reader_wakes_its_own_step(polls: PollLoop, job: TrackedJob) -> None:
    """A step that sleeps until there is news ends, as nothing is polled for it any more; other readers sleep on."""
    closed, other = (Transitions(polls, job, timeout=None) for _ in range(2))
    for reader in (closed, other):
        await anext(reader)
    steps = [asyncio.ensure_future(anext(reader, "the end")) for reader in (closed, other)]
    await asyncio.sleep(1)
    await closed.aclose()
    await asyncio.sleep(1)
    assert [step.done() for step in steps] == [True, False]
    assert steps[0].result() == "the end"
    steps[1].cancel()
    await asyncio.wait(steps)


async def test_a_readers_deadline_runs_from_its_first_step(polls: PollLoop, job: TrackedJob) -> None:
    """A `WaitTimeoutError` comes from the step in which the deadline passes, and then the reader has ended."""
    reader = Transitions(polls, job, timeout=60)
    await asyncio.sleep(100)
    await anext(reader)
    start = asyncio.get_running_loop().time()
    with pytest.raises(WaitTimeoutError):
        await anext(reader)
    assert asyncio.get_running_loop().time() - start == pytest.approx(60, abs=0.1)
    assert [change async for change in reader] == []
    assert job.followers == 0


async def test_a_readers_watch_that_ends_raises_after_what_was_unread(polls: PollLoop) -> None:
    """An error comes after the changes that came before it."""
    job = polls.job("unknown")
    reader = Transitions(polls, job, timeout=None)
    with pytest.raises(JobNotFoundError):
        await anext(reader)
    assert [change async for change in reader] == []


async def test_closing_wakes_everyone_who_waits_for_a_step(polls: PollLoop, job: TrackedJob) -> None:
    """Several may read one stream; none of them waits for ever."""
    changes = Transitions(polls, job, timeout=None)
    await anext(changes)
    steps = [asyncio.ensure_future(anext(changes)) for _ in range(3)]
    await asyncio.sleep(1)
    await changes.aclose()
    ends = await asyncio.gather(*steps, return_exceptions=True)
    assert [type(end) for end in ends] == [StopAsyncIteration] * 3


async def test_a_reader_that_ended_may_be_dropped_while_others_read(
    polls: PollLoop, job: TrackedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its weak reference raised then came out beside all handlers."""
    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    polls.observe(job, state("running"))
    first, *others = (Transitions(polls, job, timeout=None) for _ in range(3))
    await anext(first)
    await first.aclose()
    for reader in others:
        await anext(reader)
    del first, reader
    gc.collect()
    assert not unraisable
    assert isinstance(job.observers, dict)
    assert len(job.observers) == 2
