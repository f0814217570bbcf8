"""What happens as JSON lines: one object a line on standard output, and nothing else there.

The shapes are stable, and `SHAPES` is their documentation. Nothing here decides what is told.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import attrs

from motion_async.cli.happenings import (
    AccountShown,
    Asked,
    BatchCounts,
    BatchEnded,
    BatchPlanned,
    Completed,
    DuplicateFound,
    Failure,
    FleetShown,
    Happening,
    Interrupted,
    ItemShown,
    ItemsShown,
    JobsShown,
    LineRefused,
    Listening,
    NewLine,
    RequestEnded,
    Stopping,
    Summary,
)
from motion_async.cli.looks import STOPPING
from motion_async.cli.records import duplicate_record, item_record, outcome_record, with_sentence
from motion_async.cli.reporter import View, say
from motion_async.cli.stdout import Stdout
from motion_async.cli.troubles import TroubleWords
from motion_async.codec import to_dict
from motion_async.events import (
    EventsDropped,
    JobAccepted,
    PollDisturbed,
    SendDisturbed,
    SessionSlowed,
    StatusUndocumented,
)
from motion_async.jobs import StatusChange

__all__ = ["SHAPES", "JsonLines"]

Line: TypeAlias = dict[str, Any]

_FIRST_WORDS: Final = 5.0
_RARELY: Final = 60.0
"""Seconds between two lines on how it stands, at first and in the end: a log of hours should stay short."""

_MEASURED: Final = ("next_wait", "pause", "polls_per_second", "seconds")
"""What is no better known than to the millisecond."""

SHAPES: Final = """\
  {"event": "accepted", "job_id", "followup", "key", "metadata"}
      the service took a create or a followup
  {"event": "transition", "job_id", "previous", "current", "state",
   "observed_at"}
      a job changed; the first change that is told has a previous of null
  {"event": "fleet", "limits", "workers", "queue"}
      what holds for all workers of a fleet, how many are at work, and how many
      items are waiting, claimed and held
  {"event": "account", "base_url", "api_key", "source", "profile"}
      of `check` and `login`, which end in an error if the service does not take
      the key; of that there are its ends, and source is MOTION_API_KEY, .env or
      keyring, which has it by the name of a profile
  {"event": "state", "job_id", "state"}
      the answer to `status`
  {"event": "result", "job_id", "state"}
      a job completed; a job that is waited for ends in this or in an error
  {"event": "error", "error", "message", "error_data", "job_id", "http_status"}
      error is the class of it, and error_data what it is made of; the last two
      are null where there is none
  {"event": "disturbed", "call", "job_id", "error", "message", "error_data",
   "failures", "next_wait"}
      a poll failed (call is "poll"), or a create or followup was not taken
      ("send"; job_id is null for a create); it is tried again after next_wait
      seconds
  {"event": "undocumented", "job_id", "status", "seconds"}
      a job stands in a status that the documentation does not name
  {"event": "slowed", "polls_per_second", "pause"}
      the service asked for fewer calls
  {"event": "dropped", "count"}
      so many older events could not be told
  {"event": "interrupted", "job_ids"}
      the command ends before these jobs do; job_ids is empty for `batch`, whose
      jobs are in its ledger
  {"event": "listening", "base_url", "api_key"}
      of `sandbox --json`
  {"event": "invalid", "line", "problems"}
      a line of a batch's file that can't be sent
  {"event": "plan", "batch", "lines", "counts", "invalid", "minimum_balance"}
      what `batch` would do, with --dry-run; and then a line of "new" for each
      that it would send
  {"event": "new", "line", "key", "prompt"}
  {"event": "duplicate", "line", "key", "prompt", "made"}
      a line that asks for what was made before; made is the newest such item:
      its batch, key, state, job_id, planned_at and sent_at
  {"event": "outcome", "line", "key", "state", "job_id", "error", "message",
   "error_data", "metadata", "job"}
      how a line of a batch came out: completed, failed, rejected, changed,
      uncertain, running, unseen, not_sent or dropped; job is its state
  {"event": "batch", "batch", "ledger", "lines", "counts", "running", "invalid"}
      how a run of a batch went; counts has its lines by the state of "outcome",
      also those that a run which was ended early did not come to, unless its
      ledger could not be read
  {"event": "counts", "batch", "counts"}
      of `ledger show`: a batch, and its items by state
  {"event": "item", "batch", "key", "state", "status", "job_id", "error",
   "follows", "planned_at", "sent_at", "changed_at", "request", "metadata",
   "job", "history"}
      of `jobs`, `ledger show` and `ledger resolve`; history is null unless
      asked for
  {"event": "summary", ...}
      the numbers of `demo`

A state is the service's answer: job_id, status, created_at, updated_at,
completed_at, error, pending_user_input, and whatever else came."""
"""The shapes as the command's help documents them, in less than 80 columns."""


class JsonLines:
    """A sink for programs: a JSON object a line; `clock` gives seconds that never go backwards."""

    def __init__(self, stdout: Stdout, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stdout = stdout
        self._troubles = TroubleWords(clock=clock)

    @asynccontextmanager
    async def live(self, view: View) -> AsyncIterator[None]:
        """Show nothing, but say now and then how it stands, if the view has words for that; see `Sink.live`."""
        saying = asyncio.create_task(_say_at_times(view), name="motion_async.cli.words")
        try:
            yield
        finally:
            saying.cancel()
            await asyncio.wait([saying])

    confirm = None
    choose = None

    def restore(self) -> None:
        """Do nothing: no terminal was changed; see `Sink.restore`."""

    def tell(self, happening: Happening) -> None:
        """Write its line, if it has one, and say on stderr what a person should know at once; see `Sink.tell`."""
        if isinstance(happening, ItemsShown | JobsShown):
            for item in happening.items:
                self.tell(ItemShown(item))
        if isinstance(happening, Stopping):
            say(STOPPING)
        trouble = self._troubles.due(happening)
        if trouble is not None:
            say(trouble)
        line = _line(happening)
        if line is not None:
            self._stdout.line(json.dumps(line))

    def notice(self, words: str) -> None:
        """Say it on stderr; see `Sink.notice`."""
        say(words)


async def _say_at_times(view: View) -> None:
    pause = _FIRST_WORDS
    while True:
        await asyncio.sleep(pause)
        words = view.words()
        if words is not None:
            say(words)
        pause = min(2 * pause, _RARELY)


def _line(it: Happening) -> Line | None:  # noqa: C901, PLR0911, PLR0912  # one table, a case a shape
    match it:
        case JobAccepted() | StatusChange() | EventsDropped():
            return to_dict(it)
        case StatusUndocumented() | SessionSlowed():
            return _rounded(to_dict(it))
        case PollDisturbed() | SendDisturbed():
            return with_sentence(_rounded(to_dict(it)), it.error)
        case AccountShown():
            return {"event": "account", **attrs.asdict(it)}
        case Asked():
            return {"event": "state", "job_id": it.state.job_id, "state": to_dict(it.state)}
        case Completed():
            return {"event": "result", "job_id": it.state.job_id, "state": to_dict(it.state)}
        case Failure():
            http_status = getattr(it.error, "http_status", None)
            line = {"event": "error", **with_sentence(to_dict(it.error), it.error)}
            return {**line, "job_id": it.job_id, "http_status": http_status}
        case Interrupted():
            return {"event": "interrupted", "job_ids": list(it.job_ids)}
        case Listening():
            return {"event": "listening", "base_url": it.base_url, "api_key": it.api_key}
        case FleetShown():
            status = attrs.asdict(it.status)
            return {"event": "fleet", **{name: status[name] for name in ("limits", "workers", "queue")}}
        case Summary():
            return {"event": "summary", **attrs.asdict(it)}
        case RequestEnded() | LineRefused() | BatchPlanned() | BatchEnded() | BatchCounts() | ItemShown():
            return _of_batch(it)
        case NewLine():
            return {"event": "new", **attrs.asdict(it)}
        case DuplicateFound():
            return {"event": "duplicate", **duplicate_record(it)}
        case _:
            return None  # for a person, or told by whoever waited for it


def _of_batch(it: RequestEnded | LineRefused | BatchPlanned | BatchEnded | BatchCounts | ItemShown) -> Line:
    match it:
        case RequestEnded():
            return {"event": "outcome", **outcome_record(it)}
        case LineRefused():
            return {"event": "invalid", "line": it.line, "problems": list(it.problems)}
        case BatchPlanned():
            return {"event": "plan", **attrs.asdict(it)}
        case BatchEnded():
            return {"event": "batch", **attrs.asdict(it)}
        case BatchCounts():
            return {"event": "counts", "batch": it.batch, "counts": dict(it.counts)}
        case ItemShown():
            history = None if it.history is None else [to_dict(step) for step in it.history]
            return {"event": "item", **item_record(it.item), "history": history}


def _rounded(line: Line) -> Line:
    return {name: round(value, 3) if name in _MEASURED else value for name, value in line.items()}
