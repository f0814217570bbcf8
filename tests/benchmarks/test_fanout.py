"""`python -m benchmarks fanout`, in small."""

from __future__ import annotations

import json

from benchmarks import fanout


def test_all_requests_of_both_arms_are_made_and_memory_is_measured() -> None:
    """The run itself holds that every request completed."""
    figures = fanout.run(rounds=1, requests=60, stream=200)
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == ["plain aiohttp", "motion_async"]
    assert all(size > 0 for size in figures["bytes"].values())
    assert len(figures["bytes"]) == 4
    assert "motion_async" in fanout.table(figures)
