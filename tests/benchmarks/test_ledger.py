"""`python -m benchmarks ledger`, in small."""

from __future__ import annotations

import json

import pytest

from benchmarks import ledger

pytest.importorskip("aiosqlite")


def test_writes_that_wait_together_share_transactions() -> None:
    """Counted, not timed: with 20 items in flight far fewer transactions than writes, alone at least as many."""
    figures = ledger.run(rounds=1, items=60, alone=20, in_flight=20)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["shared"]["transactions"]["max"] <= 1 + 3 * 60 / 20 * 2
    assert figures["single"]["transactions"]["min"] >= 20 * 3
    assert figures["shared"]["late_p99"]["min"] >= 0
    for title in ("writes a transaction", "each write committed alone", "loop late"):
        assert title in ledger.table(figures)
