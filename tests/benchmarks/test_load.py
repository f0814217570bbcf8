"""`python -m benchmarks load`, in small."""

from __future__ import annotations

import json

from benchmarks import load


def test_it_tells_of_lag_connections_and_requests() -> None:
    """Lag idle and under load, the most connections, and requests before, in and after the time of 429s."""
    figures = load.run(jobs=50, connections=4, pace=200.0, seconds=1)
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["lag_milliseconds"]) == ["idle", "in flight"]
    assert 0 < figures["most_connections"] <= 4
    assert list(figures["requests_a_second"]) == ["before", "in", "after"]
    rows = load.table(figures).splitlines()
    assert rows[0].startswith("load (50 jobs in flight")
    assert len(rows) == 7
