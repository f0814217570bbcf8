"""The command that makes a page of a batch, to be handed on. It needs no key and no service, only the ledger.

It finds the ledger, and says how to go on with what the page's readers decide.
"""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from motion_async.cli.arguments import Access, Json
from motion_async.cli.atomic import check_output
from motion_async.cli.commandline import command_line
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address, beside, without_password
from motion_async.cli.ledger.opening import find_ledger, opened
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.report.page import write_report
from motion_async.errors import ConfigurationError
from motion_async.ledger.codec import check_name

__all__ = ["report"]

_LEDGERS: Final = ".*.ledger.db"


def report(
    batch: Annotated[str, Parameter(help="The batch: its file, or its name in the ledger.")],
    /,
    *,
    ledger: Annotated[
        str | None, Parameter(name="--ledger", help="Its file or URL; else one by the batch's file; else your own.")
    ] = None,
    page: Annotated[Path, Parameter(name=("--output", "-o"), help="The page to write.")] = Path("report.html"),
    json: Json = False,
) -> ExitStatus:
    """Make a page of a batch that can be handed on: what was asked for, and what came.

    It is one file, which any browser opens without a network, with all that is
    known of each video. URLs lose their signatures. Needs no key.

    Its readers approve videos, or say what to change, and export that as a CSV:

      motion-async batch launch-redo.csv --batch launch --ledger LEDGER
    """

    async def work(output: Output) -> ExitStatus:
        name, address = _find(batch, ledger)
        check_output(page, ledger=address.file)
        if page.suffix.lower() not in (".html", ".htm"):
            raise ConfigurationError(f"--output {page}: a report is an .html file; name it so")
        async with opened(output, address, name, read_only=True) as found:
            output.notice(await write_report(page, found, name))
        options = {"--batch": name, "--ledger": address.pasted}
        names = [("FILE", f"{name}-redo.csv")]
        again = command_line("batch", options=options, names=names, hint=address.hint)
        output.notice(f"what its readers want changed, and export, is made with: {again}")
        return ExitStatus.DONE

    return execute(work, json=json or None)


def _find(batch: str, ledger: str | None) -> tuple[str, Address]:
    """Give the name of a batch, and where its ledger is."""
    path = Path(batch)
    if ledger is not None:
        return check_name("BATCH", path.stem if path.is_file() else batch), Address(ledger)
    if beside(path).exists():
        return check_name("BATCH", path.stem), beside(path)
    found = sorted(path.parent.glob(escape(path.name) + _LEDGERS)) if path.name else []
    if len(found) > 1:
        shown = without_password(batch)
        raise ConfigurationError(f"several ledgers of a batch {shown} here; name the batch's file, or add --ledger")
    if found:
        return check_name("BATCH", path.name), Address(str(found[0]))
    return check_name("BATCH", path.stem if path.is_file() else batch), find_ledger(None, Access())
