"""Tests of `motion_async.polling.waiting`, on virtual time and a poll loop that is fed by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from motion_async import (
    ConfigurationError,
    InputRequiredError,
    JobFailedError,
    JobNotFoundError,
    JobState,
    JobStatus,
    RateLimitedError,
    WaitTimeoutError,
)
from motion_async.polling.loop import PollLoop
from motion_async.polling.tracked import TrackedJob
from motion_async.polling.transitions import Transitions
from motion_async.polling.waiting import check_on_input, check_timeout, wait_for_end
from tests.quiet import START, state

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


@pytest.mark.parametrize("by", ["wait", "transitions"])
async def test_a_pause_that_outlasts_the_deadline_is_named(polls: PollLoop, job: TrackedJob, by: str) -> None:
    """With the seconds that are left of it; one that is over is not."""
    now = asyncio.get_running_loop().time()
    polls.slow_down(RateLimitedError("slow", http_status=429, retry_after=300), sent_at=now)

    async def read(timeout: float) -> None:
        async with Transitions(polls, job, timeout=timeout) as changes:
            assert [change.current async for change in changes] == ["queued"]

    for timeout, left in ((60, pytest.approx(240, abs=0.1)), (241, None)):
        waiting = read(timeout) if by == "transitions" else wait_for_end(polls, job, timeout=timeout, on_input="wait")
        with pytest.raises(WaitTimeoutError) as caught:
            await waiting
        assert caught.value.retry_after == left
        assert ("wants no call for another 240 s" in str(caught.value)) is (left is not None)


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


@pytest.mark.parametrize("status", ["succeeded", "COMPLETED", "Done"])
async def test_a_success_under_another_name_is_one(polls: PollLoop, job: TrackedJob, status: str) -> None:
    """The state has its status as it came."""
    waiting = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    polls.observe(job, state("Running"))
    polls.observe(job, state(status, 2))
    assert (await waiting).status == status
    assert (await wait_for_end(polls, job, timeout=0, on_input="wait")).status == status


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (state("canceled"), "the service calls it canceled"),
        (state("Failed"), "the service calls it Failed"),
        (state("expired", error="nobody came"), "nobody came"),
        (state("wrapped_up", error="no frames"), "no frames"),
        (attrs.evolve(state("wrapped_up"), completed_at=START), "the service calls it wrapped_up"),
        (state("failed"), None),
    ],
    ids=lambda given: getattr(given, "status", None),
)
async def test_any_other_end_is_a_failure(polls: PollLoop, job: TrackedJob, end: JobState, reason: str | None) -> None:
    """The error says why in the service's words, or else what the service calls it."""
    waiting = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="wait"))
    await asyncio.sleep(1)
    polls.observe(job, attrs.evolve(end, updated_at=START, completed_at=None, error=None, status=JobStatus("running")))
    polls.observe(job, end)
    with pytest.raises(JobFailedError) as caught:
        await waiting
    assert caught.value.error == reason
    assert job.state == end


async def test_a_person_is_waited_for_whatever_the_letters(polls: PollLoop, job: TrackedJob) -> None:
    """`AWAITING_USER_INPUT` is the documented status."""
    asked = asyncio.create_task(wait_for_end(polls, job, timeout=None, on_input="raise"))
    await asyncio.sleep(1)
    polls.observe(job, state("AWAITING_USER_INPUT"))
    with pytest.raises(InputRequiredError):
        await asked


# Transitions.


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
