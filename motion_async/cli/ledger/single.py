"""In which batch of a ledger the single creates and followups of an account are kept.

A batch is one account's. So the first account of a ledger has the batch `single`, and every further one has a batch of
its own, which it finds again by its key: the ledger knows whose each is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

from motion_async.errors import LedgerAccountError
from motion_async.ledger import Account, Ledger

__all__ = ["find_single_batch"]

_NAME: Final = "single"


async def find_single_batch(ledger: Ledger, account: Account, profile: str | None) -> str:
    """Give the first batch of those names that is the account's, or that nobody has begun yet.

    Raises a `LedgerError` if the ledger cannot be read or written.
    """
    for name in _names(profile):
        try:
            await ledger.bind(name, account)
        except LedgerAccountError:
            continue
        return name
    raise AssertionError("the names have no end")


def _names(profile: str | None) -> Iterator[str]:
    yield _NAME
    if profile is not None:
        yield f"{_NAME}-{profile}"
    yield from (f"{_NAME}-{number}" for number in count(2))
