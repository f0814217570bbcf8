"""`motion-async ledger export`: all items of a ledger as JSONL or as a CSV, one after the other."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, TextIO

from cyclopts import Parameter

from motion_async.cli.arguments import Access, BatchName, LedgerName, States
from motion_async.cli.atomic import atomic_file, check_output
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.opening import find_ledger, opened
from motion_async.cli.ledger.selection import select
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.records import Record, item_record
from motion_async.ledger.codec import make_storable

__all__ = ["export"]

_COLUMNS: Final = (
    "batch", "key", "state", "item_state", "status", "job_id", "error", "follows", "planned_at", "sent_at",
    "changed_at", "prompt", "style_reference_url", "attachments", "metadata", "job",
)  # fmt: skip


def export(
    ledger: LedgerName = None,
    /,
    *,
    batch: BatchName = None,
    state: States = None,
    format: Annotated[  # noqa: A002  # the option's name
        Literal["jsonl", "csv"] | None, Parameter(help="Else as the name of --output says, else jsonl.")
    ] = None,
    path: Annotated[
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

    async def work(output: Output) -> ExitStatus:
        selection = select(state or ())
        address = find_ledger(ledger, Access())
        form = format or ("csv" if path is not None and path.suffix.lower() == ".csv" else "jsonl")
        if path is not None:
            check_output(path, ledger=address.file)
        written = 0
        async with opened(output, address, batch, read_only=True) as found:
            with output.file() if path is None else atomic_file(path) as file:
                write = _csv_writer(file) if form == "csv" else lambda record: file.write(json.dumps(record) + "\n")
                async for item in selection.of(found.items(batch, states=selection.states)):
                    write(item_record(item))
                    written += 1
        if path is not None:
            output.notice(f"{path} has {written:,} items")
        return ExitStatus.DONE

    return execute(work, json=None)


def _csv_writer(file: TextIO) -> Callable[[Record], object]:
    """Write the head of a CSV, and give what writes a record into it: without marks and escapes, as scripts like it."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_COLUMNS)

    def write(record: Record) -> None:
        request = record["request"]
        urls = " ".join(attachment["url"] for attachment in request["attachments"])
        written = {name: None if record[name] is None else json.dumps(record[name]) for name in ("metadata", "job")}
        flat = {**record, **request, **written, "attachments": urls}
        rows.writerow([make_storable(flat[name]) for name in _COLUMNS])

    return write
