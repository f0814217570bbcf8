"""`python -m benchmarks batch`: `motion-async batch` as a user runs it, on files of more and more lines.

The command runs in a process of its own against a sandbox in another one. What is told: the peak of its resident
memory, which should not grow with the file, and the seconds it took, the second time also, when all is finished
and nothing is sent.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.reporting import line, spread

__all__ = ["run", "table"]

_COMMAND = [sys.executable, "-m", "motion_async.cli"]
_MAX_ACTIVE = 200


_OBSERVED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
"""Runs a command and prints its peak. In a process of its own: until it runs, a child counts as large as its parent."""


@contextmanager
def _sandbox(credits: int) -> Iterator[dict[str, str]]:  # noqa: A002  # the contract's word
    """Run a sandbox, and give the environment that points at it."""
    command = [*_COMMAND, "sandbox", "--port", "0", "--speed", "100000", "--credits", str(credits), "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            settings = dict(os.environ)
            for name in ("MOTION_BASE_URL", "MOTION_API_KEY"):
                found = re.match(r"export (\w+)='?([^'\s]+)", process.stdout.readline())
                assert found is not None, name
                settings[found[1]] = found[2]
            yield settings
        finally:
            process.terminate()  # else whatever fails would wait for it for ever


def _batch(folder: Path, lines: int, settings: dict[str, str]) -> tuple[float, float]:
    """Run the command to its end, and give the MiB of its peak and the seconds it took."""
    command = [
        sys.executable,
        "-c",
        _OBSERVED,
        *_COMMAND,
        "batch",
        "videos.jsonl",
        "--json",
        "--output",
        "results.jsonl",
        "--ledger",
        "videos.db",  # and not that of whoever measures
    ]
    command += ["--max-active", str(_MAX_ACTIVE)]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    with (folder / "results.jsonl").open(encoding="utf-8") as results:
        assert sum(json.loads(result)["status"] == "completed" for result in results) == lines
    return int(done.stdout) / (1 << 20 if sys.platform == "darwin" else 1 << 10), seconds


def run(*, rounds: int = 1, lines: tuple[int, ...] = (100, 1_000, 10_000)) -> dict[str, Any]:
    """Measure, and give the figures.

    Args:
        rounds: how often each file is made and run, twice each time.
        lines: how many lines the files have.
    """
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for count in lines:
        found: list[tuple[float, float, float, float]] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as name, _sandbox(300 * count) as settings:
                folder = Path(name)
                with (folder / "videos.jsonl").open("w", encoding="utf-8") as file:
                    file.writelines(json.dumps({"prompt": f"Launch video {n}"}) + "\n" for n in range(count))
                found.append((*_batch(folder, count, settings), *_batch(folder, count, settings)))
        fields = ("peak_mib", "seconds", "peak_mib_again", "seconds_again")
        figures[str(count)] = {
            field: spread(values) for field, values in zip(fields, zip(*found, strict=True), strict=True)
        }
    return {"rounds": rounds, "max_active": _MAX_ACTIVE, "lines": figures}


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    rows = [
        f"batch (the command, {figures['max_active']} jobs at a time; `again` is the second run, which sends nothing)",
        line("lines", ["peak MiB", "seconds", "again MiB", "again s"], width=12),
    ]
    for count, of in figures["lines"].items():
        shown = [("peak_mib", 0), ("seconds", 1), ("peak_mib_again", 0), ("seconds_again", 1)]
        cells = [f"{of[field]['median']:.{digits}f}" for field, digits in shown]
        rows.append(line(f"{int(count):,}", cells, width=12))
    return "\n".join(rows)
