"""Tests of `motion_async.pacing`."""

import math
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_async.errors import ConfigurationError
from motion_async.pacing import Backoff, GrowingSchedule, Pace, Schedule, SendPace, jittered
from tests.test_options import NO_NUMBERS

# The same examples in every run: a test must not pass by luck.
EXACT = settings(derandomize=True, database=None, deadline=None)


def waits(schedule: Schedule, count: int) -> list[float]:
    """The waits of a job that is polled on time."""
    age, found = 0.0, []
    for _ in range(count):
        found.append(schedule.wait(age, 0))
        age += found[-1]
    return found


def test_waits_grow_from_two_to_fifteen_seconds() -> None:
    """As the contract advises, a job is polled after 2 s first, then each time a fifth later, up to 15 s."""
    found = waits(GrowingSchedule(), 20)
    assert found[0] == 2
    assert found[:12] == pytest.approx([2 * 1.2**n for n in range(12)])
    assert found[12:] == [15] * 8


def test_the_waits_follow_the_options() -> None:
    """First wait, growth and longest wait are the caller's to choose."""
    assert waits(GrowingSchedule(first=1, growth=1, cap=5), 5) == [1, 2, 4, 5, 5]
    assert waits(GrowingSchedule(first=3, growth=0, cap=3), 3) == [3, 3, 3]


@pytest.mark.parametrize(("age", "wait"), [(-5.0, 2.0), (0.0, 2.0), (10.0, 4.0), (65.0, 15.0), (1e9, 15.0)])
@pytest.mark.parametrize("turn", [0, 3])
def test_a_wait_depends_on_the_age_alone(age: float, turn: int, wait: float) -> None:
    """A job that is taken up again late is not polled as if it were new, whichever turn it is in."""
    assert GrowingSchedule().wait(age, turn) == wait


@pytest.mark.parametrize(
    "options",
    [{"first": 0.001}, {"growth": 0}, {"first": 2, "cap": 2}, {"cap": 86_400}],
    ids=repr,
)
def test_a_schedule_at_its_bounds_is_allowed(options: dict[str, float]) -> None:
    """The bounds of a schedule belong to what is allowed."""
    assert isinstance(GrowingSchedule(**options), Schedule)


@pytest.mark.parametrize("given", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize("option", ["first", "growth", "cap"])
def test_a_schedule_refuses_what_is_no_number(option: str, given: Any) -> None:
    """A schedule is checked when it is made, not when it is first asked."""
    with pytest.raises(ConfigurationError, match=option):
        GrowingSchedule(**{option: given})


@pytest.mark.parametrize("options", [{"first": 0}, {"first": 0.0009}, {"first": 3, "cap": 2.9}], ids=repr)
def test_a_schedule_beyond_its_bounds_is_refused(options: dict[str, float]) -> None:
    """No wait may be nothing, and the longest not be shorter than the first."""
    with pytest.raises(ConfigurationError):
        GrowingSchedule(**options)


@attrs.frozen
class Answers:
    """A schedule of the caller's own that answers, or raises, what it was given."""

    answer: Any

    def wait(self, age: float, turn: int) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("u", "wait"), [(0.0, 9.0), (0.25, 9.5), (0.5, 10.0), (0.75, 10.5), (1.0, 11.0)])
def test_jitter_spreads_a_wait_evenly(u: float, wait: float) -> None:
    """A wait is shortened or lengthened by a tenth at most, as chance has it."""
    assert jittered(Answers(10.0), age=0, turn=0, u=u) == pytest.approx(wait)
    assert jittered(Answers(10), age=0, turn=0, u=u) == pytest.approx(wait)
    assert jittered(Answers(10.0), age=0, turn=0, u=u, spread=0) == 10


@pytest.mark.parametrize(
    ("given", "u", "wait"),
    [
        (2.0, 0.0, 2.0),
        (2.0, 1.0, 2.2),
        (2.1, 0.0, 2.0),
        (2.1, 0.5, 2.1),
        (1.0, 0.0, 1.0),
        (1.0, 1.0, 1.1),
        (1.9, 1.0, 2.09),
    ],
)
def test_jitter_shortens_no_wait_below_what_the_contract_advises(given: float, u: float, wait: float) -> None:
    """What a caller's own schedule has below that is only lengthened."""
    assert jittered(Answers(given), age=0, turn=0, u=u) == pytest.approx(wait)


def test_a_schedule_is_asked_for_the_age_and_the_turn() -> None:
    """A schedule of the caller's own gets what its documentation promises."""

    class Own:
        def wait(self, age: float, turn: int) -> float:
            return age + 100 * turn

    assert jittered(Own(), age=7.0, turn=2, u=0.5) == 207


@pytest.mark.parametrize("wait", [0.001, 1, 86_400.0, 86_400], ids=repr)
def test_a_usable_wait_is_taken(wait: float) -> None:
    """A schedule may leave a job alone for a millisecond, or a day."""
    assert jittered(Answers(wait), age=0, turn=0, u=0.5) == wait


@pytest.mark.parametrize(
    "answer",
    [*NO_NUMBERS.values(), 0, 0.0, 0.0009, 86_400.1, math.inf],
    ids=[*NO_NUMBERS, "0", "0.0", "too short", "too long", "infinity"],
)
def test_an_unusable_wait_is_refused(answer: Any) -> None:
    """A schedule that answers with no usable number gives an error that names the schedule."""
    with pytest.raises(ConfigurationError, match="the wait of the schedule Answers"):
        jittered(Answers(answer), age=0, turn=0, u=0.5)


def test_a_wait_of_too_many_digits_is_refused() -> None:
    """A wait so long that Python won't print it is refused as any other."""

    class Endless:
        def wait(self, age: float, turn: int) -> float:
            return 10**5_000

    with pytest.raises(ConfigurationError, match=r"the wait of the schedule .*Endless"):
        jittered(Endless(), age=0, turn=0, u=0.5)


def test_a_schedule_that_raises_is_told() -> None:
    """Whatever a schedule of the caller's own raises comes out as an error of the library, with its cause."""
    cause = ZeroDivisionError("no age")
    with pytest.raises(ConfigurationError, match=r"Answers.* raised ZeroDivisionError") as caught:
        jittered(Answers(cause), age=0, turn=0, u=0.5)
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("failures", "u", "delay"),
    [
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
        (3, 0.5, 3.0),
        (5, 1.0, 16.0),
        (6, 1.0, 30.0),
        (6, 0.0, 15.0),
        (100_000, 1.0, 30.0),
    ],
)
def test_backoff_doubles_up_to_its_cap(failures: int, u: float, delay: float) -> None:
    """Each failure in a row doubles the delay up to the cap, and half of it is chance."""
    assert Backoff().delay(failures, u=u) == delay


@pytest.mark.parametrize(("retry_after", "delay"), [(None, 1.0), (0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (600.0, 600.0)])
def test_backoff_never_undercuts_the_service(retry_after: float | None, delay: float) -> None:
    """What the service asked for counts when it is longer, beyond the cap too."""
    assert Backoff().delay(1, u=1.0, retry_after=retry_after) == delay


@pytest.mark.parametrize("given", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize("option", ["first", "cap"])
def test_backoff_refuses_what_is_no_number(option: str, given: Any) -> None:
    """A backoff is checked when it is made, and its cap may not be shorter than its first delay."""
    with pytest.raises(ConfigurationError, match=option):
        Backoff(**{option: given})
    with pytest.raises(ConfigurationError, match="cap"):
        Backoff(first=2, cap=1.9)
    assert Backoff(first=0, cap=0).delay(1, u=1.0) == 0


def test_backoff_follows_its_options() -> None:
    """First delay and cap are the caller's to choose."""
    assert [Backoff(first=0.25, cap=0.75).delay(n, u=1.0) for n in (1, 2, 3)] == [0.25, 0.5, 0.75]


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


def burst(pace: Pace, now: float) -> int:
    """Send as many polls as may be sent at one moment."""
    sent = 0
    while pace.opens_at <= now:
        pace.take(now)
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
            pace.take(now)
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
    pace.take(0.0)
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
        pace.take(float(second))
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
        pace.take(now)
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
    pace.take(0.0)
    pace.take(3_600.0)
    pace.slow_down(sent_at=3_600.0, now=3_600.1, retry_after=None)
    pace.take(3_600.2)
    assert 0 < pace.opens_at - 3_600.2 < longest


@pytest.mark.parametrize("rate", [0.5, 10.0, 64.0])
def test_a_complaint_after_an_idle_hour_halves_the_pace_of_before(rate: float) -> None:
    """An hour in which nobody asked is no pace: it does not outweigh the polls before it."""
    pace = Pace(64)
    for number in range(round(100 * rate)):
        assert pace.take(number / rate)
    pace.take(3_700.0)
    assert pace.slow_down(sent_at=3_700.0, now=3_700.0, retry_after=None)
    assert pace.rate(3_700.0) == pytest.approx(rate / 2, rel=0.1)


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
    pace.taken(100.0, has_waited=True)
    assert pace.gap == 60
    at, taken = 100.0, 0
    while pace.gap > 0.1:
        at, taken = send(pace, at, takes=0.0), taken + 1
    assert taken < 60


def test_an_outage_is_no_limit() -> None:
    """When the service is back, sends begin gently, and not slowly."""
    pace, at = SendPace(), 0.0
    for _ in range(50):
        at = send(pace, at, takes=0.0)
    pace.interrupted()
    assert pace.gap == pytest.approx(0.2)
    pace.taken(at + 300, has_waited=True)
    assert pace.gap < 0.2
