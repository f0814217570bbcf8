"""What all tables are made of, and their pictures."""

from __future__ import annotations

from benchmarks import reporting


def test_a_spread_is_median_least_and_most() -> None:
    """Of an even number of rounds the median lies between the two in the middle."""
    assert reporting.spread([3, 1, 2, 10]) == {"median": 2.5, "min": 1, "max": 10}


def test_a_ratio_compares_what_stands_beside_each_other() -> None:
    """A machine that is twice as slow in one round moves no ratio."""
    assert reporting.ratios([2, 4], [1, 2]) == {"median": 2, "min": 2, "max": 2}


def test_a_table_shows_each_arm_with_its_ratio() -> None:
    """An arm without a ratio has its figure alone."""
    shown = reporting.table_of_arms(
        "title", {"one": reporting.spread([10]), "two": reporting.spread([25])}, "µs", {"two": reporting.spread([2.5])}
    )
    title, heads, one, two = shown.splitlines()
    assert title == "title"
    assert heads.split() == ["µs", "ratio", "least", "most"]
    assert one.split() == ["one", "10"]
    assert two.split() == ["two", "25", "2.50", "2.50", "2.50"]
