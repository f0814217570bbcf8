"""What of a batch is in doubt when a run ends: what may have been sent, and what another run is sending.

It reads the ledger, which alone knows of other runs, and stops or takes over nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from motion_async.ledger import ItemState, Ledger

__all__ = ["TOLD", "Doubts", "read_doubts"]

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

    A run that has died sends nothing, and what it was sending is uncertain.
    """
    # This run sends nothing any more, whatever its own intents say.
    lives: dict[str | None, bool] = {ledger.owner: False}
    elsewhere = []
    async for item in ledger.items(batch, states=(ItemState.INTENT,)):
        if item.owner not in lives:
            # Asked once for each owner: to find out whether a process lives takes a lock, and it has many items.
            lives[item.owner] = (await ledger.refresh(item)).state is ItemState.INTENT
        if lives[item.owner]:
            elsewhere.append(item.key)
    uncertain: list[str] = []
    async for item in ledger.items(batch, states=(ItemState.UNCERTAIN,)):
        uncertain.append(item.key)
        if len(uncertain) == TOLD:
            break
    return Doubts(uncertain, elsewhere)
