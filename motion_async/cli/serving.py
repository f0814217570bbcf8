"""The command that runs a sandbox until it is interrupted. What a sandbox does is not decided here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

from motion_async.cli.failures import ExitStatus
from motion_async.cli.output.output import Output, say
from motion_async.errors import ConfigurationError
from motion_async.sandbox import Sandbox, parse_fault

__all__ = ["serve"]


async def serve(
    reporter: Output,
    *,
    host: str,
    port: int,
    speed: float,
    credits: int,  # noqa: A002  # the contract's word
    seed: int | None,
    names: Sequence[str] = (),
    faults: Sequence[str],
) -> ExitStatus:
    """Run a sandbox until the task is cancelled; a setting that cannot be used is a `ConfigurationError`.

    Port 0 is a free one, `faults` are given as `NAME=PROBABILITY`, and without a `seed` nobody can know the key. By
    `names` it is reached besides this machine's own.
    """
    if speed == 0:
        raise ConfigurationError("--speed 0 lets the time stand still, and no job would ever end; give it more")
    async with AsyncExitStack() as stack:
        try:
            sandbox = Sandbox(host=host, port=port, speed=speed, credits=credits, seed=seed, names=names, control=True)
            for text in faults:
                fault, probability = parse_fault(text)
                sandbox.faults.at_random(fault, probability)
            await stack.enter_async_context(sandbox)
        except ValueError as error:
            raise ConfigurationError(f"the sandbox cannot start: {error}") from error
        except OSError as error:
            raise ConfigurationError(f"{error.strerror or error}; choose another --port or --host") from error
        reporter.show_listening(sandbox.url, sandbox.api_key)
        if sandbox.is_public:
            say(f"WARNING: the sandbox listens on {host}, so other machines may reach it; it takes no orders therefore")
        else:
            say(f"the sandbox listens on loopback alone: {sandbox.url}")
            say(f"see its jobs, and order what goes wrong, in a browser: {sandbox.control_url}/")
            say(f"another process may ask and order it, too: curl {sandbox.control_url}/counts")
        say(f"time runs {speed:g} times faster; Ctrl-C or `kill {os.getpid()}` ends it")
        try:
            await asyncio.Event().wait()
        finally:
            counts = sandbox.counts
            say(f"it got {counts.creates} creates ({counts.duplicates} equal to earlier ones) and {counts.polls} polls")
    return ExitStatus.DONE
