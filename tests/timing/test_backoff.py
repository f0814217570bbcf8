"""Tests of `motion_async.timing.backoff`: how long what has failed is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from motion_async import (
    ConfigurationError,
)
from motion_async.timing.backoff import Backoff, check_backoff
from tests.test_options import NO_NUMBERS

pytestmark = pytest.mark.virtual_time


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


def test_what_is_no_backoff_is_refused() -> None:
    """By the name of the option."""
    given: Any = 7
    with pytest.raises(ConfigurationError, match="backoff must be a Backoff, not 7"):
        check_backoff(given)
    assert check_backoff(backoff := Backoff()) is backoff
