"""The command that shows the history of a ledger, the newest first: each request with its job. It needs no key.

It reads arguments and starts what they ask for. The service is not asked: what is shown is what was noted last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter

from motion_async.canonical import canonical_text
from motion_async.cli.arguments import Access, BatchName, Json, LedgerOption, States, read_since
from motion_async.cli.commandline import access_options, command_line
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address
from motion_async.cli.ledger.command import opened
from motion_async.cli.ledger.personal import find_ledger, others_beside
from motion_async.cli.ledger.selection import Selection, select
from motion_async.cli.output.output import Output
from motion_async.cli.running import execute
from motion_async.ledger import Item, ItemState
from motion_async.options import check_whole_number

__all__ = ["jobs"]

_NAMED: Final = 3
"""So many running jobs are named in the command that asks after them."""


def jobs(
    *,
    state: States = None,
    batch: BatchName = None,
    since: Annotated[str | None, Parameter(help="Begun since then: 2d, 12h, 1w, or 2026-11-01.")] = None,
    search: Annotated[str | None, Parameter(help="With this text in the prompt.")] = None,
    limit: Annotated[int, Parameter(help="So many at most; 0 shows all.")] = 50,
    ledger: LedgerOption = None,
    access: Access = Access(),
    json: Json = False,
) -> ExitStatus:
    """Show what was sent, the newest first, as it was noted last. Needs no key."""

    async def work(reporter: Output) -> ExitStatus:
        selection = select(state or ())
        most = check_whole_number("--limit", limit, low=0, high=1_000_000_000)
        moment = None if since is None else read_since(since, datetime.now(UTC))
        address = find_ledger(ledger, access)
        if address.is_own and not address.exists():
            reporter.notice(f"nothing was sent to this service yet: there is no {address.shown}")
            _tell_of_others(reporter, address)
            return ExitStatus.DONE
        async with opened(reporter, address, batch, read_only=True) as found:
            items = found.newest_first(batch, states=selection.states, since=moment)
            async with aclosing(items):
                shown, more = await _take(items, selection, search, most)
        reporter.show_items(shown)
        _tell_what_next(reporter, address, shown, more=more)
        return ExitStatus.DONE

    return execute(work, json=json or None)


async def _take(
    items: AsyncIterator[Item], selection: Selection, search: str | None, most: int
) -> tuple[list[Item], bool]:
    """Give the first selected items whose prompts have a text, and whether there are more; 0 is any number."""
    text = (canonical_text(search) or "").casefold()
    taken: list[Item] = []
    async for item in items:
        if not selection.has(item) or (text and text not in (canonical_text(item.request.prompt) or "").casefold()):
            continue
        if most and len(taken) == most:
            return taken, True
        taken.append(item)
    return taken, False


def _tell_what_next(reporter: Output, address: Address, items: Sequence[Item], *, more: bool) -> None:
    if not items:
        reporter.notice("there is nothing of that kind in the ledger")
        _tell_of_others(reporter, address)
    if more:
        reporter.notice(f"these are the newest {len(items):,}; --limit 0 shows all")
    running = [item.job_id for item in items if item.state is ItemState.SUBMITTED and item.job_id is not None]
    if running:
        see = command_line(
            "status", options=dict(access_options.get()), names=[("JOB_ID", it) for it in running[:_NAMED]]
        )
        reporter.notice(f"{len(running):,} had not ended when they were seen last; how they stand now: {see}")
    uncertain = next((item for item in items if item.state is ItemState.UNCERTAIN), None)
    if uncertain is not None:
        names = [("LEDGER", address.pasted), ("KEY", uncertain.key)]
        options = {"--batch": uncertain.batch}
        settle = command_line("ledger", "resolve", "--job-id=ID", options=options, names=names, hint=address.hint)
        reporter.say(
            "what is unclear may have been sent: look at https://motion.so whether its video is there, then settle "
            f"each (--send-again or --drop in place of --job-id), as with: {settle}"
        )


def _tell_of_others(reporter: Output, address: Address) -> None:
    others = others_beside(address)
    if others:
        reporter.notice(f"there are ledgers of other services, for --ledger: {', '.join(others)}")
