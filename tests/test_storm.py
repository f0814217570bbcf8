"""A thousand videos through a service of which every twentieth call fails, in every way it can."""

from __future__ import annotations

from collections import Counter

import pytest

from motion_async import (
    Backoff,
    CreateUncertainError,
    GrowingSchedule,
    JobFailedError,
    MotionSession,
    Outcome,
    RateLimitedError,
    VideoRequest,
)
from motion_async.sandbox import ExchangeFault, Sandbox, every_fault

VIDEOS = 1_000
SHARE = 0.05


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_videos_in_a_storm_end_right_and_none_is_paid_for_twice() -> None:
    """Each outcome agrees with the sandbox's own record, and no create that may have been received was sent again."""
    requests = [VideoRequest(f"Launch video number {number}") for number in range(VIDEOS)]
    async with (
        Sandbox(credits=300 * VIDEOS, speed=2_000, seed=7) as sandbox,
        MotionSession(
            sandbox.api_key,
            base_url=sandbox.url,
            schedule=GrowingSchedule(first=0.05, growth=0.2, cap=0.5),
            backoff=Backoff(first=0.05, cap=0.5),
            max_polls_per_second=1_000,
            exchange_timeout=2,
            send_timeout=2,
        ) as motion,
    ):
        faults = every_fault().values()
        share = SHARE / sum(isinstance(fault, ExchangeFault) for fault in faults)
        for fault in faults:
            sandbox.faults.at_random(fault, share)
        async with motion.generate_many(requests, max_active=100) as outcomes:
            ended = [outcome async for outcome in outcomes]
        made = {job.body["prompt"]: job for job in sandbox.jobs.values()}
        counts = sandbox.counts

    assert sorted(outcome.index for outcome in ended) == list(range(VIDEOS))
    assert set(counts.faults) == {type(fault).__name__ for fault in every_fault().values()} - {"StaleCompleted"}
    assert counts.duplicates == 0
    assert len(sandbox.jobs) == counts.creates_accepted == len(made)
    for outcome in ended:
        _agrees_with_the_record(outcome, made.get(outcome.request.prompt), requests)
    kinds = Counter(type(outcome.error).__name__ for outcome in ended)
    assert kinds["NoneType"] > 0.9 * VIDEOS
    # A create goes out again only after a 429, of which the sandbox has kept count.
    assert counts.creates - VIDEOS <= counts.refused.get(429, 0)


def _agrees_with_the_record(outcome: Outcome, job: object, requests: list[VideoRequest]) -> None:
    assert outcome.request is requests[outcome.index]
    record = getattr(job, "status", None)
    match outcome.error:
        case None:
            assert record == "completed"
            assert outcome.state is not None
            assert outcome.state.status == "completed"
            assert outcome.job_id == getattr(job, "job_id", None)
        case JobFailedError():
            assert record == "failed"
            assert outcome.job_id == getattr(job, "job_id", None)
        case CreateUncertainError() | RateLimitedError():
            assert outcome.job_id is None
        case other:
            raise AssertionError(f"no fault of the sandbox should end a video so: {other!r}")
