"""`python -m benchmarks fleet`, in small."""

from __future__ import annotations

import json

import pytest

from benchmarks import fleet
from benchmarks.engines import ENGINES
from benchmarks.registry import BENCHMARKS

pytest.importorskip("pgqueuer")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_engine_makes_all_and_ours_makes_nothing_again(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each figure is there for each engine that is installed; after a kill ours makes none of the jobs again."""
    monkeypatch.setenv(fleet.POSTGRES, postgres_url)
    monkeypatch.setattr(fleet, "_SETTLE", 1.0)
    monkeypatch.setattr(fleet, "_POLL_SELDOM", 0.5)
    figures = fleet.run(
        jobs=8, videos=8, here=4, seconds=0.2, taken=4, heartbeat=1.0, idle=1.0, enqueued=20, workers=(2,)
    )
    assert json.loads(json.dumps(figures)) == figures
    assert {*figures["engines"], *figures["missing"]} == set(ENGINES)
    assert figures["engines"]["motion_async"]["made_again_of_100"]["max"] == 0
    assert all(of["makespan_ratio_of_2"]["min"] > 0 for of in figures["engines"].values())
    assert "batch by 2" in fleet.table(figures)


def test_it_says_that_it_needs_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is measured."""
    monkeypatch.delenv(fleet.POSTGRES, raising=False)
    assert fleet.POSTGRES in (BENCHMARKS["fleet"].obstacle or "")
    monkeypatch.setenv(fleet.POSTGRES, "postgresql://localhost/postgres")
    assert BENCHMARKS["fleet"].obstacle is None
