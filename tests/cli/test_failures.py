"""`motion_async.cli.failures`: what each error means to a shell."""

from collections.abc import Iterator

import pytest

from motion_async import errors
from motion_async.cli.failures import ExitStatus, credits_words, exit_status, sentence, trouble_words, worst
from motion_async.events import PollDisturbed, SendDisturbed
from motion_async.problems import Problem

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
ALL: list[errors.MotionError] = [
    errors.MotionError("something else"),
    errors.ConfigurationError("a setting is wrong"),
    errors.WrongLoopError("used in another event loop"),
    errors.SessionClosedError("the session was left"),
    errors.InvalidRequestError((Problem("too_small", "too short", ("prompt",)),)),
    errors.ServiceError("refused", http_status=418),
    errors.AuthenticationError("refused", http_status=401),
    errors.InsufficientCreditsError("refused", http_status=402),
    errors.PermissionDeniedError("refused", http_status=403),
    errors.JobNotFoundError("refused", http_status=404, job_id=JOB),
    errors.FollowupNotAllowedError("refused", http_status=409, job_id=JOB),
    errors.RateLimitedError("refused", http_status=429),
    errors.ServiceUnavailableError("in trouble", http_status=503),
    errors.UnexpectedResponseError("no JSON"),
    errors.TransportError("nothing came"),
    errors.ConnectFailedError("no connection"),
    errors.ConnectImpossibleError("no such host; check the base URL"),
    errors.ConnectionLostError("lost"),
    errors.ExchangeTimeoutError("too long"),
    errors.UncertainError("who knows"),
    errors.CreateUncertainError("HTTP 502"),
    errors.FollowupUncertainError("HTTP 502", job_id=JOB),
    errors.NotSentError("no credits"),
    errors.DroppedError(batch="b", key="k"),
    errors.SentElsewhereError(batch="b", key="k", owner="o"),
    errors.LedgerError("no space"),
    errors.LedgerVersionError(found=2, known=1),
    errors.LedgerConflictError("it is completed", batch="b", key="k", state="completed"),
    errors.LedgerAccountError("b", bound_origin="https://a.example", origin="https://b.example"),
    errors.WaitTimeoutError(JOB, timeout=5, status="running"),
    errors.InputRequiredError(JOB),
    errors.JobFailedError(JOB, error="no scene"),
]
STATUSES = {
    "MotionError": 4,
    "ConfigurationError": 2,
    "WrongLoopError": 2,
    "SessionClosedError": 4,
    "InvalidRequestError": 2,
    "ServiceError": 3,
    "AuthenticationError": 3,
    "InsufficientCreditsError": 3,
    "PermissionDeniedError": 3,
    "JobNotFoundError": 3,
    "FollowupNotAllowedError": 3,
    "RateLimitedError": 3,
    "ServiceUnavailableError": 4,
    "UnexpectedResponseError": 4,
    "TransportError": 4,
    "ConnectFailedError": 4,
    "ConnectImpossibleError": 4,
    "ConnectionLostError": 4,
    "ExchangeTimeoutError": 4,
    "UncertainError": 4,
    "CreateUncertainError": 4,
    "FollowupUncertainError": 4,
    "NotSentError": 3,
    "DroppedError": 3,
    "SentElsewhereError": 4,
    "LedgerError": 4,
    "LedgerVersionError": 2,
    "LedgerConflictError": 2,
    "LedgerAccountError": 2,
    "WaitTimeoutError": 4,
    "InputRequiredError": 4,
    "JobFailedError": 1,
}


def _tree(kind: type[errors.MotionError]) -> Iterator[str]:
    yield kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == "motion_async.errors":
            yield from _tree(child)


def test_every_error_of_the_tree_is_thought_of() -> None:
    """No class of the library's errors is missing from the table of exit statuses."""
    assert {type(error).__name__ for error in ALL} == set(STATUSES) == set(_tree(errors.MotionError))


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_each_error_has_its_exit_status(error: errors.MotionError) -> None:
    """Each class of errors gives the exit status that is documented for it."""
    assert exit_status(error) == STATUSES[type(error).__name__]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_each_error_is_one_line(error: errors.MotionError) -> None:
    """Each error is said in one line that begins with what it says itself."""
    said = sentence(error)
    assert said.startswith(str(error).rstrip("."))
    assert said.isprintable()
    assert "{" not in said


def test_a_deadline_names_the_command_that_waits_on() -> None:
    """Who waited in vain is told how to wait on for this very job."""
    assert sentence(errors.WaitTimeoutError(JOB, timeout=1, status=None)).endswith(f"motion-async watch -- {JOB}")


def test_a_setting_is_its_own_advice() -> None:
    """What is wrong with a setting is said, and nobody is sent to a help that knows no more of it."""
    assert sentence(errors.ConfigurationError("a setting is wrong; name another")) == "a setting is wrong; name another"


@pytest.mark.parametrize(
    ("it", "words"),
    [
        (SendDisturbed(None, errors.RateLimitedError("busy", http_status=429), 1, 2.0), "a create was not taken"),
        (SendDisturbed(JOB, errors.RateLimitedError("busy", http_status=429), 1, 2.0), "a followup was not taken"),
        (PollDisturbed(JOB, errors.RateLimitedError("busy", http_status=429), 1, 2.0), "a poll failed"),
    ],
)
def test_trouble_is_told_with_the_next_try(it: PollDisturbed | SendDisturbed, words: str) -> None:
    """What did not work, when it is tried again, and why it did not stand in one sentence."""
    assert trouble_words(it).startswith(words)
    assert trouble_words(it).endswith("again in 2.0 s: busy")


def test_missing_credits_are_told_with_their_numbers() -> None:
    """What the account has and what a video needs stand in the words of a 402, as far as the service told."""
    told = errors.InsufficientCreditsError(
        "refused", http_status=402, minimum_required_credits=300, current_balance=1200.5
    )
    assert "the balance is 1,200.5, and a new video needs at least 300 in it" in credits_words(told)
    assert credits_words(errors.InsufficientCreditsError("refused", http_status=402)).startswith("not enough credits;")


def test_words_with_braces_are_no_template() -> None:
    """Braces in the service's words are left as they are."""
    assert "{job_id} {0}" in sentence(errors.JobFailedError(JOB, error="{job_id} {0}"))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 1, 0], 1),
        ([1, 4, 0], 4),
        ([1, 4, 3, 0], 3),
        ([0, 1, 2, 3, 4], 2),
        ([0, 141, 2], 141),
        ([141, 130], 130),
        ([143, 141], 143),
    ],
)
def test_of_several_jobs_the_worst_counts(statuses: list[int], expected: int) -> None:
    """The order is 130, 141, 2, 3, 4, 1, 0, wherever the worst stands."""
    assert worst(map(ExitStatus, statuses)) == expected
    assert worst(map(ExitStatus, reversed(statuses))) == expected
