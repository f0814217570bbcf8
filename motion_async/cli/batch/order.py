"""What a person wants of a batch, as a value. Nothing is opened or checked here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from motion_async.cli.arguments import Access
from motion_async.cli.batch.sources import FileFormat
from motion_async.cli.ledger.address import Address
from motion_async.sending.gate import OnInsufficientCredits

__all__ = ["BatchOrder", "Duplicates"]

Duplicates: TypeAlias = Literal["take", "make", "refuse"]


@attrs.frozen(kw_only=True)
class BatchOrder:
    """A batch as it was ordered.

    Args:
        file: the path of the file of requests, `-` for standard input.
        form: how it is written, None where its content and its name tell.
        sheet: the sheet of a workbook that is read, None for the only one that has a column of the prompt.
        batch: the batch's name in the ledger.
        ledger: where the ledger is, or is to be made.
        is_for_fleet: whether the ledger is a fleet's, whose workers make the lines.
        max_active: how many jobs run at one time.
        on_insufficient_credits: what to do after a 402.
        on_input: whether a job that waits for a person is waited for, or left for a later run.
        timeout: seconds in which this run watches each job, None for no end.
        is_named: whether a person has named the batch, instead of the file.
        duplicates: what is done with lines whose content was made before, elsewhere or under another id: `take` those
            videos, `make` them again, or `refuse` to send anything; None where a person is asked.
        limit: how many lines are sent at most of which nothing was sent before, None for all.
        is_sure: whether what is new is sent without asking, where somebody could be asked.
        retry_failed: whether lines that have failed are made anew.
        only: the keys of those that are, all that have failed when empty.
        allow_odd: whether lines are sent that nobody may have meant, without asking.
        skip_invalid: whether lines that can't be sent are left out, instead of ending the batch before it begins.
        outputs: the files that get the results, each written as its name says.
        access: whose key is used, and for which service.
        command: the command that goes on where this run ends.
    """

    file: str
    form: FileFormat | None
    sheet: str | None = None
    batch: str
    ledger: Address
    max_active: int
    on_insufficient_credits: OnInsufficientCredits
    on_input: Literal["wait", "skip"] = "wait"
    timeout: float | None
    limit: int | None = None
    is_named: bool = True
    duplicates: Duplicates | None = None
    is_sure: bool = False
    retry_failed: bool = False
    only: tuple[str, ...] = ()
    allow_odd: bool = False
    skip_invalid: bool
    outputs: tuple[Path, ...]
    access: Access
    is_for_fleet: bool = False
    command: str = ""
