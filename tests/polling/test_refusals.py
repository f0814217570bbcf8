"""Tests of `motion_async.polling.refusals`: when a refusal outweighs the service's 202."""

import pytest

from motion_async import (
    AuthenticationError,
    ConnectionLostError,
    JobNotFoundError,
    MotionError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
)
from motion_async.polling.refusals import NO_REFUSALS, denies_job


@pytest.mark.parametrize(
    ("times", "is_believed"),
    [
        ((), False), ((0,), False), ((0, 600), False), ((0, 1, 59.9), False), ((0, 30, 60), True), ((0, 59, 60), True),
        ((5, 6, 7, 64), False), ((5, 6, 7, 65), True),
    ],
)  # fmt: skip
def test_three_refusals_over_a_minute_are_believed(times: tuple[float, ...], is_believed: bool) -> None:
    """Fewer are not, however long they stand, and neither are many within a minute."""
    refusals = NO_REFUSALS
    for at in times:
        refusals = refusals.and_one(now=at)
    assert refusals.are_believed(now=max(times, default=0)) is is_believed


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (JobNotFoundError("gone", http_status=404), True),
        (AuthenticationError("who", http_status=401), True),
        (PermissionDeniedError("no", http_status=403), True),
        (RateLimitedError("slow", http_status=429), False),
        (ServiceUnavailableError("down", http_status=503), False),
        (ServiceError("gone", http_status=410), False),
        (ConnectionLostError("lost"), False),
    ],
    ids=lambda given: type(given).__name__,
)
def test_three_statuses_deny_a_job(error: MotionError, expected: bool) -> None:
    """Another refusal says nothing of whether the job is there."""
    assert denies_job(error) is expected
