"""The commands of a fleet: `worker` works for it, the others show and steer it. Only `worker` needs a key.

It reads arguments and starts what they ask for.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import App, Parameter

from motion_async.cli.arguments import Access, Json, Reporting
from motion_async.cli.failures import ExitStatus
from motion_async.cli.following import telling
from motion_async.cli.help import help_of
from motion_async.cli.keys.credentials import find_credentials
from motion_async.cli.ledger.address import Address
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.view.tally import Tally
from motion_async.cli.view.work import WorkView
from motion_async.cli.words import count_words
from motion_async.errors import ConfigurationError
from motion_async.ledger import Item, ItemState

if TYPE_CHECKING:
    from motion_async.fleet import Fleet

__all__ = ["fleet", "opened", "worker"]

Url: TypeAlias = Annotated[str, Parameter(help="The fleet's database: postgresql://user:password@host/name.")]
_Batch: TypeAlias = Annotated[str, Parameter(help="The batch.")]
_Keys: TypeAlias = Annotated[list[str] | None, Parameter(name="KEY", negative=(), help="Only these items.")]

log = logging.getLogger("motion_async.fleet")


class _Heard(logging.Handler):
    """Has a person hear what a worker warns of, such as an item that another key has begun."""

    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Say what is logged."""
        self._output.notice(record.getMessage())


fleet = App(
    name="fleet",
    help="Show and steer a fleet: many workers that make what is enqueued anywhere. Needs no key.",
    version_flags=(),
    **help_of("fleet COMMAND", "fleet show postgresql://motion@db/motion", 2, 4),
)


def worker(
    url: Url,
    /,
    *,
    here: Annotated[int, Parameter(name="--here", help="So many jobs run at one time in this process.")] = 100,
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make what is enqueued in a fleet, until Ctrl-C or SIGTERM.

    Then nothing new is sent, what is under way is finished and noted, and other
    workers have the rest at once.
    """

    async def work(output: Output) -> ExitStatus:
        session, address = find_credentials(access, output.notice).new_session(), Address(url)
        async with opened(address, output) as fleet:
            output.notice(f"at work for {address.shown}, on {here} at a time; `kill {os.getpid()}` ends it")
            if (paused := (await fleet.status()).limits.paused) is not None:
                output.notice(f"nothing is sent, as the fleet is paused: {paused}")
            tally = Tally(None, places=here, now=time.monotonic())
            view = WorkView(f"{address.shown}: at work, {here} at a time", tally, stats=session.stats)
            async with output.live(view), telling(session, output.show_event) as motion:
                heard = _Heard(output)
                if not reporting.verbose:  # else all of it is heard
                    log.addHandler(heard)
                try:
                    await fleet.work(motion, here=here)
                finally:
                    log.removeHandler(heard)
                    output.unfinished.forget_jobs()  # others have them
        return ExitStatus.DONE

    return execute(work, json=json or None, reporting=reporting)


@fleet.command
def show(url: Url, /, *, json: Json = False) -> ExitStatus:
    """Show the limits, the workers, the queue and the batches."""

    async def work(output: Output, fleet: Fleet) -> None:
        status = await fleet.status()
        output.show_fleet(status)
        _tell_counts(output, status.batches)

    return _steer(url, work, json=json)


@fleet.command
def limit(
    url: Url,
    /,
    *,
    max_active: Annotated[
        int | None, Parameter(name="--max-active", help="The most jobs of all workers at one time; 0 for no bound.")
    ] = None,
    max_polls_per_second: Annotated[
        float | None, Parameter(name="--max-polls-per-second", help="The most polls of all workers; 0 for no bound.")
    ] = None,
    json: Json = False,
) -> ExitStatus:
    """Set what holds for all workers together, at once; what is not given stays as it is."""
    given = {"max_active": max_active, "max_polls_per_second": max_polls_per_second}

    async def work(output: Output, fleet: Fleet) -> None:
        limits = {name: value or None for name, value in given.items() if value is not None}
        if not limits:
            raise ConfigurationError("say --max-active, --max-polls-per-second or both")
        await fleet.limit(**limits)
        output.show_fleet(await fleet.status())

    return _steer(url, work, json=json)


@fleet.command
def pause(
    url: Url,
    /,
    *,
    reason: Annotated[str, Parameter(name="--reason", help="Why, for whoever asks.")] = "somebody has paused it",
    json: Json = False,
) -> ExitStatus:
    """Have no worker send anything, until `resume`; what the service has taken is watched on."""

    async def work(output: Output, fleet: Fleet) -> None:
        await fleet.pause(reason)
        output.show_fleet(await fleet.status())

    return _steer(url, work, json=json)


@fleet.command
def resume(url: Url, /, *, json: Json = False) -> ExitStatus:
    """Have the workers go on."""

    async def work(output: Output, fleet: Fleet) -> None:
        await fleet.resume()
        output.show_fleet(await fleet.status())

    return _steer(url, work, json=json)


@fleet.command(usage="Usage: motion-async fleet cancel [OPTIONS] URL BATCH [KEY...]")
def cancel(url: Url, batch: _Batch, keys: _Keys = None, /, *, json: Json = False) -> ExitStatus:
    """Give up what was not sent; what the service has taken goes on, and is paid for."""

    async def work(output: Output, fleet: Fleet) -> None:
        given_up, going_on = await fleet.cancel(batch, keys or ())
        _tell_counts(output, await fleet.ledger.counts(batch))
        back = "; `motion-async fleet retry` takes that back" if given_up else ""
        output.say(f"{_count(given_up)} given up{back}")
        if going_on:
            output.say(f"{_count(going_on)} already sent or just being sent: that goes on at the service")

    return _steer(url, work, json=json)


@fleet.command(usage="Usage: motion-async fleet retry [OPTIONS] URL BATCH [KEY...]")
def retry(
    url: Url,
    batch: _Batch,
    keys: _Keys = None,
    /,
    *,
    failed: Annotated[
        bool, Parameter(name="--failed", negative=(), help="Make anew, and pay for, creates whose jobs failed, too.")
    ] = False,
    json: Json = False,
) -> ExitStatus:
    """Queue again what was given up, what workers hold, and what is not queued; refused items if they are named."""

    async def work(output: Output, fleet: Fleet) -> None:
        queued = await fleet.retry(batch, keys or (), failed=failed)
        _tell_counts(output, await fleet.ledger.counts(batch))
        output.say(f"{_count(queued)} queued, or waiting for the one that it follows")

    return _steer(url, work, json=json)


def _steer(url: str, work: Any, *, json: bool) -> ExitStatus:
    """Run a command in an open fleet."""

    async def run(output: Output) -> ExitStatus:
        async with opened(Address(url), output) as fleet:
            await work(output, fleet)
        return ExitStatus.DONE

    return execute(run, json=json or None)


@asynccontextmanager
async def opened(address: Address, output: Output) -> AsyncIterator[Fleet]:
    """Open a fleet; a `ConfigurationError` if its extra is not installed."""
    try:
        from motion_async.fleet import open_fleet  # noqa: PLC0415  # most commands have none, and its engine is large
    except ModuleNotFoundError as error:
        raise ConfigurationError(str(error)) from error
    async with open_fleet(address.url, on_trouble=output.take) as fleet:
        yield fleet


def _tell_counts(output: Output, batches: Mapping[str, Mapping[ItemState, int]]) -> None:
    for name, counts in sorted(batches.items()):
        output.show_counts(name, count_words(counts))


def _count(items: Collection[Item]) -> str:
    return "1 item is" if len(items) == 1 else f"{len(items):,} items are"
