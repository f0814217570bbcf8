"""Tests of `motion_async.sandbox.clock`."""

import math

import pytest

from motion_async.sandbox.clock import VirtualClock


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 5.0

    def __call__(self) -> float:
        return self.seconds


def test_time_runs_at_its_speed_between_start_and_stop() -> None:
    """Only the time between start and stop counts, times the speed."""
    watch = Watch()
    clock = VirtualClock(start=100, speed=200, clock=watch)
    watch.seconds += 1
    assert clock.now == 100
    clock.start()
    watch.seconds += 1
    assert clock.now == 300
    clock.stop()
    watch.seconds += 1
    assert clock.now == 300
    clock.start()
    assert clock.now == 300


def test_time_can_be_stepped_whether_it_runs_or_stands() -> None:
    """A step is added to what has passed by itself."""
    watch = Watch()
    clock = VirtualClock(start=0, speed=1, clock=watch)
    clock.advance(10)
    clock.start()
    watch.seconds += 1
    clock.advance(10)
    assert clock.now == 21


def test_time_stands_still_at_speed_0() -> None:
    """At speed 0 nothing but a step moves the time."""
    watch = Watch()
    clock = VirtualClock(start=0, speed=0, clock=watch)
    clock.start()
    watch.seconds += 1e6
    assert clock.now == 0


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, 1e15])
def test_a_step_has_bounds(seconds: float) -> None:
    """Time goes forward, and ends where timestamps end."""
    with pytest.raises(ValueError, match="seconds must be"):
        VirtualClock(start=0, speed=0, clock=Watch()).advance(seconds)


@pytest.mark.parametrize(("start", "speed"), [(-1, 1), (math.inf, 1), (0, -1), (0, math.nan), (0, math.inf)])
def test_the_numbers_have_bounds(start: float, speed: float) -> None:
    """A beginning or a speed that has no meaning is refused."""
    with pytest.raises(ValueError, match="must be from 0"):
        VirtualClock(start=start, speed=speed, clock=Watch())
