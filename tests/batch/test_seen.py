"""Tests of `motion_async.batch.seen`: numbers by name, kept on disk as long as somebody holds them."""

from __future__ import annotations

import gc
import sqlite3
import tracemalloc
from contextlib import closing

import pytest

from motion_async import LedgerError
from motion_async.batch.seen import Seen

NAMES = ["", "a", "A", "a\0b", "a\0c", "é", "\ud800", "\ud801", "?", "日本"]


def test_every_text_is_a_name_of_its_own() -> None:
    """Whatever a file can hold as an id: nothing is taken for something else."""
    with closing(Seen()) as seen:
        assert [seen.number(name) for name in NAMES] == [None] * len(NAMES)
        for number, name in enumerate(NAMES):
            seen.note(name, number)
        assert [seen.number(name) for name in NAMES] == list(range(len(NAMES)))


def test_names_are_counted_noted_and_forgotten() -> None:
    """A count goes on from what was noted, and begins anew after the name was forgotten."""
    with closing(Seen()) as seen:
        assert [seen.count("a"), seen.count("b"), seen.count("a")] == [1, 1, 2]
        seen.note("a", 7)
        assert (seen.count("a"), seen.number("b")) == (8, 1)
        seen.forget("a")
        seen.forget("nobody")
        assert (seen.number("a"), seen.count("a")) == (None, 1)


def test_two_know_nothing_of_each_other_and_nothing_of_what_is_closed() -> None:
    """Each is a database of its own."""
    one, other = Seen(), Seen()
    one.note("a", 1)
    assert other.number("a") is None
    for seen in (one, other):
        seen.close()
        seen.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        one.number("a")


def test_nothing_is_left_open_by_whoever_forgets_it() -> None:
    """A generator that is left in the middle closes nothing."""
    seen = Seen()
    names = seen._names
    del seen
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        names.execute("SELECT 1")


def test_a_full_disk_is_told_with_what_to_do() -> None:
    """Temporary files lie elsewhere than the ledger, so that it has room says nothing."""
    with closing(Seen()) as seen:
        seen.note("first", 1)
        seen._ask("PRAGMA max_page_count = 10")
        with pytest.raises(LedgerError, match="database or disk is full; make room where temporary files are"):
            sum(seen.count(f"name {number}") for number in range(10_000))


def test_memory_does_not_grow_with_the_names() -> None:
    """Python holds none of them."""
    with closing(Seen()) as seen:
        seen.note("first", 0)
        tracemalloc.start()
        try:
            for number in range(20_000):
                seen.note(f"name {number}", number)
            assert tracemalloc.get_traced_memory()[0] < 50_000
        finally:
            tracemalloc.stop()
        assert seen.number("name 19999") == 19_999
