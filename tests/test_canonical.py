"""Tests of `motion_async.canonical`."""

from __future__ import annotations

from typing import Any

import pytest

from motion_async.canonical import canonical_job_id

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
