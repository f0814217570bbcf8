"""Tests of `motion_async.timing.schedule`."""

import math
from typing import Any

import attrs
import pytest
from hypothesis import settings

from motion_async.errors import ConfigurationError
from motion_async.timing.schedule import GrowingSchedule, Schedule, jittered
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


@pytest.mark.parametrize("u", [-0.1, 1.1, 2, float("nan"), "half"], ids=repr)
def test_a_random_number_that_is_none_is_refused(u: Any) -> None:
    """It comes from a function of the caller's own, too."""
    with pytest.raises(ConfigurationError, match="what random gives must be a number from 0 to 1"):
        jittered(Answers(10.0), age=0, turn=0, u=u)
    assert [jittered(Answers(10.0), age=0, turn=0, u=whole) for whole in (0, 1)] == pytest.approx([9.0, 11.0])


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

    with pytest.raises(ConfigurationError, match=r"the wait of the schedule .* not one of so many digits"):
        jittered(Endless(), age=0, turn=0, u=0.5)


def test_a_schedule_that_raises_is_told() -> None:
    """Whatever a schedule of the caller's own raises comes out as an error of the library, with its cause."""
    cause = ZeroDivisionError("no age")
    with pytest.raises(ConfigurationError, match=r"Answers.* raised ZeroDivisionError") as caught:
        jittered(Answers(cause), age=0, turn=0, u=0.5)
    assert caught.value.__cause__ is cause
