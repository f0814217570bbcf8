"""Binds batches to accounts: a run with another service or another key is refused before anything is sent.

The rows are `account_rows`, the comparison of keys is in `accounts`; no key is kept.
"""

from __future__ import annotations

import secrets
from asyncio import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from motion_async.ledger.accounts import Account, Binding
from motion_async.ledger.outage import Outage
from motion_async.ledger.writer import Writer
from motion_async.ledger.writes import Bind

if TYPE_CHECKING:
    from motion_async.ledger.store.base import Store

__all__ = ["BatchAccounts"]

_SALT_BYTES: Final = 8


class BatchAccounts:
    """Whose the batches of a ledger are, for as long as it is open."""

    def __init__(self, store: Store, writer: Writer, outage: Outage) -> None:
        self._store = store
        self._writer = writer
        self._outage = outage
        self._unknown: dict[str, Account] = {}
        """Who goes on with batches of which nobody knows yet whose they are."""

    async def bind(self, batch: str, account: Account) -> bool:
        """Have a batch be an account's, or raise a `LedgerAccountError`; see `Ledger.bind`, also for what it gives."""
        queries = self._store.queries
        found = await self._outage.retry(partial(queries.find_binding, batch))
        is_own = found is not None and found.owner == self._writer.owner
        was_sent = not is_own and await self._outage.retry(partial(queries.was_sent, batch))
        if found is None and was_sent:
            # Begun before ledgers kept that: a wrong key must not become the batch's by its mere try.
            first = self._unknown.setdefault(batch, account)
            if first != account:
                raise Binding(batch, first.origin, None, self._writer.owner).refusal(account)
            return False
        # Of the same account, too: while nothing was sent, the batch is kept for whoever works on it now.
        if found is None or not found.is_of(account) or not (is_own or was_sent):
            replaces = None if found is None or await self._is_at_work(found) else found.fingerprint
            found = await self._put(batch, account, replaces)
        if not found.is_of(account):
            raise found.refusal(account)
        return True

    def confirm(self, batch: str) -> None:
        """Take in that the service has told of a job of a batch, which is its account's from here on."""
        account = self._unknown.pop(batch, None)
        if account is not None:
            self._put(batch, account, None)

    async def _is_at_work(self, binding: Binding) -> bool:
        """Whether another process that lives goes on with a batch."""
        if binding.owner == self._writer.owner:
            return False
        return await self._outage.retry(partial(self._store.probe_owner, binding.owner))

    def _put(self, batch: str, account: Account, replaces: str | None) -> Future[Binding]:
        op, at = self._writer.next_op()
        fingerprint = account.fingerprint(secrets.token_hex(_SALT_BYTES))
        return self._writer.put(Bind(op, batch, account.origin, fingerprint, self._writer.owner, at, replaces))
