"""When to poll a job: how long it is left alone, as the contract advises or as a caller's own schedule says.

Pure: time and randomness are arguments, nothing sleeps. Nothing here knows of jobs, calls or answers.
"""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

import attrs

from motion_async.errors import ConfigurationError
from motion_async.options import check_number

__all__ = ["GrowingSchedule", "Schedule", "check_schedule", "jittered"]

_ADVISED: Final = 2.0
"""Seconds of the shortest wait that the contract advises."""
_SHORTEST: Final = 0.001
_LONGEST: Final = 86_400.0
"""Seconds that a schedule may leave a job alone."""


@runtime_checkable
class Schedule(Protocol):
    """Says how long a job is left alone before it is polled again."""

    def wait(self, age: float, turn: int) -> float:
        """Give the wait before the next poll.

        Args:
            age: seconds since the job, or its newest turn, began, or was first seen.
            turn: 0 for the first turn, counted up by every followup.

        Returns:
            Seconds, more than 0; the session spreads them by a jitter of its own.
        """
        ...


def check_schedule(schedule: Schedule) -> Schedule:
    """Give a schedule back, or raise a `ConfigurationError` if it has no method `wait`."""
    if not isinstance(schedule, Schedule):
        raise ConfigurationError(f"a schedule has a method `wait(age, turn)`; {schedule!r:.80} has none")
    return schedule


@attrs.frozen(kw_only=True)
class GrowingSchedule:
    """The contract's advice: 2 to 5 seconds initially, then more for long-running jobs.

    The wait is `first + growth * age`, so each one is `1 + growth` times the one before it, until it
    reaches `cap`. It depends on the age alone: a job that is taken up again is not polled as if new.

    Args:
        first: seconds before the first poll, from 0.001 to a day.
        growth: how much longer each wait is than the one before, as a share, at least 0.
        cap: seconds of the longest wait, from `first` to a day.

    Raises:
        ConfigurationError: for a value out of its bounds.
    """

    first: float = 2.0
    growth: float = 0.2
    cap: float = 15.0

    def __attrs_post_init__(self) -> None:
        check_number("first", self.first, low=_SHORTEST, high=_LONGEST)
        check_number("growth", self.growth, low=0)
        check_number("cap", self.cap, low=self.first, high=_LONGEST)

    def wait(self, age: float, turn: int) -> float:  # noqa: ARG002  # the same for every turn
        """Give the wait before the next poll; see `Schedule.wait`."""
        return min(self.first + self.growth * max(age, 0.0), self.cap)


def jittered(schedule: Schedule, *, age: float, turn: int, u: float, spread: float = 0.1) -> float:
    """Ask a schedule, and spread its answer so that jobs begun together are not polled together.

    `u` is a random number from 0 to 1, and `spread` the share by which a wait is shortened or lengthened at most. It is
    not shortened below the least that the contract advises, 2 seconds (section "Job Statuses"). A schedule of the
    caller's may answer anything: what is no usable number, or raises, is a `ConfigurationError`.
    """
    try:
        wait = schedule.wait(age, turn)
    except Exception as error:
        raise ConfigurationError(f"the schedule {schedule!r:.80} raised {error!r:.200}") from error
    if not (type(wait) is float and _SHORTEST <= wait <= _LONGEST):  # the common case at the least cost
        check_number(f"the wait of the schedule {schedule!r:.80}", wait, low=_SHORTEST, high=_LONGEST)
    if not (type(u) is float and 0 <= u <= 1):
        check_number("what random gives", u, low=0, high=1)
    spread_out = wait * (1 + spread * (2 * u - 1))
    return spread_out if spread_out >= _ADVISED else max(spread_out, min(wait, _ADVISED))
