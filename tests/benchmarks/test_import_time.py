"""`python -m benchmarks import`, in small."""

from __future__ import annotations

import json

from benchmarks import import_time


def test_it_times_both_imports_and_the_interpreter_alone() -> None:
    """The interpreter's own time is there to be taken off; the ratio is ours to aiohttp's alone."""
    figures = import_time.run(rounds=1)
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["milliseconds"]) == {"aiohttp", "motion_async", "nothing"}
    assert list(figures["ratios"]) == ["motion_async"]
    assert "motion_async" in import_time.table(figures)
