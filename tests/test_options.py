"""Tests of `motion_async.options`."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from motion_async.errors import ConfigurationError
from motion_async.options import check_choice, check_clock, check_number, check_whole_number

NO_NUMBERS: dict[str, Any] = {
    "nan": math.nan,
    "text": "2",
    "none": None,
    "true": True,
    "list": [2],
    "complex": 2j,
    "minus infinity": -math.inf,
    "minus one": -1,
}


@pytest.mark.parametrize("given", [0, 1, 0.5, 10], ids=repr)
def test_a_number_within_its_bounds_is_given_back(given: float) -> None:
    """Both bounds belong to what is allowed."""
    assert check_number("n", given, low=0, high=10) == given


@pytest.mark.parametrize("given", [*NO_NUMBERS.values(), 10.1, math.inf], ids=[*NO_NUMBERS, "beyond", "infinity"])
def test_what_is_no_number_within_its_bounds_is_refused(given: Any) -> None:
    """The error names the option and its bounds."""
    with pytest.raises(ConfigurationError, match=r"n must be a number from 0 to 10, not "):
        check_number("n", given, low=0, high=10)


def test_a_bound_that_is_not_there_is_not_told() -> None:
    """An option without an upper bound is told by its lower one alone."""
    with pytest.raises(ConfigurationError, match=r"n must be a number at least 2, not 1$"):
        check_number("n", 1, low=2)


def test_a_number_of_too_many_digits_is_refused() -> None:
    """A number so long that Python won't print it is refused as any other."""
    with pytest.raises(ConfigurationError, match="n must be a number from 0 to 10"):
        check_number("n", 10**5_000, low=0, high=10)


def test_what_no_float_can_hold_is_refused_but_for_infinity() -> None:
    """A clock could not be read in it, where infinity means for ever."""
    assert check_number("n", math.inf, low=0) == math.inf
    with pytest.raises(ConfigurationError, match="n must be a number at least 0"):
        check_number("n", 10**400, low=0)


def test_bounds_are_told_in_full() -> None:
    """A large one as a person writes it, no digit lost."""
    with pytest.raises(ConfigurationError, match=r"from 0\.01 to 1,073,741,824, not 0$"):
        check_number("n", 0, low=0.01, high=1 << 30)


def test_a_whole_number_has_no_fraction() -> None:
    """It is refused, not cut."""
    assert check_whole_number("n", 3, low=2, high=10) == 3
    assert type(check_whole_number("n", 3.0, low=2, high=10)) is int  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"n must be a whole number, not 2\.5$"):
        check_whole_number("n", 2.5, low=2, high=10)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="n must be a number from 2 to 10, not 1"):
        check_whole_number("n", 1, low=2, high=10)


def test_a_choice_is_one_of_those_that_there_are() -> None:
    """Anything else is refused with all of them named."""
    given: Any = "ask"
    assert check_choice("how", "b", "a", "b") == "b"
    with pytest.raises(ConfigurationError, match=r"how must be 'a' or 'b', not 'ask'$"):
        check_choice("how", given, "a", "b")
    with pytest.raises(ConfigurationError, match=r"not \['a'\]$"):
        check_choice("how", ["a"], "a", "b")  # type: ignore[type-var]


def test_a_clock_gives_aware_datetimes() -> None:
    """One that gives others, or raises, is refused before anything rests on it."""

    def clock() -> datetime:
        return datetime(2026, 4, 28, tzinfo=UTC)

    assert check_clock("now", clock) is clock
    for broken in (lambda: datetime(2026, 4, 28), lambda: 5, lambda: 1 / 0):  # noqa: DTZ001  # that is the mistake
        with pytest.raises(ConfigurationError, match="now must give an aware datetime"):
            check_clock("now", broken)  # type: ignore[arg-type,return-value]
