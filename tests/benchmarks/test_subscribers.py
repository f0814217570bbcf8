"""`python -m benchmarks subscribers`, in small."""

from __future__ import annotations

import json

import pytest

from benchmarks import subscribers


def test_fifty_readers_cost_the_polls_of_one_and_hear_of_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of polls is no time: a machine that is slow makes fewer."""
    monkeypatch.setattr(subscribers, "_INTERVAL", 0.02)
    figures = subscribers.run(rounds=1, readers=50)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["changes"]["one"] == figures["changes"]["many"] >= 2
    assert 0 <= figures["polls_per_interval"]["many"]["max"] < 2
    assert "50" in subscribers.table(figures)
