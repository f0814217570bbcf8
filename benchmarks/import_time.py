"""`python -m benchmarks import`: the time to import `motion_async` against that of `aiohttp` alone.

Each import runs in a fresh interpreter; the two take turns, and a round's ratio compares neighbours.
The interpreter's own start is measured too and taken off both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.reporting import ratios, spread, table_of_arms

__all__ = ["run", "table"]

_ARMS = {"aiohttp": "import aiohttp", "motion_async": "import motion_async", "nothing": "pass"}


def _seconds(statement: str, cache: str) -> float:
    """Time a fresh interpreter that finds all bytecode in a cache, as it would in an installed package."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(  # this interpreter, our own words
        [sys.executable, "-c", statement], check=True, env=environment | {"PYTHONPYCACHEPREFIX": cache}
    )
    return time.perf_counter() - start


def run(*, rounds: int = 15) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often the arms take turns, after one round that is not counted.
    """
    with tempfile.TemporaryDirectory() as cache:
        taken = [{arm: _seconds(statement, cache) for arm, statement in _ARMS.items()} for _ in range(rounds + 1)][1:]
    plain = [one["aiohttp"] - one["nothing"] for one in taken]
    ours = [one["motion_async"] - one["nothing"] for one in taken]
    return {
        "rounds": rounds,
        "milliseconds": {arm: spread([1e3 * one[arm] for one in taken]) for arm in _ARMS},
        "ratios": {"motion_async": ratios(ours, plain)},
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    title = f"import (time against aiohttp's, the interpreter's own taken off, {figures['rounds']} rounds in turns)"
    return table_of_arms(title, figures["milliseconds"], "ms", figures["ratios"])
