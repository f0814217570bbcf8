"""Tests of `benchmarks.schedule`: its arithmetic, and that a small run gives every figure that is shown."""

from __future__ import annotations

import json
from random import Random

import pytest

from benchmarks import schedule
from motion_async.timing.schedule import GrowingSchedule

CURVE = [{"delay_seconds": 1.0, "polls": 16.0}, {"delay_seconds": 4.0, "polls": 4.0}]


@pytest.mark.parametrize(("delay", "polls"), [(1, 16), (2, 8), (4, 4), (9, 4), (0.5, None)])
def test_a_curve_is_read_between_its_points(delay: float, polls: float | None) -> None:
    """Straight on logarithmic scales; beyond its end the last point has less delay for as many polls."""
    assert schedule.polls_at(CURVE[::-1], delay) == (None if polls is None else pytest.approx(polls))


def test_a_watched_job_counts_the_poll_that_sees_its_end() -> None:
    """Ten polls 10 s apart see the end of a job of 95 s about 5 s after it, give or take the jitter."""
    polls, delay = schedule.watch_job(GrowingSchedule(first=10, growth=0, cap=10), 95, Random(1))
    assert polls == 10
    assert 0 <= delay <= 10


def test_a_small_run_gives_the_same_figures_each_time() -> None:
    """All figures are there for each distribution, fit for JSON, and shown in the table."""
    figures = schedule.run(rounds=1, jobs=20, before=20, sessions=1)
    assert figures == schedule.run(rounds=1, jobs=20, before=20, sessions=1) == json.loads(json.dumps(figures))
    shown = schedule.table(figures)
    for name in schedule.DURATIONS:
        assert name in shown
        assert len(figures["curves"][name][schedule.LEARNED]) == 6
        assert figures["polls_at_the_same_delay"][name]


def test_the_picture_has_a_panel_for_each_distribution(picture: str) -> None:
    """It is drawn from figures alone, such as those of an earlier run."""
    curves = {name: {schedule.LEARNED: CURVE, "fixed": CURVE} for name in schedule.DURATIONS}
    schedule.plot({"curves": curves}, picture)
