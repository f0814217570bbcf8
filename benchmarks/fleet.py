"""`python -m benchmarks fleet`: what a fleet costs, beside the queue below it alone and another engine.

Workers are processes, and the service is one whose jobs run for as long as it is told. Told are how long a batch takes
against the best possible for the places that were open, by workers; how soon others take over from a worker that was
killed, and what they make again; CPU, transactions and memory with many jobs in flight; and what an idle worker costs.

`MOTION_BENCHMARK_POSTGRES_URL` names a database from which others can be made; each measure has one of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import itertools
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from benchmarks.engines import ENGINES, Work, work
from benchmarks.reporting import spread
from benchmarks.timed_service import Seen, TimedService, timed_service

__all__ = ["POSTGRES", "run", "table"]

POSTGRES = "MOTION_BENCHMARK_POSTGRES_URL"
_SETTLE = 3.0
"""Seconds in which workers come to rest, and the database's own counts to what has happened."""
_LONGEST = 600.0
_POLL_EVERY = 0.5
_POLL_SELDOM = 10.0
_numbers = itertools.count()


def _ask(server: str, statement: str, *values: object) -> Any:
    """Execute a statement over a connection of its own, and give its first value."""

    async def ask() -> Any:
        connection = await importlib.import_module("asyncpg").connect(server)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    return asyncio.run(ask())


@attrs.frozen
class _Database:
    """A database for one measure."""

    server: str
    name: str

    @property
    def url(self) -> str:
        return urlsplit(self.server)._replace(path=f"/{self.name}").geturl()

    def count_sessions(self) -> int:
        return int(_ask(self.server, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", self.name))

    def count_transactions(self) -> int:
        done = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"
        return int(_ask(self.server, done, self.name))


@contextlib.contextmanager
def _database(server: str) -> Iterator[_Database]:
    database = _Database(server, f"motion_benchmark_{os.getpid()}_{next(_numbers)}")
    _ask(server, f"CREATE DATABASE {database.name}")
    try:
        yield database
    finally:
        _ask(server, f"DROP DATABASE {database.name} WITH (FORCE)")


class _Fleet:
    """The workers of one engine on one database."""

    def __init__(self, engine: str, database: _Database, service: TimedService) -> None:
        self.engine = engine
        self.database = database
        self.service = service
        self.workers: list[BaseProcess] = []
        service.seen(seconds=math.inf, anew=True)

    def enqueue(self, jobs: int, *, is_new: bool = False) -> tuple[float, float]:
        """Enqueue jobs, and give the moments at which the call began and ended, once the engine was open."""

        async def enqueue() -> tuple[float, float]:
            async with ENGINES[self.engine].open(self.database.url, is_new) as enqueue_jobs:
                start = time.perf_counter()
                if jobs:
                    await enqueue_jobs(jobs)
                return start, time.perf_counter()

        return asyncio.run(enqueue())

    def start(self, workers: int, here: int, *, heartbeat: float = 10.0, poll_every: float = _POLL_EVERY) -> None:
        """Start so many more workers, and wait until they are at rest."""
        before = self.database.count_sessions()
        of = Work(url=self.database.url, here=here, heartbeat=heartbeat)
        for _ in range(workers):
            process = multiprocessing.get_context("spawn").Process(
                target=work, args=(self.engine, of, self.service.url, poll_every), daemon=True
            )
            process.start()
            self.workers.append(process)
        self.wait(lambda _: self.database.count_sessions() >= before + workers)
        time.sleep(_SETTLE)

    def wait(self, condition: Callable[[Seen], bool]) -> float:
        """Wait until the service has seen something, and give the moment at which that was noticed."""
        over = time.perf_counter() + _LONGEST
        while not condition(self.service.seen()):
            assert time.perf_counter() < over, f"{self.engine}: {self.service.seen()}"
            assert all(worker.is_alive() for worker in self.workers), f"a worker of {self.engine} has ended"
            time.sleep(0.01)
        return time.perf_counter()

    def cpu_seconds(self) -> float:
        """Give the CPU that the workers have used up to now."""
        stats = [Path(f"/proc/{it.pid}/stat").read_text("utf-8").rpartition(")")[2].split() for it in self.workers]
        return sum(int(of[11]) + int(of[12]) for of in stats) / os.sysconf("SC_CLK_TCK")

    def mebibytes(self) -> float:
        """Give the resident memory of a worker, on average."""
        pages = [int(Path(f"/proc/{it.pid}/statm").read_text("utf-8").split()[1]) for it in self.workers]
        return sum(pages) / len(pages) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def end(self) -> None:
        """End the workers in good order, or else by force."""
        for process in self.workers:
            process.terminate()
        for process in self.workers:
            process.join(timeout=30)
            process.kill()
            process.join()


@contextlib.contextmanager
def _fleet(engine: str, server: str, service: TimedService) -> Iterator[_Fleet]:
    with _database(server) as database:
        fleet = _Fleet(engine, database, service)
        try:
            fleet.enqueue(0, is_new=True)
            yield fleet
        finally:
            fleet.end()


def _measure_enqueue(fleet: _Fleet, jobs: int) -> dict[str, float]:
    start, end = fleet.enqueue(jobs)
    return {"enqueued_per_second": jobs / (end - start)}


def _measure_idle(fleet: _Fleet, seconds: float) -> dict[str, float]:
    fleet.start(1, 100)
    transactions, cpu = fleet.database.count_transactions(), fleet.cpu_seconds()
    time.sleep(seconds)
    return {
        "idle_transactions_per_second": (fleet.database.count_transactions() - transactions) / seconds,
        "idle_cpu_milliseconds_per_second": (fleet.cpu_seconds() - cpu) / seconds * 1_000,
        "idle_mebibytes": fleet.mebibytes(),
    }


def _measure_takeover(fleet: _Fleet, jobs: int, heartbeat: float) -> dict[str, float]:
    fleet.enqueue(jobs)
    fleet.start(1, jobs, heartbeat=heartbeat)
    fleet.wait(lambda seen: seen.running == jobs)
    fleet.start(1, jobs, heartbeat=heartbeat)
    fleet.workers[0].kill()
    fleet.workers.pop(0).join()
    killed_at = time.perf_counter()
    fleet.service.seen(seconds=math.inf)
    # Whoever does not know the jobs of the dead makes them again, and watches those.
    first = fleet.wait(lambda seen: seen.watched > 0 or seen.creates > jobs)
    last = fleet.wait(lambda seen: max(seen.watched, seen.creates - jobs) >= jobs)
    again = fleet.service.seen().creates - jobs
    return {
        "takeover_seconds_first": first - killed_at,
        "takeover_seconds_last": last - killed_at,
        "made_again_of_100": 100 * again / jobs,
    }


def _measure_many(fleet: _Fleet, jobs: int, workers: int) -> dict[str, float]:
    fleet.start(workers, -(-jobs // workers), poll_every=_POLL_SELDOM)
    transactions, cpu = fleet.database.count_transactions(), fleet.cpu_seconds()
    fleet.enqueue(jobs)
    fleet.wait(lambda seen: seen.running == jobs)
    mebibytes = fleet.mebibytes()
    fleet.service.seen(seconds=0.0)
    fleet.wait(lambda seen: seen.running == 0)
    time.sleep(_SETTLE)
    cpu = fleet.cpu_seconds() - cpu
    fleet.end()
    return {
        "cpu_milliseconds_per_job": cpu / jobs * 1_000,
        "transactions_per_job": (fleet.database.count_transactions() - transactions) / jobs,
        "worker_mebibytes": mebibytes,
    }


def _measure_makespan(fleet: _Fleet, workers: int, videos: int, here: int, seconds: float) -> dict[str, float]:
    fleet.start(workers, here)
    fleet.service.seen(seconds=seconds)
    start, _ = fleet.enqueue(videos)
    took = fleet.wait(lambda seen: seen.creates == videos and not seen.running) - start
    return {f"makespan_ratio_of_{workers}": took / (-(-videos // (workers * here)) * seconds)}


def run(
    *,
    rounds: int = 1,
    jobs: int = 2_000,
    videos: int = 1_000,
    here: int = 100,
    seconds: float = 3.0,
    taken: int = 100,
    heartbeat: float = 5.0,
    idle: float = 15.0,
    enqueued: int = 10_000,
    workers: tuple[int, ...] = (1, 2, 4),
) -> dict[str, Any]:
    """Measure each engine that is installed, and give the figures.

    Args:
        rounds: how often.
        jobs: how many are in flight at one time over as many workers as work at most.
        videos: how many a batch has, each of so many `seconds`, made by each number of `workers` with `here` places.
        here: how many jobs a worker has at a time.
        seconds: how long a video takes.
        taken: how many jobs the worker has that is killed.
        heartbeat: seconds after which it counts as dead.
        idle: seconds for which an idle worker is watched.
        enqueued: how many jobs are enqueued by one call.
        workers: how many make the batch.
    """
    server = os.environ[POSTGRES]
    figures: dict[str, dict[str, dict[str, float]]] = {}
    installed = [name for name, engine in ENGINES.items() if importlib.util.find_spec(engine.needs)]
    measures: list[Callable[[_Fleet], dict[str, float]]] = [
        lambda fleet: _measure_enqueue(fleet, enqueued),
        lambda fleet: _measure_idle(fleet, idle),
        lambda fleet: _measure_takeover(fleet, taken, heartbeat),
        lambda fleet: _measure_many(fleet, jobs, max(workers)),
        *(lambda fleet, of=of: _measure_makespan(fleet, of, videos, here, seconds) for of in workers),
    ]
    with timed_service() as service:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in installed}
        for _ in range(rounds):
            for name in installed:
                found[name].append({})
                for measure in measures:
                    with _fleet(name, server, service) as fleet:
                        found[name][-1] |= measure(fleet)
    figures = {name: {key: spread([it[key] for it in rows]) for key in rows[0]} for name, rows in found.items()}
    return {
        "rounds": rounds,
        "jobs": jobs,
        "videos": videos,
        "heartbeat": heartbeat,
        "workers": list(workers),
        "engines": figures,
        "missing": [name for name in ENGINES if name not in installed],
    }


def table(figures: dict[str, Any]) -> str:
    """Give the figures as a table for a terminal.

    Args:
        figures: what `run` gave.
    """
    engines = figures["engines"]
    flight = f"{figures['jobs']} jobs in flight over {max(figures['workers'])} workers"
    size = f"{flight}, {figures['videos']} videos a batch, heartbeat {figures['heartbeat']:g} s"
    rows = [f"fleet ({size}, {figures['rounds']} rounds)", _row("", list(engines))]
    titles = {
        "enqueued_per_second": ("enqueued a second", 0),
        "idle_transactions_per_second": ("idle worker: transactions a second", 1),
        "idle_cpu_milliseconds_per_second": ("  CPU, ms a second", 1),
        "idle_mebibytes": ("  MiB", 0),
        "takeover_seconds_first": ("killed worker: first job taken over, s", 1),
        "takeover_seconds_last": ("  last", 1),
        "made_again_of_100": ("  made again of 100", 0),
        "cpu_milliseconds_per_job": ("in flight: CPU a job, ms", 1),
        "transactions_per_job": ("  transactions a job", 2),
        "worker_mebibytes": ("  MiB a worker", 0),
        **{f"makespan_ratio_of_{of}": (f"batch by {of}, against the best", 2) for of in figures["workers"]},
    }
    for key, (title, digits) in titles.items():
        rows.append(_row(title, [f"{of[key]['median']:.{digits}f}" for of in engines.values()]))
    rows += [f"  not installed: {name}" for name in figures["missing"]]
    return "\n".join(rows)


def _row(title: str, cells: list[str]) -> str:
    return f"  {title:<38}" + "".join(f"{cell:>15}" for cell in cells)
