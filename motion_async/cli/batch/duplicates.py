"""Lines of a batch's file that ask for what was made before, in another batch or under another id: found, and settled.

A person may take the videos that are there, have them made again, or stop; nobody pays twice unasked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.filelines import Line
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import in_chunks
from motion_async.cli.batch.survey import Survey
from motion_async.cli.ends import END_OF_STATE, MEANINGS
from motion_async.cli.happenings import DuplicateFound, DuplicatesShown
from motion_async.cli.looks import one_line
from motion_async.cli.reporter import Reporter
from motion_async.errors import ConfigurationError
from motion_async.ledger import Account, Entry, Item, ItemState, Ledger

__all__ = [
    "DUPLICATE",
    "Duplicates",
    "ask_about",
    "find_duplicates",
    "plan_duplicates",
    "reuse_videos",
    "settle_duplicates",
]

DUPLICATE: Final = "duplicate"
"""What the plan of a run calls lines of which a person has still to say what is done."""
_SHOWN: Final = 10
_ANSWERS: Final = {"t": "take those videos", "m": "make them again and pay", "s": "stop"}
_DECISIONS: Final[Mapping[str, Literal["take", "make"]]] = {"t": "take", "m": "make"}

_Made: TypeAlias = Sequence[Item]


@attrs.frozen
class Duplicates:
    """What was found.

    Args:
        videos: the item, by its number, whose video each line could take, by the line's number.
        first: the first lines, each with what was made.
        unknown: the lines whose only likes have no known job, as they may have been sent.
        fates: what the lines would become if they were made, and how many of them.
        reused: what they become if they take those videos.
    """

    videos: dict[int, int] = attrs.field(factory=dict)
    first: list[DuplicateFound] = attrs.field(factory=list)
    unknown: list[DuplicateFound] = attrs.field(factory=list)
    fates: Counter[str] = attrs.field(factory=Counter)
    reused: Counter[str] = attrs.field(factory=Counter)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self.fates.total()


async def find_duplicates(
    reporter: Reporter, spool: Spool, ledger: Ledger, order: BatchOrder, account: Account | None
) -> Duplicates:
    """Find the lines that are to be sent and ask for what other lines of this account have made before.

    What this file's own lines have made is none of that: equal lines are as many videos.
    """
    own = {fingerprint(line.key or "") async for chunk in in_chunks(spool.lines()) for line in chunk}
    found = Duplicates()
    async for chunk in in_chunks(spool.lines()):
        new = [
            (line, line.given.request)
            for line in chunk
            if line.is_unsent and line.given is not None and line.given.follows is None
        ]
        made = await ledger.find_made_of([request for _, request in new], account=account) if new else []
        for (line, _), items in zip(new, made, strict=True):
            others = [it for it in items if it.batch != order.batch or fingerprint(it.key) not in own]
            if others:
                _note(reporter, found, line, others)
    return found


def _note(reporter: Reporter, found: Duplicates, line: Line, others: _Made) -> None:
    # The newest video before a job that still runs, and that before one that nobody knows.
    item = max(others, key=lambda it: (it.state is ItemState.COMPLETED, it.job_id is not None, it.id))
    prompt = "" if line.given is None else line.given.request.prompt
    told = DuplicateFound(line.number, line.key or "", prompt, item)
    reporter.tell(told)
    found.fates[line.fate] += 1
    if len(found.first) < _SHOWN:
        found.first.append(told)
    if item.job_id is None:
        found.unknown.append(told)
    else:
        found.videos[line.number] = item.id
        found.reused[MEANINGS[END_OF_STATE[item.state]].planned] += 1


async def ask_about(reporter: Reporter, found: Duplicates, order: BatchOrder) -> BatchOrder | None:
    """Give the order with what a person says of such lines, who is asked where that is possible and not said yet.

    None if the person wants to stop.
    """
    reporter.tell(DuplicatesShown(tuple(found.first), found.count))
    if order.duplicates is not None or reporter.choose is None or order.is_sure:
        return order
    what = "1 line asks" if found.count == 1 else f"{found.count:,} lines ask"
    answers = {letter: words for letter, words in _ANSWERS.items() if letter != "t" or not order.is_for_fleet}
    answer = await reporter.choose(f"{what} for what was made before", answers, "s")
    return attrs.evolve(order, duplicates=_DECISIONS[answer]) if answer in _DECISIONS else None


def settle_duplicates(found: Duplicates, order: BatchOrder, spool: Spool, survey: Survey) -> Survey:
    """Do as the order says: give the survey as it is then, the spool's lines with it.

    Raises a `ConfigurationError` if nothing is to be sent, or lines cannot take a video that nobody knows.
    """
    if order.duplicates == "make":
        return survey
    if order.duplicates != "take":
        raise ConfigurationError(_explain(found))
    if order.is_for_fleet:
        raise ConfigurationError("nothing was sent: lines for a fleet cannot take other videos; leave them out")
    if found.unknown:
        told = found.unknown[0]
        raise ConfigurationError(
            f"nothing was sent: line {told.line} may have been sent before, as {_name(told.made)}, and has no known "
            "job; settle that with `motion-async ledger resolve`, or add --duplicates make to pay for it all the same"
        )
    spool.reuse(found.videos)
    return attrs.evolve(survey, plan=survey.plan - found.fates + found.reused)


def plan_duplicates(found: Duplicates, order: BatchOrder, spool: Spool, survey: Survey) -> Survey:
    """Give the survey of a dry run, in which such lines are not new, whatever is decided on them."""
    spool.reuse({**found.videos, **{told.line: told.made.id for told in found.unknown}})
    undecided = len(found.unknown) if order.duplicates == "take" else found.count
    instead = (found.reused if order.duplicates == "take" else Counter[str]()) + Counter({DUPLICATE: undecided})
    return attrs.evolve(survey, plan=survey.plan - found.fates + instead)


async def reuse_videos(spool: Spool, ledger: Ledger, order: BatchOrder) -> None:
    """Note in the ledger which videos lines take, before anything is sent.

    Raises a `LedgerError` if that cannot be written.
    """
    async for chunk in in_chunks(line for line in spool.lines() if line.reuses is not None):
        made = await ledger.numbered([line.reuses for line in chunk if line.reuses is not None])
        pairs = [
            (Entry(line.key or "", line.given.request, metadata=line.given.metadata), made[line.reuses])
            for line in chunk
            if line.given is not None and line.reuses is not None
        ]
        await ledger.reuse(order.batch, pairs)


def _explain(found: Duplicates) -> str:
    what = "1 line asks" if found.count == 1 else f"{found.count:,} lines ask"
    told = found.first[0]
    return (
        f"nothing was sent: {what} for what was made before, such as line {told.line}, which is {_name(told.made)}; "
        "add --duplicates take to have those videos, or --duplicates make to pay for them once more"
    )


def _name(item: Item) -> str:
    when = item.intent_at or item.planned_at
    return f"{one_line(item.key)} of batch {one_line(item.batch)} of {when:%Y-%m-%d} ({item.state})"
