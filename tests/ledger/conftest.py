"""What the tests of the ledger share: a place for one of each kind, and values to put in."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from motion_async import JobState, JobStatus, StatusChange, VideoRequest
from motion_async.ledger import Entry, Item, Ledger
from motion_async.ledger.store import sqlite
from motion_async.ledger.store.files import LedgerFile
from motion_async.ledger.writes import Plan
from tests.postgres import execute, execute_now

PLAIN_USER = 65_534
VERSION_1 = Path(__file__).with_name("version_1")
"""Tables and rows as the first ledgers have them, written by the library of their time."""
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


@attrs.frozen
class SlowFile:
    """A ledger's file that a thread is making: `has_begun` says so, and it is made once `goes_on` is set."""

    has_begun: threading.Event = attrs.field(factory=threading.Event)
    goes_on: threading.Event = attrs.field(factory=threading.Event)


@pytest.fixture
def slow_file(monkeypatch: pytest.MonkeyPatch) -> SlowFile:
    """Have each ledger in a file take as long to be made as the test wants."""
    slow = SlowFile()

    class Made(LedgerFile):
        def __init__(self, path: Path, *, busy_seconds: float) -> None:
            slow.has_begun.set()
            assert slow.goes_on.wait(20)
            super().__init__(path, busy_seconds=busy_seconds)

    monkeypatch.setattr(sqlite, "LedgerFile", Made)
    return slow


def make_version_1(url: str) -> None:
    """Make a ledger as the first version of the library has left it."""
    rows = (VERSION_1 / "rows.sql").read_text()
    if url.startswith("postgresql"):
        execute_now(url, *(VERSION_1 / "postgresql.sql").read_text().split(";\n"), *rows.splitlines())
        return
    file = Path(url.removeprefix("sqlite:///"))
    file.touch(0o600)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((VERSION_1 / "sqlite.sql").read_text() + rows)


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A directory of root's, looked at by a plain user; where this user is one, it is its own and cannot be written."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name).resolve()
        yield place
        if os.geteuid() != os.getuid():
            os.seteuid(os.getuid())
        place.chmod(0o700)


def become_a_plain_user(place: Path) -> None:
    """Have nobody, from here on, be able to write what lies in a directory."""
    for file in place.iterdir():
        file.chmod(0o444)
    place.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(PLAIN_USER)


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


async def make_plan(ledger: Ledger, *planned: Entry, batch: str = "launch") -> Plan:
    """Give the write that plans entries, without making it."""
    written: list[Plan] = []
    put = ledger._writer.put

    def keep(write: Any) -> Any:
        written.append(write)
        done: asyncio.Future[list[Item]] = asyncio.get_running_loop().create_future()
        done.set_result([])
        return done

    ledger._writer.put = keep  # type: ignore[method-assign]
    await ledger.plan(batch, planned)
    ledger._writer.put = put  # type: ignore[method-assign]
    return written[0]


async def wait_for_locks(url: str, sessions: int) -> bool:
    """Whether so many sessions wait for what others have locked."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return await execute(url, waiting) == [sessions]
