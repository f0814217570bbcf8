"""The command that makes a video of each line of a file, and goes on wherever an earlier run of it has ended.

What has been sent is known from the ledger, and what is to be sent is written there first. It formats nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from typing import Final

import attrs

from motion_async.cli.batch.conclusion import Conclusion
from motion_async.cli.batch.doubts import is_run_elsewhere, read_doubts
from motion_async.cli.batch.duplicates import (
    MadeBefore,
    ask_about,
    check_ended,
    find_duplicates,
    is_overtaken,
    reuse_videos,
    settle_duplicates,
)
from motion_async.cli.batch.enqueued import enqueue_and_follow
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.questions import find_question
from motion_async.cli.batch.results import check_outputs, write_results
from motion_async.cli.batch.retries import retry_failed
from motion_async.cli.batch.run import Run
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.standing import count_states
from motion_async.cli.batch.survey import Survey, survey
from motion_async.cli.failures import ExitStatus
from motion_async.cli.fleet import opened
from motion_async.cli.following import telling
from motion_async.cli.keys.credentials import find_account, find_credentials
from motion_async.cli.ledger.opening import opened_to_send
from motion_async.cli.looks import one_line
from motion_async.cli.output.output import Output
from motion_async.cli.process.stopping import Stop
from motion_async.cli.progress import NewLine
from motion_async.cli.sheets.sources import open_source
from motion_async.cli.view.work import WorkView
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


async def make_batch(
    output: Output,
    order: BatchOrder,
    stop: Stop,
    *,
    session: MotionSession | None = None,
    view: WorkView | None = None,
) -> ExitStatus:
    """Make the videos of a file; `stop` carries the wish to end early.

    Without a `session` one is made with the key that is to be used; `view` shows how it goes in the place of the usual
    one. Raises a `MotionError` if the file, the ledger or a setting cannot be used, before anything is sent.
    """
    # A key that is missing is told of before anything else is done; a fleet's workers have theirs.
    if session is None and not order.is_for_fleet:
        session = find_credentials(order.access, output.notice).new_session()
    account = None if session is None else session.account
    check_timeout(order.timeout)
    check_outputs(order)
    output.unfinished.goes_on_with = order.command
    view = view or WorkView(_title(order), stats=None if session is None else session.stats)
    conclusion = Conclusion(order, view.attention)
    async with AsyncExitStack() as stack:
        stack.enter_context(_concluding(conclusion, output, stop))
        lines = stack.enter_context(open_source(order.file, order.form, order.sheet, output.notice))
        spool = stack.enter_context(closing(Spool()))
        async with output.live(view):
            fleet = await stack.enter_async_context(opened(order.ledger, output)) if order.is_for_fleet else None
            ledger = await _find_ledger(stack, output, order) if fleet is None else fleet.ledger
            refuses_odd = not order.allow_odd and (order.skip_invalid or not output.can_ask)
            found = await survey(output, view, lines, ledger, order, spool, refuses_odd)
            if found.invalid and not order.skip_invalid:
                output.say(_nothing_sent(found))
                return ExitStatus.WRONG_USE
            decided = await _decide(output, spool, ledger, order, account, found)
            if decided is None:
                # As after Ctrl-C at the question: a script that goes on after 0 would do so without the videos.
                output.say(f"go on with: {order.command}")
                return ExitStatus.INTERRUPTED
            # Made only now, so that a file with wrong lines, or a dry run, leaves no empty ledger behind.
            ledger = ledger or await _opened(stack, output, order)
            order = await _note(output, spool, ledger, order, account, decided)
            output.unfinished.unwritten = lambda: ledger.unwritten
            conclusion.begins(attrs.evolve(decided, invalid=decided.invalid + decided.blank))
            await _begin(view, ledger, order, decided.requests)
            run = Run(order, spool, output, view, conclusion)
            with conclusion.notes():  # what stops the sending may leave the rest readable
                if session is not None:
                    await _send(run, session, ledger, stop)
                elif fleet is not None:
                    await enqueue_and_follow(run, fleet, stop)
        doubts = await read_doubts(ledger, order.batch)
        conclusion.counted(await count_states(spool, ledger, order.batch, but=conclusion.has_told), doubts)
        for path in order.outputs:
            with conclusion.notes():  # a disk that is full has nothing to do with the other files
                output.notice(await write_results(path, spool, ledger, order.batch))
    return conclusion.status


async def _decide(
    output: Output,
    spool: Spool,
    ledger: Ledger | None,
    order: BatchOrder,
    account: Account | None,
    found: Survey,
) -> Survey | None:
    """Ask a person, where that is possible, what is to be decided before anything is paid for; None if that is nothing.

    Raises a `ConfigurationError` if nobody has said, and nobody can be asked, what becomes of what was made before.
    """
    _tell_of_changed(output, found, order)
    made = MadeBefore()
    if ledger is not None and order.duplicates != "make":
        made = await find_duplicates(output, spool, ledger, order, account)
        if not order.is_for_fleet:
            await check_ended(made, ledger, order)
        if made.count:
            decided = await ask_about(output, made, order)
            if decided is None:
                output.say("nothing was sent")
                return None
            order, found = decided, settle_duplicates(made, decided, spool, found)
    if ledger is not None and not order.is_for_fleet and await is_run_elsewhere(ledger, order.batch):
        output.notice(
            f"another run of batch {one_line(order.batch)} is at work at this moment; what it sends is not sent again"
        )
    question = find_question(found, order, spool, account) if output.can_ask else None
    if question is None:
        return found
    if not await output.confirm(question):
        was_enqueued = "; what was enqueued before goes on, `motion-async fleet cancel` gives it up"
        said = _nothing_sent(found) if found.odd and not order.allow_odd else "nothing was sent"
        output.say(said + (was_enqueued if order.is_for_fleet else ""))
        return None
    if await is_overtaken(output, spool, ledger, order, account, made):
        output.say("another run has made some of these lines since you were asked; nothing was sent, run this again")
        return None
    return found


async def _note(
    output: Output, spool: Spool, ledger: Ledger, order: BatchOrder, account: Account | None, found: Survey
) -> BatchOrder:
    """Note in the ledger what was decided, and give the order for what is left to be sent."""
    if account is not None:
        await ledger.bind(order.batch, account)  # before any line is said to be done; a fleet's workers bind it
    if spool.reuses:
        await reuse_videos(spool, ledger, order)
    if not order.retry_failed:
        return order
    anew = await retry_failed(output, found.anew, ledger)
    return attrs.evolve(order, limit=None if order.limit is None else order.limit - anew)


async def plan_batch(output: Output, order: BatchOrder) -> ExitStatus:
    """Tell what a run would do, and do nothing. Raises a `MotionError` if the file or the ledger cannot be used."""
    check_outputs(order)
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(open_source(order.file, order.form, order.sheet, output.notice))
        spool = stack.enter_context(closing(Spool()))
        ledger = await _find_ledger(stack, output, order)
        refuses_odd = not order.allow_odd
        found = await survey(output, WorkView(""), lines, ledger, order, spool, refuses_odd)
        _tell_of_changed(output, found, order)
        made = MadeBefore()
        if ledger is not None and order.duplicates != "make":
            account = find_account(order.access)
            made = await find_duplicates(output, spool, ledger, order, account if account.api_key else None)
            found = settle_duplicates(made, order, spool, found)
        balance = MINIMUM_BALANCE if found.plan[Fate.SEND] or found.plan[Fate.AGAIN] else 0
        output.show_plan(order.batch, found.requests, found.plan, found.invalid + found.blank, balance)
        if made.count:
            output.list_duplicates(made.first, made.count)
        output.show_new(
            NewLine(line.number, line.key or "", given.request.prompt)
            for line, given in lines_of_run(spool, order.limit)
            if line.fate is Fate.SEND
        )
    return ExitStatus.WRONG_USE if found.invalid and not order.skip_invalid else ExitStatus.DONE


def _tell_of_changed(output: Output, found: Survey, order: BatchOrder) -> None:
    """Say what it may mean that lines have other content than their ids had before, if the file has named the batch."""
    changed = found.plan[Fate.CHANGED]
    if changed and not order.is_named:
        lines = "1 line has the id of one" if changed == 1 else f"{changed:,} lines have the ids of some"
        output.notice(
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
def _concluding(conclusion: Conclusion, output: Output, stop: Stop) -> Iterator[None]:
    """Tell how the run went at its end, however it comes, as only this process knows what it has begun."""
    try:
        with conclusion.notes():
            yield
    finally:
        if conclusion.has_begun:
            conclusion.is_stopped = stop.is_asked
            conclusion.tell(output)


async def _begin(view: WorkView, ledger: Ledger, order: BatchOrder, total: int) -> None:
    """Have the view show how a batch goes on, which knows how long the ledger's newest videos took."""
    durations = [seconds for seconds, turn in await ledger.durations(_DURATIONS) if turn == 0]
    # How many the workers of a fleet make at one time nobody here knows.
    view.begin(total, places=None if order.is_for_fleet else order.max_active, durations=durations)


async def _find_ledger(stack: AsyncExitStack, output: Output, order: BatchOrder) -> Ledger | None:
    return await _opened(stack, output, order) if order.ledger.exists() else None


async def _opened(stack: AsyncExitStack, output: Output, order: BatchOrder) -> Ledger:
    return await stack.enter_async_context(opened_to_send(order.ledger, output))


async def _send(run: Run, session: MotionSession, ledger: Ledger, stop: Stop) -> None:
    """Send what is to be sent and wait for what runs, until all has ended or somebody wants it to stop."""
    order = run.order
    numbers: dict[int, int] = {}

    def requests() -> Iterator[BatchRequest]:
        for index, (line, given) in enumerate(run.take_lines()):
            # Kept until the outcome comes, and no longer: so it grows with the jobs that run, not with the file.
            numbers[index] = line.number
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
                run.end(numbers.pop(outcome.index), outcome)

    def stopping() -> None:
        run.view.stop()
        run.output.stopping()

    async with telling(session, run.output.take) as motion:
        await stop.run(read(motion), name="motion_async.cli.batch", say=stopping)
