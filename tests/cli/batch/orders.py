"""A batch as it was ordered, for tests of what is said of one."""

from pathlib import Path

from motion_async.cli.arguments import Access
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.ledger.address import Address

__all__ = ["ORDER"]

ORDER = BatchOrder(
    file="launch.jsonl",
    batch="launch",
    batch_name="launch",
    ledger=Address("l.db"),
    outputs=(Path("out.jsonl"),),
    access=Access(),
    command="motion-async batch launch.jsonl",
)
