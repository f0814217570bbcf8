"""The first pass over a batch's file: every line is checked, and told of if it can't be sent. Nothing is sent here."""

from __future__ import annotations

from typing import Final

import attrs

from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.sources import Source
from motion_async.cli.batch.standing import Standing, standings
from motion_async.cli.happenings import LineRefused, LinesChecked
from motion_async.cli.looks import one_line
from motion_async.cli.reporter import Reporter
from motion_async.errors import ConfigurationError
from motion_async.ledger import Ledger
from motion_async.ledger.transitions import REPLACEABLE

__all__ = ["Survey", "survey"]

_TOLD: Final = 20
_LONGEST: Final = 300


@attrs.frozen
class Survey:
    """What the first pass found.

    Args:
        requests: the lines that have a request which can be sent, or could be before its signatures ran out.
        invalid: the lines that can't be sent.
    """

    requests: int
    invalid: int


async def survey(reporter: Reporter, source: Source, ledger: Ledger | None, order: BatchOrder) -> Survey:
    """Check every line, and tell of those that cannot be sent: all to programs, the first ones to a person.

    Raises a `ConfigurationError` if there is no request at all or the file cannot be used as a whole, or a
    `LedgerError` if the ledger cannot be read.
    """
    requests = invalid = count = 0
    async for standing in standings(source.lines(), ledger, order.batch, of=lambda line: bool(line.expired)):
        count += 1
        if count % 1_000 == 0:
            reporter.glance(LinesChecked(count))
        requests += standing.line.given is not None
        problems = _problems(standing)
        if problems:
            invalid += 1
            reporter.tell(LineRefused(standing.line.number, problems))
            if invalid <= _TOLD:
                words = "; ".join(problems)
                # Where the problem does not begin with its place in the line, it is a verb: "line 3 is no JSON".
                colon = "" if words.startswith(("is ", "has ")) else ":"
                reporter.say(one_line(f"line {standing.line.number}{colon} {words}", limit=_LONGEST))
    reporter.glance(LinesChecked(count))
    if invalid > _TOLD:
        reporter.say(f"and {invalid - _TOLD:,} more lines that cannot be sent")
    if not count:
        raise ConfigurationError(f"{order.file} has no request in it; write one JSON object a line, or a CSV row")
    return Survey(requests, invalid)


def _problems(standing: Standing) -> tuple[str, ...]:
    line = standing.line
    # For what was sent, a signature that has expired is no matter.
    may_be_sent = standing.item is None or standing.item.state in REPLACEABLE
    return line.problems or (line.expired if may_be_sent else ())
