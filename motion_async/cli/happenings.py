"""The command's own events, such as "a line was refused", as values. Nothing here shows or computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import attrs

from motion_async.cli.words import End
from motion_async.errors import MotionError
from motion_async.events import Event, SessionStats
from motion_async.jobs import JobState, Outcome
from motion_async.ledger import History, Item, ItemState, LedgerTrouble

if TYPE_CHECKING:
    from motion_async.fleet import FleetStatus

__all__ = [
    "AccountShown",
    "Asked",
    "BatchBegins",
    "BatchCounts",
    "BatchEnded",
    "BatchPlanned",
    "Completed",
    "Connected",
    "DuplicateFound",
    "DuplicatesShown",
    "Failure",
    "FleetShown",
    "Happening",
    "Interrupted",
    "ItemShown",
    "ItemsShown",
    "JobsShown",
    "LineRefused",
    "LineTaken",
    "LinesChecked",
    "Listening",
    "NewLine",
    "NewLinesShown",
    "RequestEnded",
    "StateSummary",
    "Stopping",
    "Summary",
]


@attrs.frozen
class AccountShown:
    """Which key is used, of which no more is shown than its ends, for which service, and what had it."""

    base_url: str
    api_key: str
    source: str
    profile: str | None


@attrs.frozen
class Asked:
    """A job's state was asked for, and this is the answer."""

    state: JobState


@attrs.frozen
class Completed:
    """A job that was waited for has completed; the state is its last one."""

    state: JobState


@attrs.frozen
class Failure:
    """Something did not work; `job_id` is the job that it happened to, if any."""

    error: MotionError
    job_id: str | None


@attrs.frozen
class Interrupted:
    """The command ends before these jobs do."""

    job_ids: tuple[str, ...]


@attrs.frozen
class Listening:
    """A sandbox can be reached at this address, with this key."""

    base_url: str
    api_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StateSummary:
    """What was seen of one status.

    Args:
        status: the status.
        passed: how often a job came to it.
        now: how many jobs are in it at the end.
        mean_seconds: how long they stayed in it on average, None where none has left it.
    """

    status: str
    passed: int
    now: int
    mean_seconds: float | None


@attrs.frozen(kw_only=True)
class Summary:
    """How a demonstration went; the numbers from `polls` on are the sandbox's own counts.

    Args:
        seconds: how long it took.
        speed: how many times faster than real the time ran; `mean_seconds` are of that time.
        jobs: how many jobs there were.
        completed: how many of them have a video.
        failed: how many failed.
        states: the statuses that were seen.
        polls: the polls that the service got.
        polls_per_job: the same for each create and followup.
        creates_sent: the creates that the service got.
        creates_accepted: those that it took.
        followups_accepted: the followups that it took.
        duplicates: creates that it took twice.
    """

    seconds: float
    speed: float
    jobs: int
    completed: int
    failed: int
    states: tuple[StateSummary, ...]
    polls: int
    polls_per_job: float
    creates_sent: int
    creates_accepted: int
    followups_accepted: int
    duplicates: int


@attrs.frozen
class LinesChecked:
    """So many lines of a batch's file have been checked, before anything is sent."""

    count: int


@attrs.frozen
class LineRefused:
    """A line of a batch's file, counted from 1, cannot be sent; `problems` are all that is wrong with it."""

    line: int
    problems: tuple[str, ...]


@attrs.frozen
class BatchPlanned:
    """What a run of a batch would do; nothing is done.

    Args:
        batch: the batch's name.
        lines: how many lines can be sent or have been.
        counts: how many of them would be what.
        invalid: how many lines can't be sent.
        minimum_balance: the credits that the account must have before anything is sent; 0 if nothing would be.
    """

    batch: str
    lines: int
    counts: Mapping[str, int] = attrs.field(hash=False)
    invalid: int
    minimum_balance: int


@attrs.frozen
class NewLine:
    """A dry run would send this line of a batch's file, which the ledger knows by its key."""

    line: int
    key: str
    prompt: str


@attrs.frozen
class NewLinesShown:
    """The first lines that a dry run would send, of so many."""

    first: tuple[NewLine, ...]
    count: int


@attrs.frozen
class DuplicateFound:
    """A line of a batch's file asks for what an item of another batch, or under another key, has made before."""

    line: int
    key: str
    prompt: str
    made: Item


@attrs.frozen
class DuplicatesShown:
    """The first lines that ask for what was made before, of so many."""

    first: tuple[DuplicateFound, ...]
    count: int


@attrs.frozen
class BatchBegins:
    """The lines of a batch are checked, and what can be sent is sent from now on.

    Args:
        total: how many lines there are.
        max_active: how many are made at one time, None where that is not known.
        durations: of videos that were made before, in seconds.
    """

    total: int
    max_active: int | None
    durations: tuple[float, ...] = ()


@attrs.frozen
class LineTaken:
    """A line of a batch is sent from now on, or its job, where it has one, is watched."""

    line: int
    key: str | None
    prompt: str
    job_id: str | None


@attrs.frozen
class Connected:
    """A session is open, which says at any moment how it stands."""

    stats: Callable[[], SessionStats]


@attrs.frozen
class RequestEnded:
    """A request of a batch has an outcome; its line is counted from 1."""

    line: int
    outcome: Outcome
    end: End


@attrs.frozen
class Stopping:
    """A batch has been asked to end early."""


@attrs.frozen(kw_only=True)
class BatchEnded:
    """How a run of a batch went.

    Args:
        batch: the batch's name.
        ledger: where its ledger is, as a person may see it.
        lines: how many requests there are.
        counts: how many of them ended how in this run.
        running: how many jobs go on at the service.
        invalid: how many lines were left out.
    """

    batch: str
    ledger: str
    lines: int
    counts: Mapping[str, int] = attrs.field(hash=False)
    running: int
    invalid: int


@attrs.frozen
class FleetShown:
    """How a fleet stands."""

    status: FleetStatus


@attrs.frozen
class BatchCounts:
    """How many items of a batch are in which state."""

    batch: str
    counts: Mapping[ItemState, int] = attrs.field(hash=False)


@attrs.frozen
class ItemShown:
    """An item of a ledger as it stands; its history is None unless it was asked for."""

    item: Item
    history: tuple[History, ...] | None = None


@attrs.frozen
class ItemsShown:
    """Some items of a ledger as they stand."""

    items: tuple[Item, ...]


@attrs.frozen
class JobsShown:
    """Some of what a ledger has of all batches, the newest first."""

    items: tuple[Item, ...]


Happening: TypeAlias = (
    Event
    | AccountShown
    | Asked
    | BatchBegins
    | BatchCounts
    | BatchEnded
    | BatchPlanned
    | Completed
    | Connected
    | DuplicateFound
    | DuplicatesShown
    | Failure
    | FleetShown
    | Interrupted
    | ItemShown
    | ItemsShown
    | JobsShown
    | LedgerTrouble
    | LineRefused
    | LineTaken
    | LinesChecked
    | Listening
    | NewLine
    | NewLinesShown
    | RequestEnded
    | Stopping
    | Summary
)
"""All that a command tells."""
