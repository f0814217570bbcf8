"""Runs one command on an event loop, and turns however it ends into an exit status.

The only place that meets interrupts, closed pipes and errors that a command did not take care of itself.
It knows no command.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import IO, Any, Final, TypeAlias, cast

from rich.console import Console

from motion_async.cli.arguments import Reporting
from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.jsonlines import JsonOutput
from motion_async.cli.output.live import LiveOutput
from motion_async.cli.output.output import Output
from motion_async.cli.output.plain import PlainOutput
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.process.begin import has_begun
from motion_async.cli.process.bell import Bell
from motion_async.cli.process.logs import logged
from motion_async.cli.process.stopping import HANGUP, SIGNALS, Stop
from motion_async.errors import ConfigurationError, MotionError

__all__ = ["Work", "execute"]

_CUT_SHORT: Final = {
    ExitStatus.INTERRUPTED: "interrupted",
    ExitStatus.TERMINATED: "terminated",
    ExitStatus.HUNG_UP: "hung up, as its terminal was closed",
}
_CUT_SHORT_BY: Final[dict[int | None, ExitStatus]] = {
    HANGUP: ExitStatus.HUNG_UP,
    signal.SIGTERM: ExitStatus.TERMINATED,
    signal.SIGINT: ExitStatus.INTERRUPTED,
    None: ExitStatus.INTERRUPTED,
}

_log = logging.getLogger("motion_async.cli")

Work: TypeAlias = Callable[[Output], Coroutine[Any, Any, ExitStatus]]
"""A command that waits for nothing but a way to tell what happens."""


def execute(
    work: Work,
    *,
    json: bool | None,
    stop: Stop | None = None,
    reporting: Reporting | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ExitStatus:
    """Run a command to its end, however that comes, and give its exit status.

    `json` is None where a terminal decides, and a command without `reporting` has no such options. The first signal
    ends the command in good order, with a `stop` in its own way; after the second one it waits for nothing, and with a
    `stop`, as there is a ledger, ends at once.
    """
    if os.name == "nt":
        has_begun()  # there the runner's own handler serves, which only takes the place of the usual one
    stdout = Stdout()
    as_json = not stdout.is_terminal if json is None else json
    console = Console(file=cast("IO[str]", stdout), highlight=False)
    is_quiet = reporting is not None and reporting.quiet
    output = _output(stdout, console, as_json=as_json, is_quiet=is_quiet)
    bell = Bell(stdout, clock=clock)
    try:
        with logged(reporting or Reporting(), output):
            status = _run(work, output, stdout, stop)
    except ConfigurationError as error:  # of the log: whatever the command raises is told already
        return output.error(error)
    # A person who has ended it is there.
    can_ring = stdout.is_terminal and not (as_json or is_quiet or console.is_dumb_terminal)
    if can_ring and reporting is not None and not reporting.no_bell and status not in _CUT_SHORT:
        bell.ring(status.words)
    return status


def _output(stdout: Stdout, console: Console, *, as_json: bool, is_quiet: bool) -> Output:
    if as_json:
        return JsonOutput(stdout, is_quiet=is_quiet)
    can_move = not (is_quiet or console.is_dumb_terminal)
    return (LiveOutput if can_move else PlainOutput)(stdout, console, is_quiet=is_quiet)


def _run(work: Work, output: Output, stdout: Stdout, stop: Stop | None) -> ExitStatus:
    has_ledger, was_cut, stop = stop is not None, False, stop or Stop()
    try:
        with asyncio.Runner() as runner:
            status = runner.run(_main(work, output, stdout, stop, has_ledger=has_ledger))
    except (KeyboardInterrupt, asyncio.CancelledError):  # nothing cancels it but an interrupt and a closed output
        was_cut = True
        status = ExitStatus.INTERRUPTED
    if stdout.is_closed and (stop.signal is None or stop.signal != HANGUP):
        status = ExitStatus.OUTPUT_CLOSED
        output.interrupted(stdout.why)
    elif was_cut or stop.is_asked or stdout.is_closed:
        status = _CUT_SHORT_BY[stop.signal]
        output.interrupted(_CUT_SHORT[status])
    _log.debug("ended with status %d, %s", status, status.words)
    return status


async def _main(work: Work, output: Output, stdout: Stdout, stop: Stop, *, has_ledger: bool) -> ExitStatus:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # a coroutine runs in a task
    loop = asyncio.get_running_loop()
    presses = 0

    def interrupt(number: int) -> None:
        nonlocal presses
        # A terminal that is closed may tell of it twice, by the kernel and by the shell, and no person insists.
        presses += number != HANGUP
        if presses <= 1:
            end(number)
        elif not has_ledger:  # a person who presses twice wants to wait for nothing more
            loop.set_exception_handler(_tell_of_strangers)
            raise KeyboardInterrupt
        else:
            output.leave_at_once()
            # Nothing that still runs, such as the thread of a database, may hold the process up.
            os._exit(_CUT_SHORT_BY[number])

    def end(number: int | None = None) -> None:
        stop.signal = stop.signal or number
        if not stop.is_asked:
            stop.ask(task.cancel)

    # The runner's own handler cancels in the middle of any callback of the loop, which some do not survive.
    # What is to be ignored stays so, as under nohup, and where the loop takes no signals the runner's handler stays.
    # Elsewhere an interrupt before this has ended the process, as nothing has begun.
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, interrupt, number)
    stdout.on_close = end
    try:
        return await work(output)
    except MotionError as error:
        return output.error(error)


def _tell_of_strangers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Show errors that no task was there to take, but for the library's own, which the output tells."""
    if not isinstance(context.get("exception"), MotionError):
        loop.default_exception_handler(context)
