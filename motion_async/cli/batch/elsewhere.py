"""Which requests of a batch another run is sending, so that whoever waits for them knows what for.

It reads the ledger, which alone knows of other runs, and stops or takes over nothing.
"""

from __future__ import annotations

import asyncio
from typing import Final

from motion_async.cli.looks import one_line
from motion_async.cli.reporter import Reporter
from motion_async.errors import LedgerError
from motion_async.ledger import ItemState, Ledger

__all__ = ["sent_elsewhere", "tell_of_others"]

_LOOK: Final = 2.0
"""Seconds between two looks: what stands in two of them takes longer than a create does."""
_TOLD: Final = 20


async def sent_elsewhere(ledger: Ledger, batch: str) -> list[str]:
    """Give the keys of the items that another run is sending at this moment; one that has died sends nothing.

    Args:
        ledger: the ledger.
        batch: the batch's name.

    Raises:
        LedgerError: if the ledger cannot be read.
    """
    lives: dict[str | None, bool] = {ledger.owner: False}
    keys = []
    async for item in ledger.items(batch, states=(ItemState.INTENT,)):
        if item.owner not in lives:
            lives[item.owner] = (await ledger.settled(item)).state is ItemState.INTENT
        if lives[item.owner]:
            keys.append(item.key)
    return keys


async def tell_of_others(reporter: Reporter, ledger: Ledger, batch: str) -> None:
    """Say of each request that another run takes long to send that it is waited for; without an end.

    Args:
        reporter: told of the first ones.
        ledger: the ledger.
        batch: the batch's name.
    """
    before: set[str] = set()
    told: set[str] = set()
    while len(told) < _TOLD:
        await asyncio.sleep(_LOOK)
        try:
            keys = await sent_elsewhere(ledger, batch)
        except LedgerError:  # whoever sends is told of it as well, and ends
            continue
        for key in keys:
            if key in before and key not in told and len(told) < _TOLD:
                told.add(key)
                reporter.notice(f"{one_line(key)} is being sent by another run of the batch, which is waited for")
        before = set(keys)
