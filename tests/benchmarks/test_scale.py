"""`python -m benchmarks scale`, in small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What a small run gives, with bounds that are small too."""
    monkeypatch.setattr(scale, "_FEW", 20)
    monkeypatch.setattr(scale, "_FEWEST_FOR_BYTES", 20)
    monkeypatch.setattr(scale, "_TASKS", 100)
    return scale.run(rounds=1, top=30, polls=40, lag_seconds=0.1)


def test_it_has_figures_for_each_number_of_jobs(figures: dict[str, dict[str, object]], tmp_path: Path) -> None:
    """CPU from one job on, bytes and lag where there are jobs enough, lag of an idle loop to compare with."""
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == list(figures["cpu_microseconds"]) == ["1", "10", "30"]
    assert list(figures["bytes_a_job"]) == ["30"]
    assert list(figures["lag_milliseconds"]) == ["0", "30"]
    assert [row.split()[0] for row in scale.table(figures).splitlines()[1:5]] == ["jobs", "1", "10", "30"]
    pytest.importorskip("matplotlib")
    scale.plot(figures, str(tmp_path / "scale.png"))
    assert (tmp_path / "scale.png").stat().st_size > 1_000


def test_few_jobs_and_most_take_turns(figures: dict[str, dict[str, object]]) -> None:
    """Their ratios stand beside each other, and the table says what the number alone costs."""
    paired = figures["few_and_most_in_turns"]
    assert list(paired) == ["ratios", "most_to_few"]
    assert isinstance(paired["ratios"], dict)
    assert list(paired["ratios"]) == ["20", "30"]
    assert "at 20 jobs" in scale.table(figures)


def test_without_more_jobs_than_few_there_is_nothing_to_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has a line less, and no figure for bytes that so few jobs cannot give."""
    monkeypatch.setattr(scale, "_TASKS", 100)
    figures = scale.run(rounds=1, top=1, polls=20, lag_seconds=0.05)
    assert figures["few_and_most_in_turns"] is None
    assert figures["bytes_a_job"] == {}
    assert len(scale.table(figures).splitlines()) == 4
