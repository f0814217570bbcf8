"""The definition of `motion-async ledger`: its subcommands, their options, and the help that documents them.

It reads arguments and starts what they ask for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from motion_async.cli.arguments import Access, BatchName, Json, LedgerName, States
from motion_async.cli.failures import ExitStatus
from motion_async.cli.help import help_of
from motion_async.cli.ledger import command
from motion_async.cli.ledger.command import Decision, Format
from motion_async.cli.ledger.personal import find_ledger
from motion_async.cli.ledger.selection import select
from motion_async.cli.output.output import Output
from motion_async.cli.running import execute
from motion_async.errors import ConfigurationError

__all__ = ["ledger"]

ledger = App(
    name="ledger",
    help="Show, export and settle what a ledger has. Needs no key.",
    version_flags=(),
    **help_of("ledger COMMAND", "ledger show --batch launch", 2, 4),
)


@ledger.command(**help_of("ledger show [OPTIONS] [LEDGER]", "ledger show --batch launch", 2, 4))
def show(
    ledger: LedgerName = None,
    /,
    *,
    batch: BatchName = None,
    state: States = None,
    key: Annotated[str | None, Parameter(help="Only this item, with its history.")] = None,
    limit: Annotated[int, Parameter(help="So many items at most; 0 shows all.")] = 50,
    json: Json = False,
) -> ExitStatus:
    """Show the batches of a ledger; with --batch or --state the items, those with problems first."""

    async def work(reporter: Output) -> ExitStatus:
        selection = select(state or ())
        if limit < 0:
            raise ConfigurationError("--limit must be 0 or more")
        return await command.show(
            reporter, find_ledger(ledger, Access()), batch=batch, selection=selection, key=key, limit=limit
        )

    return execute(work, json=json or None)


@ledger.command(**help_of("ledger export [OPTIONS] [LEDGER]", "ledger export -o all.csv", 2, 4))
def export(
    ledger: LedgerName = None,
    /,
    *,
    batch: BatchName = None,
    state: States = None,
    format: Annotated[  # noqa: A002  # the option's name
        Format | None, Parameter(help="Else as the name of --output says, else jsonl.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="The file to write, whole or not at all; else stdout."),
    ] = None,
) -> ExitStatus:
    """Write all items of a ledger, in the order in which they were planned. URLs lose their signatures.

    A line has these fields:

      batch, key            what the item is known by
      state                 waiting, making, needs you, done, failed or unclear
      item_state            one of those of --state
      status                what the service called its job last
      job_id                its job
      error                 what went wrong, in words
      follows               the key of the item whose video it changes
      planned_at, sent_at,  when it came into the ledger, when sending it began,
      changed_at            and when it last changed
      request               prompt, style_reference_url and attachments
      metadata              the line's own
      job                   the service's last answer

    What there is none of is null. In a CSV the three fields of request are
    columns in its place, and metadata and job are JSON in their cells.
    """

    async def work(reporter: Output) -> ExitStatus:
        form: Format = format or ("csv" if output is not None and output.suffix.lower() == ".csv" else "jsonl")
        selection = select(state or ())
        return await command.export(
            reporter, find_ledger(ledger, Access()), batch=batch, selection=selection, form=form, output=output
        )

    return execute(work, json=None)


@ledger.command(**help_of("ledger resolve [OPTIONS] [LEDGER] [KEY]", "ledger resolve KEY --job-id JOB_ID", 2, 4))
def resolve(
    ledger: LedgerName = None,
    key: Annotated[str | None, Parameter(help="The item's key; alone it is one of your own ledger.")] = None,
    /,
    *,
    job_id: Annotated[str | None, Parameter(help="Its job, which you have found.")] = None,
    send_again: Annotated[
        bool, Parameter(show_default=False, help="No video was made: have the next run send it again.")
    ] = False,
    drop: Annotated[bool, Parameter(show_default=False, help="Give it up.")] = False,
    all: Annotated[bool, Parameter(show_default=False, help="All that are uncertain, in place of KEY.")] = False,  # noqa: A002  # the option's name
    yes: Annotated[
        bool,
        Parameter(
            name=("--yes", "-y"),
            show_default=False,
            help="You are sure: that it is all, with --all, or, with --job-id, that the service was wrong or that two "
            "items have one job.",
        ),
    ] = False,
    batch: BatchName = None,
    json: Json = False,
) -> ExitStatus:
    """Settle what is uncertain: a request that was sent and whose answer was lost.

    Look at https://motion.so whether its video is there, then say what you found;
    the next run of the batch acts by it.
    """

    async def work(reporter: Output) -> ExitStatus:
        if (job_id is not None) + send_again + drop != 1:
            raise ConfigurationError("say exactly one of --job-id ID, --send-again and --drop")
        name, of = (ledger, None) if all and key is None else _named(ledger, key)
        address = find_ledger(name, Access())
        decision: Decision | None = "send_again" if send_again else "drop" if drop else None
        if (of is None) is not all:
            raise ConfigurationError("name either the KEY of one item, or --all for all that are uncertain")
        if of is not None:
            return await command.resolve(
                reporter, address, of, batch=batch, job_id=job_id, decision=decision, is_sure=yes
            )
        if decision is None:
            raise ConfigurationError("one job cannot be that of all; name the KEY of its item")
        return await command.resolve_all(reporter, address, batch=batch, decision=decision, is_sure=yes)

    return execute(work, json=json or None)


@ledger.command(**help_of("ledger adopt [OPTIONS] [LEDGER] BATCH", "ledger adopt launch", 2, 4))
def adopt(
    ledger: LedgerName = None,
    batch: Annotated[str | None, Parameter(help="The batch's name; alone it is one of your own ledger.")] = None,
    /,
    *,
    origin: Annotated[str | None, Parameter(help="Where the service is now, if that has changed as well.")] = None,
) -> ExitStatus:
    """Go on with a batch although its API key was replaced by another one of the same account.

    A batch goes on with the service and the key that it was begun with, so
    that nobody else pays for the rest of it. After this the next run says
    which key is the batch's.
    """

    async def work(reporter: Output) -> ExitStatus:
        name, adopted = _named(ledger, batch)
        if adopted is None:
            raise ConfigurationError("name the BATCH whose key was replaced")
        return await command.adopt(reporter, find_ledger(name, Access()), adopted, origin=origin)

    return execute(work, json=None)


def _named(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Give the ledger, and what is named in it; a single name is that, unless it is a ledger's."""
    is_ledger = first is not None and ("://" in first or Path(first).is_file())
    return (first, second) if second is not None or is_ledger else (None, first)
