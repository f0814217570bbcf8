"""What all tables are made of."""

from __future__ import annotations

from benchmarks import spreads


def test_a_spread_is_median_least_and_most() -> None:
    assert spreads.spread([3, 1, 2, 10]) == {"median": 2.5, "min": 1, "max": 10}


def test_a_table_shows_each_arm_with_its_ratio() -> None:
    """An arm without a ratio has its figure alone."""
    shown = spreads.table_of_arms(
        "title", {"one": spreads.spread([10]), "two": spreads.spread([25])}, "µs", {"two": spreads.spread([2.5])}
    )
    title, heads, one, two = shown.splitlines()
    assert title == "title"
    assert heads.split() == ["µs", "ratio", "least", "most"]
    assert one.split() == ["one", "10"]
    assert two.split() == ["two", "25", "2.50", "2.50", "2.50"]
