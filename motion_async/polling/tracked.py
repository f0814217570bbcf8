"""A watched job: what is known of it, and who hears of its changes.

State and its moves: how an answer, or a followup, changes what is known. Time is an argument; nothing here polls,
schedules or publishes. Its objects are made 100,000 at a time, so each of their fields is there for a reason.
"""

from __future__ import annotations

import copy
import math
from typing import Final, Protocol, cast

from motion_async.contract.validation import check_job_id
from motion_async.errors import FollowupUncertainError, MotionError, SessionClosedError
from motion_async.jobs import JobState, StatusChange
from motion_async.polling.freshness import is_older, is_same_end, is_stale, needs_input, without_earlier_end
from motion_async.polling.refusals import NO_REFUSALS, Refusals, denies_job
from motion_async.timing.learned import LearningSchedule, learns
from motion_async.timing.schedule import Schedule

__all__ = ["IN_FLIGHT", "UNSCHEDULED", "Observer", "TrackedJob"]

UNSCHEDULED: Final = 0
IN_FLIGHT: Final = -1
"""The `entry` of a job that is in no heap: nobody wants it polled now, or a poll of it is under way."""


class Observer(Protocol):
    """Hears of each change of a job, in the step in which the loop sees it."""

    def notify(self, change: StatusChange | None) -> None:
        """Take in a change, or None for other news: the watch has ended, or a person is waited for.

        Whoever starts work because of it does so in a later step of the event loop.
        """
        ...


class TrackedJob:
    """What the loop knows of one job: the newest state that counts, who follows it, when it is due.

    All its fields are for the modules of this package, but change its schedule by `use_schedule`.

    Attributes:
        state: the newest state that counts.
        has_ended: whether the newest turn has come to its end; a state that ends a job while this does not say so is
            the end of an earlier turn.
        before: the end of the turn before the newest one, which does not count for it.
        unchanged: how many polls have shown that end again after a followup of which nobody knows whether the service
            took it; None where nothing is in doubt.
        followers: how many want it polled.
        listeners: how many streams want it polled while anyone reads them.
        entry: the number of its place in the queue of those that are due.
        due: the loop's time of its next poll; it still counts if nobody wanted the job polled when it came.
        change: the newest change of its status, None if none has been seen.
        observers: who hears of its changes.
        refusals: those that the service has given to polls in a row, if it has taken the job; None for a job that was
            merely taken up by its id, of which a refusal is believed at once.
        told: the age in seconds up to which a schedule that learns has been told of the job; None if the job can
            teach it nothing.
    """

    __slots__ = (
        "__weakref__",
        "before",
        "began_at",
        "change",
        "due",
        "entry",
        "error",
        "failures",
        "followers",
        "has_ended",
        "job_id",
        "listeners",
        "observers",
        "refusals",
        "schedule",
        "state",
        "told",
        "turn",
        "unchanged",
        "unreadable",
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
        self.refusals: Refusals | None = None
        self.followers = 0
        self.listeners = 0
        self.entry = UNSCHEDULED
        self.due = math.inf
        self.change: StatusChange | None = None
        self.observers: Observer | dict[Observer, None] | None = None

    def use_schedule(self, schedule: Schedule) -> None:
        """Change the schedule, which knows nothing of this job yet."""
        if schedule is not self.schedule:
            self.schedule = schedule
            # It learns of the whole life of the job or of nothing: of a beginning that nobody saw no age is right.
            self.told = 0.0 if self.told is not None and learns(schedule) else None

    def trust(self) -> None:
        """Note that the service has taken the job, or a followup of it: now and here, or as a ledger says."""
        self.refusals = self.refusals or NO_REFUSALS

    def count_refusal(self, error: MotionError, *, now: float) -> None:
        """Count the error of a poll, if it denies a job that the service has taken."""
        if self.refusals is not None and denies_job(error):
            self.refusals = self.refusals.and_one(now=now)

    def forget_failures(self) -> None:
        """Begin to count anew, as an answer has come."""
        self.failures = self.unreadable = 0
        if self.refusals is not None:
            self.refusals = NO_REFUSALS

    def doubts(self, error: MotionError, *, now: float) -> bool:
        """Whether a poll's error is a refusal that does not outweigh yet that the service has taken the job."""
        return self.refusals is not None and denies_job(error) and not self.refusals.are_believed(now=now)

    @property
    def current(self) -> JobState | None:
        """The newest state of the newest turn, None if nothing of that has been seen."""
        if self.state is not None and self.state.has_ended and not self.has_ended:
            return None
        return self.state

    def without_earlier_end(self, seen: JobState) -> JobState:
        """Give an answer without what an earlier turn's end has left in it."""
        return without_earlier_end(seen, known=self.state, before=self.before)

    def is_behind(self, seen: JobState) -> bool:
        """Whether an answer is older than what is known, so that it does not tell how the job stands."""
        seen = self.without_earlier_end(seen)
        if not is_stale(seen, known=self.state, before=self.before):
            return False
        # The end that a followup found, of which nobody knows whether the service took it, may still be the newest.
        ends = self.has_ended or self.unchanged is not None
        return not (ends and self.state is not None and is_same_end(seen, self.state))

    def has_seen_turn(self, before: JobState, turn: int | None) -> bool:
        """Whether polls have seen a followup at work, or its end, before its own answer was read.

        It found the state `before` in the job's turn `turn`, None if that is not known.
        """
        if turn is not None and self.turn != turn:
            return True
        return self.has_ended and self.state is not None and not is_stale(self.state, known=None, before=before)

    def begin_turn(self, before: JobState | None, *, now: float) -> None:
        """Begin a turn that the service has just taken: the first one, or that of a followup which found `before`."""
        if before is not None:
            self.turn += 1
            self._await_end_after(before)
        self.began_at = now
        self.told = 0.0 if learns(self.schedule) else None

    def doubt_turn(self, before: JobState) -> None:
        """Doubt the end that a followup found, as nobody knows whether the service took it."""
        self._await_end_after(before)
        self.unchanged = 0

    def resume_turn(self, before: JobState) -> bool:
        """Begin the turn of a followup that the service took from an earlier run, and say whether it was not known."""
        is_later_known = self.before is not None and (self.before == before or is_older(before, self.before))
        if is_later_known or self.has_seen_turn(before, None):
            return False
        self.turn += 1
        self._await_end_after(before)
        self.told = None  # when the turn really began is not known
        return True

    def _await_end_after(self, before: JobState) -> None:
        """Let an end count from now on only if it is another one than `before`, which the newest followup found."""
        self.before = before
        self.has_ended = False
        self.unchanged = None

    def take_in(self, seen: JobState, *, now: float) -> bool:
        """Let a state count that is news, and say whether the job's status has changed by it."""
        known, self.state = self.state, seen
        is_end, had_ended = seen.has_ended, self.has_ended
        self.has_ended = is_end
        if known is None:
            return True
        if (had_ended and not is_end) or self.unchanged is not None:
            # Somebody else's followup, or one whose answer was lost: the old end must not count for it either.
            self.before = known
            self.turn += 1
            self.unchanged = None
            self.began_at = now
            self.told = None  # when that turn really began is not known
        return known.status != seen.status or (is_end and not had_ended)  # a turn may begin and end between two polls

    def teach(self, seen: JobState, *, now: float) -> None:
        """Tell the schedule, if it learns, how long the job has run or took."""
        if self.told is None:
            return
        schedule = cast("LearningSchedule", self.schedule)  # else nothing would have been told
        age = now - self.began_at
        if needs_input(seen):
            self.told = None  # from here on a person is timed, not the service
        elif not seen.has_ended:
            schedule.running(self.told, age, self.turn)
            self.told = age
        else:
            took = None
            if self.turn == 0 and seen.completed_at is not None and seen.created_at is not None:
                # By the service's own clock, which knows the end to the millisecond, and not to the next poll.
                # Followups have no such time: `created_at` is that of the first turn.
                took = (seen.completed_at - seen.created_at).total_seconds()
            schedule.finished(self.told, age, self.turn, duration=took)
            self.told = None

    def subscribe(self, observer: Observer) -> None:
        """Tell an observer of each change from here on."""
        if self.observers is None:
            self.observers = observer  # most jobs have one, and a dict for it would cost as much as the job
        elif isinstance(self.observers, dict):
            self.observers[observer] = None
        else:
            self.observers = {self.observers: None, observer: None}

    def unsubscribe(self, observer: Observer) -> None:
        """Tell an observer of nothing any more."""
        if self.observers is observer:
            self.observers = None
        elif isinstance(self.observers, dict):
            self.observers.pop(observer, None)

    def notify(self, change: StatusChange | None = None) -> None:
        """Tell every observer of a change, or with None of other news."""
        if change is not None:
            self.change = change
        observers = self.observers
        # A copy, as observers unsubscribe while they are told.
        for observer in tuple(observers) if isinstance(observers, dict) else (observers,):
            if observer is not None:
                observer.notify(change)

    def unchanged_error(self) -> FollowupUncertainError:
        """Give the error that ends a watch when polls do not show whether the service took a followup."""
        reason = f"{self.unchanged} polls since then have shown the end that the job had before"
        return FollowupUncertainError(reason, job_id=self.job_id)

    def closed_error(self) -> SessionClosedError:
        """Give the error that ends a watch when the session is left."""
        return SessionClosedError(
            f"the session has been left; open a new one and take job {self.job_id} up again by its id",
            job_id=self.job_id,
        )

    def raise_if_watch_ended(self) -> None:
        """Raise the error that ended the watch, if one did."""
        if self.error is not None:
            # A copy for each who waits: a traceback grows on what is raised, and holds their frames.
            raise copy.copy(self.error)
