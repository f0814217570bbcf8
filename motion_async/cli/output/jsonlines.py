"""What happens as JSON lines: one object a line on standard output, and nothing else there.

The shapes are stable, and `motion_async.cli.output.schema` is their documentation. A person hears on stderr how it
stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

import attrs

from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output, View
from motion_async.cli.output.pacing import saying
from motion_async.cli.progress import DuplicateFound, NewLine, RequestEnded
from motion_async.cli.records import duplicate_record, item_record, outcome_record, with_sentence
from motion_async.cli.words import Fate, Word
from motion_async.codec import to_dict
from motion_async.errors import MotionError
from motion_async.events import Event, PollDisturbed, SendAbandoned, SendDisturbed, WatchEnded
from motion_async.jobs import JobState, StatusChange
from motion_async.ledger import History, Item

if TYPE_CHECKING:
    from motion_async.fleet import FleetStatus

__all__ = ["JsonOutput"]

_MEASURED: Final = ("next_wait", "pause", "polls_per_second", "seconds")
"""What is no better known than to the millisecond."""


class JsonOutput(Output):
    """Tells programs what happens: a JSON object a line."""

    _tells_each = False
    """Whether each change of a job has a line of its own, so that nobody has to be told how all stand."""

    def _line(self, event: str, **fields: Any) -> None:
        self._stdout.line(json.dumps({"event": event, **fields}))

    def _shown(self, view: View) -> AbstractAsyncContextManager[None]:
        return saying(lambda: None if self._tells_each else view.words(), self.notice)

    def show_event(self, event: Event) -> None:
        """See `Output.show_event`; what somebody else tells, who waited for it, has no line."""
        super().show_event(event)
        self._tells_each = self._tells_each or isinstance(event, StatusChange)
        if not isinstance(event, WatchEnded | SendAbandoned):
            plain = {name: round(value, 3) if name in _MEASURED else value for name, value in to_dict(event).items()}
            disturbance = event.error if isinstance(event, PollDisturbed | SendDisturbed) else None
            self._line(**with_sentence(plain, disturbance))

    def show_state(self, state: JobState) -> None:
        """See `Output.show_state`."""
        super().show_state(state)
        self._tells_each = True
        self._line("state", job_id=state.job_id, state=to_dict(state))

    def show_result(self, state: JobState) -> None:
        """See `Output.show_result`."""
        super().show_result(state)
        self._line("result", job_id=state.job_id, state=to_dict(state))

    def error(self, error: MotionError, *, job_id: str | None = None, aloud: bool = True) -> ExitStatus:
        """See `Output.error`."""
        told = {**with_sentence(to_dict(error), error), "job_id": job_id or error.job_id}
        self._line("error", **told, http_status=getattr(error, "http_status", None))
        return super().error(error, job_id=job_id, aloud=aloud)

    def interrupted(self, why: str) -> None:
        """See `Output.interrupted`."""
        self._line("interrupted", job_ids=list(self.unfinished.job_ids))
        super().interrupted(why)

    def show_account(self, base_url: str, api_key: str, source: str, profile: str | None) -> None:
        """See `Output.show_account`."""
        self._line("account", base_url=base_url, api_key=api_key, source=source, profile=profile)

    def show_listening(self, base_url: str, api_key: str) -> None:
        """See `Output.show_listening`."""
        self._line("listening", base_url=base_url, api_key=api_key)

    def show_invalid(self, line: int, problems: tuple[str, ...]) -> None:
        """See `Output.show_invalid`."""
        self._line("invalid", line=line, problems=list(problems))

    def show_plan(self, batch: str, lines: int, counts: Mapping[Fate, int], invalid: int, minimum_balance: int) -> None:
        """See `Output.show_plan`."""
        self._line(
            "plan", batch=batch, lines=lines, counts=dict(counts), invalid=invalid, minimum_balance=minimum_balance
        )

    def show_new(self, lines: Iterable[NewLine]) -> None:
        """See `Output.show_new`."""
        for line in lines:
            self._line("new", **attrs.asdict(line))

    def show_duplicate(self, found: DuplicateFound) -> None:
        """See `Output.show_duplicate`."""
        self._line("duplicate", **duplicate_record(found))

    def show_outcome(self, ended: RequestEnded) -> None:
        """See `Output.show_outcome`."""
        self._line("outcome", **outcome_record(ended))

    def show_batch(
        self, batch: str, ledger: str, lines: int, counts: Mapping[Word, int], running: int, invalid: int
    ) -> None:
        """See `Output.show_batch`."""
        self._line(
            "batch", batch=batch, ledger=ledger, lines=lines, counts=dict(counts), running=running, invalid=invalid
        )

    def show_counts(self, batch: str, counts: Mapping[Word, int]) -> None:
        """See `Output.show_counts`."""
        self._line("counts", batch=batch, counts=dict(counts))

    def show_item(self, item: Item, history: tuple[History, ...] | None = None) -> None:
        """See `Output.show_item`."""
        self._line("item", **item_record(item), history=None if history is None else list(map(to_dict, history)))

    def show_items(self, items: Iterable[Item]) -> None:
        """See `Output.show_items`."""
        for item in items:
            self.show_item(item)

    def show_fleet(self, status: FleetStatus) -> None:
        """See `Output.show_fleet`."""
        plain = attrs.asdict(status)
        self._line("fleet", **{name: plain[name] for name in ("limits", "workers", "queue")})
