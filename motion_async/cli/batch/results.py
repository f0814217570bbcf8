"""The results of a batch as a file: a JSON object a line, in the order of the input, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from motion_async.cli.atomic import atomic_file
from motion_async.cli.batch.sources import Source
from motion_async.cli.batch.standing import Standing, standings
from motion_async.cli.records import Record, result_record
from motion_async.ledger import Ledger

__all__ = ["write_results"]


async def write_results(path: Path, source: Source, ledger: Ledger, batch: str) -> int:
    """Write what the ledger has of each line, and give how many lines were written.

    Raises a `ConfigurationError` if the file cannot be written, which is as it was then, or a `LedgerError` if the
    ledger cannot be read.
    """
    written = 0
    with atomic_file(path) as file:
        async for standing in standings(source.lines(), ledger, batch):
            file.write(json.dumps(_record(standing)) + "\n")
            written += 1
    return written


def _record(standing: Standing) -> Record:
    given = standing.line.given
    if given is not None:
        return result_record(standing.line.number, standing.key, given.request, given.metadata, standing.item)
    record = result_record(standing.line.number, None, None, None, None)
    return {**record, "state": "invalid", "error": "; ".join(standing.line.problems)}
