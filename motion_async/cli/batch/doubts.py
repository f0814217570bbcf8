"""What of a batch is in doubt: what may have been sent, what another run is sending, and whether there is one.

It reads the ledger, which alone knows of other runs, and stops or takes over nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from motion_async.ledger import ItemState, Ledger

__all__ = ["TOLD", "Doubts", "is_run_elsewhere", "read_doubts"]

TOLD: Final = 20
"""So many keys are named to a person, and the others counted."""


@attrs.frozen
class Doubts:
    """The keys of what is in doubt.

    Args:
        uncertain: of the first items that may have been sent and have no known job.
        elsewhere: of all items that another run is sending at this moment.
    """

    uncertain: Sequence[str] = ()
    elsewhere: Sequence[str] = ()


async def read_doubts(ledger: Ledger, batch: str) -> Doubts:
    """Give what is in doubt of a batch, or raise a `LedgerError` if the ledger cannot be read.

    A run that has died sends nothing: what it was sending is noted as uncertain by this.
    """
    alive: set[str | None] = set()  # asked until it is known: to find out whether a process lives takes a lock
    elsewhere = []
    own = []
    async for item in ledger.items(batch, states=(ItemState.INTENT,)):
        if item.owner == ledger.owner:
            own.append(item.key)  # this run sends nothing any more, and could not note what came of it
        elif item.owner in alive or (await ledger.refresh(item)).state is ItemState.INTENT:
            alive.add(item.owner)
            elsewhere.append(item.key)
    uncertain: list[str] = []
    async for item in ledger.items(batch, states=(ItemState.UNCERTAIN,)):
        uncertain.append(item.key)
        if len(uncertain) == TOLD:
            break
    return Doubts([*uncertain, *own][:TOLD], elsewhere)


async def is_run_elsewhere(ledger: Ledger, batch: str) -> bool:
    """Whether another run that has sent items of a batch, which have not ended, is there to go on with it.

    Raises a `LedgerError` if the ledger cannot be read.
    """
    dead: set[str | None] = {None, ledger.owner}
    async for item in ledger.items(batch, states=(ItemState.INTENT, ItemState.SUBMITTED)):
        if item.owner is None or item.owner in dead:
            continue
        if await ledger.is_alive(item.owner):
            return True
        dead.add(item.owner)
    return False
