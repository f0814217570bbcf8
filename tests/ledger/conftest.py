"""What the tests of the ledger share: a place for one of each kind, and values to put in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from motion_async import JobState, JobStatus, StatusChange, VideoRequest
from motion_async.ledger import Entry

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger of each kind can be opened."""
    if request.param == "memory":
        return "sqlite://"
    return str(request.getfixturevalue("file_url" if request.param == "file" else "fresh_postgres"))


@pytest.fixture(params=["file", "postgres"])
def shared_url(request: pytest.FixtureRequest) -> str:
    """Where a ledger of each kind can be opened that several can open at a time."""
    return str(request.getfixturevalue("file_url" if request.param == "file" else "fresh_postgres"))


@pytest.fixture
def file_url(tmp_path: Path) -> str:
    """Where a ledger in a file can be opened."""
    return f"sqlite:///{tmp_path}/launch.db"


def entries(*keys: str) -> list[Entry]:
    """Entries with these keys, each with a prompt of its own."""
    return [Entry(key, VideoRequest(f"a video of {key}"), metadata={"of": key}) for key in keys]


def accepted(job_id: str = "job-1") -> JobState:
    """The service's answer to a create."""
    return JobState(job_id, JobStatus.QUEUED)


def seen(status: str, job_id: str = "job-1", *, seconds: float = 60) -> JobState:
    """The service's answer to a poll."""
    ended_at = START + timedelta(seconds=seconds) if status == "completed" else None
    return JobState(job_id, JobStatus(status), created_at=START, updated_at=START, completed_at=ended_at)


def change(status: str, job_id: str = "job-1") -> StatusChange:
    """News of a job."""
    return StatusChange(job_id, None, JobStatus(status), seen(status, job_id), START)


def clock(step: float = 1.0, start: datetime = START) -> Callable[[], datetime]:
    """A clock that goes on by a step whenever it is read."""
    moment = [start]

    def now() -> datetime:
        moment[0] += timedelta(seconds=step)
        return moment[0]

    return now
