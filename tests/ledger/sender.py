"""A process of the tests: opens a ledger, does as it is told, and says what it did, line by line."""

from __future__ import annotations

import asyncio
import sys

from motion_async.ledger import open_ledger


def say(*words: str) -> None:
    """Tell the tests."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(url: str, batch: str, told: str) -> None:
    """Take all items of a batch that are to be had; then `leave`, or `stay` until the input ends. Or only `look`."""
    async with open_ledger(url) as ledger:
        items = [item async for item in ledger.items(batch)]
        if told == "look":
            say(*[(await ledger.refresh(item)).state for item in items])
            return
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        won = [item.key for item in items if await ledger.journal(item).begin()]
        say(ledger.owner, *won)
        if told == "stay":
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
