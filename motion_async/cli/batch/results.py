"""The results of a batch as files: each as the end of its name says, in the order of the input, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TextIO

from motion_async.cli.atomic import atomic_file, check_output
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import standings
from motion_async.cli.looks import counted
from motion_async.cli.records import Record, result_record
from motion_async.cli.report.page import write_report
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.sheets.tables import ResultColumns, csv_writer, xlsx_writer
from motion_async.cli.words import Word
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, Ledger

__all__ = ["check_outputs", "write_results"]

_SUFFIXES: Final = (".csv", ".xlsx", ".jsonl", ".json", ".html")


def check_outputs(order: BatchOrder) -> None:
    """Raise a `ConfigurationError` if one of a batch's files of results could not be written."""
    for output in order.outputs:
        check_output(output, reads=None if order.file == "-" else Path(order.file), ledger=order.ledger.file)
        suffix = output.suffix.lower()
        if suffix not in _SUFFIXES:
            raise ConfigurationError(
                f"--output {output}: results are written as .csv, .xlsx (a spreadsheet), .jsonl, .json or .html (a "
                "report), by the end of the file's name; name it so"
            )
        if suffix == ".xlsx" and find_spec("xlsxwriter") is None:
            raise ConfigurationError(f"--output {output} needs an extra: pip install 'motion-async[sheets]'")
    if len({output.absolute() for output in order.outputs}) < len(order.outputs):
        raise ConfigurationError("--output names one file twice; give each a name of its own")


async def write_results(path: Path, spool: Spool, ledger: Ledger, batch: str) -> str:
    """Write what the ledger has of each line, or of the whole batch if it is a report, and say what was written.

    Raises a `ConfigurationError` if the file cannot be written, which is as it was then, or a `LedgerError` if the
    ledger cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".html":
        return await write_report(path, ledger, batch)
    written = 0
    with atomic_file(path) as file, _writer(suffix, file, spool) as write:
        async for line, item in standings(spool.lines(), ledger, batch):
            write(_record(line, item))
            written += 1
    return f"{path} has the results of {counted(written, 'line')}"


def _record(line: Line, item: Item | None) -> Record:
    record = result_record(line.number, line.key, line.given, item)
    if line.given is None:
        return {**record, "id": None, "state": Word.NEEDS_YOU.value, "error": "; ".join(line.problems or line.odd)}
    return {**record, "id": line.given.id}


@contextmanager
def _writer(suffix: str, file: TextIO, spool: Spool) -> Iterator[Callable[[Record], object]]:
    """Give what writes a record; what is at the end of the file is written when the block ends."""
    if suffix == ".jsonl":
        yield lambda record: file.write(json.dumps(record) + "\n")
    elif suffix == ".json":
        separator = "[\n"

        def write(record: Record) -> None:
            nonlocal separator
            file.write(separator + json.dumps(record))
            separator = ",\n"

        yield write
        file.write("\n]\n")
    else:
        columns = ResultColumns.of(line.given for line in spool.lines())
        with (csv_writer if suffix == ".csv" else xlsx_writer)(file, columns.names) as write_row:
            yield lambda record: write_row(columns.row(record))
