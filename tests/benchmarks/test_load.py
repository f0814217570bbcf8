"""`python -m benchmarks load`, in small."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import load


def test_it_tells_of_lag_connections_and_requests() -> None:
    """Lag idle and under load, the most connections, and requests before, in and after the time of 429s."""
    figures = load.run(jobs=50, connections=4, pace=200.0, seconds=1)
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["lag_milliseconds"]) == ["idle", "in_flight"]
    assert 0 < figures["most_connections"] <= 4
    assert {phase: len(rounds) for phase, rounds in figures["requests_a_second"].items()} == {
        "before": 1,
        "in": 1,
        "after": 1,
    }
    rows = load.table(figures).splitlines()
    assert rows[0].startswith("load (50 jobs in flight")
    assert len(rows) == 7


def test_every_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lag is the spread over the rounds, connections the most of all, and each round's requests are told."""
    rounds = iter((1, 3))

    async def measure(*_: object) -> dict[str, Any]:
        number = next(rounds)
        a_second = {phase: [number] for phase in ("before", "in", "after")}
        return {
            "lag_milliseconds": {"idle": {"p50": number}},
            "requests_a_second": a_second,
            "most_connections": number,
        }

    monkeypatch.setattr(load, "_measure", measure)
    figures = load.run(rounds=2)
    assert figures["lag_milliseconds"] == {"idle": {"p50": {"median": 2, "min": 1, "max": 3}}}
    assert figures["most_connections"] == 3
    assert figures["requests_a_second"]["in"] == [[1], [3]]
