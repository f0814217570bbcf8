"""Which benchmarks there are: the one list that the command line, its help and `all` are made of.

It must not measure, print or draw.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from benchmarks import batch, fanout, fleet, import_time, ledger, load, makespan, poll, scale, schedule, subscribers

__all__ = ["BENCHMARKS", "Benchmark", "Figures", "Option"]

Figures: TypeAlias = dict[str, Any]
"""What a benchmark found: fit for JSON, of the same shape in every run."""


@attrs.frozen(kw_only=True)
class Option:
    """A number that one benchmark takes, beside the rounds that all take.

    Args:
        name: of the option, and of the keyword of `run`.
        line: what it says.
        least: the least that makes sense.
    """

    name: str
    line: str
    least: int = 1


@attrs.frozen(kw_only=True)
class Benchmark:
    """One benchmark.

    Args:
        name: on the command line, and in the JSON.
        line: what it tells.
        seconds: about how long it takes with its own sizes on two cores.
        run: measures; takes `rounds` and its options.
        table: shows the figures on a terminal.
        plot: draws the figures into a file, for those that have more to show than a table.
        options: those that it alone takes.
        needs: the modules that it cannot do without and that no core dependency brings.
        extra: of the package, which brings these.
        setting: the variable of the environment that it cannot do without.
    """

    name: str
    line: str
    seconds: int
    run: Callable[..., Figures]
    table: Callable[[Figures], str]
    plot: Callable[[Figures, str], None] | None = None
    options: tuple[Option, ...] = ()
    needs: tuple[str, ...] = ()
    extra: str = "bench"
    setting: str | None = None

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be run here; None if it can."""
        missing = [module for module in self.needs if importlib.util.find_spec(module) is None]
        if not missing and self.setting is not None and not os.environ.get(self.setting):
            return f"{self.name} needs a database: name it by {self.setting}"
        if not missing:
            return None
        return f"{self.name} needs {missing[0]}: install motion-async with its extra `{self.extra}`"


_ALL: Final = (
    Benchmark(
        name="poll",
        line="CPU of one status poll against plain aiohttp's, and against other services' clients",
        seconds=40,
        run=poll.run,
        table=poll.table,
        plot=poll.plot,
    ),
    Benchmark(
        name="scale",
        line="1 to 100,000 jobs watched at once: CPU a poll, bytes a job, lag of the loop",
        seconds=50,
        run=scale.run,
        table=scale.table,
        plot=scale.plot,
        options=(Option(name="top", line="the most jobs that `scale` watches; 100,000 if not given"),),
    ),
    Benchmark(
        name="load",
        line="10,000 jobs on real sockets, and a time of 429s: lag, connections, requests a second",
        seconds=40,
        run=load.run,
        table=load.table,
    ),
    Benchmark(
        name="fanout",
        line="CPU of a request through `generate_many`, and whether memory stays flat over many",
        seconds=30,
        run=fanout.run,
        table=fanout.table,
        options=(
            Option(
                name="requests",
                line="over how many requests `fanout` measures memory; 10,000 if not given (1,000,000: half an hour)",
                least=10,
            ),
        ),
    ),
    Benchmark(
        name="subscribers",
        line="10,000 readers of one job against one reader: polls, and the time until the last has heard",
        seconds=15,
        run=subscribers.run,
        table=subscribers.table,
    ),
    Benchmark(
        name="schedule",
        line="polls a job against the delay of noticing its end, by schedule; virtual time",
        seconds=60,
        run=schedule.run,
        table=schedule.table,
        plot=schedule.plot,
    ),
    Benchmark(
        name="makespan",
        line="how long a batch takes against the best possible, by schedule; virtual time",
        seconds=40,
        run=makespan.run,
        table=makespan.table,
        plot=makespan.plot,
        needs=("looptime",),
    ),
    Benchmark(
        name="ledger",
        line="items a second with every step on disk before the next, and what sharing commits saves",
        seconds=20,
        run=ledger.run,
        table=ledger.table,
        needs=("sqlalchemy", "aiosqlite"),
        extra="ledger",
    ),
    Benchmark(
        name="batch",
        line="the command `motion-async batch` on files of up to 10,000 lines: peak of memory, seconds",
        seconds=120,
        run=batch.run,
        table=batch.table,
        needs=("cyclopts", "rich", "sqlalchemy", "aiosqlite"),
        extra="cli",
    ),
    Benchmark(
        name="fleet",
        line="workers of a fleet against other engines': takeover, CPU, transactions, memory, time of a batch",
        seconds=480,
        run=fleet.run,
        table=fleet.table,
        options=(Option(name="jobs", line="how many jobs `fleet` has in flight; 2,000 if not given"),),
        needs=("pgqueuer", "asyncpg"),
        extra="fleet",
        setting=fleet.POSTGRES,
    ),
    Benchmark(
        name="import",
        line="time to import motion_async against that of aiohttp alone",
        seconds=10,
        run=import_time.run,
        table=import_time.table,
    ),
)
BENCHMARKS: Final = {benchmark.name: benchmark for benchmark in _ALL}
"""By name, in the order in which `all` runs them."""
