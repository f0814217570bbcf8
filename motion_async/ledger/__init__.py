"""The durable ledger: what is sent is on disk before it is sent, so that a batch can be killed and go on.

    async with open_ledger("sqlite:///launch.db") as ledger:
        [item] = await ledger.plan("launch", [Entry("hero", VideoRequest("A launch video"))])
        record = ledger.record(item)
        if await record.sending():
            ...

It needs the extra `ledger`, for PostgreSQL the extra `postgres`; importing it needs neither. It must not send,
poll or watch: it writes down what it is told.
"""

from motion_async.ledger.items import (
    MOVES,
    Entry,
    History,
    Item,
    ItemState,
    LedgerTrouble,
    content_digest,
    content_key,
)
from motion_async.ledger.ledger import Ledger
from motion_async.ledger.opening import open_ledger

__all__ = [
    "MOVES",
    "Entry",
    "History",
    "Item",
    "ItemState",
    "Ledger",
    "LedgerTrouble",
    "content_digest",
    "content_key",
    "open_ledger",
]
