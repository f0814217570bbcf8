"""Sends what is asked for in a fresh process for each line on standard input: it is there to be killed.

    killed_process.py KEY BASE_URL LEDGER_URL ITEMS HOW

HOW is `batch`, or `single` for creates by hand, ten at a time, as the handlers of a web app make them.

For each line a process is forked, its number is told, and when it has ended how it did. All that is
slow to import is imported once, before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

import aiosqlite  # noqa: F401
import asyncpg  # noqa: F401
import sqlalchemy.ext.asyncio  # noqa: F401

from motion_async import Backoff, BatchRequest, GrowingSchedule, MotionError, MotionSession
from motion_async.ledger import Ledger, open_ledger


async def run_batch(motion: MotionSession, ledger: Ledger, items: int) -> None:
    requests = [BatchRequest(f"video {number}", id=f"item-{number}") for number in range(items)]
    async with motion.generate_many(requests, ledger=ledger, batch="launch", max_active=10) as outcomes:
        async for _ in outcomes:
            pass


async def create_singly(motion: MotionSession, items: int) -> None:
    orders = iter(range(items))

    async def serve() -> None:
        for number in orders:
            with suppress(MotionError):  # the customer is told, and comes again
                await motion.create(f"video {number}", key=f"item-{number}")

    await asyncio.gather(*(serve() for _ in range(10)))


async def run(key: str, base_url: str, ledger_url: str, items: int, how: str) -> None:
    async with (
        open_ledger(ledger_url) as ledger,
        MotionSession(
            key,
            base_url=base_url,
            schedule=GrowingSchedule(first=0.02, growth=0.2, cap=0.1),
            backoff=Backoff(first=0.02, cap=0.1),
            max_polls_per_second=1_000,
            ledger=ledger if how == "single" else None,
            batch="launch",
        ) as motion,
    ):
        await (create_singly(motion, items) if how == "single" else run_batch(motion, ledger, items))


def main() -> None:
    key, base_url, ledger_url, items, how = sys.argv[1:]
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(run(key, base_url, ledger_url, int(items), how))
            os._exit(0)
        print(child, flush=True)  # noqa: T201
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
