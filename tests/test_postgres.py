"""Tests of `tests.postgres`: the server of the tests leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.postgres import PostgresServer

_CODE = """
import sys, time
from tests.postgres import _start_any
print(_start_any().url, flush=True)
time.sleep(60)
"""


def test_a_killed_run_leaves_no_server_behind(postgres_server: PostgresServer) -> None:
    """Its watcher notices, ends the server, and removes its directory."""
    if not postgres_server.ours:
        return  # then none is started
    run = subprocess.Popen(
        [sys.executable, "-c", _CODE], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    assert run.stdout is not None
    home = Path(run.stdout.readline().strip().partition("host=")[2])
    assert list(home.glob(".s.PGSQL.*"))
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 30
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not home.exists()
