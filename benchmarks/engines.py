"""The engines that a fleet can stand on: ours, the queue below it alone, and another one.

Ours writes down every step in the ledger before the next. What a job is for the others is what their users write: a
create, and a wait for its end; after a crash it is made, and paid for, again. They are imported by name when they are
measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import attrs

from benchmarks.arms import KEY, UNPACED
from motion_async import BatchRequest, GrowingSchedule, MotionSession

__all__ = ["ENGINES", "Engine", "Work", "work"]


@attrs.frozen(kw_only=True)
class Work:
    """How a worker works.

    Args:
        url: of the database.
        here: how many jobs it has at most at a time.
        heartbeat: seconds after which it counts as dead.
    """

    url: str
    here: int
    heartbeat: float


Enqueue: TypeAlias = Callable[[int], Awaitable[object]]
Worker: TypeAlias = Callable[[Work, MotionSession], Awaitable[None]]


@attrs.frozen
class Engine:
    """One engine.

    Args:
        needs: the module that it cannot do without.
        open: opens it on a database, makes what it needs there if that is new, and gives what enqueues so many jobs.
        work: works until it is cancelled.
    """

    needs: str
    open: Callable[[str, bool], contextlib.AbstractAsyncContextManager[Enqueue]]
    work: Worker


async def _make(motion: MotionSession, number: object) -> None:
    job = await motion.create(f"Launch video {number}")
    await job.wait()


# Ours.


@contextlib.asynccontextmanager
async def _open_fleet(url: str, is_new: bool) -> AsyncIterator[Enqueue]:
    del is_new  # it looks for itself
    async with importlib.import_module("motion_async.fleet").open_fleet(url) as fleet:

        def enqueue(jobs: int) -> Awaitable[object]:
            requests = [BatchRequest(f"Launch video {number}", id=f"video-{number}") for number in range(jobs)]
            enqueued: Awaitable[object] = fleet.enqueue("launch", requests)
            return enqueued

        yield enqueue


async def _fleet_work(of: Work, motion: MotionSession) -> None:
    open_fleet = importlib.import_module("motion_async.fleet").open_fleet
    async with open_fleet(of.url, heartbeat=of.heartbeat) as fleet:
        await fleet.work(motion, here=of.here)


# PGQueuer alone.


@contextlib.asynccontextmanager
async def _open_pgqueuer(url: str, is_new: bool) -> AsyncIterator[Enqueue]:
    pgqueuer = importlib.import_module("pgqueuer")
    connection = await importlib.import_module("asyncpg").connect(url)
    queries = pgqueuer.Queries(pgqueuer.AsyncpgDriver(connection))

    def enqueue(jobs: int) -> Awaitable[object]:
        numbers = [str(number).encode() for number in range(jobs)]
        enqueued: Awaitable[object] = queries.enqueue(["video"] * jobs, numbers, [0] * jobs)
        return enqueued

    try:
        if is_new:
            await queries.install()
        yield enqueue
    finally:
        await connection.close()


async def _pgqueuer_work(of: Work, motion: MotionSession) -> None:
    connection = await importlib.import_module("asyncpg").connect(of.url)
    queue = importlib.import_module("pgqueuer").PgQueuer.from_asyncpg_connection(connection)

    async def make(job: Any) -> None:
        await _make(motion, job.payload)

    queue.entrypoint("video", on_failure="hold")(make)
    # It refuses fewer at a time than twice a claim.
    await queue.run(
        batch_size=max(min(100, of.here // 2), 1),
        dequeue_timeout=timedelta(seconds=of.heartbeat / 4),  # in which it looks for the jobs of dead workers
        max_concurrent_tasks=max(of.here, 2),
        heartbeat_timeout=timedelta(seconds=of.heartbeat),
    )


# Procrastinate.


def _procrastinate(url: str, motion: MotionSession | None = None) -> tuple[Any, Any]:
    procrastinate = importlib.import_module("procrastinate")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    async def make(number: int) -> None:
        assert motion is not None
        await _make(motion, number)

    return app, app.task(name="video")(make)


@contextlib.asynccontextmanager
async def _open_procrastinate(url: str, is_new: bool) -> AsyncIterator[Enqueue]:
    app, task = _procrastinate(url)
    async with app.open_async():
        if is_new:
            await app.schema_manager.apply_schema_async()
        yield lambda jobs: task.batch_defer_async(*({"number": number} for number in range(jobs)))


async def _procrastinate_work(of: Work, motion: MotionSession) -> None:
    app, _ = _procrastinate(of.url, motion)

    async def take_over() -> None:
        """Queue the jobs of dead workers again: nothing of its own does."""
        while True:
            await asyncio.sleep(of.heartbeat / 4)
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=of.heartbeat):
                await app.job_manager.retry_job(job)

    async with app.open_async():
        taking_over = asyncio.create_task(take_over())
        try:
            await app.run_worker_async(
                concurrency=of.here,
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,
                update_heartbeat_interval=of.heartbeat / 4,
                stalled_worker_timeout=of.heartbeat,
            )
        finally:
            taking_over.cancel()


ENGINES: dict[str, Engine] = {
    "motion_async": Engine("motion_async", _open_fleet, _fleet_work),
    "pgqueuer": Engine("pgqueuer", _open_pgqueuer, _pgqueuer_work),
    "procrastinate": Engine("procrastinate", _open_procrastinate, _procrastinate_work),
}
"""By the names of their packages."""


def work(engine: str, of: Work, service_url: str, poll_every: float) -> None:
    """Work in this process until it is terminated, or the one that has started it ends.

    Args:
        engine: which one.
        of: how.
        service_url: where the jobs are made.
        poll_every: seconds between two polls of a job.
    """

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop, parent = asyncio.get_running_loop(), multiprocessing.parent_process()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        if parent is not None:  # what measures may be killed, and must leave nothing behind
            loop.add_reader(parent.sentinel, task.cancel)
        schedule = GrowingSchedule(first=poll_every, growth=0, cap=poll_every)
        async with MotionSession(KEY, base_url=service_url, schedule=schedule, max_polls_per_second=UNPACED) as motion:
            await ENGINES[engine].work(of, motion)

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(run())
