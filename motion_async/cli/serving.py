"""The command that runs a sandbox until it is interrupted. What a sandbox does is not decided here."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from motion_async.cli.arguments import Json
from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output, say
from motion_async.cli.process.running import execute
from motion_async.errors import ConfigurationError

if TYPE_CHECKING:
    from motion_async.sandbox import Sandbox

__all__ = ["sandbox"]


def sandbox(
    *,
    port: Annotated[int, Parameter(help="The port to listen on; 0 picks a free one.")] = 8080,
    speed: Annotated[float, Parameter(help="How many times faster than real its time runs.")] = 200.0,
    credits: Annotated[int, Parameter(help="The balance; a video or a followup costs 300.")] = 100_000,  # noqa: A002  # the contract's word
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[
        int | None,
        Parameter(help="What chance is drawn from: the same seed tells the same story, and has the same key."),
    ] = None,
    name: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            help="A name by which it is reached besides this machine's own, such as a container's; may be given "
            "several times. Requests under other names are refused.",
        ),
    ] = (),
    fault: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            help="What goes wrong by chance, as NAME=PROBABILITY, such as lost-answer=0.05; may be given several "
            "times. The names: rate-limit, rate-limit-retry-after, server-error, bad-gateway, unavailable, "
            "lost-answer, lost-to-error, reset, hang, slow-body, stale-completed, new-status, await-input, fail.",
        ),
    ] = (),
    json: Json = False,
) -> ExitStatus:
    """Run the service in small on this machine, until Ctrl-C.

    Standard output gets the two lines that point the client at it. Where it is
    no terminal it is closed then, so that a shell can take them over:

      eval "$(motion-async sandbox &)"

    Its page, at /_sandbox/ of its address, shows its jobs live in a browser, and
    has a button for input, credits, time and every fault. Other machines get none.

    Its key is another one each time, unless there is a seed. Jobs are gone when
    it ends, and the same seed gives the same ids again: begin a batch anew then,
    with another --ledger.
    """
    # Here rather than above: the commands that need no server should not load one.
    from motion_async.sandbox import Sandbox, parse_fault  # noqa: PLC0415

    async def work(output: Output) -> ExitStatus:
        if speed == 0:
            raise ConfigurationError("--speed 0 lets the time stand still, and no job would ever end; give it more")
        async with AsyncExitStack() as stack:
            try:
                server = Sandbox(
                    host=host, port=port, speed=speed, credits=credits, seed=seed, names=name, control=True
                )
                for text in fault:
                    server.faults.at_random(*parse_fault(text))
                await stack.enter_async_context(server)
            except ValueError as error:
                raise ConfigurationError(f"the sandbox cannot start: {error}") from error
            except OSError as error:
                raise ConfigurationError(f"{error.strerror or error}; choose another --port or --host") from error
            output.show_listening(server.url, server.api_key)
            _say_where(server, host)
            say(f"time runs {speed:g} times faster; Ctrl-C or `kill {os.getpid()}` ends it")
            try:
                await asyncio.Event().wait()
            finally:
                made = server.counts
                say(f"it got {made.creates} creates ({made.duplicates} equal to earlier ones) and {made.polls} polls")
        return ExitStatus.DONE

    return execute(work, json=json)


def _say_where(server: Sandbox, host: str) -> None:
    """Say who reaches a sandbox, and how this machine orders what goes wrong."""
    if server.is_public:
        say(f"WARNING: the sandbox listens on {host}, so other machines may reach it; it takes no orders therefore")
        return
    say(f"the sandbox listens on loopback alone: {server.url}")
    say(f"see its jobs, and order what goes wrong, in a browser: {server.control_url}/")
    say(f"another process may ask and order it, too: curl {server.control_url}/counts")
