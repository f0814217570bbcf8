"""Which requests of a batch another run is sending, so that whoever ends a run knows what is under way all the same.

It reads the ledger, which alone knows of other runs, and stops or takes over nothing.
"""

from __future__ import annotations

from motion_async.ledger import ItemState, Ledger

__all__ = ["sent_elsewhere"]


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
