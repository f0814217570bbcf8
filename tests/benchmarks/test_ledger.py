"""`python -m benchmarks ledger`, in small."""

from __future__ import annotations

import json

import pytest

from benchmarks import ledger

pytest.importorskip("aiosqlite")


def test_writes_that_wait_together_share_transactions() -> None:
    """Counted, not timed: with 20 items in flight far fewer transactions than writes, with one as many as writes."""
    figures = ledger.run(rounds=1, items=60, alone=20, in_flight=20)
    assert json.loads(json.dumps(figures)) == figures
    assert figures["shared"]["transactions"]["max"] <= 1 + 3 * 60 / 20 * 2
    assert figures["one_in_flight"]["transactions"]["min"] >= 20 * 4
    assert figures["shared"]["late_p99_milliseconds"]["min"] >= 0
    for title in ("writes a transaction", "one item in flight", "loop late"):
        assert title in ledger.table(figures)
