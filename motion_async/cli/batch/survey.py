"""The one pass over a batch's file: every line is checked, held against the ledger, and told of if it can't be sent.

What it found goes into a spool, from which all later steps read. Nothing is sent here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import attrs

from motion_async.batch.keys import Keys
from motion_async.batch.resume import recognise_earlier
from motion_async.canonical import canonical_text
from motion_async.cli.batch.checking import checked
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.retries import Retries
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import standings
from motion_async.cli.looks import one_line
from motion_async.cli.output.output import Output
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.view.work import WorkView
from motion_async.cli.words import FATE_OF_STATE, Fate
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState, Ledger
from motion_async.ledger.legacy import has_content
from motion_async.ledger.transitions import REPLACEABLE

__all__ = ["Survey", "survey"]

_TOLD: Final = 20
_LONGEST: Final = 300


@attrs.frozen
class Survey:
    """What was found.

    Args:
        requests: the lines that have a request which can be sent, or could be before its signatures ran out.
        invalid: the lines that can't be sent.
        odd: the lines that nobody may have meant.
        blank: those of them that have nothing to be sent, and are left out if all is meant.
        plan: how many of the requests would become what.
        anew: the items that have failed and are made anew.
    """

    requests: int
    invalid: int
    odd: int = 0
    blank: int = 0
    plan: Counter[Fate] = attrs.field(factory=Counter)
    anew: Sequence[Item] = ()


async def survey(
    output: Output,
    view: WorkView,
    lines: Iterator[Line],
    ledger: Ledger | None,
    order: BatchOrder,
    spool: Spool,
    refuses_odd: bool,
) -> Survey:
    """Check every line, and tell of those that cannot be sent: all to programs, the first ones to a person.

    Lines that nobody may have meant cannot be sent if it `refuses_odd` ones, and are told of if that is to be asked.
    Raises a `ConfigurationError` if there is no request at all, the file cannot be used as a whole, or a line that is
    to be made anew has not failed, or a `LedgerError` if the ledger cannot be read.
    """
    number = invalid = odd = blank = told = 0
    plan: Counter[Fate] = Counter()
    retries = Retries(order)
    keys = Keys()
    shared = _Shared(ledger, order.batch)
    if ledger is not None:
        await recognise_earlier(keys, ledger, order.batch)
    async for given, item in standings(checked(lines, keys, now=datetime.now(UTC)), ledger, order.batch):
        line = _stood(given, item, refuses_odd=refuses_odd)
        await shared.look(line)
        number += 1
        if number % 1_000 == 0:
            view.check(number)
        if item is not None and retries.take(item):
            line = attrs.evolve(line, fate=Fate.AGAIN)
        if line.given is not None:
            plan[line.fate] += 1
        spool.put(line)
        problems = line.problems or line.expired
        if problems:
            output.show_invalid(line.number, problems)
        invalid += bool(problems)
        odd += bool(line.odd)
        blank += line.given is None and not problems
        words = problems or (() if order.allow_odd else line.odd)
        told += bool(words)
        if words and told <= _TOLD:
            output.say(_sentence(line.number, words))
    view.check(number)
    if told > _TOLD:
        what = "that cannot be sent" if not odd else "of that kind"
        output.say(f"and {told - _TOLD:,} more lines {what}")
    if not number:
        raise ConfigurationError(f"{order.file} has no request in it; write one JSON object a line, or a CSV row")
    retries.check(output)
    shared.say(output)
    return Survey(plan.total(), invalid, odd, blank, plan, retries.items)


def _sentence(number: int, problems: tuple[str, ...]) -> str:
    words = "; ".join(problems)
    # Where the problem does not begin with its place in the line, it is a verb: "line 3 is no JSON".
    colon = "" if words.startswith(("is ", "has ", "stands ", "asks ")) else ":"
    return one_line(f"line {number}{colon} {words}", limit=_LONGEST)


class _Shared:
    """Knows of new lines that would change a video which another batch has as well."""

    def __init__(self, ledger: Ledger | None, batch: str) -> None:
        self._ledger = ledger
        self._batch = batch
        self._jobs: dict[str, list[str]] | None = None
        self._first = ""
        self._count = 0

    async def look(self, line: Line) -> None:
        """Find out whether a line is one of those."""
        if self._ledger is None or line.fate is not Fate.SEND or line.given is None or line.given.follows is None:
            return
        if self._jobs is None:  # only now, as most files have no followup
            self._jobs = await self._ledger.jobs_shared()
        # Most ledgers have no such job, and not every line is to be looked up in vain.
        parent = await self._ledger.find(self._batch, line.given.follows) if self._jobs else None
        if parent is None or parent.job_id is None:
            return
        others = [batch for batch in self._jobs.get(parent.job_id, ()) if batch != self._batch]
        if others:
            self._count += 1
            of = f"line {line.number} that of {one_line(parent.key)}, which batch {one_line(others[0])} has"
            self._first = self._first or of

    def say(self, output: Output) -> None:
        """Tell a person of them, who may want those videos to stay as they are."""
        if self._count:
            lines = "1 line changes a video" if self._count == 1 else f"{self._count:,} lines change videos"
            output.notice(f"{lines} that another batch has taken, too: {self._first}")


def _stood(line: Line, item: Item | None, *, refuses_odd: bool) -> Line:
    """Give a line as it stands: what was sent, or let through once, is as good as it was then."""
    given = line.given
    is_settled = item is not None and item.state not in REPLACEABLE
    is_known = item is not None and given is not None and has_content(item, given.request)
    odd = () if line.problems or is_settled or is_known else line.odd
    if given is None or (odd and refuses_odd):
        problems = (*line.problems, *(odd if refuses_odd else ()), *line.expired)
        return Line(line.number, problems=problems, odd=odd)
    new = Fate.EXPIRED if line.expired else Fate.SEND
    if item is None:
        return attrs.evolve(line, odd=odd, fate=new)
    if item.state is ItemState.PLANNED:
        fate = new
    elif is_known and item.parent == canonical_text(given.follows):
        fate = FATE_OF_STATE[item.state]
    else:
        fate = Fate.CHANGED if is_settled else new
    return attrs.evolve(line, expired=() if is_settled else line.expired, odd=odd, fate=fate, job_id=item.job_id)
