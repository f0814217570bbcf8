"""The commands that make and follow jobs: create, follow up, ask, watch.

Each is a coroutine function that is given a `Reporter` and gives an exit status. They format nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from motion_async.canonical import canonical_job_id
from motion_async.cli.arguments import Access
from motion_async.cli.credentials import Credentials, find_credentials
from motion_async.cli.failures import ExitStatus, worst
from motion_async.cli.happenings import Asked, Completed
from motion_async.cli.jobtable import JobTable
from motion_async.cli.reporter import Reporter
from motion_async.errors import MotionError
from motion_async.events import Event
from motion_async.job import Job
from motion_async.jobs import JobStatus, VideoRequest
from motion_async.polling.streams import EventStream
from motion_async.polling.waiting import check_timeout
from motion_async.session import MotionSession

__all__ = ["followup", "generate", "new_session", "session_with", "status", "telling", "watch"]


async def generate(reporter: Reporter, request: VideoRequest, *, access: Access, timeout: float | None) -> ExitStatus:
    """Create a job and wait until it ends, for `timeout` seconds at most from its creation on (None: for ever)."""
    check_timeout(timeout)  # before anything is paid for
    session = new_session(access)
    async with reporter.live(JobTable()), telling(session, reporter.tell) as motion:
        reporter.sending()
        return await _end(reporter, await motion.create(request), timeout)


async def followup(
    reporter: Reporter, job_id: str, request: VideoRequest, *, access: Access, timeout: float | None
) -> ExitStatus:
    """Give a completed job a new turn and wait until that ends; `timeout` as in `generate`."""
    check_timeout(timeout)
    session = new_session(access)
    async with reporter.live(JobTable()), telling(session, reporter.tell) as motion:
        reporter.sending()
        return await _end(reporter, await motion.followup(job_id, request), timeout)


async def status(reporter: Reporter, job_ids: Sequence[str], *, access: Access) -> ExitStatus:
    """Ask for the states of some jobs, all at the same time, each once."""
    job_ids = _distinct(job_ids)
    async with new_session(access) as motion, reporter.live(JobTable(job_ids, follows=False)):

        async def ask(job_id: str) -> ExitStatus:
            try:
                state = await motion.poll(job_id)
            except MotionError as error:
                return reporter.error(error, job_id=job_id)
            reporter.tell(Asked(state))
            return ExitStatus.JOB_FAILED if state.end == JobStatus.FAILED else ExitStatus.DONE

        return worst(await asyncio.gather(*map(ask, job_ids)))


async def watch(reporter: Reporter, job_ids: Sequence[str], *, access: Access, timeout: float | None) -> ExitStatus:
    """Follow some jobs until the last of them ends, for `timeout` seconds at most from now on (None: for ever)."""
    check_timeout(timeout)
    job_ids = _distinct(job_ids)
    session = new_session(access)
    async with reporter.live(JobTable(job_ids)), telling(session, reporter.tell) as motion:
        jobs = [motion.job(job_id) for job_id in job_ids]
        reporter.following(job_ids)
        return worst(await asyncio.gather(*(_end(reporter, job, timeout) for job in jobs)))


def _distinct(job_ids: Sequence[str]) -> list[str]:
    """Give each job once, in the order in which a person named it first, however its id was written."""
    return list(dict.fromkeys(map(canonical_job_id, job_ids)))


async def _end(reporter: Reporter, job: Job, timeout: float | None) -> ExitStatus:
    try:
        state = await job.wait(timeout=timeout)
    except MotionError as error:
        return reporter.error(error, job_id=job.id)
    reporter.tell(Completed(state))
    return ExitStatus.DONE


def new_session(access: Access) -> MotionSession:
    """Give a session with the key that is to be used, not entered yet.

    Raises a `ConfigurationError` if there is no key, or if it or the base URL cannot be used.
    """
    return session_with(find_credentials(access))


def session_with(credentials: Credentials) -> MotionSession:
    """Give a session with a key for its service, not entered yet."""
    return MotionSession(
        credentials.api_key,
        base_url=str(credentials.base_url),
        plain_http_hosts=credentials.plain_http_hosts,
        trust_env=True,
    )


@asynccontextmanager
async def telling(motion: MotionSession, tell: Callable[[Event], None]) -> AsyncIterator[MotionSession]:
    """Keep a session open, and tell of each of its events before whoever waits for it goes on.

    A create that is interrupted may bring its id back while the session is left, so the events are read to their very
    end after that.
    """
    reader: asyncio.Task[None] | None = None
    try:
        async with motion:
            # Made before anything is asked, so that of all who wait for news it is woken first.
            reader = asyncio.create_task(_read(motion.events(), tell), name="motion_async.cli.events")
            yield motion
    finally:
        if reader is not None:
            await reader


async def _read(events: EventStream, tell: Callable[[Event], None]) -> None:
    async for event in events:
        tell(event)
