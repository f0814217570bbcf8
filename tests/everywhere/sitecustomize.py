"""Begins in every Python that a test starts: it stays on this machine, as the test itself does.

Python imports a module of this name by itself, if it finds one; the tests put this directory on its path.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

_file = Path(__file__).parent.parent.parent / "benchmarks" / "loopback.py"
_spec = importlib.util.spec_from_file_location("_loopback", _file)
assert _spec is not None
assert _spec.loader is not None
_loopback = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loopback)
_loopback.stay_on_loopback()
