"""`motion-async jobs`: the history of a ledger, the newest first, each request with its job. It needs no key.

The service is not asked: what is shown is what was noted last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from motion_async.cli.arguments import Access, BatchName, Json, LedgerOption, Limit, States, read_since
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address
from motion_async.cli.ledger.opening import find_ledger, opened, others_beside
from motion_async.cli.ledger.selection import select
from motion_async.cli.ledger.showing import list_items
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute

__all__ = ["jobs"]


def jobs(
    *,
    state: States = None,
    batch: BatchName = None,
    since: Annotated[str | None, Parameter(help="Begun since then: 2d, 12h, 1w, or 2026-11-01.")] = None,
    search: Annotated[str | None, Parameter(help="With this text in the prompt.")] = None,
    limit: Limit = 50,
    ledger: LedgerOption = None,
    access: Access = Access(),
    json: Json = False,
) -> ExitStatus:
    """Show what was sent, the newest first, as it was noted last. Needs no key."""

    async def work(output: Output) -> ExitStatus:
        selection = select(state or (), search)
        moment = None if since is None else read_since(since, datetime.now(UTC))
        address = find_ledger(ledger, access)
        if address.is_own and not address.exists():
            output.notice(f"nothing was sent to this service yet: there is no {address.shown}")
            _tell_of_others(output, address)
            return ExitStatus.DONE
        async with opened(output, address, batch, read_only=True) as found:
            items = selection.of(found.newest_first(batch, states=selection.states, since=moment))
            if not await list_items(output, address, items, limit=limit):
                _tell_of_others(output, address)
        return ExitStatus.DONE

    return execute(work, json=json or None)


def _tell_of_others(output: Output, address: Address) -> None:
    others = others_beside(address)
    if others:
        output.notice(f"there are ledgers of other services, for --ledger: {', '.join(others)}")
