"""`python -m benchmarks import`, in small."""

from __future__ import annotations

import json

from benchmarks import import_time


def test_it_times_both_imports_and_the_interpreter_alone() -> None:
    figures = import_time.run(rounds=1)
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["milliseconds"]) == {"aiohttp", "motion_async", "nothing"}
    assert "motion_async" in import_time.table(figures)
