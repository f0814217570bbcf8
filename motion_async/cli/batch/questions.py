"""What a person is asked on a terminal before a batch pays for anything. It asks nothing itself."""

from __future__ import annotations

from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.survey import Survey
from motion_async.cli.looks import counted, masked_key, one_line
from motion_async.cli.words import Fate, Word
from motion_async.ledger import Account
from motion_async.redaction import redacted

__all__ = ["find_question"]

_SHOWN: Final = 2
_LONGEST: Final = 60
_BESIDE: Final = {Fate.TAKE_UP: Word.MAKING, Fate.COMPLETED: Word.DONE, Fate.UNCERTAIN: Word.UNCLEAR}


def find_question(found: Survey, order: BatchOrder, spool: Spool, account: Account | None) -> str | None:
    """Give the one question about a run: whether what looks odd is meant, or whether what is new is to be paid for.

    It says who is paid, and by which key, unless the workers of a fleet have that. None if the person has said so
    already, or nothing is to be paid for.
    """
    most = found.requests if order.limit is None else order.limit
    failed = min(found.plan[Fate.AGAIN], most)
    new = min(found.plan[Fate.SEND], most - failed)
    if not new + failed:
        return None
    where = "" if account is None else f"{_place(account.origin)} with the key {masked_key(account.api_key)}"
    if found.odd and not order.allow_odd and not order.skip_invalid:
        lines = "1 line looks" if found.odd == 1 else f"{found.odd:,} lines look"
        blank = f", {found.blank:,} of them without a prompt" if found.blank else ""
        videos = counted(new + failed, "video")
        at = f", at {where}" if where else ""
        return f"{lines} as if nobody meant that{blank}; make {videos} all the same{at}, and pay for them?"
    if order.is_sure:
        return None
    made = ", ".join(f"{number:,} {words}" for number, words in ((new, "new"), (failed, "failed before")) if number)
    rest = ", ".join(f"{found.plan[fate]:,} {word}" for fate, word in _BESIDE.items() if found.plan[fate])
    prompts = (given.request.prompt for line, given in lines_of_run(spool, order.limit) if line.fate is Fate.SEND)
    first = ", ".join(f"“{one_line(redacted(prompt), limit=_LONGEST)}”" for prompt in islice(prompts, min(_SHOWN, new)))
    to = f" to {where}" if where else ""
    about = "".join((f"; beside {rest}" if rest else "", f"; the first: {first}" if first else ""))
    return f"batch {one_line(order.batch)}: {made}{about}. Send them{to}, and pay for them?"


def _place(origin: str) -> str:
    """Name a service as short as it is clear: https is not said."""
    parts = urlsplit(origin)
    return parts.netloc + ("" if parts.scheme == "https" else f" (plain {parts.scheme})")
