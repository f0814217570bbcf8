"""What happens as JSON lines: one object a line on standard output, and nothing else there.

The shapes are stable, and `SHAPES` is their documentation. Nothing here decides what is told.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs

from motion_async.cli.failures import sentence
from motion_async.cli.happenings import Asked, Completed, Failure, Happening, Interrupted, Listening, Summary
from motion_async.cli.reporter import View, say
from motion_async.cli.stdout import Stdout
from motion_async.errors import MotionError
from motion_async.events import (
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendAbandoned,
    SendDisturbed,
    SessionSlowed,
    WatchEnded,
)
from motion_async.jobs import JobState, StatusChange

__all__ = ["SHAPES", "JsonLines"]

Line: TypeAlias = dict[str, Any]

SHAPES: Final = """\
  {"event": "accepted", "job_id", "followup"}
      the service took a create or a followup
  {"event": "transition", "job_id", "previous", "current", "observed_at",
   "state"}
      a job changed; the first change that is told has a previous of null
  {"event": "state", "job_id", "state"}
      the answer to `status`
  {"event": "result", "job_id", "state"}
      a job completed; a job that is waited for ends in this or in an error
  {"event": "error", "error", "message", "job_id", "http_status"}
      error is the class of it; the last two are null where there is none
  {"event": "disturbed", "job_id", "error", "message", "failures", "next_wait"}
      a poll failed, and is made again after next_wait seconds
  {"event": "slowed", "polls_per_second", "pause"}
      the service asked for fewer calls
  {"event": "dropped", "count"}
      so many older events could not be told
  {"event": "interrupted", "job_ids"}
      the command ends before these jobs do
  {"event": "listening", "base_url", "api_key"}
      of `sandbox --json`
  {"event": "summary", ...}
      the numbers of `demo`

A state is the service's answer: job_id, status, created_at, updated_at,
completed_at, error, pending_user_input, and whatever else came."""
"""The shapes as the command's help documents them, in less than 80 columns."""


class JsonLines:
    """A sink for programs.

    Args:
        stdout: where the lines go.
    """

    def __init__(self, stdout: Stdout) -> None:
        self._stdout = stdout

    @asynccontextmanager
    async def live(self, view: View) -> AsyncIterator[None]:  # noqa: ARG002  # programs look at no view
        """Show nothing; see `Sink.live`."""
        yield

    def tell(self, happening: Happening) -> None:
        """Write its line, if it has one; see `Sink.tell`."""
        line = _line(happening)
        if line is not None:
            self._stdout.line(json.dumps(line))

    def notice(self, words: str) -> None:
        """Say it on stderr; see `Sink.notice`."""
        say(words)


def _line(it: Happening) -> Line | None:  # noqa: C901, PLR0911  # one table, a case a shape
    match it:
        case JobAccepted():
            return {"event": "accepted", "job_id": it.job_id, "followup": it.followup}
        case StatusChange():
            line = {
                "event": "transition",
                "job_id": it.job_id,
                "previous": it.previous,
                "current": it.current,
            }
            return {**line, "observed_at": _time(it.observed_at), "state": _state(it.state)}
        case Asked():
            return {"event": "state", "job_id": it.state.job_id, "state": _state(it.state)}
        case Completed():
            return {"event": "result", "job_id": it.state.job_id, "state": _state(it.state)}
        case Failure():
            http_status = getattr(it.error, "http_status", None)
            return {"event": "error", **_error(it.error), "job_id": it.job_id, "http_status": http_status}
        case PollDisturbed() | SendDisturbed():
            line = {"event": "disturbed", "job_id": it.job_id, **_error(it.error)}
            return {**line, "failures": it.failures, "next_wait": round(it.next_wait, 3)}
        case SessionSlowed():
            return {
                "event": "slowed",
                "polls_per_second": round(it.polls_per_second, 3),
                "pause": round(it.pause, 3),
            }
        case EventsDropped():
            return {"event": "dropped", "count": it.count}
        case Interrupted():
            return {"event": "interrupted", "job_ids": list(it.job_ids)}
        case Listening():
            return {"event": "listening", "base_url": it.base_url, "api_key": it.api_key}
        case Summary():
            return {"event": "summary", **attrs.asdict(it)}
        case SendAbandoned() | WatchEnded():
            return None  # whoever waited for it tells the error


def _error(error: MotionError) -> Line:
    return {"error": type(error).__name__, "message": sentence(error)}


def _state(state: JobState) -> Line:
    known = attrs.asdict(state, filter=lambda field, _: field.name != "extra", recurse=False)
    shown = {name: _time(value) if isinstance(value, datetime) else value for name, value in known.items()}
    return {**state.extra, **shown}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
