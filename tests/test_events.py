"""Tests of `motion_async.events`."""

import pickle
from datetime import UTC, datetime
from typing import Any, get_args

import attrs
import pytest

import motion_async
from motion_async import events
from motion_async.errors import ConnectFailedError, CreateUncertainError, JobNotFoundError
from motion_async.events import (
    Event,
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendAbandoned,
    SendDisturbed,
    SessionSlowed,
    StatusUndocumented,
    WatchEnded,
)
from motion_async.jobs import JobState, JobStatus, StatusChange

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"
NOW = datetime(2026, 4, 28, 23, 1, 4, 198_000, tzinfo=UTC)

EVENTS: list[Event] = [
    StatusChange(JOB, JobStatus.QUEUED, JobStatus.RUNNING, JobState(JOB, JobStatus.RUNNING), NOW),
    JobAccepted(JOB, followup=True),
    SendDisturbed(None, ConnectFailedError("no route"), failures=1, next_wait=0.8),
    SendAbandoned(None, CreateUncertainError("reset")),
    PollDisturbed(JOB, ConnectFailedError("no connection", job_id=JOB), failures=2, next_wait=1.5),
    SessionSlowed(polls_per_second=5.0, pause=30.0),
    StatusUndocumented(JOB, JobStatus("rendering"), seconds=600.0),
    WatchEnded(JOB, JobNotFoundError("no such job", http_status=404, job_id=JOB)),
    EventsDropped(count=3),
]


def name_of(value: object) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def test_the_samples_below_are_of_every_event() -> None:
    """No event is left out of the tests of this module."""
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("kind", get_args(Event), ids=name_of)
def test_each_event_is_public(kind: type) -> None:
    """Whatever a session may tell of can be imported from the package, to be matched against."""
    assert getattr(motion_async, kind.__name__) is kind
    assert kind is StatusChange or kind.__name__ in events.__all__


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_events_are_frozen_and_slotted(event: Any) -> None:
    """What one reader gets no other can change."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(event, attrs.fields(type(event))[0].name, None)
    assert not hasattr(event, "__dict__")
    assert hash(event) == hash(attrs.evolve(event))


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_events_survive_pickling(event: Any) -> None:
    """An event that travels to another process shows the same there."""
    assert repr(pickle.loads(pickle.dumps(event))) == repr(event)


def test_an_accepted_job_is_a_new_one_unless_told() -> None:
    """A create is the ordinary case of an accepted job."""
    assert JobAccepted(JOB).followup is False
