"""Runs the fuzz target under atheris, which looks for inputs that reach new code. It needs a process of its own.

    python tests/fuzz/run_atheris.py -atheris_runs=20000 tests/fuzz/corpus

What it finds is written to a file beside it, and belongs into the corpus. New inputs go into the first folder that is
named, so name one of your own before the corpus to keep that small.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["motion_async", "cattrs", "json"]):
    from tests.fuzz.target import read_anything

if __name__ == "__main__":
    atheris.Setup(sys.argv, read_anything)
    atheris.Fuzz()
