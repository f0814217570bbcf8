"""Waiting and transitions, on virtual time and a poll loop that is fed by hand."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import anyio
import pytest

from motion_async import (
    ConfigurationError,
    InputRequiredError,
    JobFailedError,
    JobNotFoundError,
    JobState,
    JobStatus,
    WaitTimeoutError,
)
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.waiting import Inbox, Transitions, check_on_input, check_timeout, wait_for_end
from tests.quiet import state

pytestmark = pytest.mark.virtual_time


async def test_wait_gives_the_completed_state(polls: PollLoop, job: TrackedJob) -> None:
    """A waiter sleeps until the job completes, and follows it no longer."""
    waiting = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    assert job.followers == 1
    polls.observe(job, state("running"))
    await asyncio.sleep(1)
    polls.observe(job, state("completed", 2))
    assert (await waiting).status == "completed"
    assert job.followers == 0
    assert job.observers is None


async def test_wait_on_a_job_that_has_ended_needs_no_poll(polls: PollLoop, job: TrackedJob) -> None:
    """What is known is given at once, a failure as its error."""
    polls.observe(job, state("failed", error="no credits for fonts"))
    with pytest.raises(JobFailedError, match="no credits for fonts"):
        await wait_for_end(polls, job, timeout=0, on_input="wait")


async def test_wait_misses_no_end_that_a_followup_hides(polls: PollLoop, job: TrackedJob) -> None:
    """A followup in the very moment of the end does not send the waiter on into the next turn."""
    waiting = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    polls.observe(job, done := state("completed", 2))
    polls.begin_turn(job, JobState("a", JobStatus.QUEUED), before=done)
    assert await waiting == done


async def test_wait_ends_at_its_deadline(polls: PollLoop, job: TrackedJob) -> None:
    """The deadline is met to the second, and nothing is left behind."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(WaitTimeoutError, match="last seen: queued") as caught:
        await wait_for_end(polls, job, timeout=900, on_input="wait")
    assert loop.time() - start == pytest.approx(900, abs=0.1)
    assert caught.value.timeout == 900
    assert job.followers == 0
    assert job.observers is None


async def test_a_cancelled_wait_leaves_nothing_behind(polls: PollLoop, job: TrackedJob) -> None:
    """A waiter that is cancelled is forgotten, and other waiters go on."""
    gone = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    stays = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    gone.cancel()
    await asyncio.wait([gone])
    assert job.followers == 1
    polls.observe(job, state("completed"))
    assert (await stays).status == "completed"


@pytest.mark.parametrize("waits", [state("awaiting_user_input"), state("running", pending_user_input=True)], ids=str)
async def test_a_job_that_waits_for_a_person_is_told_of_if_asked(
    polls: PollLoop, job: TrackedJob, waits: JobState
) -> None:
    """Status or flag, either says that input is needed; who did not ask is not disturbed."""
    asked = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="raise"))
    patient = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    polls.observe(job, state("running"))
    await asyncio.sleep(1)
    polls.observe(job, waits)
    with pytest.raises(InputRequiredError):
        await asked
    assert not patient.done()
    polls.observe(job, state("completed", 3))
    await patient


async def test_every_waiter_gets_an_error_of_its_own(polls: PollLoop) -> None:
    """The error that ends a watch reaches all who wait, as separate objects with the same data."""
    job = polls.job("unknown")
    waiting = [asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait")) for _ in range(3)]
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [JobNotFoundError] * 3
    assert len({id(error) for error in errors}) == 3
    assert all(error.http_status == 404 for error in errors if isinstance(error, JobNotFoundError))


# Transitions.


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


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True, object()], ids=lambda given: type(given).__name__)
def test_a_timeout_is_seconds_or_none(timeout: Any) -> None:
    """Anything else is refused by name."""
    with pytest.raises(ConfigurationError, match="timeout"):
        check_timeout(timeout)


def test_options_that_are_right_pass() -> None:
    """None and 0 are timeouts, and both choices for input are taken."""
    assert check_timeout(None) is None
    assert check_timeout(0) == 0
    assert [check_on_input(choice) for choice in ("wait", "raise")] == ["wait", "raise"]
    wrong: Any = "ignore"
    with pytest.raises(ConfigurationError, match="on_input"):
        check_on_input(wrong)


async def test_closing_wakes_everyone_who_waits_for_a_step(polls: PollLoop, job: TrackedJob) -> None:
    """Several may read one stream; none of them waits for ever."""
    changes = Transitions(polls, job, timeout=None)
    await anext(changes)
    steps = [asyncio.ensure_future(anext(changes)) for _ in range(3)]
    await asyncio.sleep(1)
    await changes.aclose()
    ends = await asyncio.gather(*steps, return_exceptions=True)
    assert [type(end) for end in ends] == [StopAsyncIteration] * 3


def test_an_inbox_gives_what_came_in_in_order() -> None:
    """And then nothing."""
    inbox: Inbox[int] = Inbox(limit=3)
    for number in range(3):
        inbox.put(number)
    assert [inbox.take() for _ in range(4)] == [0, 1, 2, None]
    assert inbox.take_dropped() == 0


def test_of_what_nobody_reads_an_inbox_keeps_the_newest() -> None:
    """As many as its limit, and it tells once how many went."""
    inbox: Inbox[int] = Inbox(limit=3)
    for number in range(10):
        inbox.put(number)
    assert [inbox.take_dropped() for _ in range(2)] == [7, 0]
    assert [inbox.take() for _ in range(4)] == [7, 8, 9, None]


async def test_everyone_who_sleeps_at_an_inbox_is_woken_and_whoever_gave_up_is_forgotten() -> None:
    """By an item, by other news, and by the end."""
    inbox: Inbox[int] = Inbox(limit=3)
    for wake in (lambda: inbox.put(1), inbox.wake, inbox.close):
        sleepers = [asyncio.create_task(inbox.sleep(asyncio.get_running_loop())) for _ in range(3)]
        await asyncio.sleep(0)
        sleepers[0].cancel()
        await asyncio.wait(sleepers[:1])
        assert not any(sleeper.done() for sleeper in sleepers[1:])
        wake()
        await asyncio.gather(*sleepers[1:])
        assert inbox.is_closed is (wake == inbox.close)
