"""The results of a batch as a file: a JSON object a line, in the order of the input, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from motion_async.cli.atomic import atomic_file
from motion_async.cli.batch.filelines import Line
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import standings
from motion_async.cli.records import Record, result_record
from motion_async.ledger import Item, Ledger

__all__ = ["write_results"]


async def write_results(path: Path, spool: Spool, ledger: Ledger, batch: str) -> int:
    """Write what the ledger has of each line, and give how many lines were written.

    Raises a `ConfigurationError` if the file cannot be written, which is as it was then, or a `LedgerError` if the
    ledger cannot be read.
    """
    written = 0
    with atomic_file(path) as file:
        async for line, item in standings(spool.lines(), ledger, batch):
            file.write(json.dumps(_record(line, item)) + "\n")
            written += 1
    return written


def _record(line: Line, item: Item | None) -> Record:
    if line.given is not None:
        return result_record(line.number, line.key, line.given.request, line.given.metadata, item)
    record = result_record(line.number, None, None, None, None)
    return {**record, "state": "invalid", "error": "; ".join(line.problems)}
