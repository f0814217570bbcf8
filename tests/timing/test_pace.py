"""Tests of `motion_async.timing.pace`."""

import math
import statistics
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_async.errors import ConfigurationError
from motion_async.timing.pace import EARLY, Lane, Pace, SendPace
from tests.test_options import NO_NUMBERS

# The same examples in every run: a test must not pass by luck.
EXACT = settings(derandomize=True, database=None, deadline=None)


@pytest.mark.parametrize(
    "given", [*NO_NUMBERS.values(), 0, 0.009, math.inf], ids=[*NO_NUMBERS, "0", "slow", "infinity"]
)
def test_a_pace_refuses_what_is_no_rate(given: Any) -> None:
    """A pace is a number of at least one poll in a hundred seconds; without an end it could not be halved."""
    with pytest.raises(ConfigurationError, match="max_polls_per_second"):
        Pace(given)


def test_the_slowest_pace_is_allowed() -> None:
    """The bound of a pace belongs to what is allowed."""
    assert Pace(0.01).rate(0.0) == 0.01


def take(pace: Pace, now: float) -> None:
    """Send a poll at a moment at which one may be sent."""
    assert Lane(pace).wait(now) == 0


def burst(pace: Pace, now: float) -> int:
    """Send as many polls as may be sent at one moment."""
    sent = 0
    while pace.opens_at <= now:
        take(pace, now)
        sent += 1
    return sent


def steady(pace: Pace, *, until: float, step: float) -> list[float]:
    """Send as many polls as may be sent by a timer that fires every `step` seconds."""
    return [n * step for n in range(round(until / step)) for _ in range(burst(pace, n * step))]


@EXACT
@given(
    rate=st.floats(0.01, 1_000),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=60),
)
def test_no_window_has_more_polls_than_the_rate(rate: float, gaps: list[float]) -> None:
    """However unevenly polls become due, no stretch of time has more than its rate and a tenth."""
    pace, now, sent = Pace(rate), 0.0, []
    for gap in gaps:
        now += gap
        if pace.opens_at <= now:
            take(pace, now)
            sent.append(now)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first <= (sent[last] - sent[first] + 0.1) * rate + 1e-6


@pytest.mark.parametrize("step", [0.001, 0.01, 0.05, 0.1], ids=lambda step: f"every {step} s")
def test_a_coarse_timer_costs_no_rate(step: float) -> None:
    """As long as the timer fires ten times a second, the whole rate is used, and no more than that."""
    sent = steady(Pace(64), until=60, step=step)
    assert 60 * 64 - 8 <= len(sent) <= 60 * 64 + 8


def test_made_up_time_is_bounded() -> None:
    """After an hour of silence no more than a tenth of a second's polls go out at once."""
    pace = Pace(64)
    take(pace, 0.0)
    assert burst(pace, 3_600.0) == 7


def test_the_first_poll_goes_out_at_once() -> None:
    """A new session waits for nothing."""
    assert Pace(0.01).opens_at <= 0.0


def test_a_complaint_halves_the_pace() -> None:
    """A 429 halves the pace at which polls were sent."""
    pace = Pace(64)
    steady(pace, until=10, step=1 / 64)
    assert pace.slow_down(sent_at=10.0, now=10.0, retry_after=None)
    assert pace.rate(10.0) == pytest.approx(32)


def test_the_real_pace_is_halved_not_the_allowed_one() -> None:
    """A session that polled once a second is slowed to one in two, although it was allowed more."""
    pace = Pace(64)
    for second in range(100):
        take(pace, float(second))
    assert pace.slow_down(sent_at=99.0, now=99.5, retry_after=None)
    assert pace.rate(99.5) == pytest.approx(0.5)


def test_a_complaint_before_any_poll_halves_the_most() -> None:
    """Where no pace has been seen yet, the one that is allowed is halved."""
    pace = Pace(64)
    assert pace.slow_down(sent_at=0.0, now=1.0, retry_after=None)
    assert pace.rate(1.0) == 32


def test_one_wave_of_complaints_halves_once() -> None:
    """Complaints about calls that went out before the halving say nothing new; a later call's does."""
    pace = Pace(64)
    assert pace.slow_down(sent_at=9.0, now=10.0, retry_after=None)
    assert [pace.slow_down(sent_at=9 + n / 10, now=10 + n / 10, retry_after=None) for n in range(5)] == [False] * 5
    assert pace.rate(10.0) == 32
    assert pace.slow_down(sent_at=10.5, now=11.0, retry_after=None)
    assert pace.rate(11.0) == pytest.approx((32 + 64 / 60) / 2)


def test_a_halved_pace_holds() -> None:
    """After a complaint polls go out at half the rate, for as long as nothing has recovered."""
    pace = Pace(64)
    steady(pace, until=10, step=1 / 64)
    pace.slow_down(sent_at=10.0, now=10.0, retry_after=None)
    taken = []
    now = 10.0
    while now < 11:
        now = max(now, pace.opens_at)
        take(pace, now)
        taken.append(now)
    gaps = [after - before for before, after in pairwise(taken)]
    assert len(gaps) == pytest.approx(32, abs=3)
    assert sorted(gaps, reverse=True) == gaps, "it recovers from one poll to the next"


@pytest.mark.parametrize(("retry_after", "opens_at"), [(None, 10.0), (0.0, 10.0), (30.0, 40.0)])
def test_nothing_goes_out_while_the_service_wants_a_pause(retry_after: float | None, opens_at: float) -> None:
    """A Retry-After pauses all polls of the session until it is over."""
    pace = Pace(64)
    pace.slow_down(sent_at=9.0, now=10.0, retry_after=retry_after)
    assert pace.opens_at == opens_at


def test_a_late_complaint_can_lengthen_a_pause_and_never_shortens_it() -> None:
    """Of several pauses the longest counts, whether or not the complaint halves anything."""
    pace = Pace(64)
    pace.slow_down(sent_at=9.0, now=10.0, retry_after=30.0)
    assert not pace.slow_down(sent_at=9.0, now=11.0, retry_after=60.0)
    assert pace.opens_at == 71
    pace.slow_down(sent_at=12.0, now=12.0, retry_after=1.0)
    assert pace.opens_at == 71


def test_the_pace_recovers_step_by_step() -> None:
    """A halved pace grows evenly, is whole again after half a minute, and never more than whole."""
    pace = Pace(60)
    pace.slow_down(sent_at=0.0, now=0.0, retry_after=None)
    assert [pace.rate(float(second)) for second in (0, 10, 20, 29, 30, 31, 1_000)] == [
        30,
        40,
        50,
        59,
        60,
        60,
        60,
    ]


def test_a_standstill_is_bounded_and_ends() -> None:
    """However often the service complains, something still goes out, and a minute of peace heals it."""
    pace = Pace(60)
    for second in range(100):
        assert pace.slow_down(sent_at=second / 1_000, now=second / 1_000, retry_after=None)
        assert pace.rate(second / 1_000) >= 0.06
    assert pace.rate(0.099) == pytest.approx(0.06, abs=0.1)
    assert pace.rate(60.1) == 60


@pytest.mark.parametrize(("most", "longest"), [(10.0, 4.0), (100.0, 1.5)])
def test_a_complaint_after_an_idle_hour_costs_seconds(most: float, longest: float) -> None:
    """The pace recovers while the next slot is waited for, so that the slot comes before a slow rate would give it."""
    pace = Pace(most)
    take(pace, 0.0)
    take(pace, 3_600.0)
    pace.slow_down(sent_at=3_600.0, now=3_600.1, retry_after=None)
    take(pace, 3_600.2)
    assert 0 < pace.opens_at - 3_600.2 < longest


@pytest.mark.parametrize("rate", [0.5, 10.0, 64.0])
def test_a_complaint_after_an_idle_hour_halves_the_pace_of_before(rate: float) -> None:
    """An hour in which nobody asked is no pace: it does not outweigh the polls before it."""
    pace = Pace(64)
    for number in range(round(100 * rate)):
        take(pace, number / rate)
    take(pace, 3_700.0)
    assert pace.slow_down(sent_at=3_700.0, now=3_700.0, retry_after=None)
    assert pace.rate(3_700.0) == pytest.approx(rate / 2, rel=0.1)


def test_a_limit_holds_below_what_the_session_may() -> None:
    """At once, and never above that; without it the session's own pace holds again."""
    pace = Pace(64)
    for limit, rate in ((8, 8), (16, 16), (1_000, 64), (0.5, 0.5), (None, 64)):
        pace.limit(limit, 10.0)
        assert pace.rate(10.0) == rate
    pace.limit(4, 20.0)
    sent = [at for at in steady(pace, until=30, step=0.05) if at >= 20]
    assert len(sent) == pytest.approx(40, abs=2)


def test_a_limit_takes_no_complaint_back() -> None:
    """What was halved recovers as it would have, to the limit that holds then."""
    pace = Pace(60)
    pace.slow_down(sent_at=0.0, now=0.0, retry_after=None)
    pace.limit(600, 1.0)
    assert pace.rate(1.0) == 31
    pace.limit(40, 1.0)
    assert 30 <= pace.rate(1.0) < 32
    pace.limit(12, 2.0)
    assert pace.rate(2.0) == 12
    pace.limit(None, 3.0)
    assert 12 <= pace.rate(3.0) < 20
    assert pace.rate(63.0) == 60


def test_a_limit_ends_no_pause() -> None:
    """The service has asked for that."""
    pace = Pace(64)
    pace.slow_down(sent_at=9.0, now=10.0, retry_after=30.0)
    pace.limit(8, 11.0)
    assert (pace.opens_at, pace.resumes_at) == (40, 40)


def test_a_slot_is_taken_by_one_alone() -> None:
    """The next one opens when the pace allows, to the moment that was told."""
    lane = Lane(Pace(2))
    waits = [lane.wait(at) for at in (0.0, 0.1, 0.2, 0.5, 0.6, 1.0)]
    assert waits == pytest.approx([0, 0.3, 0.2, 0, 0.3, 0])


def test_those_who_share_a_pace_have_their_slots_in_turn() -> None:
    """However often one of them asks."""
    pace = Pace(10)
    eager, rare = Lane(pace), Lane(pace)
    had = {eager: 0, rare: 0}
    for step in range(1_000):
        for lane in (eager, eager, eager, rare):
            had[lane] += lane.wait(step / 100) == 0
    assert sum(had.values()) == pytest.approx(100, abs=2)
    assert had[rare] > 0.45 * sum(had.values())


def test_a_slot_that_is_given_back_is_the_next_ones() -> None:
    """And whoever keeps none gives none back."""
    pace = Pace(2)
    gone, stays = Lane(pace), Lane(pace)
    gone.give_back()
    assert gone.wait(0.0) == 0
    gone.give_back()
    wait = gone.wait(0.1)
    gone.give_back()
    assert stays.wait(0.1) == pytest.approx(wait)
    assert gone.wait(0.1) == pytest.approx(wait + 0.5)


def test_a_slot_that_is_kept_does_not_open_in_a_pause() -> None:
    """The service asks for one while the slot is waited for."""
    pace = Pace(2)
    take(pace, 0.0)
    lane = Lane(pace)
    assert lane.wait(0.1) < 1
    pace.slow_down(sent_at=0.0, now=0.2, retry_after=600)
    assert lane.wait(0.3) == pytest.approx(599.9)
    assert lane.wait(600.2) == 0


def send(pace: SendPace, at: float, *, takes: float = 0.1) -> float:
    """Send as soon as the pace allows, and have it taken; gives the time at which it left."""
    left = max(at, pace.opens_at)
    pace.sent(left)
    pace.taken(left + takes, has_waited=left > at)
    return left


def test_sends_begin_gently_and_grow_with_each_that_is_taken() -> None:
    """The first ones are a fifth of a second apart, and no two are further apart than those before."""
    pace, at = SendPace(), [0.0]
    for _ in range(100):
        at.append(send(pace, at[-1], takes=0.0))
    gaps = [after - before for before, after in pairwise(at[1:])]
    assert gaps[0] == pytest.approx(0.2)
    assert sorted(gaps, reverse=True) == gaps
    assert at[-1] < 2


def test_where_no_limit_is_met_the_pace_holds_up_nobody_in_the_end() -> None:
    """Ten sends find their slots open at one time, which is more than a process sends between two timers."""
    pace, at = SendPace(), 0.0
    for _ in range(100):
        at = send(pace, at, takes=0.0)
    for _ in range(9):
        pace.sent(at)
    assert pace.opens_at <= at + EARLY


def test_sends_that_had_not_to_wait_say_nothing_of_the_pace() -> None:
    """A web app with a create a minute has the first pace for ever, and after a refusal waits a moment, not minutes."""
    pace = SendPace()
    for minute in range(100):
        assert send(pace, minute * 60.0) == minute * 60.0
    assert pace.gap == pytest.approx(0.2)
    pace.refused(6_000.0)
    pace.taken(6_001.0, has_waited=True)
    assert pace.gap < 2


def test_after_refusals_the_pace_begins_where_the_service_took_one() -> None:
    """It took one in six seconds; from there on it grows by little, so that the limit is met again by few."""
    pace = SendPace()
    send(pace, 0.0)
    pace.sent(0.2)
    pace.refused(0.3)
    pace.refused(2.0)
    pace.taken(6.1, has_waited=True)
    assert pace.gap == pytest.approx(6.0, abs=0.3)
    assert pace.opens_at == pytest.approx(6.1 + pace.gap)


def test_a_service_that_refused_before_it_ever_took_one_has_shown_no_limit() -> None:
    """Storms pass: what comes after one begins as gently as anything, and grows as it would have."""
    pace = SendPace()
    pace.sent(0.0)
    pace.refused(0.1)
    pace.refused(30.0)
    pace.taken(60.0, has_waited=True)
    assert pace.gap == pytest.approx(0.2)
    assert pace.opens_at == pytest.approx(60.2)


def test_a_limit_that_is_met_halves_the_pace() -> None:
    """Of what was allowed, and of what was taken if that was less."""
    pace, at = SendPace(), 0.0
    for _ in range(50):
        at = send(pace, at, takes=0.0)
    gap = pace.gap
    pace.refused(at)
    pace.taken(at + 0.001, has_waited=True)
    assert pace.gap >= 2 * gap


def test_a_limit_that_is_gone_is_soon_forgotten() -> None:
    """From one send a minute, a few dozen that are taken lead back to ten a second."""
    pace = SendPace()
    send(pace, 0.0)
    pace.refused(0.5)
    pace.refused(50.0)
    pace.taken(100.0, has_waited=True)
    assert pace.gap == 60
    at, taken = 100.0, 0
    while pace.gap > 0.1:
        at, taken = send(pace, at, takes=0.0), taken + 1
    assert taken < 60


def refuse_at_random(pace: SendPace, chance: Random, *, share: float, sends: int) -> Iterator[float]:
    """Have so many sends taken, each refused by that chance and tried again a second later; gives the gaps."""
    now = 0.0
    for _ in range(sends):
        now = max(now, pace.opens_at)
        while chance.random() < share:
            pace.sent(now)
            pace.refused(now)
            now += 1.0
        pace.sent(now)
        pace.taken(now, has_waited=True)
        yield pace.gap


@pytest.mark.parametrize(("share", "longest"), [(0.02, 0.3), (0.05, 1.5), (0.1, 10.0)])
def test_refusals_that_no_pace_spares_do_not_bring_sends_to_a_standstill(share: float, longest: float) -> None:
    """A service that refuses one in so many at any pace is not asked ever more slowly."""
    for seed in range(10):
        gaps = list(refuse_at_random(SendPace(), Random(seed), share=share, sends=1_000))
        assert statistics.mean(gaps) < longest


def test_a_single_refusal_makes_a_slow_pace_little_slower() -> None:
    """A second without a send that is taken says nothing of a limit of one in thirty seconds."""
    pace = SendPace()
    send(pace, 0.0)
    pace.refused(0.5)
    pace.refused(1.5)
    pace.taken(30.5, has_waited=True)
    assert pace.gap == pytest.approx(30.0)
    pace.refused(60.5)
    pace.taken(61.5, has_waited=True)
    assert pace.gap == pytest.approx(34.5)


def test_an_outage_is_no_limit() -> None:
    """When the service is back, sends begin gently, and not slowly."""
    pace, at = SendPace(), 0.0
    for _ in range(50):
        at = send(pace, at, takes=0.0)
    pace.interrupted()
    assert pace.gap == pytest.approx(0.2)
    pace.taken(at + 300, has_waited=True)
    assert pace.gap < 0.2
