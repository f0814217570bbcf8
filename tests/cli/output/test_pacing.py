"""`motion_async.cli.output.pacing`: how it stands in plain words, now and then."""

from __future__ import annotations

import asyncio

from motion_async.cli.output.pacing import saying
from tests.virtual import VirtualLoop


def test_a_line_at_the_first_news_and_then_one_a_minute() -> None:
    """However much happens meanwhile, and nothing after the end."""
    said: list[tuple[float, str]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def words() -> str | None:
            return None if loop.time() < 9.5 else f"at {loop.time():.0f}"

        async with saying(words, lambda line: said.append((loop.time(), line))):
            await asyncio.sleep(150)
        await asyncio.sleep(600)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    assert said == [(10.0, "at 10"), (70.0, "at 70"), (130.0, "at 130")]
