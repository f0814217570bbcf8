"""`python -m benchmarks fanout`, in small."""

from __future__ import annotations

import json

from benchmarks import fanout


def test_all_requests_of_both_arms_are_made_and_memory_is_measured() -> None:
    """The run itself holds that every request completed."""
    figures = fanout.run(rounds=1, requests=200, requests_per_round=60)
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == ["plain aiohttp", "motion_async"]
    assert list(figures["memory"]["bytes"]) == ["tenth", "nine_tenths"]
    assert all(of["peak"] >= of["in_use"] > 0 for of in figures["memory"]["bytes"].values())
    assert list(figures["memory"]["nine_tenths_to_tenth"]) == ["in_use", "peak"]
    assert "motion_async" in fanout.table(figures)
    assert "over a stream of 200" in fanout.table(figures)
