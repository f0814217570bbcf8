"""Runs a batch in a fresh process for each line on standard input: it is there to be killed.

    killed_batch.py KEY BASE_URL LEDGER_URL ITEMS

For each line a process is forked, its number is told, and when it has ended how it did. All that is
slow to import is imported once, before.
"""

from __future__ import annotations

import asyncio
import os
import sys

import aiosqlite  # noqa: F401
import asyncpg  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401

from motion_async import Backoff, BatchRequest, GrowingSchedule, MotionSession
from motion_async.ledger import open_ledger


async def run(key: str, base_url: str, ledger_url: str, items: int) -> None:
    requests = [BatchRequest(f"video {number}", id=f"item-{number}") for number in range(items)]
    async with (
        open_ledger(ledger_url) as ledger,
        MotionSession(
            key,
            base_url=base_url,
            schedule=GrowingSchedule(first=0.02, growth=0.2, cap=0.1),
            backoff=Backoff(first=0.02, cap=0.1),
            max_polls_per_second=1_000,
        ) as motion,
        motion.generate_many(requests, ledger=ledger, batch="launch", max_active=10) as outcomes,
    ):
        async for _ in outcomes:
            pass


def main() -> None:
    key, base_url, ledger_url, items = sys.argv[1:]
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(run(key, base_url, ledger_url, int(items)))
            os._exit(0)
        print(child, flush=True)  # noqa: T201
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
