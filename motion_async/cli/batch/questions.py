"""What a person is asked on a terminal before a batch pays for anything. It asks nothing itself."""

from __future__ import annotations

from itertools import islice
from typing import Final

from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.retries import AGAIN
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.survey import Survey
from motion_async.cli.looks import one_line
from motion_async.redaction import redacted

__all__ = ["find_question"]

_SHOWN: Final = 2
_LONGEST: Final = 60


def find_question(found: Survey, order: BatchOrder, spool: Spool) -> str | None:
    """Give the one question about a run: whether what looks odd is meant, or whether what is new is to be paid for.

    None if the person has said so already, or nothing is to be paid for.
    """
    most = found.requests if order.limit is None else order.limit
    failed = min(found.plan[AGAIN], most)
    new = min(found.plan["send"], most - failed)
    if not new + failed:
        return None
    if found.odd and not order.allow_odd and not order.skip_invalid:
        lines = "1 line looks" if found.odd == 1 else f"{found.odd:,} lines look"
        blank = f", {found.blank:,} of them without a prompt" if found.blank else ""
        videos = "1 video" if new + failed == 1 else f"{new + failed:,} videos"
        return f"{lines} as if nobody meant that{blank}; make {videos} all the same, and pay for them?"
    if order.is_sure:
        return None
    made = ", ".join(f"{number:,} {words}" for number, words in ((new, "new"), (failed, "failed before")) if number)
    stands = {"take_up": "running", "completed": "done", "uncertain": "unclear"}
    rest = [f"{found.plan[name]:,} {words}" for name, words in stands.items() if found.plan[name]]
    prompts = (given.request.prompt for line, given in lines_of_run(spool, order.limit) if line.is_unsent)
    first = ", ".join(f"“{one_line(redacted(prompt), limit=_LONGEST)}”" for prompt in islice(prompts, min(_SHOWN, new)))
    about = "".join((f"; beside {', '.join(rest)}" if rest else "", f"; the first: {first}" if first else ""))
    return f"batch {one_line(order.batch)}: {made}{about}. Send them, and pay for them?"
