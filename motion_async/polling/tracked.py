"""A watched job: what is known of it, the chain of its changes, and who waits for its news.

State alone: nothing here polls, schedules or decides what counts; the poll loop does. Its objects are
made 100,000 at a time, so each of their fields is there for a reason.
"""

from __future__ import annotations

import asyncio
import copy
import math
from typing import Final, cast

from motion_async.contract.validation import check_job_id
from motion_async.errors import FollowupUncertainError, MotionError, SessionClosedError
from motion_async.jobs import JobState, StatusChange
from motion_async.polling.freshness import is_same_end, is_stale, needs_input
from motion_async.timing.learned import LearningSchedule
from motion_async.timing.schedule import Schedule

__all__ = ["IN_FLIGHT", "MAX_KEPT", "UNSCHEDULED", "Step", "Watched"]

MAX_KEPT: Final = 1_000
"""So many of a job's newest changes, and twice as many at most, are kept for a reader that does not read them."""
UNSCHEDULED: Final = 0
IN_FLIGHT: Final = -1
"""The `entry` of a job that is in no heap: nobody wants it polled now, or a poll of it is under way."""


class Step:
    """A link in the chain of a job's changes; each reader keeps the link it has come to.

    Links that every reader has passed are freed, so a slow reader costs what it has not read yet, up to a bound.
    """

    __slots__ = ("change", "next")

    def __init__(self, change: StatusChange | None) -> None:
        self.change = change
        self.next: Step | None = None

    def end(self) -> tuple[Step, JobState | None]:
        """Walk on to the next change that ended the job, or to the newest one, and give it with that end."""
        at = self
        while at.next is not None:
            at = at.next
            if at.change is not None and at.change.current.is_terminal:
                return at, at.change.state
        return at, None


class _Kept:
    """The newest changes of a job that has changed very often: what lies before them is cut out of the chain.

    Every link that is cut out leads to `gap`, and `gap` to the oldest one that is kept, so wherever a reader
    stands it holds no more than is kept.
    """

    __slots__ = ("first", "gap")

    def __init__(self, first: Step) -> None:
        self.first = first
        self.gap = Step(None)

    def drop_one(self) -> None:
        oldest = self.first
        assert oldest.next is not None  # noqa: S101  # there are MAX_KEPT behind it
        self.first = self.gap.next = oldest.next
        oldest.next = self.gap


class Watched:
    """What the loop knows of one job: the newest state that counts, who follows it, when it is due.

    All its fields are for the modules of this package, but `add` a change to its chain by that method, and change its
    schedule by `use_schedule`.

    Attributes:
        state: the newest state that counts.
        has_ended: whether the newest turn has come to its end; a state that ends a job while this does not say so is
            the end of an earlier turn.
        before: the end of the turn before the newest one, which does not count for it.
        unchanged: how many answers have shown that end still, after a followup of which nobody knows whether the
            service took it; None where that is known.
        followers: how many want it polled.
        listeners: how many streams want it polled while anyone reads them.
        entry: the number of its place in the queue of those that are due.
        due: the loop's time at which it is; it counts on if nobody wanted the job polled when it came.
        waiting: a future for each coroutine that sleeps until there is news.
        told: the age up to which a schedule that learns knows the job, None if the job can teach nothing.
    """

    __slots__ = (
        "__weakref__",
        "before",
        "began_at",
        "changes",
        "due",
        "entry",
        "error",
        "failures",
        "followers",
        "has_ended",
        "job_id",
        "kept",
        "last",
        "listeners",
        "schedule",
        "state",
        "told",
        "turn",
        "unchanged",
        "unreadable",
        "waiting",
    )

    def __init__(self, job_id: str, *, began_at: float, schedule: Schedule) -> None:
        check_job_id(job_id)
        self.job_id = job_id
        self.began_at = began_at
        self.state: JobState | None = None
        self.before: JobState | None = None
        self.unchanged: int | None = None
        self.has_ended = False
        self.schedule = schedule
        self.told: float | None = None
        self.turn = 0
        self.error: MotionError | None = None
        self.failures = 0
        self.unreadable = 0
        self.followers = 0
        self.listeners = 0
        self.entry = UNSCHEDULED
        self.due = math.inf
        self.last = Step(None)
        self.changes = 0
        self.kept: _Kept | None = None
        self.waiting: asyncio.Future[None] | dict[asyncio.Future[None], None] | None = None

    def use_schedule(self, schedule: Schedule) -> None:
        """Leave the job alone as another schedule says from now on, which has been told nothing of it yet."""
        if schedule is not self.schedule:
            self.schedule = schedule
            # It learns of the whole life of the job or of nothing: of a beginning that nobody saw no age is right.
            self.told = 0.0 if self.told is not None and isinstance(schedule, LearningSchedule) else None

    @property
    def current(self) -> JobState | None:
        """The newest state of the newest turn, None if nothing of that has been seen."""
        if self.state is not None and self.state.status.is_terminal and not self.has_ended:
            return None
        return self.state

    def is_behind(self, seen: JobState) -> bool:
        """Whether an answer is older than what is known, so that it does not say how the job stands."""
        if not is_stale(seen, known=self.state, before=self.before):
            return False
        # The end that a followup found, of which nobody knows whether the service took it, may still be the newest.
        ends = self.has_ended or self.unchanged is not None
        return not (ends and self.state is not None and is_same_end(seen, self.state))

    def has_seen_turn(self, before: JobState, turn: int | None) -> bool:
        """Whether polls have seen the turn of a followup at work, or its end, before its own answer was read.

        Args:
            before: the state that the followup found.
            turn: the job's turn in which it found that, None if that is not known.
        """
        if turn is not None and self.turn != turn:
            return True
        return self.has_ended and self.state is not None and not is_stale(self.state, known=None, before=before)

    def await_end_after(self, before: JobState) -> None:
        """Let an end count from now on only if it is another one than that of the turn before."""
        self.before = before
        self.has_ended = False
        self.unchanged = None

    def teach(self, seen: JobState, *, now: float) -> None:
        """Tell the schedule, if it learns, how long the job has run or took."""
        if self.told is None:
            return
        schedule = cast("LearningSchedule", self.schedule)  # else nothing would have been told
        age = now - self.began_at
        if needs_input(seen):
            self.told = None  # from here on a person is timed, not the service
        elif not seen.status.is_terminal:
            schedule.running(self.told, age, self.turn)
            self.told = age
        else:
            took = None
            if self.turn == 0 and seen.completed_at is not None and seen.created_at is not None:
                took = (seen.completed_at - seen.created_at).total_seconds()
            schedule.finished(self.told, age, self.turn, duration=took)
            self.told = None

    def add(self, change: StatusChange) -> None:
        """Put a change at the end of the chain."""
        self.last.next = self.last = Step(change)
        self.changes += 1
        if self.kept is not None and self.changes > 2 * MAX_KEPT:
            self.kept.drop_one()
        elif self.changes == MAX_KEPT:
            self.kept = _Kept(self.last)

    def news(self) -> asyncio.Future[None]:
        """Give a future that is done at the next news; `forget` it if nobody waits for it any more."""
        future = asyncio.get_running_loop().create_future()
        if self.waiting is None:
            self.waiting = future  # most jobs have one who waits, and a dict for it would cost as much as the job
        elif isinstance(self.waiting, dict):
            self.waiting[future] = None
        else:
            self.waiting = {self.waiting: None, future: None}
        return future

    def forget(self, future: asyncio.Future[None]) -> None:
        """Give up a future of `news`, done or not."""
        if self.waiting is future:
            self.waiting = None
        elif isinstance(self.waiting, dict):
            self.waiting.pop(future, None)

    def wake(self) -> None:
        """Tell everyone who waits that there is news."""
        waiting, self.waiting = self.waiting, None
        for future in waiting if isinstance(waiting, dict) else (waiting,):
            if future is not None and not future.done():
                future.set_result(None)

    def unchanged_error(self) -> FollowupUncertainError:
        """Give the error that ends a watch when polls have not cleared up what became of a followup."""
        reason = f"{self.unchanged} polls since then have shown the end that the job had before"
        return FollowupUncertainError(reason, job_id=self.job_id)

    def closed_error(self) -> SessionClosedError:
        """Give the error that ends a watch when the session is left."""
        return SessionClosedError(
            f"the session has been left; open a new one and take job {self.job_id} up again by its id",
            job_id=self.job_id,
        )

    def raise_if_watch_ended(self) -> None:
        """Raise the error that ended the watch, if one did: a copy for each, as a traceback grows on it."""
        if self.error is not None:
            raise copy.copy(self.error)
