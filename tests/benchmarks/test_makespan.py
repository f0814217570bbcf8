"""`python -m benchmarks makespan`, in small: virtual time, so its figures are the same on every machine."""

from __future__ import annotations

import json

import pytest

from benchmarks import makespan
from benchmarks.schedule import DURATIONS


def test_the_best_possible_gives_each_request_the_place_that_is_free_first() -> None:
    """Places end at 10.5 and 4.5; the third job takes the second place, the fourth the same again."""
    assert makespan.best_possible([10, 4, 3, 4], 2) == 12.5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_batch_beats_the_best_possible_nor_is_far_from_it() -> None:
    """Every kind of durations with every schedule: at most a twentieth of the time is lost to places that lie idle."""
    figures = makespan.run(rounds=1, jobs=120, places=6)
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["ratios"]) == set(DURATIONS)
    for name, arms in figures["ratios"].items():
        assert all(1 <= ratio["min"] <= ratio["max"] < 1.05 for ratio in arms.values())
        assert all(polls["min"] > 1 for polls in figures["polls_a_job"][name].values())
        assert name in makespan.table(figures)


def test_the_picture_has_a_panel_for_each_kind_of_durations(picture: str) -> None:
    """It is drawn from figures alone, such as those of an earlier run."""
    arms = {name: {"growing": {"median": 1.1, "min": 1, "max": 1.2}} for name in DURATIONS}
    makespan.plot({"ratios": arms, "polls_a_job": arms}, picture)
