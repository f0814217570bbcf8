"""What a person has found out is told to a ledger: `motion-async ledger resolve` and `motion-async ledger adopt`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from motion_async.canonical import canonical_job_id
from motion_async.cli.arguments import Access, BatchName, Json, LedgerName
from motion_async.cli.commandline import command_line
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.opening import find_item, find_ledger, opened
from motion_async.cli.looks import counted, one_line
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.contract.validation import check_job_id
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger

__all__ = ["adopt", "resolve"]

_PLACEHOLDERS: Final = ("ID", "JOB_ID")
"""What stands for an id in the commands that are printed to be pasted."""


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
    all: Annotated[bool, Parameter(show_default=False, help="All that are unclear, in place of KEY.")] = False,  # noqa: A002  # the option's name
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
    """Settle what is unclear: a request that was sent and whose answer was lost.

    Look at https://motion.so whether its video is there, then say what you found;
    the next run of the batch acts by it.
    """

    async def work(output: Output) -> ExitStatus:
        if (job_id is not None) + send_again + drop != 1:
            raise ConfigurationError("say exactly one of --job-id ID, --send-again and --drop")
        name, of = (ledger, None) if all and key is None else _named(ledger, key)
        if (of is None) is not all:
            raise ConfigurationError("name either the KEY of one item, or --all for all that are unclear")
        if all and job_id is not None:
            raise ConfigurationError("one job cannot be that of all; name the KEY of its item")
        job = None if job_id is None else _check_typed(job_id)
        address = find_ledger(name, Access())
        async with opened(output, address, batch) as found:
            if of is None:
                items = [item async for item in found.items(batch, states=(ItemState.UNCERTAIN,))]
                if items and not yes and not await _asks(output, len(items), sends=send_again):
                    output.say("nothing was changed")
                    return ExitStatus.INTERRUPTED
            else:
                items = [await find_item(found, address, of, batch)]
                await _check_can_be(items[0], job, found, is_sure=yes)
            settled: list[Item] = []
            for item in items:
                settled.append(await found.resolve(item, job_id=job, send_again=send_again, drop=drop))
                output.show_item(settled[-1])
        output.say(_what_now(settled, is_one=not all))
        return ExitStatus.DONE

    return execute(work, json=json or None)


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

    async def work(output: Output) -> ExitStatus:
        name, adopted = _named(ledger, batch)
        if adopted is None:
            raise ConfigurationError("name the BATCH whose key was replaced")
        async with opened(output, find_ledger(name, Access()), adopted) as found:
            await found.adopt(adopted, origin=origin)
        output.say(f"batch {one_line(adopted)} goes on with the key of its next run")
        return ExitStatus.DONE

    return execute(work, json=None)


def _named(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Give the ledger, and what is named in it; a single name is that, unless it is a ledger's."""
    is_ledger = first is not None and ("://" in first or Path(first).is_file())
    return (first, second) if second is not None or is_ledger else (None, first)


def _check_typed(job_id: str) -> str:
    """Give a job's id as everything else writes it, or raise if it cannot be what a person meant to give."""
    check_job_id(job_id)
    if job_id in _PLACEHOLDERS:
        raise ConfigurationError(f"{job_id} stands for the id of the job: find that at https://motion.so, and give it")
    if any(map(str.isspace, job_id)):
        raise ConfigurationError(f"{job_id!r} cannot be a job id: it has white space in it; give the id alone")
    return canonical_job_id(job_id)


async def _check_can_be(item: Item, job_id: str | None, ledger: Ledger, *, is_sure: bool) -> None:
    """Raise if an item cannot be settled now, or if a job is more often a slip than not, unless a person is sure."""
    # Its sender lives, or the opening would have made it uncertain: the answer may come at any moment.
    if item.state is ItemState.INTENT:
        raise ConfigurationError(f"{item.key!r} is being sent at this moment by another process; wait for that to end")
    if job_id is None or is_sure:
        return
    if job_id != item.job_id and item.state is ItemState.SUBMITTED and item.status:
        known = f"the service took it as job {item.job_id}"
        raise ConfigurationError(f"{item.key!r} is not unclear: {known}; to have it be another one, add --yes")
    root = None
    for other in await ledger.of_job(job_id):
        root = root or await _root_of(ledger, item)
        # A request and its followups have one job, each a turn of it.
        if other.id != item.id and await _root_of(ledger, other) != root:
            raise ConfigurationError(
                f"job {job_id} is that of {other.key!r} of batch {other.batch!r} already; "
                f"to have it be that of {item.key!r} as well, add --yes"
            )


async def _root_of(ledger: Ledger, item: Item) -> tuple[str, str]:
    """Give batch and key of the request that made an item's video, which the items in between have changed."""
    # A ledger that others have written to may hold a circle.
    passed: set[str] = set()
    while item.parent is not None and item.parent not in passed:
        passed.add(item.parent)
        parent = await ledger.find(item.batch, item.parent)
        if parent is None:
            return item.batch, item.parent
        item = parent
    return item.batch, item.key


async def _asks(output: Output, number: int, *, sends: bool) -> bool:
    """Ask whether a person is sure to settle so many at once, or raise if nobody can be asked."""
    if not output.can_ask:
        raise ConfigurationError("to settle all at once without being asked, add --yes")
    will = "will be sent again; one whose video was made after all is paid twice"
    if not sends:
        will = "will be given up for good; one whose video was made after all is paid, and its job stays unknown"
    return await output.confirm(f"{counted(number, 'unclear item')} {will}. Go on?")


def _what_now(settled: Sequence[Item], *, is_one: bool) -> str:
    if not settled:
        return "nothing is unclear, so there is nothing to settle"
    item = settled[0]
    what, have = (one_line(item.key), "has") if is_one else (counted(len(settled), "item"), "have")
    match item.state:
        case ItemState.PLANNED:
            return f"{what} will be sent again: run the batch again"
        case ItemState.DROPPED:
            return f"{what} {have} been dropped, for good"
        case _:
            # Its job is there whether or not a followup was taken, so nothing but its end tells. Of another the service
            # can be asked, with a key; it is not asked here, as an id that was mistyped can be given anew.
            see = command_line("status", names=[("JOB_ID", item.job_id or "")])
            never = "if that followup was never taken, it waits for ever: then stop it, and say --send-again"
            waits = f"{what} is job {item.job_id} now: run the batch again, and it waits for it"
            return f"{waits}; {f'whether the service knows that job: {see}' if item.parent is None else never}"
