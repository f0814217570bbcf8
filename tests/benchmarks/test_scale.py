"""`python -m benchmarks scale`, in small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import scale


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Any]]:
    """What a small run gives, with bounds that are small too."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(scale, "_FEW", 20)
        monkeypatch.setattr(scale, "_FEWEST_FOR_BYTES", 20)
        monkeypatch.setattr(scale, "_TASKS", 100)
        yield scale.run(rounds=1, top=30, polls=40, lag_seconds=0.1)


def test_it_has_figures_for_each_number_of_jobs(figures: dict[str, Any]) -> None:
    """CPU from one job on, bytes and lag where there are jobs enough, lag of an idle loop to compare with."""
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == list(figures["cpu_microseconds"]) == ["1", "10", "30"]
    assert list(figures["bytes_a_job"]) == ["30"]
    assert list(figures["lag_milliseconds"]) == ["0", "30"]
    assert [row.split()[0] for row in scale.table(figures).splitlines()[1:5]] == ["jobs", "1", "10", "30"]


def test_the_picture_has_a_panel_for_each_figure(figures: dict[str, Any], picture: str) -> None:
    """CPU, bytes and lag over the number of jobs."""
    scale.plot(figures, picture)


def test_few_jobs_and_most_take_turns(figures: dict[str, Any]) -> None:
    """Their ratios stand beside each other, and the table says what the number alone costs."""
    paired = figures["few_and_most_in_turns"]
    assert list(paired) == ["ratios", "most_to_few"]
    assert list(paired["ratios"]) == ["20", "30"]
    assert "at 20 jobs" in scale.table(figures)


def test_without_more_jobs_than_few_there_is_nothing_to_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has a line less, and no figure for bytes that so few jobs cannot give."""
    monkeypatch.setattr(scale, "_TASKS", 100)
    figures = scale.run(rounds=1, top=1, polls=20, lag_seconds=0.05)
    assert figures["few_and_most_in_turns"] is None
    assert figures["bytes_a_job"] == {}
    assert len(scale.table(figures).splitlines()) == 4
