"""Runs one command on an event loop, and turns however it ends into an exit status.

The only place that meets interrupts, closed pipes and errors that a command did not take care of itself.
It knows no command.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias

from rich.console import Console

from motion_async.cli.failures import ExitStatus
from motion_async.cli.lines import JsonLines
from motion_async.cli.reporter import Reporter
from motion_async.cli.screen import Screen
from motion_async.cli.stdout import Stdout
from motion_async.cli.stopping import Stop
from motion_async.errors import MotionError

__all__ = ["Work", "execute"]

_CUT_SHORT: Final = {ExitStatus.INTERRUPTED: "interrupted", ExitStatus.TERMINATED: "terminated"}
_CUT_SHORT_BY: Final[dict[int | None, ExitStatus]] = {
    signal.SIGINT: ExitStatus.INTERRUPTED,
    signal.SIGTERM: ExitStatus.TERMINATED,
}

Work: TypeAlias = Callable[[Reporter], Coroutine[Any, Any, ExitStatus]]
"""A command that waits for nothing but a way to tell what happens."""


def execute(work: Work, *, json: bool | None, stop: Stop | None = None) -> ExitStatus:
    """Run a command to its end, however that comes, and give its exit status.

    `json` is None where a terminal decides. With a `stop` the command ends in its own way, on SIGTERM too, and a second
    signal ends the process at once.
    """
    # The reporter tells all of it in its own words.
    # Without a handler Python would print the library's warnings on stderr, in the middle of the picture.
    logging.getLogger("motion_async").addHandler(logging.NullHandler())
    stdout = Stdout()
    as_json = not stdout.is_terminal if json is None else json
    sink = JsonLines(stdout) if as_json else Screen(stdout, Console(file=sys.stdout, highlight=False))
    reporter = Reporter(sink, stdout)
    try:
        with asyncio.Runner() as runner:
            status = runner.run(_main(work, reporter, stdout, stop))
    except (KeyboardInterrupt, asyncio.CancelledError):  # nothing cancels it but an interrupt and a closed output
        status = ExitStatus.INTERRUPTED
    if stdout.is_closed:
        status = ExitStatus.OUTPUT_CLOSED
        reporter.interrupted(stdout.why)
    elif status is ExitStatus.INTERRUPTED:
        status = status if stop is None else _CUT_SHORT_BY.get(stop.signal, status)
        reporter.interrupted(_CUT_SHORT[status])
    return status


async def _main(work: Work, reporter: Reporter, stdout: Stdout, stop: Stop | None) -> ExitStatus:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # a coroutine runs in a task
    loop = asyncio.get_running_loop()
    interrupts = 0

    def interrupt(number: int) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts == 1:
            end(number)
        elif stop is None:  # a person who presses twice wants to wait for nothing more
            loop.set_exception_handler(_tell_of_strangers)
            raise KeyboardInterrupt
        else:
            reporter.leave_at_once()
            # Nothing that still runs, such as the thread of a database, may hold the process up.
            os._exit(_CUT_SHORT_BY[number])

    def end(number: int | None = None) -> None:
        if stop is None:
            task.cancel()
        else:
            stop.signal = number
            stop.ask(task.cancel)

    # The runner's own handler cancels in the middle of any callback of the loop, which some do not survive.
    # Where an interrupt is to be ignored it stays so, and where the loop takes no signals the runner's handler stays.
    for number in (signal.SIGINT,) if stop is None else (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, interrupt, number)
    stdout.on_close = end
    try:
        return await work(reporter)
    except MotionError as error:
        return reporter.error(error)


def _tell_of_strangers(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Show errors that no task was there to take, but for the library's own, which the reporter tells."""
    if not isinstance(context.get("exception"), MotionError):
        loop.default_exception_handler(context)
