"""The commands that show, export and settle what a ledger has. None of them needs a key or the service.

Each is a coroutine function that is given an `Output` and gives an exit status. They format nothing.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, TextIO

from motion_async.canonical import canonical_job_id, canonical_text
from motion_async.cli.atomic import atomic_file, check_output
from motion_async.cli.commandline import command_line
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address
from motion_async.cli.ledger.selection import Selection, select
from motion_async.cli.looks import one_line
from motion_async.cli.output.output import Output
from motion_async.cli.records import Record, item_record
from motion_async.cli.stopping import interruptible
from motion_async.cli.words import Word, count_words
from motion_async.contract.validation import check_job_id
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger, open_ledger
from motion_async.ledger.codec import make_storable

__all__ = ["Decision", "Format", "adopt", "export", "opened", "resolve", "resolve_all", "show"]

Decision = Literal["send_again", "drop"]
Format = Literal["jsonl", "csv"]

_FIRST: Final = (Word.UNCLEAR, Word.NEEDS_YOU, Word.FAILED)
"""What a person has to look at comes before all else."""
_COLUMNS: Final = (
    "batch", "key", "state", "item_state", "status", "job_id", "error", "follows", "planned_at", "sent_at",
    "changed_at", "prompt", "style_reference_url", "attachments", "metadata", "job",
)  # fmt: skip


async def show(
    reporter: Output,
    address: Address,
    *,
    batch: str | None,
    selection: Selection,
    key: str | None,
    limit: int,
) -> ExitStatus:
    """Show the batches of a ledger, the items of one, or one item with its history.

    None and an empty selection stand for all, and a `limit` of 0 for any number of items. Raises a `MotionError` if the
    ledger cannot be read, or does not have what was asked for.
    """
    async with opened(reporter, address, batch, read_only=True) as ledger:
        if key is not None:
            item = await _one(ledger, address, key, batch)
            reporter.show_item(item, tuple(await ledger.history(item)))
        elif batch is None and selection.is_all:
            counts = await ledger.counts()
            for name in sorted(counts):
                reporter.show_counts(name, count_words(counts[name]))
            if not counts:
                reporter.notice("the ledger is empty")
        else:
            await _show_items(reporter, ledger, batch, selection, limit)
    return ExitStatus.DONE


async def export(
    reporter: Output,
    address: Address,
    *,
    batch: str | None,
    selection: Selection,
    form: Format,
    output: Path | None,
) -> ExitStatus:
    """Write all items, one after the other, to `output`, or to standard output if that is None.

    Raises a `MotionError` if the ledger cannot be read or the file cannot be written.
    """
    if output is not None:
        check_output(output, ledger=address.file)
    written = 0
    async with opened(reporter, address, batch, read_only=True) as ledger:
        with reporter.file() if output is None else atomic_file(output) as file:
            write = _writer(file, form)
            async for item in ledger.items(batch, states=selection.states):
                if selection.has(item):
                    write(item_record(item))
                    written += 1
    if output is not None:
        reporter.notice(f"{output} has {written:,} items")
    return ExitStatus.DONE


async def resolve(
    reporter: Output,
    address: Address,
    key: str,
    *,
    batch: str | None,
    job_id: str | None,
    decision: Decision | None,
    is_sure: bool,
) -> ExitStatus:
    """Settle one item by the id of its job, which a person has found, or by a decision.

    `batch` may be None where only one has the key. `is_sure` means that the id may take the place of one that the
    service has told, and be that of another item as well. Raises a `MotionError` if the ledger cannot be written, or
    the item is not one that can be settled so.
    """
    if job_id is not None:
        job_id = _check_typed(job_id)
    async with opened(reporter, address, batch) as ledger:
        item = await _one(ledger, address, key, batch)
        # Its sender lives, or `opened` would have made it uncertain: the answer may come at any moment.
        if item.state is ItemState.INTENT:
            raise ConfigurationError(f"{key!r} is being sent at this moment by another process; wait for that to end")
        if job_id not in (None, item.job_id) and item.state is ItemState.SUBMITTED and item.status and not is_sure:
            known = f"the service took it as job {item.job_id}"
            raise ConfigurationError(f"{key!r} is not uncertain: {known}; to have it be another one, add --yes")
        if job_id is not None and not is_sure:
            await _check_is_no_others(ledger, item, job_id)
        item = await _settle(ledger, item, job_id, decision)
    reporter.show_item(item)
    reporter.say(f"{one_line(key)} {_what_now(item)}")
    return ExitStatus.DONE


async def resolve_all(
    reporter: Output, address: Address, *, batch: str | None, decision: Decision, is_sure: bool
) -> ExitStatus:
    """Settle all uncertain items in the same way, once the person is sure.

    Raises a `MotionError` if the ledger cannot be written, or nobody can be asked.
    """
    settled = 0
    async with opened(reporter, address, batch) as ledger:
        counts = await ledger.counts(batch)
        number = sum(of_batch.get(ItemState.UNCERTAIN, 0) for of_batch in counts.values())
        if not number:
            reporter.say("nothing is uncertain, so there is nothing to settle")
            return ExitStatus.DONE
        if not is_sure and not _asks(number, decision):
            reporter.say("nothing was changed")
            return ExitStatus.WRONG_USE
        async for item in ledger.items(batch, states=(ItemState.UNCERTAIN,)):
            reporter.show_item(await _settle(ledger, item, None, decision))
            settled += 1
    now = "will be sent again: run the batch again" if decision == "send_again" else "have been dropped, for good"
    reporter.say(f"{settled:,} {'item' if settled == 1 else 'items'} {now}")
    return ExitStatus.DONE


async def adopt(reporter: Output, address: Address, batch: str, *, origin: str | None) -> ExitStatus:
    """Say that a batch's key was replaced; see `Ledger.adopt`. Raises a `MotionError` if that cannot be written."""
    async with opened(reporter, address, batch) as ledger:
        await ledger.adopt(batch, origin=origin)
    reporter.say(f"batch {one_line(batch)} goes on with the key of its next run")
    return ExitStatus.DONE


@asynccontextmanager
async def opened(
    reporter: Output, address: Address, batch: str | None, *, read_only: bool = False
) -> AsyncIterator[Ledger]:
    """Open a ledger that is there; what a process that has died was sending becomes uncertain."""
    address.check_exists()
    async with open_ledger(address.url, read_only=read_only, on_trouble=reporter.take) as ledger:
        counts = await ledger.counts()
        if batch is not None and canonical_text(batch) not in counts:
            there = ", ".join(map(one_line, sorted(counts)[:10])) or "none"
            raise ConfigurationError(f"{address.shown} has no batch {batch!r:.80}; its batches are: {there}")
        if not read_only and any(ItemState.INTENT in of_batch for of_batch in counts.values()):
            async for item in ledger.items(batch, states=(ItemState.INTENT,)):
                await ledger.refresh(item)
        yield ledger


async def _one(ledger: Ledger, address: Address, key: str, batch: str | None) -> Item:
    batches = sorted(await ledger.counts()) if batch is None else [batch]
    found = [item for name in batches if (item := await ledger.find(name, key)) is not None]
    if not found:
        see = command_line("ledger", "show", "--batch=NAME", names=[("LEDGER", address.pasted)], hint=address.hint)
        raise ConfigurationError(f"{address.shown} has no item {key!r:.80}; see the keys with: {see}")
    if len(found) > 1:
        names = ", ".join(one_line(item.batch) for item in found)
        raise ConfigurationError(f"{key!r:.80} is an item of several batches; add --batch with one of: {names}")
    return found[0]


def _check_typed(job_id: str) -> str:
    """Give a job's id as everything else writes it, or raise if it cannot be what a person meant to give."""
    check_job_id(job_id)
    if any(map(str.isspace, job_id)):
        raise ConfigurationError(f"{job_id!r} cannot be a job id: it has white space in it; give the id alone")
    return canonical_job_id(job_id)


async def _check_is_no_others(ledger: Ledger, item: Item, job_id: str) -> None:
    """Raise if a job is another item's; a request and its followups have one job, each a turn of it."""
    root = None
    for other in await ledger.of_job(job_id):
        root = root or await _root_of(ledger, item)
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


async def _show_items(reporter: Output, ledger: Ledger, batch: str | None, selection: Selection, limit: int) -> None:
    shown: list[Item] = []
    more = False
    for words in (*({word} for word in _FIRST), set(Word).difference(_FIRST)):
        wanted = select(words)
        async for item in ledger.items(batch, states=wanted.states):
            if not wanted.has(item) or not selection.has(item):
                continue
            if limit and len(shown) == limit:
                more = True
                break
            shown.append(item)
    reporter.show_items(shown)
    if not shown:
        reporter.notice("there are no such items")
    if more:
        reporter.notice(f"these are the first {limit}; --limit 0 shows all, `motion-async ledger export` writes them")


def _writer(file: TextIO, form: Format) -> Callable[[Record], object]:
    if form == "jsonl":
        return lambda record: file.write(json.dumps(record) + "\n")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_COLUMNS)

    def write(record: Record) -> None:
        request = record["request"]
        urls = " ".join(attachment["url"] for attachment in request["attachments"])
        written = {name: None if record.get(name) is None else json.dumps(record[name]) for name in ("metadata", "job")}
        flat = {**record, **request, **written, "attachments": urls}
        rows.writerow(["" if flat[name] is None else make_storable(flat[name]) for name in _COLUMNS])

    return write


async def _settle(ledger: Ledger, item: Item, job_id: str | None, decision: Decision | None) -> Item:
    return await ledger.resolve(item, job_id=job_id, send_again=decision == "send_again", drop=decision == "drop")


def _what_now(item: Item) -> str:
    match item.state:
        case ItemState.PLANNED:
            return "will be sent again: run the batch again"
        case ItemState.DROPPED:
            return "has been dropped, for good"
        case _:
            waits = f"is job {item.job_id} now: run the batch again, and it waits for it"
            # A followup's job is there whether or not the followup was taken, so nothing but its end tells.
            never = "; if that followup was never taken, it waits for ever: then stop it, and say --send-again"
            return waits + (never if item.parent is not None else "")


def _asks(number: int, decision: Decision) -> bool:
    """Ask whether the person is sure; anything but yes means no."""
    if not sys.stdin.isatty():
        raise ConfigurationError("to settle all at once without being asked, add --yes")
    will = {
        "send_again": "will be sent again; one whose video was made after all is paid twice",
        "drop": "will be given up for good; one whose video was made after all is paid, and its job stays unknown",
    }[decision]
    with interruptible():  # from before the question is seen, as the answer may be Ctrl-C at once
        sys.stderr.write(f"{number:,} uncertain {'item' if number == 1 else 'items'} {will}. Go on? [y/N] ")
        sys.stderr.flush()
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            raise asyncio.CancelledError from None  # so that the ledger is closed on the way out
    return answer.strip().lower() in ("y", "yes")
