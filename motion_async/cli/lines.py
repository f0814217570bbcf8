"""What happens as JSON lines: one object a line on standard output, and nothing else there.

The shapes are stable, and `motion_async.cli.schema` is their documentation. Nothing here decides what is told.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
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
from motion_async.cli.pacing import saying
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

__all__ = ["JsonLines"]

Line: TypeAlias = dict[str, Any]

_MEASURED: Final = ("next_wait", "pause", "polls_per_second", "seconds")
"""What is no better known than to the millisecond."""


class JsonLines:
    """A sink for programs: a JSON object a line; `clock` gives seconds that never go backwards.

    Unless it is quiet a person hears on stderr how it stands.
    """

    def __init__(self, stdout: Stdout, *, is_quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._stdout = stdout
        self._troubles = TroubleWords(clock=clock)
        self._is_quiet = is_quiet
        self._tells_each = False
        """Whether each change of a job has a line of its own, so that nobody has to be told how all stand."""

    def live(self, view: View) -> AbstractAsyncContextManager[None]:
        """Show nothing, but say now and then how it stands, if the view has words for that; see `Sink.live`."""
        return saying(lambda: None if self._tells_each else view.words(), self.notice)

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
            self.notice(STOPPING)
        self.glance(happening)
        self._tells_each = self._tells_each or isinstance(happening, StatusChange | Asked)
        line = _line(happening)
        if line is not None:
            self._stdout.line(json.dumps(line))

    def glance(self, happening: Happening) -> None:
        """Say what of it is trouble, now and then; see `Sink.glance`."""
        if (trouble := self._troubles.due(happening)) is not None:
            self.notice(trouble)

    def notice(self, words: str) -> None:
        """Say it on stderr; see `Sink.notice`."""
        if not self._is_quiet:
            say(words)

    def aside(self, words: str) -> None:
        """Say it on stderr; see `Sink.aside`."""
        say(words)


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
