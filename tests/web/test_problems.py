"""Tests of `motion_async.web.problems`: what each error means to whoever asked by HTTP."""

from __future__ import annotations

import json

import pytest

from motion_async import errors
from motion_async.errors import MotionError
from motion_async.problems import Problem
from motion_async.web import problem
from tests.test_errors import KEY, all_classes, one_of_each

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
STATUSES = {
    "MotionError": 500, "ConfigurationError": 500, "WrongLoopError": 500, "SessionClosedError": 503,
    "InvalidRequestError": 422, "ServiceError": 502, "AuthenticationError": 503, "InsufficientCreditsError": 503,
    "PermissionDeniedError": 503, "JobNotFoundError": 404, "FollowupNotAllowedError": 409, "RateLimitedError": 429,
    "ServiceUnavailableError": 503, "UnexpectedResponseError": 502, "TransportError": 503, "ConnectFailedError": 503,
    "ConnectImpossibleError": 503, "ConnectionLostError": 503, "ExchangeTimeoutError": 503, "UncertainError": 500,
    "CreateUncertainError": 500, "FollowupUncertainError": 500, "NotSentError": 503, "DroppedError": 409,
    "SentElsewhereError": 409, "LedgerError": 503, "LedgerVersionError": 500, "LedgerConflictError": 409,
    "LedgerAccountError": 500, "WaitTimeoutError": 500, "InputRequiredError": 409, "JobFailedError": 422,
}  # fmt: skip


def test_every_error_of_the_tree_is_thought_of() -> None:
    """One that is added has to be given a meaning here."""
    assert {kind.__name__ for kind in all_classes(MotionError)} == set(STATUSES)


@pytest.mark.parametrize(
    "error", one_of_each("words with a balance of 12 credits"), ids=lambda error: type(error).__name__
)
def test_an_error_is_a_problem_of_its_class(error: MotionError) -> None:
    """Its body is JSON and has nothing of the operator's words."""
    found = problem(error)
    assert found.status == STATUSES[type(error).__name__]
    body = json.loads(json.dumps(found.to_dict()))
    assert (body["status"], body["title"]) == (found.status, found.title)
    assert body["type"] == f"urn:motion-async:{found.kind}"
    assert body.get("job_id") == error.job_id
    assert found.operator == str(error)
    if not isinstance(error, errors.InvalidRequestError):
        assert "balance" not in json.dumps(body)
        assert "words" not in json.dumps(body)
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "error",
    [
        errors.CreateUncertainError("reset"),
        errors.FollowupUncertainError("reset", job_id=JOB),
        errors.WaitTimeoutError(JOB, timeout=900, status="running"),
        errors.SentElsewhereError(batch="single", key="order-17", owner="0123456789abcdef"),
    ],
)
def test_what_may_have_been_paid_for_invites_nobody_to_send_it_again(error: MotionError) -> None:
    """Proxies, programs and people send again what was answered with 502, 503 or 504."""
    found = problem(error)
    assert found.status not in (502, 503, 504)
    assert "Retry-After" not in found.headers


def test_all_that_is_wrong_with_a_request_comes_along() -> None:
    """With its place, for whoever shows it beside the field."""
    wrong = [Problem("too_small", "too short", ("prompt",)), Problem("custom", "no", ("attachments", 0, "url"))]
    found = problem(errors.InvalidRequestError(tuple(wrong)))
    assert [(it["code"], it["path"]) for it in found.to_dict()["problems"]] == [
        ("too_small", ("prompt",)),
        ("custom", ("attachments", 0, "url")),
    ]


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (0.0, "0"), (1.2, "2"), (30, "30")])
def test_a_slow_down_says_until_when(retry_after: float | None, header: str | None) -> None:
    """In whole seconds, never sooner than the service has asked."""
    error = errors.RateLimitedError("too many", http_status=429, retry_after=retry_after)
    assert problem(error).headers.get("Retry-After") == header


def test_a_class_of_the_callers_own_has_the_meaning_of_its_parent() -> None:
    """The nearest one."""

    class OutOfCredits(errors.InsufficientCreditsError):
        pass

    found = problem(OutOfCredits(f"key {KEY}", http_status=402))
    assert (found.status, found.kind) == (503, "insufficient_credits")
    assert KEY not in found.operator
