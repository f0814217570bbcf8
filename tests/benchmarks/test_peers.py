"""The peers' clients, each at the stub, where they are installed."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.peers import PEERS
from benchmarks.stub import stub_server

RUNNING = {
    "fal-client": "InProgress(",
    "replicate": "status='processing'",
    "runwayml": "status='RUNNING'",
    "lumaai": "state='dreaming'",
    "openai": "status='in_progress'",
}


@pytest.mark.filterwarnings("ignore")  # their code is not ours to mend
@pytest.mark.parametrize("name", PEERS)
async def test_a_peer_asks_the_stub_for_a_status_and_can_read_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it gives is its own object for a job that runs."""
    if importlib.util.find_spec(name.replace("-", "_")) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stub_server() as base_url:
        async with PEERS[name](base_url) as poll:
            assert RUNNING[name] in repr(await poll("j1"))
