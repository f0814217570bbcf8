"""`python -m benchmarks poll`, in small."""

from __future__ import annotations

import json
from typing import NoReturn

import pytest

from benchmarks import poll
from benchmarks.arms import PLAIN
from benchmarks.peers import PEERS


@pytest.fixture
def without_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one peer broken and all others not installed, whatever there is."""

    def missing(_: str) -> NoReturn:
        raise ModuleNotFoundError("No module named 'it'")

    def broken(_: str) -> NoReturn:
        raise TypeError("unexpected argument")

    for name in PEERS:
        monkeypatch.setitem(PEERS, name, broken if name == "openai" else missing)


@pytest.mark.usefixtures("without_peers")
def test_both_arms_are_measured_and_no_missing_peer_is_passed_over() -> None:
    """Figures for plain aiohttp and ours; every peer that could not be measured is named with the reason."""
    figures = poll.run(rounds=2, polls=50, peer_polls=10)
    assert json.loads(json.dumps(figures)) == figures
    assert list(figures["ratios"]) == list(figures["cpu_microseconds"]) == [PLAIN, "motion_async"]
    assert figures["ratios"][PLAIN] == {"median": 1, "min": 1, "max": 1}
    assert all(0 < of["min"] <= of["median"] <= of["max"] for of in figures["ratios"].values())
    assert set(figures["missing"]) == set(PEERS)
    shown = poll.table(figures)
    assert "missing: fal-client: not installed" in shown
    assert "missing: openai: its status call raised TypeError" in shown


def test_the_picture_has_a_bar_for_each_arm(picture: str) -> None:
    """It is drawn from the ratios alone, such as those of an earlier run."""
    ratios = {arm: {"median": 1, "min": 1, "max": 1} for arm in ("plain aiohttp", "motion_async", "a peer")}
    poll.plot({"ratios": ratios}, picture)
