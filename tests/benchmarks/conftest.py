"""What the tests of several benchmarks have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[str]:
    """Give the name of a picture that the test draws; without matplotlib there is nothing to test."""
    pytest.importorskip("matplotlib")
    file = tmp_path / "picture.png"
    yield str(file)
    assert file.stat().st_size > 1_000
