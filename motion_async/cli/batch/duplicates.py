"""Lines of a batch's file that ask for what was made before, in another batch or under another id: found, and settled.

A person may take the videos that are there, have them made again, or stop; nobody pays twice unasked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Literal

import attrs

from motion_async.batch.keys import fingerprint
from motion_async.cli.batch.doubts import is_run_elsewhere
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import in_chunks
from motion_async.cli.batch.survey import Survey
from motion_async.cli.looks import local_time, one_line
from motion_async.cli.output.output import Output
from motion_async.cli.progress import DuplicateFound
from motion_async.cli.records import begun_at
from motion_async.cli.sheets.filelines import Line
from motion_async.cli.words import FATE_OF_STATE, Fate, word_of_item
from motion_async.errors import ConfigurationError, LedgerConflictError
from motion_async.ledger import Account, Entry, Item, ItemState, Ledger

__all__ = [
    "MadeBefore",
    "ask_about",
    "check_decided",
    "check_ended",
    "find_duplicates",
    "is_overtaken",
    "reuse_videos",
    "settle_duplicates",
]

_SHOWN: Final = 10
_ANSWERS: Final = {"t": "take those videos", "m": "make them again and pay", "s": "stop"}
_DECISIONS: Final[Mapping[str, Literal["take", "make"]]] = {"t": "take", "m": "make"}


@attrs.define
class MadeBefore:
    """What was found.

    Args:
        videos: the item, by its number, whose video each line could take, by the line's number.
        untakeable: the same of the lines that can take none, as it has no known job or would not be what they ask for.
        first: the first lines, each with what was made.
        first_untakeable: the first one of those.
        batches: those in which it was made.
        fates: what the lines would become if they were made, and how many of them.
        reused: what they become if they take those videos.
    """

    videos: dict[int, int] = attrs.field(factory=dict)
    untakeable: dict[int, int] = attrs.field(factory=dict)
    first: list[DuplicateFound] = attrs.field(factory=list)
    first_untakeable: DuplicateFound | None = None
    batches: set[str] = attrs.field(factory=set)
    fates: Counter[Fate] = attrs.field(factory=Counter)
    reused: Counter[Fate] = attrs.field(factory=Counter)

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self.fates.total()

    @property
    def asking(self) -> str:
        """The beginning of a sentence on them."""
        return "1 line asks" if self.count == 1 else f"{self.count:,} lines ask"

    def add(self, told: DuplicateFound, fate: Fate, *, can_be_taken: bool = True) -> None:
        """Take in a line, with what it would become if it were made."""
        item = told.made
        self.fates[fate] += 1
        self.batches.add(item.batch)
        if len(self.first) < _SHOWN:
            self.first.append(told)
        if item.job_id is None or not can_be_taken:
            self.untakeable[told.line] = item.id
            self.first_untakeable = self.first_untakeable or told
        else:
            self.videos[told.line] = item.id
            self.reused[FATE_OF_STATE[item.state]] += 1


async def find_duplicates(
    output: Output, spool: Spool, ledger: Ledger, order: BatchOrder, account: Account | None
) -> MadeBefore:
    """Find the lines that are to be sent and ask for what other lines of this account have made before.

    What this file's own lines have made is none of that, and each video is found for one line: equal lines are as many
    videos. A video that had a followup is another than was asked for, and one that a followup of this file would change
    is that of the other batch: they are found, and cannot be taken.
    """
    found = MadeBefore()
    async for line, item, can_be_taken in _Search(spool, ledger, order, account).run():
        prompt = "" if line.given is None else line.given.request.prompt
        told = DuplicateFound(line.number, line.key or "", prompt, item)
        output.show_duplicate(told)
        found.add(told, line.fate, can_be_taken=can_be_taken)
    return found


class _Search:
    """Looks for what lines could take, and gives nothing to two of them."""

    def __init__(self, spool: Spool, ledger: Ledger, order: BatchOrder, account: Account | None) -> None:
        self._spool = spool
        self._ledger = ledger
        self._batch = order.batch
        self._account = account
        self._own: set[bytes] = set()
        self._followed: set[bytes] = set()
        self._changed: set[str] | None = None
        self._given: set[str | int] = set()

    async def run(self) -> AsyncIterator[tuple[Line, Item, bool]]:
        """Give lines with what was made before, and whether they could take it.

        Of what they could, each gets the item of its own key first, then the best one that is left.
        """
        async for chunk in in_chunks(self._spool.lines_as_put()):
            self._own.update(fingerprint(line.key or "") for line in chunk)
            given = [line.given for line in chunk if line.given is not None]
            self._followed.update(fingerprint(it.follows) for it in given if it.follows is not None)
        of_key: dict[int, int] = {}
        is_any = False
        async for line, likes, _ in self._find_likes():
            is_any = True
            if item := self._give([it for it in likes if it.key == line.key and it.job_id is not None]):
                of_key[line.number] = item.id
        if not is_any:
            return
        async for line, likes, others in self._find_likes():
            item = next((it for it in likes if it.id == of_key.get(line.number)), None) or self._give(likes)
            if item is not None:
                yield line, item, True
            elif not likes:
                yield line, max(others, key=lambda it: it.id), False

    def _give(self, likes: Sequence[Item]) -> Item | None:
        """Give out the best of some items, by their jobs, as two batches may have one job."""
        left = [it for it in likes if (it.job_id or it.id) not in self._given]
        # The newest video before a job that still runs, and that before one that nobody knows.
        best = max(left, key=lambda it: (it.state is ItemState.COMPLETED, it.job_id is not None, it.id), default=None)
        if best is not None:
            self._given.add(best.job_id or best.id)
        return best

    async def _find_likes(self) -> AsyncIterator[tuple[Line, list[Item], list[Item]]]:
        """Give each line that is to be made with what it could take of what others have made, and with all of that."""
        async for chunk in in_chunks(self._spool.lines_as_put()):
            new = [
                (line, line.given.request)
                for line in chunk
                if line.is_unsent and line.given is not None and line.given.follows is None
            ]
            requests = [request for _, request in new]
            made = await self._ledger.find_made_of(requests, account=self._account) if new else []
            for (line, _), items in zip(new, made, strict=True):
                others = self._leave_out_own(items)
                if others:
                    yield line, await self._find_takeable(line, others), others

    def _leave_out_own(self, items: Sequence[Item]) -> list[Item]:
        """Leave out what this file's lines have made or taken."""
        own = {it.id: it.job_id for it in items if it.batch == self._batch and fingerprint(it.key) in self._own}
        taken = {job_id for job_id in own.values() if job_id is not None}
        return [it for it in items if it.id not in own and it.job_id not in taken]

    async def _find_takeable(self, line: Line, others: Sequence[Item]) -> list[Item]:
        """Give what is still what was asked for, and stays so."""
        if fingerprint(line.key or "") in self._followed:
            return []
        if self._changed is None:  # only now, as most files ask for nothing that was made before
            self._changed = await self._ledger.jobs_followed()
        return [it for it in others if it.job_id not in self._changed]


async def ask_about(output: Output, found: MadeBefore, order: BatchOrder) -> BatchOrder | None:
    """Give the order with what a person says of such lines, who is asked where that is possible and not said yet.

    None if the person wants to stop. Raises what `check_decided` does.
    """
    output.list_duplicates(found.first, found.count)
    if order.duplicates is None and output.can_ask and not order.is_sure:
        answers = {letter: words for letter, words in _ANSWERS.items() if letter != "t" or not order.is_for_fleet}
        answer = await output.choose(f"{found.asking} for what was made before", answers, "s")
        if answer not in _DECISIONS:
            return None
        order = attrs.evolve(order, duplicates=_DECISIONS[answer])
    check_decided(found, order)
    return order


def check_decided(found: MadeBefore, order: BatchOrder) -> None:
    """Raise a `ConfigurationError` if nobody has said what becomes of such lines, or they cannot take those videos."""
    if order.duplicates == "make":
        return
    if order.duplicates != "take":
        raise ConfigurationError(_explain(found))
    if order.is_for_fleet:
        raise ConfigurationError("nothing was sent: lines for a fleet cannot take other videos; leave them out")
    if (told := found.first_untakeable) is not None and told.made.job_id is not None:
        raise ConfigurationError(
            f"nothing was sent: line {told.line} cannot take {_name(told.made)}, as a followup has changed that, or "
            "would change it for the other batch; leave the line out, or add --duplicates make to pay for its own"
        )
    if told is not None:
        raise ConfigurationError(
            f"nothing was sent: line {told.line} may have been sent before, as {_name(told.made)}, and has no known "
            "job; settle that with `motion-async ledger resolve`, or add --duplicates make to pay for it all the same"
        )


def settle_duplicates(found: MadeBefore, order: BatchOrder, spool: Spool, survey: Survey) -> Survey:
    """Give the survey with what becomes of such lines, and have the spool give them so.

    What nobody has decided yet, or cannot take its video, is a duplicate in its plan, and is not new.
    """
    if order.duplicates == "make":
        return survey
    spool.reuse({**found.videos, **found.untakeable})
    takes = order.duplicates == "take"
    undecided = Counter({Fate.DUPLICATE: len(found.untakeable) if takes else found.count})
    instead = found.reused + undecided if takes else undecided
    return attrs.evolve(survey, plan=survey.plan - found.fates + instead)


async def check_ended(made: MadeBefore, ledger: Ledger, order: BatchOrder) -> None:
    """Raise a `ConfigurationError` if a batch that has made such lines is at work, as it may come to others, too."""
    for batch in sorted(made.batches - {order.batch}):
        if await is_run_elsewhere(ledger, batch):
            raise ConfigurationError(
                f"nothing was sent: {made.asking} for what batch {one_line(batch)} has made, which another run is at "
                "work on and may make more of; run this again once that has ended, or add --duplicates make to pay for "
                "all of them again"
            )


async def is_overtaken(
    output: Output, spool: Spool, ledger: Ledger | None, order: BatchOrder, account: Account | None, made: MadeBefore
) -> bool:
    """Whether another run has made more of the lines in another batch while a person was asked."""
    if ledger is None:
        return order.ledger.exists()
    if order.duplicates == "make":
        return False
    return (await find_duplicates(output, spool, ledger, order, account)).count > made.count


async def reuse_videos(spool: Spool, ledger: Ledger, order: BatchOrder) -> None:
    """Note in the ledger which videos lines take, before anything is sent.

    Raises a `LedgerError` if that cannot be written, or a line has not got its video: it would be paid for otherwise.
    """
    async for chunk in in_chunks(line for line in spool.lines() if line.reuses is not None):
        made = await ledger.numbered([line.reuses for line in chunk if line.reuses is not None])
        pairs = [
            (Entry(line.key or "", line.given.request, metadata=line.given.metadata), made[line.reuses])
            for line in chunk
            if line.given is not None and line.reuses is not None
        ]
        for item, (_, taken) in zip(await ledger.reuse(order.batch, pairs), pairs, strict=True):
            if item.job_id != taken.job_id:
                raise LedgerConflictError(
                    f"nothing was sent: {one_line(item.key)} could not take the video of {_name(taken)}, as another "
                    f"process works on batch {one_line(item.batch)}; once that has ended, run this again",
                    batch=item.batch,
                    key=item.key,
                    state=item.state.value,
                    job_id=item.job_id,
                )


def _explain(found: MadeBefore) -> str:
    told = found.first[0]
    return (
        f"nothing was sent: {found.asking} for what was made before, such as line {told.line}, which is "
        f"{_name(told.made)}; add --duplicates take to have those videos, or --duplicates make to pay for them again"
    )


def _name(item: Item) -> str:
    when = local_time(begun_at(item))
    return f"{one_line(item.key)} of batch {one_line(item.batch)} of {when} ({word_of_item(item)})"
