"""Has failed lines of a batch made anew, if the person says so: each is another try of the same item, and paid for."""

from __future__ import annotations

from collections.abc import Sequence

from motion_async.canonical import canonical_text
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.looks import counted, one_line
from motion_async.cli.output.output import Output
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger

__all__ = ["Retries", "retry_failed"]


class Retries:
    """Picks the items that are made anew out of those of a file: as many as the order's limit allows."""

    def __init__(self, order: BatchOrder) -> None:
        self._order = order
        self._named = {canonical_text(key) for key in order.only}
        self._unknown = set(self._named)
        self._has_followups = False
        self.items: list[Item] = []

    def take(self, item: Item) -> bool:
        """Take in an item, and say whether it is made anew."""
        if not self._order.retry_failed or item.state is not ItemState.FAILED:
            return False
        if self._named and item.key not in self._named:
            return False
        self._unknown.discard(item.key)
        if item.parent is not None:
            self._has_followups = True
            return False
        if self._order.limit is not None and len(self.items) >= self._order.limit:
            return False
        self.items.append(item)
        return True

    def check(self, output: Output) -> None:
        """Say what of the order cannot be done, once all items are taken in.

        Raises a `ConfigurationError` for a key that is named and is none of a line that has failed.
        """
        if self._unknown:
            key, batch = one_line(min(map(str, self._unknown))), one_line(self._order.batch)
            raise ConfigurationError(f"--only {key}: no line of that key has failed in batch {batch}")
        if self._has_followups:
            output.notice("a followup is not made anew, as its video has failed: give its line another id")


async def retry_failed(output: Output, items: Sequence[Item], ledger: Ledger) -> int:
    """Plan failed items again, and give how many; they come before what is new."""
    anew = len(await ledger.try_again(items))
    output.notice(f"{counted(anew, 'line')} that failed will be made anew")
    return anew
