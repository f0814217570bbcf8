"""Ledgers for the tests of reports: batches that have been made, whose times are known to the second."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from motion_async.jobs import Attachment, VideoRequest
from motion_async.ledger import Entry, open_ledger

__all__ = ["BEGAN", "Turn", "films", "write_ledger"]

BEGAN: Final = datetime(2026, 11, 28, 9, tzinfo=UTC)
_AT_ONCE: Final = 500


@attrs.frozen(kw_only=True)
class Turn:
    """A request as a ledger has it, at work for a minute.

    It was sent ten seconds after the one before it, a followup that long after the end of what it follows.
    """

    key: str
    prompt: str = "A video"
    state: str = "completed"
    statuses: Sequence[str] = ("queued", "created", "running")
    parent: str | None = None
    error: str | None = None
    metadata: Any = None
    attachments: Sequence[Attachment] = ()
    style: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def entry(self) -> Entry:
        """What is planned of it."""
        request = VideoRequest(self.prompt, attachments=list(self.attachments), style_reference_url=self.style)
        return Entry(self.key, request, metadata=self.metadata, parent=self.parent)


def films(number: int) -> list[Turn]:
    """Give so many videos; of ten, one has failed, one waits for a person, one was changed and one is not sent yet."""
    turns: list[Turn] = []
    for index in range(number):
        key, prompt = f"film-{index + 1}", f"Video number {index + 1}"
        if index % 10 == 1:
            turns.append(Turn(key=key, prompt=prompt, state="failed", error=f"Scene {index} could not be rendered."))
        elif index % 10 == 2:
            waiting = ("queued", "created", "running", "awaiting_user_input")
            turns.append(Turn(key=key, prompt=prompt, state="submitted", statuses=waiting))
        elif index % 10 == 3:
            turns.append(Turn(key=key, prompt=prompt, state="planned"))
        else:
            turns.append(Turn(key=key, prompt=prompt))
            if index % 10 == 0:
                turns.append(Turn(key=f"{key} faster", prompt=f"Make number {index + 1} faster", parent=key))
    return turns


async def write_ledger(path: Path, turns: Sequence[Turn], batch: str = "autumn") -> None:
    """Write a ledger of one batch."""
    async with open_ledger(f"sqlite:///{path}") as ledger:
        for start in range(0, len(turns), _AT_ONCE):
            await ledger.plan(batch, [turn.entry for turn in turns[start : start + _AT_ONCE]])
    with closing(sqlite3.connect(path)) as connection, connection:
        numbers = dict(connection.execute("SELECT key, id FROM motion_items"))
        connection.execute("UPDATE motion_items SET planned_at = ?, changed_at = ?", [_written(BEGAN)] * 2)
        sent: dict[str, datetime] = {}
        for place, turn in enumerate(turns):
            after = sent.get(turn.parent or "")
            sent[turn.key] = after + timedelta(seconds=70) if after else BEGAN + timedelta(seconds=10 * place)
            if turn.state != "planned":
                _send(connection, numbers, turn, sent[turn.key])


def _send(connection: sqlite3.Connection, numbers: Mapping[str, int], turn: Turn, sent: datetime) -> None:
    number = numbers[turn.key]
    job = f"job-{numbers.get(turn.parent or turn.key, number)}"
    steps: list[tuple[int, str | None, str | None]] = [(0, "intent", None)]
    if turn.state in ("submitted", "completed", "failed"):
        steps += [(10 * place, None if place else "submitted", it) for place, it in enumerate(turn.statuses)]
    if turn.state != "submitted":
        steps.append((60, turn.state, turn.state if turn.state in ("completed", "failed") else None))
    for place, (seconds, state, status) in enumerate(steps):
        at = _written(sent + timedelta(seconds=seconds))
        detail = turn.error if seconds == 60 else "host:1:owner" if state == "intent" else None
        row = (number, f"{number}-{place}", at, state, status, job, detail)
        connection.execute(
            "INSERT INTO motion_history (item, op, at, state, status, job_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?)", row
        )
    last, _, status = steps[-1]
    answer = {"job_id": job, "status": status, "completed_at": None, "error": turn.error, **turn.extra}
    values = (
        turn.state, status, job if status else None, _written(sent), _written(sent) if status else None,
        _written(sent + timedelta(seconds=last)), turn.error, json.dumps(answer) if status else None, number,
    )  # fmt: skip
    connection.execute(
        "UPDATE motion_items SET state = ?, status = ?, job_id = ?, intent_at = ?, taken_at = ?, changed_at = ?, "
        "error = ?, job_state = ? WHERE id = ?",
        values,
    )


def _written(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
