"""`python -m benchmarks batch`, in small."""

from __future__ import annotations

import json

import pytest

from benchmarks import batch

pytest.importorskip("aiosqlite")


def test_the_command_makes_all_videos_and_none_again() -> None:
    """Both runs end with every line completed, and the table tells what each took."""
    figures = batch.run(lines=(12,))
    assert json.loads(json.dumps(figures)) == figures
    of = figures["lines"]["12"]
    assert of["peak_mib"]["min"] > 0
    assert of["seconds_again"]["min"] > 0
    assert "12" in batch.table(figures)
