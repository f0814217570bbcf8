"""A batch as it was ordered, for tests of what is said of one."""

from pathlib import Path

from motion_async.cli.arguments import Access
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.ledger.address import Address

__all__ = ["ORDER"]

ORDER = BatchOrder(
    file="launch.jsonl",
    form="jsonl",
    batch="launch",
    ledger=Address("l.db"),
    max_active=20,
    on_insufficient_credits="stop",
    timeout=None,
    skip_invalid=False,
    outputs=(Path("out.jsonl"),),
    access=Access(),
)
