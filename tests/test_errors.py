"""Tests of `motion_async.errors`."""

import copy
import json
import pickle
import re
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import motion_async
from motion_async import errors
from motion_async.errors import MotionError
from motion_async.problems import Problem

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
KEY = "motion_SECRET_of_the_owner"
SIGNED = "https://bucket.s3.amazonaws.com/hero.png?X-Amz-Expires=60&X-Amz-Signature=SECRET"

SERVICE_ERRORS: tuple[type[errors.ServiceError], ...] = (
    errors.ServiceError,
    errors.AuthenticationError,
    errors.InsufficientCreditsError,
    errors.PermissionDeniedError,
    errors.JobNotFoundError,
    errors.FollowupNotAllowedError,
    errors.RateLimitedError,
    errors.ServiceUnavailableError,
)
FURTHER: dict[type[MotionError], dict[str, Any]] = {
    errors.InsufficientCreditsError: {"minimum_required_credits": 300, "current_balance": 0},
    errors.FollowupNotAllowedError: {"status": "running"},
}
PLAIN_ERRORS: tuple[type[MotionError], ...] = (
    MotionError,
    errors.ConfigurationError,
    errors.WrongLoopError,
    errors.SessionClosedError,
    errors.TransportError,
    errors.ConnectFailedError,
    errors.ConnectImpossibleError,
    errors.ConnectionLostError,
    errors.ExchangeTimeoutError,
    errors.UncertainError,
)


def service_error(kind: type[errors.ServiceError], words: str) -> MotionError:
    return kind(words, http_status=418, code=words, detail=words, retry_after=7.5, job_id=JOB, **FURTHER.get(kind, {}))


def one_of_each(words: str) -> list[MotionError]:
    """One error of every class, with the same words wherever a text of somebody else's goes."""
    problem = Problem("too_big", words, ("attachments", 0, "url"), {"maximum": 10, "received": words})
    return [
        *(kind(words, job_id=JOB) for kind in PLAIN_ERRORS),
        *(service_error(kind, words) for kind in SERVICE_ERRORS),
        errors.InvalidRequestError((problem,), job_id=JOB, http_status=400),
        errors.UnexpectedResponseError(words, http_status=200, job_id=JOB),
        errors.CreateUncertainError(words),
        errors.FollowupUncertainError(words, job_id=JOB),
        errors.NotSentError(words),
        errors.DroppedError(batch="launch", key="hero"),
        errors.SentElsewhereError(batch="launch", key="hero", owner="0123456789abcdef"),
        errors.LedgerError(words, job_ids=(("launch", "hero", JOB),)),
        errors.LedgerVersionError(found=2, known=1),
        errors.LedgerConflictError(words, batch="launch", key="hero", state="planned", job_id=JOB),
        errors.LedgerAccountError("launch", bound_origin="http://127.0.0.1:8080", origin="https://api.motion.so"),
        errors.WaitTimeoutError(JOB, timeout=900, status="running", failures=2, retry_after=7.5),
        errors.InputRequiredError(JOB),
        errors.JobFailedError(JOB, error=words),
    ]


def name_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return value.__name__ if isinstance(value, type) else type(value).__name__


def all_classes(root: type[MotionError]) -> set[type[MotionError]]:
    own = (kind for kind in root.__subclasses__() if kind.__module__ == errors.__name__)
    return {root}.union(*map(all_classes, own))


CLASSES = sorted(all_classes(MotionError), key=name_of)


def test_the_drawn_tree_is_the_real_tree() -> None:
    """The tree at the top of the module names every class, under its real parent, and no other."""
    drawn: dict[str, str | None] = {}
    open_branches: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    [│├└─ ]*(\w+Error)\b", line)
        if not found:
            continue
        column, name = found.start(1), found[1]
        while open_branches and open_branches[-1][0] >= column:
            open_branches.pop()
        drawn[name] = open_branches[-1][1] if open_branches else None
        open_branches.append((column, name))
    real = {
        kind.__name__: None if kind is MotionError else kind.__mro__[1].__name__ for kind in all_classes(MotionError)
    }
    assert drawn == real


@pytest.mark.parametrize("kind", CLASSES, ids=name_of)
def test_each_class_is_public(kind: type[MotionError]) -> None:
    """Each error of the tree is exported by the package and by its module."""
    assert issubclass(kind, MotionError)
    assert getattr(motion_async, kind.__name__) is kind
    assert kind.__name__ in motion_async.__all__
    assert kind.__name__ in errors.__all__


def test_the_samples_below_are_of_every_class() -> None:
    """No class of the tree is left out of the tests of this module."""
    assert {type(error) for error in one_of_each("words")} == all_classes(MotionError)


def by_json(error: MotionError) -> MotionError:
    """Keep an error as Celery does: the name and the module of its class, and its `args` as JSON."""
    kind = type(error)
    kept = json.loads(json.dumps([kind.__module__, kind.__qualname__, error.args], allow_nan=False))
    return getattr(sys.modules[kept[0]], kept[1])(*kept[2])


WAYS: dict[str, Callable[[MotionError], MotionError]] = {
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "JSON": by_json,
    "twice": lambda error: by_json(pickle.loads(pickle.dumps(by_json(error)))),
}


@pytest.mark.parametrize("words", ["words of the service", f"{KEY} for {SIGNED}\n\x1b[31m \u202e"])
@pytest.mark.parametrize("way", WAYS)
def test_an_error_that_is_kept_or_sent_elsewhere_keeps_everything(way: str, words: str) -> None:
    """An error that travels to another process, by whatever way, has the same class, message and attributes there."""
    for error in one_of_each(words):
        again = WAYS[way](error)
        assert type(again) is type(error)
        assert (str(again), repr(again), again.message) == (str(error), repr(error), error.message)
        assert (again.args, vars(again)) == (error.args, vars(error))


def test_many_problems_are_counted_wherever_the_error_goes() -> None:
    """An error that has not all of its problems says how many there were, in another process, too."""
    error = errors.InvalidRequestError([Problem("custom", "Wrong", ("attachments", n)) for n in range(70)])
    again = by_json(error)
    assert (len(error.problems), error.problem_count) == (50, 70)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_job_that_is_noted_later_goes_along() -> None:
    """What is noted on an error after it was made is among its `args`, too."""
    error = errors.AuthenticationError("no", http_status=401)
    error.job_id = JOB
    assert by_json(error).job_id == JOB


class OwnError(errors.JobFailedError):
    """An error of a caller's own, that takes something else than what it is derived from."""

    def __init__(self, order: int) -> None:
        super().__init__(JOB, error="broke")
        self.order = order


@pytest.mark.parametrize("way", WAYS)
def test_a_callers_own_error_keeps_everything(way: str) -> None:
    """An error class of a caller's own travels as the library's do, by the parts that it takes."""
    again = WAYS[way](OwnError(17))
    assert (type(again), str(again), vars(again)) == (OwnError, str(OwnError(17)), vars(OwnError(17)))


@pytest.mark.parametrize("error", one_of_each("words"), ids=name_of)
def test_copying_keeps_everything(error: MotionError) -> None:
    """A copy of an error, and a note on it, are as pickles are."""
    error.add_note("seen by a test")
    again = copy.copy(error)
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy], ids=["pickle", "copy"])
def test_what_an_error_of_the_tree_hangs_on_goes_along(again: Callable[[MotionError], MotionError]) -> None:
    """Why a request was not sent, or what happened to an answer, is known in another process."""
    error = errors.NotSentError("an earlier request ended all new ones")
    error.__cause__ = errors.AuthenticationError("no such key", http_status=401)
    error.__cause__.__cause__ = ValueError("of another library")
    found = again(error)
    assert isinstance(found.__cause__, errors.AuthenticationError)
    assert found.__cause__.http_status == 401
    assert again(found.__cause__).__cause__ is None


@pytest.mark.parametrize("error", one_of_each("what happened"), ids=name_of)
def test_the_message_tells_what_happened(error: MotionError) -> None:
    """The message carries the words that were handed in, and is one line."""
    own_words = (
        errors.WaitTimeoutError,
        errors.InputRequiredError,
        errors.LedgerVersionError,
        errors.LedgerAccountError,
        errors.DroppedError,
        errors.SentElsewhereError,
    )
    if not isinstance(error, own_words):
        assert "what happened" in str(error)
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (errors.UnexpectedResponseError("no JSON", http_status=200, job_id=JOB), "check that the base URL"),
        (errors.FollowupUncertainError("reset", job_id=JOB), "poll the job"),
        (errors.WaitTimeoutError(JOB, timeout=900, status="running"), "waited for again by its id"),
        (errors.InputRequiredError(JOB), "give it at https://motion.so"),
        (errors.JobFailedError(JOB, error="render crashed"), "create"),
    ],
    ids=name_of,
)
def test_errors_about_a_job_name_it_and_the_next_step(error: MotionError, next_step: str) -> None:
    """An error that makes its own message names the job and says what to do next."""
    assert JOB in str(error)
    assert error.job_id == JOB
    assert next_step in str(error)


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (errors.CreateUncertainError("reset"), "look at https://motion.so before you send it again"),
        (errors.NotSentError("no credits"), "send it again"),
        (errors.SentElsewhereError("launch", "hero", "0123456789abcdef"), "in the ledger: run the same again"),
        (errors.SentElsewhereError("launch", "hero", "0123456789abcdef"), "for several processes use a fleet"),
    ],
    ids=name_of,
)
def test_errors_without_a_job_name_the_next_step(error: MotionError, next_step: str) -> None:
    """An error about a request that has no job id says what to do next, too."""
    assert next_step in str(error)
    assert error.job_id is None


def test_a_refused_followup_names_its_job() -> None:
    """A 400 to a followup says which job the followup was meant for."""
    error = errors.InvalidRequestError((Problem("custom", "Too long"),), job_id=JOB, http_status=400)
    assert JOB in str(error)


def test_an_invalid_request_tells_every_problem() -> None:
    """All problems stand in the message, each with its place in the request."""
    found = (
        Problem("too_small", "String must contain at least 1 character(s)", ("prompt",)),
        Problem("invalid_string", "Invalid url", ("attachments", 3, "url")),
        Problem("custom", "Something else"),
    )
    error = errors.InvalidRequestError(found)
    assert str(error) == (
        "the request was not sent: prompt: String must contain at least 1 character(s); "
        "attachments[3].url: Invalid url; Something else"
    )
    assert (error.problems, error.http_status, error.job_id) == (found, None, None)


def test_an_invalid_request_without_details_says_so() -> None:
    """A refusal that names nothing says that it names nothing, and who refused."""
    error = errors.InvalidRequestError((), http_status=400)
    assert "the service refused the request (400)" in str(error)
    assert "no details" in str(error)


@pytest.mark.parametrize("kind", SERVICE_ERRORS, ids=name_of)
def test_service_errors_carry_the_answers_data(kind: type[errors.ServiceError]) -> None:
    """Each error of the service's own has the status, code, detail, wait and job as attributes."""
    error = service_error(kind, "words")
    assert vars(error) == {
        "message": "words",
        "job_id": JOB,
        "http_status": 418,
        "code": "words",
        "detail": "words",
        "retry_after": 7.5,
        **FURTHER.get(kind, {}),
    }


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (errors.WaitTimeoutError(JOB, timeout=0.5, status=None), "within 0.5 s (nothing of it was seen); it goes on"),
        (
            errors.WaitTimeoutError(JOB, timeout=0.5, status="running", failures=3),
            "(last seen: running, and its last 3 polls failed); the session's events say why",
        ),
        (errors.WaitTimeoutError(JOB, timeout=900, status="running"), "within 900 s (last seen: running)"),
        (
            errors.WaitTimeoutError(JOB, timeout=60, status="running", failures=1, retry_after=240.3),
            "within 60 s (last seen: running; by its Retry-After the service wants no call for another 240 s); it goes",
        ),
        (errors.JobFailedError(JOB, error=None), "the service gave no reason"),
        (errors.UnexpectedResponseError("no JSON"), "the service's answer cannot be read: no JSON;"),
    ],
    ids=["seen nothing", "polls failed", "seen", "a pause", "no reason", "about no job"],
)
def test_what_is_not_known_is_told_as_such(error: MotionError, shown: str) -> None:
    """A missing status, reason or job leaves a whole sentence."""
    assert shown in str(error)
    assert "None" not in str(error)


@pytest.mark.parametrize("error", one_of_each(f"no {KEY} for {SIGNED}"), ids=name_of)
def test_no_error_holds_a_secret(error: MotionError) -> None:
    """A key or a signed query that somebody echoes is in no message, attribute, repr or pickle."""
    assert "SECRET" not in f"{error} {error!r} {error.args!r} {vars(error)!r}"
    assert b"SECRET" not in pickle.dumps(error)


def nested_list(echo: str) -> Any:
    return [{"issues": [echo]}]


def nested_mapping(echo: str) -> Any:
    return {"given": {"url": echo}}


@pytest.mark.parametrize("nested", [nested_list, nested_mapping], ids=["list", "mapping"])
def test_no_problem_holds_a_secret_deep_inside(nested: Callable[[str], Any]) -> None:
    """The further fields of a 400's details are without secrets at any depth."""
    problem = Problem("invalid_union", "Invalid input", (), {"unionErrors": nested(SIGNED)})
    assert "SECRET" not in repr(problem)
    assert b"SECRET" not in pickle.dumps(errors.InvalidRequestError((problem,)))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), "Wrong"),
        (("prompt",), "prompt: Wrong"),
        (("attachments", 3, "url"), "attachments[3].url: Wrong"),
        ((0, "url"), "[0].url: Wrong"),
    ],
)
def test_a_problem_shows_its_place(path: tuple[str | int, ...], shown: str) -> None:
    """A problem reads as its place in the request, and what is wrong there."""
    assert str(Problem("custom", "Wrong", path)) == shown


def test_problems_are_frozen_hashable_values() -> None:
    """A problem can't be changed, and stands in sets in spite of its further fields."""
    problem = Problem("too_big", "Too big", ("prompt",), {"maximum": 12_000})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        problem.code = "other"  # type: ignore[misc]
    assert len({problem, Problem("too_big", "Too big", ("prompt",), {"maximum": 12_000})}) == 1
    assert not hasattr(problem, "__dict__")
