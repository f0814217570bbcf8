"""What the tests of web apps have: a fast sandbox that the environment points at, as it would point at the service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from motion_async.sandbox import Sandbox


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=2_000) as sandbox:
        monkeypatch.setenv("MOTION_API_KEY", sandbox.api_key)
        monkeypatch.setenv("MOTION_BASE_URL", sandbox.url)
        yield sandbox


class SlowSandbox:
    """A sandbox whose time stands still until a test lets it pass, so that a stream is open for as long as it takes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.sandbox = Sandbox(clock=lambda: self.seconds)

    def reach(self, status: str) -> None:
        """Let time pass until the newest job has a status."""
        newest = list(self.sandbox.jobs)[-1]
        while self.sandbox.jobs[newest].status != status:
            assert not self.sandbox.jobs[newest].status.is_terminal
            self.seconds += 1

    def finish_jobs(self) -> None:
        """Let all jobs come to their end."""
        self.seconds += 86_400


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowSandbox]:
    slow = SlowSandbox()
    async with slow.sandbox as sandbox:
        monkeypatch.setenv("MOTION_API_KEY", sandbox.api_key)
        monkeypatch.setenv("MOTION_BASE_URL", sandbox.url)
        yield slow
