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
from motion_async.cli.batch.doubts import read_doubts
from motion_async.cli.batch.enqueued import enqueue_and_follow
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.batch.portion import lines_of_run
from motion_async.cli.batch.questions import find_question
from motion_async.cli.batch.repeats import refuse_repeats
from motion_async.cli.batch.results import check_outputs, write_results
from motion_async.cli.batch.retries import retry_failed
from motion_async.cli.batch.sources import open_source
from motion_async.cli.batch.spool import Spool
from motion_async.cli.batch.survey import Survey, survey
from motion_async.cli.ends import end_of
from motion_async.cli.failures import ExitStatus
from motion_async.cli.fleet import opened
from motion_async.cli.following import new_session, telling
from motion_async.cli.happenings import BatchBegins, BatchPlanned, LineTaken, RequestEnded, Stopping
from motion_async.cli.reporter import Reporter
from motion_async.cli.stopping import Stop
from motion_async.cli.view import WorkView
from motion_async.jobs import BatchRequest
from motion_async.ledger import Ledger, open_ledger
from motion_async.polling.waiting import check_timeout
from motion_async.session import MotionSession

__all__ = ["MINIMUM_BALANCE", "make_batch", "plan_batch"]

MINIMUM_BALANCE: Final = 300
"""The credits that a balance must hold before a video is begun, by the documentation's example (section "Errors")."""
_DURATIONS: Final = 200
"""So many of the newest videos tell how long the next ones may take."""


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
        view = await stack.enter_async_context(AsyncExitStack())
        await view.enter_async_context(reporter.live(WorkView(_title(order), attention=attention)))
        fleet = await stack.enter_async_context(opened(order.ledger, reporter)) if order.is_for_fleet else None
        ledger = await _find_ledger(stack, reporter, order) if fleet is None else fleet.ledger
        confirm = reporter.confirm
        refuses_odd = not order.allow_odd and (order.skip_invalid or confirm is None)
        found = await survey(reporter, checked(lines, now=datetime.now(UTC)), ledger, order, spool, refuses_odd)
        if found.invalid and not order.skip_invalid:
            reporter.say(_nothing_sent(found))
            return ExitStatus.WRONG_USE
        if confirm is not None and (question := find_question(found, order, spool)) is not None:
            await view.aclose()
            if not await confirm(question):
                was_enqueued = "; what was enqueued before goes on, `motion-async fleet cancel` gives it up"
                reporter.say(f"nothing was sent{was_enqueued if order.is_for_fleet else ''}")
                return ExitStatus.WRONG_USE
            await view.enter_async_context(reporter.live(WorkView(_title(order), attention=attention)))
        # Made only now, so that a file with wrong lines, or a dry run, leaves no empty ledger behind.
        ledger = ledger or await _opened(stack, reporter, order)
        await _check_account(session, spool, ledger, order)
        if order.retry_failed:
            anew = await retry_failed(reporter, spool, ledger, order)
            order = attrs.evolve(order, limit=None if order.limit is None else order.limit - anew)
        reporter.keeps(lambda: ledger.unwritten)
        conclusion.begins(attrs.evolve(found, invalid=found.invalid + found.blank))
        reporter.tell(await _begin(ledger, order, found.requests))
        with conclusion.notes():  # what stops the sending may leave the rest readable
            if session is not None:
                await _send(reporter, session, spool, ledger, order, stop, conclusion)
            elif fleet is not None:
                await enqueue_and_follow(reporter, fleet, spool, order, stop, conclusion)
        await view.aclose()
        doubts = await read_doubts(ledger, order.batch)
        conclusion.counted(await ledger.counts(order.batch), doubts)
        for output in order.outputs:
            reporter.notice(await write_results(output, spool, ledger, order.batch))
    return conclusion.status


async def plan_batch(reporter: Reporter, order: BatchOrder) -> ExitStatus:
    """Tell what a run would do, and do nothing. Raises a `MotionError` if the file or the ledger cannot be used."""
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(open_source(order.file, order.form, order.sheet, reporter.notice))
        spool = stack.enter_context(closing(Spool()))
        ledger = await _find_ledger(stack, reporter, order)
        refuses_odd = not order.allow_odd
        found = await survey(reporter, checked(lines, now=datetime.now(UTC)), ledger, order, spool, refuses_odd)
    balance = MINIMUM_BALANCE if found.plan["send"] else 0
    reporter.tell(BatchPlanned(order.batch, found.requests, dict(found.plan), found.invalid + found.blank, balance))
    return ExitStatus.WRONG_USE if found.invalid and not order.skip_invalid else ExitStatus.DONE


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


async def _check_account(session: MotionSession | None, spool: Spool, ledger: Ledger, order: BatchOrder) -> None:
    """Raise if the batch is another account's, or if lines ask for what was made before; a fleet's workers bind it."""
    account = None if session is None else session.account
    if account is not None:
        await ledger.bind(order.batch, account)  # before any line is said to be done
    if not order.make_again:
        await refuse_repeats(spool, ledger, order, account)


async def _find_ledger(stack: AsyncExitStack, reporter: Reporter, order: BatchOrder) -> Ledger | None:
    return await _opened(stack, reporter, order) if order.ledger.exists() else None


async def _opened(stack: AsyncExitStack, reporter: Reporter, order: BatchOrder) -> Ledger:
    return await stack.enter_async_context(open_ledger(order.ledger.url, on_trouble=reporter.tell))


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
