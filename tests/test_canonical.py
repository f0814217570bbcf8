"""Tests of `motion_async.canonical`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from motion_async.canonical import canonical_job_id, canonical_text

JOB = "405d47cf-f72b-4852-b570-0de2446dbba1"


@pytest.mark.parametrize("given", [JOB, JOB.upper(), JOB[:20] + JOB[20:].upper()])
def test_a_uuid_is_one_id_however_its_letters_are_written(given: str) -> None:
    """Databases give them back in capitals."""
    assert canonical_job_id(given) == JOB


@pytest.mark.parametrize(
    "given",
    ["Job-1", "A" * 36, f"{{{JOB.upper()}}}", JOB.upper().replace("-", ""), f"{JOB.upper()} ", f"{JOB.upper()}\n", ""],
)
def test_what_is_no_uuid_stays_what_it_is(given: str) -> None:
    """Nobody knows what capitals mean in it."""
    assert canonical_job_id(given) == given


@pytest.mark.parametrize("given", [None, 5, b"A", ["A"]])
def test_what_is_no_text_stays_for_the_validation(given: Any) -> None:
    """It says what was wrong with it."""
    assert canonical_job_id(given) is given


SAME = {
    "line ends of another system": ("a\r\nb", "a\nb"),
    "line ends of an old one": ("a\rb", "a\nb"),
    "mixed": ("a\r\n\rb\n", "a\n\nb"),
    "another form of Unicode": ("Cafe\u0301", "Caf\u00e9"),
    "letters of Korea": ("\u1112\u1161\u11ab", "\ud55c"),
    "white space at the ends": (" \ta\u00a0\u3000\n", "a"),
    "nothing but white space": (" \n", ""),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_people_see_as_the_same_text_is_the_same(one: str, other: str) -> None:
    """Spreadsheets, editors and file systems give it other bytes."""
    assert canonical_text(one) == canonical_text(other) == other


@pytest.mark.parametrize(
    ("one", "other"),
    [("a b", "a  b"), ("a\nb", "a\n\nb"), ("A", "a"), ("\u00e9", "e"), ("\ufb01", "fi"), ("a\n b", "a\nb")],
)
def test_what_people_can_see_apart_stays_apart(one: str, other: str) -> None:
    """A word, a line or a letter more is another text."""
    assert canonical_text(one) != canonical_text(other)


@over(st.text())
def test_a_canonical_text_stays_what_it_is(text: str) -> None:
    """Any text has one form."""
    assert canonical_text(canonical_text(text)) == canonical_text(text)


def test_no_text_has_no_form() -> None:
    """What is not given stays so."""
    assert canonical_text(None) is None
