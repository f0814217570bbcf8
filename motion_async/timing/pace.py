"""How fast a session may poll and send: polls up to a rate that it is told, sends up to one that it finds out.

Pure: time is an argument, nothing sleeps. Nothing here knows of jobs, calls or answers.
"""

from __future__ import annotations

import math
from typing import Final

from motion_async.options import check_number

__all__ = ["EARLY", "Lane", "Pace", "SendPace"]

EARLY: Final = 0.001
"""Seconds by which a poll may come early: a timer is no finer, and must not fire for the rest once more."""
_NEVER: Final = -math.inf
_RECOVERY: Final = 60.0
"""Seconds in which a session that was slowed to a standstill is back at its full pace."""
_FIRST_GAP: Final = 1.0
"""Seconds that count at most between the first two polls, by which a pace is told."""
_MOST_CHANGE: Final = 0.15
"""By how much the pace of sends grows at most with each that is taken, and by how much a refusal slows it at least."""
_FIRST_SEND_GAP: Final = 0.2
_SHORTEST_SEND_GAP: Final = 0.0001
_LONGEST_SEND_GAP: Final = 60.0
"""Seconds between two sends: at the beginning, at least, and at most. The least is far less than a
process needs to send one: where no limit is met, sends in the end leave without being woken each for its slot.
"""


class Pace:
    """The pace of a whole session: a most of polls per second, halved when the service asks, then recovering.

    Polls get their slots by a `Lane`, so when more is due than may be sent, all waits stretch alike. `opens_at` is the
    moment from which the next poll may be sent, `resumes_at` the one up to which the service last asked for a pause;
    both may lie in the past. `paused` are the seconds of all its pauses. Every `now` is in seconds on the same clock,
    which only goes forward.
    """

    __slots__ = (
        "_bound",
        "_gap",
        "_most",
        "_rate",
        "_recovered_at",
        "_sent_at",
        "_shortest",
        "_slowed_at",
        "opens_at",
        "paused",
        "resumes_at",
    )

    def __init__(self, polls_per_second: float) -> None:
        self._bound = self._most = check_number("max_polls_per_second", polls_per_second, low=0.01, high=1_000_000)
        self._rate = self._most
        self._shortest = 1 / self._most  # between two slots, once it has recovered
        self._slowed_at = _NEVER
        self._recovered_at = _NEVER
        self.opens_at = _NEVER
        self.resumes_at = _NEVER
        self.paused = 0.0
        self._sent_at = _NEVER
        self._gap = math.inf

    def limit(self, polls_per_second: float | None, now: float) -> None:
        """Poll at most so fast, and never faster than the session may; None takes that back."""
        most = self._bound if polls_per_second is None else min(self._bound, polls_per_second)
        if most != self._most:
            self._rate = min(self._rate, most) if now < self._recovered_at else most
            self._most, self._shortest = most, 1 / most

    def rate(self, now: float) -> float:
        """Give the polls per second that are allowed now."""
        return min(self._rate + (now - self._slowed_at) * self._most / _RECOVERY, self._most)

    def reserve(self, now: float) -> float:
        """Keep the next slot, and give the moment at which it opens."""
        at = max(now, self.opens_at)
        # Up to a tenth of a second's slots may be made up for, so that a coarse timer costs no rate.
        self.opens_at = max(at - 0.1, self.opens_at) + self._gap_at(at)
        return at

    def give_back(self, at: float) -> None:
        """Give back the slot whose moment `reserve` gave, as nothing is sent in it."""
        # Not before the end of a pause that the service has asked for meanwhile.
        self.opens_at = max(self.opens_at - self._gap_at(at), self.resumes_at)

    def sent(self, now: float) -> None:
        """Count a poll that is sent now, in the slot that was kept for it."""
        gap, self._sent_at = now - self._sent_at, now
        # An hour in which nobody asked is no pace: it must not outweigh all that was sent before.
        if self._gap < math.inf:
            self._gap = 0.9 * self._gap + 0.1 * min(gap, 2 * self._gap)
        elif gap < math.inf:
            self._gap = min(gap, _FIRST_GAP)

    def _gap_at(self, now: float) -> float:
        """Give the seconds until one slot opens; the rate grows while it is waited for."""
        if now >= self._recovered_at:
            return self._shortest
        # The rate grows evenly, so a slot opens after the time t for which rate * t + growth * t * t / 2 is 1.
        rate, growth = self.rate(now), self._most / _RECOVERY
        return (math.sqrt(rate * rate + 2 * growth) - rate) / growth

    def slow_down(self, *, sent_at: float, now: float, retry_after: float | None) -> bool:
        """Halve the pace at which polls were really sent, pause for `retry_after` seconds, and say if it was halved.

        A complaint about a call that was sent before the last halving says nothing new of the pace, so only its pause
        counts.
        """
        resumes_at = max(self.resumes_at, now + (retry_after or 0.0))
        self.paused += resumes_at - max(self.resumes_at, now)
        self.resumes_at = resumes_at
        self.opens_at = max(self.opens_at, self.resumes_at)
        if sent_at < self._slowed_at:
            return False
        real = 1 / self._gap if 0 < self._gap < math.inf else self._most
        # From the rate that was really used: half of a bound that was never reached would slow nothing. Never to a
        # standstill, in which no poll would find out that the service takes them again.
        self._rate = max(min(self.rate(now), real) / 2, self._most / 1_000)
        self._slowed_at = now
        self._recovered_at = now + (1 - self._rate / self._most) * _RECOVERY
        return True


class Lane:
    """One of those who poll at a session's pace: the poll loop, or all the polls that are made beside it.

    At most one slot is kept for each, so that both have their share however much either wants.
    """

    __slots__ = ("_pace", "_slot")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._slot: float | None = None

    def wait(self, now: float) -> float:
        """Give the seconds until a slot opens, and keep that one; with 0 it is used, and a poll is to be sent now."""
        if self._slot is None:
            # Kept, not just waited for: whoever wakes first could take every slot as it opens.
            self._slot = self._pace.reserve(now)
        # A pause may have been asked for since it was kept.
        rest = max(self._slot, self._pace.resumes_at) - now
        if rest > EARLY:
            return rest
        self._slot = None
        self._pace.sent(now)
        return 0.0

    def give_back(self) -> None:
        """Give back the slot that is kept, if there is one, as nobody wants to poll any more."""
        if self._slot is not None:
            self._pace.give_back(self._slot)
            self._slot = None


class SendPace:
    """The pace of creates and followups, whose most nobody knows: it is found, slowed by refusals, and grows again.

    It begins gently, so that a service which takes few is not met by many, and grows with each send that is taken
    after it had to wait for its slot. Once a limit has been met it grows by little at first and then by ever more, so
    that the limit is found again by few sends, and one that is not there any more soon slows nobody.

    A refusal may also come of something else than the pace, and then no slower pace spares the next one. So it never
    becomes much slower than can be told from how long the service took none: refusals here and there cost little.
    `opens_at` is the moment from which the next send may leave, `gap` the seconds between two of them.
    """

    __slots__ = ("_goal", "_in_a_row", "_real", "_refusals", "_refused_at", "_taken_at", "gap", "opens_at")

    def __init__(self) -> None:
        self.gap = _FIRST_SEND_GAP
        self.opens_at = _NEVER
        self._real: float | None = None  # the seconds between two sends that were taken, on average
        self._goal: float | None = None  # up to which the way back is quick, once a limit was met
        self._in_a_row = 0
        self._taken_at = _NEVER
        self._refusals = 0
        self._refused_at = _NEVER

    def sent(self, now: float) -> None:
        """Count a send that leaves now."""
        self.opens_at = max(now, self.opens_at) + self.gap

    def taken(self, now: float, *, has_waited: bool) -> None:
        """Grow, as the service took a send; after refusals, begin at the pace at which it was seen to take them.

        A send that did not have to wait for its slot (`has_waited`) says nothing of the pace.
        """
        if self._refusals:
            self._begin_after_refusals(now)
        elif has_waited:
            self._average(now - self._taken_at)
            self.gap = max(self._shorter_gap(), _SHORTEST_SEND_GAP)
        self._taken_at = now

    def _begin_after_refusals(self, now: float) -> None:
        if self._taken_at > _NEVER:  # else it has never taken any, so that no limit was met
            self._goal = self._longer_gap(now - self._refused_at)
            self._in_a_row = 0
            # Where it refused more than one, it takes one in about the time for which it did.
            shown = now - self._refused_at if self._refusals > 1 else 0.0
            self.gap = min(max(self._goal, shown), _LONGEST_SEND_GAP)
        self._refusals = 0
        self.opens_at = now + self.gap

    def _longer_gap(self, took_none_for: float) -> float:
        halved = max(2 * self.gap, 1.5 * (self._real or 0.0))  # in a burst more was allowed than was taken
        return min(halved, max((1 + _MOST_CHANGE) * self.gap, 2.5 * took_none_for))

    def _average(self, gap: float) -> None:
        if self._real is not None:
            self._real = 0.8 * self._real + 0.2 * min(gap, 2 * self._real)
        else:
            self._real = min(max(gap, _SHORTEST_SEND_GAP), _LONGEST_SEND_GAP)

    def _shorter_gap(self) -> float:
        if self._goal is None:
            return self.gap / (1 + _MOST_CHANGE)
        if self.gap > self._goal:
            return max(self.gap / 1.5, self._goal)
        self._in_a_row += 1
        # With the third power the first ones in a row hardly change the gap, and from about the fifteenth on each does
        # so by the most that is allowed.
        return self.gap / (1 + min(self._in_a_row**3 / 20_000, _MOST_CHANGE))

    def refused(self, now: float) -> None:
        """Note that the service wants fewer sends: the pace is slowed when it takes the next one."""
        if not self._refusals:
            self._refused_at = now
        self._refusals += 1

    def interrupted(self) -> None:
        """Begin gently, as the service could not be reached: what comes back may be weak."""
        self.gap = max(self.gap, _FIRST_SEND_GAP)
