"""`motion_async.codec.reading`: every value, event and error comes back, and what is wrong is told by its place."""

from __future__ import annotations

import inspect
import json
import traceback
from datetime import UTC, datetime
from functools import reduce
from typing import Any, get_args

import attrs
import pytest

from motion_async import (
    Attachment,
    BatchRequest,
    ConfigurationError,
    Event,
    InvalidRequestError,
    JobFailedError,
    JobNotFoundError,
    JobState,
    JobStatus,
    MotionError,
    Outcome,
    PollDisturbed,
    Problem,
    StatusChange,
    VideoRequest,
    WaitTimeoutError,
    errors,
    events,
)
from motion_async.codec import ShapeError, from_dict, read_plain_request, to_dict
from motion_async.codec.kinds import EVENTS, WITH_AN_ERROR
from motion_async.ledger import Entry, History, Item, ItemState, LedgerChange, LedgerTrouble

AT = datetime(2026, 11, 30, 9, 0, 0, 123_000, tzinfo=UTC)
URL = "https://files.example.com/a.png?X-Amz-Signature=secret"
REQUEST = VideoRequest(
    "A video", style_reference_url="https://youtu.be/x", attachments=[Attachment(URL, name="n", type="image"), "b"]
)
STATE = JobState("a", JobStatus("rendering"), AT, AT, None, "no", pending_user_input=True, extra={"progress": [1]})
ERROR = JobNotFoundError("no such job", 404, job_id="a", retry_after=1.5)
PROBLEM = Problem("too_big", "too many", ("attachments", 3, "url"), {"maximum": 10})
VALUES = [
    REQUEST,
    VideoRequest("p"),
    REQUEST.attachments[0],
    BatchRequest(REQUEST, id="i", follows="h", metadata={"a": [1, None]}),
    STATE,
    JobState("a", JobStatus.COMPLETED, completed_at=AT),
    Outcome(3, REQUEST, "a", STATE, key="k", metadata=[1]),
    PROBLEM,
    Entry("k", REQUEST, metadata=1, parent="p"),
    Item(
        1, "b", "k", request=REQUEST, digest="d", state=ItemState.FAILED, planned_at=AT, changed_at=AT, job_state=STATE
    ),
    History(AT, ItemState.SUBMITTED, JobStatus.QUEUED, "a", "words"),
    LedgerChange(AT, position=7, batch="b", key="k"),
    LedgerTrouble("locked", 2.5),
]  # fmt: skip
HAPPENED = [
    StatusChange("a", None, JobStatus.RUNNING, STATE, AT),
    StatusChange("a", JobStatus.RUNNING, STATE.status, STATE, AT),
    events.JobAccepted("a", followup=True, key="k", metadata={"a": 1}),
    events.SendAbandoned("a", None),
    events.SessionSlowed(1.5, 2.0),
    events.StatusUndocumented("a", JobStatus("rendering"), 600.0),
    events.EventsDropped(3),
]
FAILED = [
    events.SendAbandoned(None, ERROR),
    events.SendDisturbed(None, ERROR, 1, 2.5),
    PollDisturbed("a", ERROR, 1, 2.5),
    events.WatchEnded("a", ERROR),
    Outcome(3, REQUEST, error=ERROR),
]
PARTS: dict[str, Any] = {
    "http_status": 400,
    "retry_after": 1.5,
    "timeout": 2.0,
    "failures": 2,
    "found": 3,
    "known": 2,
    "problem_count": 60,
    "minimum_required_credits": 300,
    "current_balance": 1.5,
    "problems": [PROBLEM],
    "job_ids": [["b", "k", "a"]],
}
"""What the parts of errors may be that are no text."""
ENDLESS = {"job_id": "a", "timeout": 10**400, "status": None}


def travelled(value: object) -> dict[str, Any]:
    """Write a value and have it go through JSON."""
    data: dict[str, Any] = json.loads(json.dumps(to_dict(value)))
    return data


def newer(data: Any, name: str = "") -> Any:
    """Give the data of a newer version, which has a field more in every value."""
    if isinstance(data, list):
        return [newer(item) for item in data]
    if not isinstance(data, dict) or name in ("metadata", "extra", "progress"):
        return data
    return {**{name: newer(value, name) for name, value in data.items()}, "later": {"x": [1]}}


def without_later(value: Any) -> Any:
    """Give a value without the field that a state has kept."""
    if isinstance(value, JobState):
        return attrs.evolve(value, extra={name: it for name, it in value.extra.items() if name != "later"})
    fields = {name: getattr(value, name) for name in attrs.fields_dict(type(value))}
    states = {name: without_later(field) for name, field in fields.items() if isinstance(field, JobState)}
    return attrs.evolve(value, **states)


@pytest.mark.parametrize("value", [*VALUES, *HAPPENED], ids=lambda value: type(value).__name__)
def test_a_value_comes_back(value: Any) -> None:
    """By its class, and of the same types in every field; the same when a newer version has written it."""
    for data in (travelled(value), newer(travelled(value))):
        read = without_later(from_dict(type(value), data))
        assert read == value
        for name in attrs.fields_dict(type(value)):
            assert type(getattr(read, name)) in (type(getattr(value, name)), dict)


@pytest.mark.parametrize("value", FAILED, ids=lambda value: type(value).__name__)
def test_the_error_of_a_value_comes_back(value: Any) -> None:
    """An error is equal to itself alone, so class and data are compared."""
    read = from_dict(type(value), newer(travelled(value)))
    assert (type(read.error), read.error.args) == (JobNotFoundError, ERROR.args)
    assert attrs.evolve(read, error=value.error) == value


@pytest.mark.parametrize(
    "value", [it for it in (*HAPPENED, *FAILED) if type(it) in EVENTS], ids=lambda value: type(value).__name__
)
def test_an_event_is_known_by_its_name(value: Any) -> None:
    """Whoever reads a stream does not know what comes next."""
    assert type(from_dict(Event, travelled(value))) is type(value)


def test_every_event_and_value_is_tried_here() -> None:
    """One that is added is written and read as well."""
    assert set(EVENTS) == set(get_args(Event)) == {type(it) for it in (*HAPPENED, *FAILED)} & set(EVENTS)
    assert {type(it) for it in FAILED} == WITH_AN_ERROR
    assert len({frozenset(names.items()) for names in EVENTS.values()}) == len(EVENTS)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_comes_back(name: str) -> None:
    """With all that its class takes, as itself and as what stands above it."""
    kind = getattr(errors, name)
    error = kind(**{part: PARTS.get(part, part) for part in inspect.signature(kind).parameters})
    for asked in (kind, MotionError):
        read = from_dict(asked, newer(travelled(error)))
        assert (type(read), read.args, str(read)) == (kind, error.args, str(error))
        assert {k: v for k, v in vars(read).items() if k != "__cause__"} == vars(error)


def test_an_error_that_only_a_newer_version_has_keeps_its_words() -> None:
    """It is an error of the library, whatever else it is."""
    data = {"error": "QuotaError", "message": "no more today", "error_data": {"quota": 3}}
    read = from_dict(MotionError, data)
    assert (type(read), str(read)) == (MotionError, "QuotaError: no more today")
    with pytest.raises(ConfigurationError, match="expected JobFailedError, not QuotaError"):
        from_dict(JobFailedError, data)


def test_a_state_keeps_what_it_does_not_know_as_on_the_wire() -> None:
    """Nothing that the service says is lost on a second way, nor is a time that cannot be read."""
    read = from_dict(JobState, {**travelled(STATE), "later": [1], "created_at": "soon"})
    assert dict(read.extra) == {"progress": [1], "later": [1], "created_at": "soon"}
    assert read.created_at is None


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (VideoRequest, {"prompt": 5, "attachments": [{"url": None}, 7]}, "a string, not int @ $.prompt; "),
        (VideoRequest, {"prompt": "p", "attachments": [{"url": None}]}, "a string, not null @ $.attachments[0].url"),
        (VideoRequest, {"prompt": "p", "attachments": "abc"}, "a list, not str @ $.attachments"),
        (VideoRequest, {"prompt": "p", "attachments": {}}, "a list, not dict @ $.attachments"),
        (VideoRequest, {}, "missing 'prompt' @ $.prompt"),
        (VideoRequest, ["p"], "VideoRequest cannot be read: expected an object, not list"),
        (JobState, {"job_id": "a", "status": ""}, "expected a status, not str '' @ $.status"),
        (JobState, None, "expected an object, not null"),
        (StatusChange, {**travelled(HAPPENED[0]), "observed_at": None}, "a time, not null @ $.observed_at"),
        (StatusChange, {**travelled(HAPPENED[0]), "state": 5}, "an object, not int @ $.state"),
        (StatusChange, travelled(FAILED[2]), "event: expected 'transition'"),
        (PollDisturbed, travelled(FAILED[1]), "call: expected 'poll'"),
        (PollDisturbed, {**travelled(FAILED[2]), "failures": True}, "a whole number, not bool @ $.failures"),
        (PollDisturbed, {**travelled(FAILED[2]), "next_wait": "1"}, "a number, not str @ $.next_wait"),
        (PollDisturbed, {**travelled(FAILED[2]), "error": 5}, "error and message to be strings @ $.error"),
        (PollDisturbed, {**travelled(FAILED[2]), "error_data": None}, "an object, not null @ $.error"),
        (MotionError, {**travelled(ERROR), "error_data": {"message": "m"}}, "missing 'http_status' @ $.http_status"),
        (InvalidRequestError, travelled(ERROR), "expected InvalidRequestError, not JobNotFoundError"),
        (MotionError, to_dict(WaitTimeoutError("a", 1.0, None)) | {"error_data": ENDLESS}, "numbers that can be told"),
        (Event, {"event": "of tomorrow"}, "event: none that is known here, but str 'of tomorrow'"),
        (Event, {"event": reduce(lambda inner, _: [inner], range(5_000), [])}, "list nested too deeply"),
        (Event, 5, "an object, not int"),
        (History, {"at": "2026-11-30T09:00:00Z", "state": "lost"}, "'lost' is not a valid ItemState @ $.state"),
        (dict, {}, "dict cannot be read: it is no value"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(kind: Any, data: Any, told: str) -> None:
    """In an error of the library, all of it at once."""
    with pytest.raises(ConfigurationError) as caught:
        from_dict(kind, data)
    assert told in str(caught.value)


@pytest.mark.parametrize("data", [{"prompt": URL, "attachments": 5}, {"prompt": "p", "attachments": [{"url": [URL]}]}])
def test_an_error_shows_no_signed_url(data: dict[str, Any]) -> None:
    """Neither in its words, nor in what it hangs on, nor in a traceback with locals."""
    with pytest.raises(ConfigurationError) as caught:
        from_dict(VideoRequest, data)
    assert caught.value.__context__ is None
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack[1:]
    assert "secret" not in str(caught.value) + str([frame.locals for frame in frames])


@pytest.mark.parametrize(
    "plain", [{"prompt": 1}, {"prompt": "a", "attachments": [{"url": None}]}, {"prompt": "a", "x": "b"}]
)
def test_what_was_never_written_is_not_read(plain: dict[str, object]) -> None:
    """A damaged row of a ledger is told of, and makes no request of another kind."""
    with pytest.raises(ShapeError):
        read_plain_request(plain)
