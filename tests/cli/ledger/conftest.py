"""What the tests of a ledger's commands share: a ledger with an item of each kind that matters."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from motion_async.errors import CreateUncertainError
from motion_async.jobs import JobState, JobStatus, VideoRequest
from motion_async.ledger import Entry, Item, Ledger, open_ledger

Lines = list[dict[str, Any]]
Command = Callable[..., tuple[int, Lines, str]]
OnTerminal = Callable[..., tuple[int, str]]
LEDGER = "launch.db"
SIGNED = "https://storage.example.com/hero.png?signature=hush"


async def uncertain(ledger: Ledger, item: Item) -> None:
    """Have an item sent, and its answer lost."""
    record = ledger.journal(item)
    await record.begin()
    await record.unknown(CreateUncertainError("the connection was lost"))


async def submitted(ledger: Ledger, item: Item, job_id: str) -> None:
    """Have an item sent and taken."""
    record = ledger.journal(item)
    await record.begin()
    await record.accepted(JobState(job_id, JobStatus.QUEUED))


@asynccontextmanager
async def planned(batch: str, keys: Sequence[str]) -> AsyncIterator[tuple[Ledger, dict[str, Item]]]:
    """Open the ledger with some items."""
    async with open_ledger(f"sqlite:///{LEDGER}") as ledger:
        entries = [
            Entry(key, VideoRequest(f"A {key} video", attachments=[SIGNED]), metadata={"k": key}) for key in keys
        ]
        items = await ledger.plan(batch, entries)
        yield ledger, {item.key: item for item in items}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger with an item of each kind that matters, in a directory of its own."""
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        async with planned("launch", ["new", "done", "lost", "gone", "runs"]) as (opened, items):
            await uncertain(opened, items["lost"])
            await uncertain(opened, items["gone"])
            await submitted(opened, items["runs"], "job-runs")
            await submitted(opened, items["done"], "job-done")
            state = JobState("job-done", JobStatus.COMPLETED, extra={"video_url": "https://example.com/v.mp4"})
            await opened.journal(items["done"]).ended(state, None)
        async with planned("other", ["new"]):
            pass

    anyio.run(make)
    return LEDGER


def stands() -> dict[str, str]:
    """Give the states of the batch's items, read behind the ledger's back."""
    with sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True) as connection:
        found = dict(connection.execute("SELECT key, state FROM motion_items WHERE batch = 'launch'").fetchall())
    connection.close()
    return found


def die_while_sending(key: str) -> None:
    """Have an item stand as if its sender had died."""
    with sqlite3.connect(LEDGER) as connection:
        connection.execute(
            "UPDATE motion_items SET state = 'intent', owner = '00112233445566aa', claim = 'x' WHERE key = ?", (key,)
        )
    connection.close()
