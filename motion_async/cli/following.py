"""The commands that make and follow jobs: create, follow up, ask, watch.

It reads arguments and starts what they ask for, and formats nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, TypeAlias

import attrs
from cyclopts import Parameter

from motion_async.canonical import canonical_job_id
from motion_async.cli.arguments import Access, Json, LedgerOption, Reporting, read_span
from motion_async.cli.failures import ExitStatus, worst
from motion_async.cli.keys.credentials import find_credentials
from motion_async.cli.ledger.opening import find_ledger, opened_to_send
from motion_async.cli.ledger.single import find_single_batch
from motion_async.cli.output.output import Output
from motion_async.cli.process.running import execute
from motion_async.cli.view.jobs import JobTable
from motion_async.errors import MotionError
from motion_async.events import Event
from motion_async.job import Job
from motion_async.jobs import JobStatus, VideoRequest
from motion_async.polling.streams import EventStream
from motion_async.polling.waiting import check_timeout
from motion_async.session import MotionSession

__all__ = ["VideoOptions", "followup", "generate", "status", "telling", "watch"]


_Prompt: TypeAlias = Annotated[str, Parameter(help="What to make, 1 to 12,000 characters.")]
_JobId: TypeAlias = Annotated[str, Parameter(help="A job that is completed.")]
_JobIds: TypeAlias = Annotated[list[str], Parameter(name="JOB_ID", help="The ids of one job or more.")]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class VideoOptions:
    """The options of the commands that pay for a video and wait for it."""

    style: Annotated[str | None, Parameter(help="A YouTube URL whose style to follow.")] = None
    attach: Annotated[list[str] | None, Parameter(help="A public, usually signed URL of a file; up to 10 times.")] = (
        attrs.field(default=None, repr=False)
    )
    timeout: Annotated[
        float | None,
        Parameter(
            converter=read_span,
            help="Stop waiting so long after the service took the job, such as 90s, 5m or 1h30m; the job goes on. "
            "Until then it is tried for a minute to reach the service.",
        ),
    ] = None
    ledger: LedgerOption = attrs.field(default=None, repr=False)

    def request(self, prompt: str) -> VideoRequest:
        """Give the request for a prompt."""
        return VideoRequest(prompt, style_reference_url=self.style, attachments=self.attach)


def generate(
    prompt: _Prompt,
    /,
    *,
    options: VideoOptions = VideoOptions(),
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Make a video and wait for it. The job's id is told as soon as it is known."""
    request = options.request(prompt)
    return _make(lambda motion: motion.create(request), options, access, reporting, json=json)


def followup(
    job_id: _JobId,
    prompt: _Prompt,
    /,
    *,
    options: VideoOptions = VideoOptions(),
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Have the video of a completed job changed, and wait for it."""
    request = options.request(prompt)
    return _make(lambda motion: motion.followup(job_id, request), options, access, reporting, json=json)


def _make(
    send: Callable[[MotionSession], Awaitable[Job]],
    options: VideoOptions,
    access: Access,
    reporting: Reporting,
    *,
    json: bool,
) -> ExitStatus:
    """Send what costs credits, and wait until its job ends, for the timeout's seconds at most from then on.

    It is in the ledger before it is sent, and the job's id as soon as it is known.
    """

    async def work(output: Output) -> ExitStatus:
        check_timeout(options.timeout)  # before anything is paid for
        credentials = find_credentials(access, output.notice)
        async with opened_to_send(find_ledger(options.ledger, access), output) as kept:
            batch = await find_single_batch(kept, credentials.account, credentials.profile)
            session = credentials.new_session(ledger=kept, batch=batch)
            async with output.live(JobTable(stats=session.stats)), telling(session, output.show_event) as motion:
                output.unfinished.send()
                return await _end(output, await send(motion), options.timeout)

    return execute(work, json=json or None, reporting=reporting)


def status(
    job_ids: _JobIds, /, *, access: Access = Access(), reporting: Reporting = Reporting(), json: Json = False
) -> ExitStatus:
    """Ask once for the state of each job, all at the same time."""

    async def work(output: Output) -> ExitStatus:
        jobs = _distinct(job_ids)
        session = find_credentials(access, output.notice).new_session()
        async with session as motion, output.live(JobTable(jobs, follows=False)):

            async def ask(job_id: str) -> ExitStatus:
                try:
                    state = await motion.poll(job_id)
                except MotionError as error:
                    return output.error(error, job_id=job_id)
                output.show_state(state)
                return ExitStatus.JOB_FAILED if state.end == JobStatus.FAILED else ExitStatus.DONE

            return worst(await asyncio.gather(*map(ask, jobs)))

    return execute(work, json=json or None, reporting=reporting)


def watch(
    job_ids: _JobIds,
    /,
    *,
    timeout: Annotated[
        float | None, Parameter(converter=read_span, help="Stop waiting after 90s, 5m or 1h30m; the jobs go on.")
    ] = None,
    access: Access = Access(),
    reporting: Reporting = Reporting(),
    json: Json = False,
) -> ExitStatus:
    """Follow jobs until the last of them ends; this and every other process may watch the same ones."""

    async def work(output: Output) -> ExitStatus:
        check_timeout(timeout)
        followed = _distinct(job_ids)
        session = find_credentials(access, output.notice).new_session()
        view = JobTable(followed, stats=session.stats)
        async with output.live(view), telling(session, output.show_event) as motion:
            jobs = [motion.job(job_id) for job_id in followed]
            output.unfinished.follow(followed)
            return worst(await asyncio.gather(*(_end(output, job, timeout) for job in jobs)))

    return execute(work, json=json or None, reporting=reporting)


def _distinct(job_ids: Sequence[str]) -> list[str]:
    """Give each job once, in the order in which a person named it first, however its id was written."""
    return list(dict.fromkeys(map(canonical_job_id, job_ids)))


async def _end(output: Output, job: Job, timeout: float | None) -> ExitStatus:
    try:
        state = await job.wait(timeout=timeout)
    except MotionError as error:
        return output.error(error, job_id=job.id)
    output.show_result(state)
    return ExitStatus.DONE


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
