"""Which lines of a batch's file one run makes: all that can be sent, or so many new ones as the person allows."""

from __future__ import annotations

from collections.abc import Iterator

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.spool import Spool
from motion_async.cli.sheets.filelines import Line
from motion_async.jobs import BatchRequest

__all__ = ["lines_of_run"]


def lines_of_run(spool: Spool, limit: int | None) -> Iterator[tuple[Line, BatchRequest]]:
    """Give the lines that have a request, of which at most `limit` are new, and none follows one that is left out.

    What was sent before is always among them: it is only watched.
    """
    new = 0
    left_out: set[bytes] = set()
    for line in spool.lines():
        given = line.given
        if given is None:
            continue
        if limit is not None and line.is_unsent:
            if new >= limit or (given.follows is not None and fingerprint(given.follows) in left_out):
                left_out.add(fingerprint(line.key or ""))
                continue
            new += 1
        yield line, given
