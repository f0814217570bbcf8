"""The command that makes a video of each line of a file, and goes on wherever an earlier run of it has ended.

What has been sent is known from the ledger, and what is to be sent is written there first. It formats nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Final

import attrs

from motion_async.cli.attention import Attention
from motion_async.cli.batch.checking import checked
from motion_async.cli.batch.conclusion import Conclusion
from motion_async.cli.batch.doubts import is_run_elsewhere, read_doubts
from motion_async.cli.batch.duplicates import (
    MadeBefore,
    ask_about,
    find_duplicates,
    reuse_videos,
    settle_duplicates,
)
from motion_async.cli.batch.enqueued import enqueue_and_follow
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.questions import find_question
from motion_async.cli.batch.results import check_outputs, write_results
from motion_async.cli.batch.retries import retry_failed
from motion_async.cli.batch.sources import open_source
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import count_states
from motion_async.cli.batch.survey import Survey, survey
from motion_async.cli.credentials import find_account
from motion_async.cli.ends import end_of
from motion_async.cli.failures import ExitStatus
from motion_async.cli.fleet import opened
from motion_async.cli.following import new_session, telling
from motion_async.cli.happenings import (
    BatchBegins,
    BatchPlanned,
    DuplicatesShown,
    LinesChecked,
    LineTaken,
    NewLine,
    NewLinesShown,
    RequestEnded,
    Stopping,
)
from motion_async.cli.ledger.personal import opened_to_send
from motion_async.cli.looks import one_line
from motion_async.cli.reporter import Reporter
from motion_async.cli.stopping import Stop
from motion_async.cli.view import WorkView
from motion_async.cli.words import Fate
from motion_async.jobs import BatchRequest
from motion_async.ledger import Account, Ledger
from motion_async.polling.waiting import check_timeout
from motion_async.session import MotionSession

__all__ = ["MINIMUM_BALANCE", "make_batch", "plan_batch"]

MINIMUM_BALANCE: Final = 300
"""The credits that a balance must hold before a video is begun, by the documentation's example (section "Errors")."""
_DURATIONS: Final = 200
"""So many of the newest videos tell how long the next ones may take."""
_LISTED: Final = 20
"""So many new lines a dry run lists for a person."""


async def make_batch(reporter: Reporter, order: BatchOrder, stop: Stop) -> ExitStatus:
    """Make the videos of a file; `stop` carries the wish to end early.

    Raises a `MotionError` if the file, the ledger or a setting cannot be used, before anything is sent.
    """
    # A key that is missing is told of before anything else is done; a fleet's workers have theirs.
    session = None if order.is_for_fleet else new_session(order.access, reporter.notice)
    check_timeout(order.timeout)
    check_outputs(order)
    reporter.goes_on_with(order.command)
    attention = Attention()
    conclusion = Conclusion(order, attention)
    async with AsyncExitStack() as stack:
        stack.enter_context(_concluding(conclusion, reporter, stop))
        lines = stack.enter_context(open_source(order.file, order.form, order.sheet, reporter.notice))
        spool = stack.enter_context(closing(Spool()))
        # In a stack of its own, as the view ends before the ledger does: what is said after it needs the terminal.
        picture = _Picture(reporter, _title(order), attention, await stack.enter_async_context(AsyncExitStack()))
        await picture.show()
        fleet = await stack.enter_async_context(opened(order.ledger, reporter)) if order.is_for_fleet else None
        ledger = await _find_ledger(stack, reporter, order) if fleet is None else fleet.ledger
        refuses_odd = not order.allow_odd and (order.skip_invalid or reporter.confirm is None)
        found = await survey(reporter, checked(lines, now=datetime.now(UTC)), ledger, order, spool, refuses_odd)
        if found.invalid and not order.skip_invalid:
            reporter.say(_nothing_sent(found))
            return ExitStatus.WRONG_USE
        account = None if session is None else session.account
        decided = await _decide(reporter, picture, spool, ledger, order, account, found)
        if decided is None:
            # As after Ctrl-C at the question: a script that goes on after 0 would do so without the videos.
            return ExitStatus.INTERRUPTED
        found = decided
        # Made only now, so that a file with wrong lines, or a dry run, leaves no empty ledger behind.
        ledger = ledger or await _opened(stack, reporter, order)
        if account is not None:
            await ledger.bind(order.batch, account)  # before any line is said to be done; a fleet's workers bind it
        if spool.reuses:
            await reuse_videos(spool, ledger, order)
        await picture.show()
        reporter.glance(LinesChecked(found.requests + found.invalid + found.blank))
        if order.retry_failed:
            anew = await retry_failed(reporter, found.anew, ledger)
            order = attrs.evolve(order, limit=None if order.limit is None else order.limit - anew)
        reporter.keeps(lambda: ledger.unwritten)
        conclusion.begins(attrs.evolve(found, invalid=found.invalid + found.blank))
        reporter.tell(await _begin(ledger, order, found.requests))
        with conclusion.notes():  # what stops the sending may leave the rest readable
            if session is not None:
                await _send(reporter, session, spool, ledger, order, stop, conclusion)
            elif fleet is not None:
                await enqueue_and_follow(reporter, fleet, spool, order, stop, conclusion)
        await picture.put_away()
        doubts = await read_doubts(ledger, order.batch)
        conclusion.counted(await count_states(spool, ledger, order.batch, but=conclusion.has_told), doubts)
        for output in order.outputs:
            reporter.notice(await write_results(output, spool, ledger, order.batch))
    return conclusion.status


async def _decide(
    reporter: Reporter,
    picture: _Picture,
    spool: Spool,
    ledger: Ledger | None,
    order: BatchOrder,
    account: Account | None,
    found: Survey,
) -> Survey | None:
    """Ask a person, where that is possible, what is to be decided before anything is paid for; None if that is nothing.

    Raises a `ConfigurationError` if nobody has said, and nobody can be asked, what becomes of what was made before.
    """
    _tell_of_changed(reporter, found, order)
    if ledger is not None and order.duplicates != "make":
        made = await find_duplicates(reporter, spool, ledger, order, account)
        if made.count:
            await picture.put_away()
            decided = await ask_about(reporter, made, order)
            if decided is None:
                reporter.say("nothing was sent")
                return None
            found = settle_duplicates(made, decided, spool, found)
    if ledger is not None and not order.is_for_fleet and await is_run_elsewhere(ledger, order.batch):
        reporter.notice(
            f"another run of batch {one_line(order.batch)} is at work at this moment; what it sends is not sent again"
        )
    confirm = reporter.confirm
    if confirm is not None and (question := find_question(found, order, spool, account)) is not None:
        await picture.put_away()
        if not await confirm(question):
            was_enqueued = "; what was enqueued before goes on, `motion-async fleet cancel` gives it up"
            reporter.say(f"nothing was sent{was_enqueued if order.is_for_fleet else ''}")
            return None
    return found


async def plan_batch(reporter: Reporter, order: BatchOrder) -> ExitStatus:
    """Tell what a run would do, and do nothing. Raises a `MotionError` if the file or the ledger cannot be used."""
    check_outputs(order)
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(open_source(order.file, order.form, order.sheet, reporter.notice))
        spool = stack.enter_context(closing(Spool()))
        ledger = await _find_ledger(stack, reporter, order)
        refuses_odd = not order.allow_odd
        found = await survey(reporter, checked(lines, now=datetime.now(UTC)), ledger, order, spool, refuses_odd)
        _tell_of_changed(reporter, found, order)
        made = MadeBefore()
        if ledger is not None and order.duplicates != "make":
            account = find_account(order.access)
            made = await find_duplicates(reporter, spool, ledger, order, account if account.api_key else None)
            found = settle_duplicates(made, order, spool, found)
        balance = MINIMUM_BALANCE if found.plan[Fate.SEND] or found.plan[Fate.AGAIN] else 0
        counts = {fate.value: count for fate, count in found.plan.items()}
        reporter.tell(BatchPlanned(order.batch, found.requests, counts, found.invalid + found.blank, balance))
        if made.count:
            reporter.tell(DuplicatesShown(tuple(made.first), made.count))
        _tell_new(reporter, order, spool)
    return ExitStatus.WRONG_USE if found.invalid and not order.skip_invalid else ExitStatus.DONE


class _Picture:
    """Where the view of a batch is shown, and put away while a person is asked something."""

    def __init__(self, reporter: Reporter, title: str, attention: Attention, stack: AsyncExitStack) -> None:
        self._reporter = reporter
        self._title = title
        self._attention = attention
        self._stack = stack
        self._is_shown = False

    async def show(self) -> None:
        """Show it from now on, if it is not shown."""
        if not self._is_shown:
            self._is_shown = True
            view = WorkView(self._title, attention=self._attention)
            await self._stack.enter_async_context(self._reporter.live(view))

    async def put_away(self) -> None:
        """Leave its last picture."""
        self._is_shown = False
        await self._stack.aclose()


def _tell_new(reporter: Reporter, order: BatchOrder, spool: Spool) -> None:
    """Tell of each line that a run would send: all to programs, the first ones to a person."""
    first: list[NewLine] = []
    count = 0
    for line, given in lines_of_run(spool, order.limit):
        if line.fate is Fate.SEND:
            new = NewLine(line.number, line.key or "", given.request.prompt)
            reporter.tell(new)
            count += 1
            first += [new] if count <= _LISTED else []
    if count:
        reporter.tell(NewLinesShown(tuple(first), count))


def _tell_of_changed(reporter: Reporter, found: Survey, order: BatchOrder) -> None:
    """Say what it may mean that lines have other content than their ids had before, if the file has named the batch."""
    changed = found.plan[Fate.CHANGED]
    if changed and not order.is_named:
        lines = "1 line has the id of one" if changed == 1 else f"{changed:,} lines have the ids of some"
        reporter.notice(
            f"{lines} that batch {one_line(order.batch)} has made with another content, and will not be made; if this "
            "is another file of that name, give it a batch of its own: add --batch NAME"
        )


def _nothing_sent(found: Survey) -> str:
    or_odd = ", or --allow-odd to make the odd ones as well" if found.odd else ""
    return f"nothing was sent; correct the lines, or add --skip-invalid to go on without them{or_odd}"


def _title(order: BatchOrder) -> str:
    file = "standard input" if order.file == "-" else order.file
    who = "made by a fleet" if order.is_for_fleet else f"{order.max_active} at a time"
    return f"{file}: batch {order.batch}, {who}"


@contextmanager
def _concluding(conclusion: Conclusion, reporter: Reporter, stop: Stop) -> Iterator[None]:
    """Tell how the run went at its end, however it comes, as only this process knows what it has begun."""
    try:
        with conclusion.notes():
            yield
    finally:
        if conclusion.has_begun:
            conclusion.is_stopped = stop.is_asked
            conclusion.tell(reporter)


async def _begin(ledger: Ledger, order: BatchOrder, total: int) -> BatchBegins:
    """Give what is told of a batch when it begins, with how long the ledger's newest videos took."""
    durations = tuple(seconds for seconds, turn in await ledger.durations(_DURATIONS) if turn == 0)
    # How many the workers of a fleet make at one time nobody here knows.
    return BatchBegins(total, None if order.is_for_fleet else order.max_active, durations)


async def _find_ledger(stack: AsyncExitStack, reporter: Reporter, order: BatchOrder) -> Ledger | None:
    return await _opened(stack, reporter, order) if order.ledger.exists() else None


async def _opened(stack: AsyncExitStack, reporter: Reporter, order: BatchOrder) -> Ledger:
    return await stack.enter_async_context(opened_to_send(order.ledger, reporter))


async def _send(
    reporter: Reporter,
    session: MotionSession,
    spool: Spool,
    ledger: Ledger,
    order: BatchOrder,
    stop: Stop,
    conclusion: Conclusion,
) -> None:
    """Send what is to be sent and wait for what runs, until all has ended or somebody wants it to stop."""
    numbers: dict[int, int] = {}

    def requests() -> Iterator[BatchRequest]:
        for index, (line, given) in enumerate(lines_of_run(spool, order.limit)):
            # Kept until the outcome comes, and no longer: so it grows with the jobs that run, not with the file.
            numbers[index] = line.number
            reporter.glance(LineTaken(line.number, line.key, given.request.prompt, line.job_id))
            yield given

    async def read(motion: MotionSession) -> None:
        async with motion.generate_many(
            requests(),
            max_active=order.max_active,
            job_timeout=order.timeout,
            on_input="raise" if order.on_input == "skip" else "wait",
            on_insufficient_credits=order.on_insufficient_credits,
            ledger=ledger,
            batch=order.batch,
        ) as outcomes:
            async for outcome in outcomes:
                ended = RequestEnded(numbers.pop(outcome.index), outcome, end_of(outcome))
                reporter.tell(ended)
                conclusion.take(ended)

    async with telling(reporter, session, reporter.glance) as motion:
        await stop.run(read(motion), name="motion_async.cli.batch", say=lambda: reporter.tell(Stopping()))
