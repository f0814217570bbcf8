"""Tests of `motion_async.web.sse`: what a browser is sent of what happens to jobs."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import pytest

import motion_async.web
from motion_async import (
    ConfigurationError,
    JobAccepted,
    JobNotFoundError,
    JobState,
    JobStatus,
    MotionError,
    MotionSession,
    PollDisturbed,
    SessionClosedError,
    StatusChange,
    WatchEnded,
)
from motion_async.events import Event
from motion_async.sandbox import Fail, Sandbox
from motion_async.web import SSE_HEADERS, is_over, sse
from tests.batches import QUICK
from tests.quiet import START, state

RETRY, END = b"retry: 3000\n\n", b"id: end\nevent: end\ndata: {}\n\n"
RUNNING = StatusChange("a", JobStatus.QUEUED, JobStatus.RUNNING, state("running"), START)
COMPLETED = StatusChange("a", JobStatus.RUNNING, JobStatus.COMPLETED, state("completed", 2), START)
NOT_FOUND = JobNotFoundError("no job for the key", http_status=404, job_id="a")


class Stream(AsyncIterator[Event]):
    """Gives what it is told to, each after a pause where there is one; a step that is cancelled loses nothing."""

    def __init__(self, *steps: Event | MotionError | float) -> None:
        self.steps = list(steps)
        self.is_closed = False

    async def __anext__(self) -> Event:
        while self.steps:
            if isinstance(self.steps[0], int | float):
                pause = self.steps[0]
                began = asyncio.get_running_loop().time()
                try:
                    await asyncio.sleep(pause)
                finally:
                    self.steps[0] = max(pause - (asyncio.get_running_loop().time() - began), 0)
                self.steps.pop(0)
                continue
            step = self.steps.pop(0)
            if isinstance(step, MotionError):
                raise step
            return step  # type: ignore[return-value]
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.is_closed = True


async def sent(stream: Stream, **options: Any) -> list[bytes]:
    return [chunk async for chunk in sse(stream, **options)]


def read(chunk: bytes) -> dict[str, str]:
    """Read one event as a browser does."""
    assert chunk.endswith(b"\n\n")
    lines = chunk.decode().removesuffix("\n\n").split("\n")
    return dict(line.split(": ", 1) for line in lines)


async def test_changes_are_events_with_their_tokens_up_to_the_end() -> None:
    """A browser that comes back says the last of them."""
    stream = Stream(RUNNING, JobAccepted("a"), COMPLETED)
    first, running, completed, end = await sent(stream)
    assert (first, end) == (RETRY, END)
    assert read(running)["event"] == "status"
    assert read(running)["id"] == RUNNING.token
    assert json.loads(read(running)["data"]) == {
        "job_id": "a", "previous": "queued", "current": "running", "is_end": False,
    }  # fmt: skip
    assert json.loads(read(completed)["data"])["is_end"] is True
    assert [is_over(read(event)["id"], ["a"]) for event in (running, completed, end)] == [False, True, True]
    assert [is_over(read(event)["id"], ["a", "b"]) for event in (running, completed, end)] == [False, False, True]
    assert not is_over(None, ["a"])
    assert stream.is_closed


async def test_why_a_job_failed_comes_along() -> None:
    """In the service's words, as JSON: they cannot forge an event."""
    words = "no\n\nevent: end\ndata: {}\n\n"
    ended = StatusChange("a", None, JobStatus.FAILED, JobState("a", JobStatus.FAILED, error=words), START)
    _, failed, end = await sent(Stream(ended))
    assert json.loads(read(failed)["data"])["error"] == words
    assert end == END


async def test_disturbances_and_failures_are_told_as_problems() -> None:
    """No event is called `error`, which browsers have for lost connections; the operator's words stay here."""
    stream = Stream(PollDisturbed("a", NOT_FOUND, 2, 4.25), WatchEnded("a", NOT_FOUND), NOT_FOUND)
    _, disturbed, ended, raised, end = await sent(stream)
    told = json.loads(read(disturbed)["data"])
    assert (read(disturbed)["event"], told["failures"], told["next_wait"]) == ("disturbed", 2, 4.25)
    for chunk in (ended, raised):
        assert read(chunk)["event"] == "failed"
        assert json.loads(read(chunk)["data"])["status"] == 404
        assert b"key" not in chunk
    assert end == END


@pytest.mark.parametrize("closed", [SessionClosedError("left"), WatchEnded("a", SessionClosedError("left"))])
async def test_a_session_that_is_left_ends_the_stream_without_an_end(closed: Any) -> None:
    """The browser comes back, to whatever takes this server's place."""
    stream = Stream(RUNNING, closed, COMPLETED)
    assert len(await sent(stream)) == 2
    assert stream.is_closed


@pytest.mark.virtual_time
async def test_silence_is_broken_and_loses_nothing() -> None:
    """Comments come at each ping, and the change all the same."""
    chunks = await sent(Stream(50, RUNNING, COMPLETED), ping=15)
    assert [chunk.startswith(b":") for chunk in chunks] == [False, True, True, True, False, False, False]


@pytest.mark.virtual_time
async def test_a_server_that_stops_ends_its_streams_at_once() -> None:
    """Also one that is set already."""
    stop = asyncio.Event()
    stream = Stream(RUNNING, 1_000, COMPLETED)
    reading = asyncio.create_task(sent(stream, stop=stop))
    await asyncio.sleep(7)
    stop.set()
    assert len(await reading) == 2
    assert asyncio.get_running_loop().time() < 10
    assert stream.is_closed
    assert await sent(Stream(RUNNING), stop=stop) == [RETRY]


@pytest.mark.virtual_time
@pytest.mark.parametrize("at", ["a step", "a chunk"])
async def test_a_reader_that_goes_leaves_nothing(at: str) -> None:
    """Whether it goes while a change is waited for, or while one is sent."""
    stream = Stream(RUNNING, 1_000, COMPLETED)
    chunks = sse(stream)
    for _ in range(2):
        await anext(chunks)
    if at == "a step":
        step = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(1)
        step.cancel()
        await asyncio.wait([step])
    await chunks.aclose()
    assert stream.is_closed


@pytest.mark.parametrize("ping", [0, -1, 3_601, "often"])
async def test_a_ping_out_of_bounds_is_refused(ping: Any) -> None:
    """Like every option."""
    with pytest.raises(ConfigurationError, match="ping"):
        await sent(Stream(), ping=ping)


async def test_a_generator_is_refused() -> None:
    """A ping would end it."""

    async def generated() -> AsyncGenerator[Event]:
        yield RUNNING

    with pytest.raises(ConfigurationError, match="not a generator"):
        await anext(sse(generated()))


async def test_a_session_fills_it(sandbox: Sandbox) -> None:
    """By a watch and by one job's transitions alike; headers keep caches and proxies from holding it up."""
    sandbox.faults.for_prompt("sad", Fail("no cats"), on="create")
    async with MotionSession(**QUICK) as motion:
        jobs = [await motion.create(prompt) for prompt in ("a cat", "a sad cat")]
        watched = [chunk async for chunk in sse(motion.watch([job.id for job in jobs]))]
        followed = [chunk async for chunk in sse(jobs[0].transitions())]
    assert watched[-1] == followed[-1] == END
    assert b'"current": "failed"' in b"".join(watched)
    assert b'"current": "completed"' in followed[-2]
    assert SSE_HEADERS["Cache-Control"] == "no-store"


def with_state(app: Any, shared: dict[str, Any]) -> Any:
    """Give each request what the lifespan has yielded, as a server does."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": dict(shared)}, receive, send)

    return call


async def test_the_guides_app_makes_a_video_and_streams_its_changes(sandbox: Sandbox) -> None:
    """The example of the module's docstring, as it stands there."""
    code = re.search(r"With Starlette:\n\n(.*?)\n\nThe events", motion_async.web.__doc__ or "", re.DOTALL)
    assert code
    names: dict[str, Any] = {"__name__": "example"}
    exec(re.sub(r"^    ", "", code[1], flags=re.MULTILINE), names)
    app = names["app"]
    async with (
        app.router.lifespan_context(app) as shared,
        httpx.AsyncClient(transport=httpx.ASGITransport(with_state(app, shared)), base_url="http://app") as client,
    ):
        made = await client.post("/videos", content="A launch video")
        job_id = made.json()["job_id"]
        assert (made.status_code, list(sandbox.jobs)) == (202, [job_id])
        changes = await client.get(f"/videos/{job_id}/changes")
        last = re.findall("^id: (.*)$", changes.text, re.MULTILINE)[-1]
        polls = sandbox.counts.polls
        over = await client.get(f"/videos/{job_id}/changes", headers={"Last-Event-ID": last})
        refused = await client.post("/videos", content="")
    assert changes.headers["content-type"].startswith("text/event-stream")
    assert changes.text.endswith(END.decode())
    assert (over.status_code, sandbox.counts.polls) == (204, polls)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json()["problems"]
