"""Whose a batch is: a service and an account, as a session uses them, and as a ledger keeps them.

A ledger has no key in it, but a fingerprint, which shows whether a key is the same and from which none can be found.
Pure: no I/O, no clock, no database; the salt comes as an argument.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import attrs

from motion_async.errors import LedgerAccountError

__all__ = ["Account", "Binding"]

_DIGITS: Final = 32


@attrs.frozen
class Account:
    """Who pays for what a session sends, and to whom it is sent.

    Args:
        origin: the service's scheme, host and port, such as `https://api.motion.so`.
        api_key: the key; it is never shown.
    """

    origin: str
    api_key: str = attrs.field(repr=False)

    def fingerprint(self, salt: str) -> str:
        """Give what stands for the key in a ledger: a salt of the ledger's own, and what the key becomes with it."""
        digest = hmac.new(salt.encode(), str(self.api_key).encode(), hashlib.sha256).hexdigest()
        return f"{salt}:{digest[:_DIGITS]}"


@attrs.frozen
class Binding:
    """What a ledger has of the account of a batch.

    Args:
        batch: the batch's name.
        origin: the service that it was begun with.
        fingerprint: of the key that it was begun with; None where a person has said that the key was replaced.
        owner: the ledger object that has written this.
    """

    batch: str
    origin: str
    fingerprint: str | None
    owner: str

    def is_of(self, account: Account) -> bool:
        """Whether an account is the batch's."""
        if self.origin != account.origin or self.fingerprint is None:
            return False
        salt, _, _ = self.fingerprint.partition(":")
        return hmac.compare_digest(account.fingerprint(salt), self.fingerprint)

    def refusal(self, account: Account) -> LedgerAccountError:
        """Give the error of a run with an account that is not the batch's."""
        return LedgerAccountError(self.batch, self.origin, account.origin)
