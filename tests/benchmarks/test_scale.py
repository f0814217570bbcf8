"""`python -m benchmarks scale`, in small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import scale


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(scale, "_FEWEST_FOR_BYTES", 20)
    return scale.run(rounds=1, top=30, polls=40, lag_seconds=0.1)


def test_it_has_figures_for_each_number_of_jobs(figures: dict[str, dict[str, object]], tmp_path: Path) -> None:
    """CPU from one job on, bytes and lag where there are jobs enough, lag of an idle loop to compare with."""
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == list(figures["cpu_microseconds"]) == ["1", "10", "30"]
    assert list(figures["bytes_a_job"]) == list(figures["bytes_a_bare_task"]) == ["30"]
    assert list(figures["lag_milliseconds"]) == ["0", "30"]
    assert [row.split()[0] for row in scale.table(figures).splitlines()[1:]] == ["jobs", "1", "10", "30"]
    pytest.importorskip("matplotlib")
    scale.plot(figures, str(tmp_path / "scale.png"))
    assert (tmp_path / "scale.png").stat().st_size > 1_000
