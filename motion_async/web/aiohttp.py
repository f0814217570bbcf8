"""For aiohttp: one session for the app, errors as problems, and streams of what happens to jobs.

    from aiohttp import web
    from motion_async.web.aiohttp import MOTION, event_stream, setup

    async def make(request: web.Request) -> web.Response:
        job = await request.app[MOTION].create((await request.json())["prompt"])
        return web.json_response({"job_id": job.id}, status=202)

    async def changes(request: web.Request) -> web.StreamResponse:
        return await event_stream(request, [request.match_info["job_id"]])

    app = web.Application()
    setup(app)
    app.add_routes([web.post("/videos", make), web.get("/videos/{job_id}/changes", changes)])

`setup` takes the options of `MotionSession`. With `setup(app, ledger_url="sqlite:///orders.db")` a create with a `key`
makes one video, however often it is asked for and however the process ends; browsers themselves ask again where a
connection breaks. What `setup` adds can be added by hand:

    app = web.Application(middlewares=[answer_errors])
    app.cleanup_ctx.append(cleanup_ctx(max_polls_per_second=20))
    app.on_shutdown.append(end_streams)

Streams end when the server is told to end, and the browsers come back to the next one by themselves. What a page does
with a stream stands in `help(motion_async.web)`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from motion_async.errors import MotionError
from motion_async.session import MotionSession
from motion_async.web.answers import log_problem
from motion_async.web.opening import open_session
from motion_async.web.sse import SSE_HEADERS, is_over, sse

__all__ = ["MOTION", "answer_errors", "cleanup_ctx", "end_streams", "event_stream", "setup"]

MOTION: Final = web.AppKey("motion", MotionSession)
"""The app's session: `request.app[MOTION]`, or `request.config_dict[MOTION]` in an app inside another one."""
_STOPPING: Final = web.AppKey("motion_stopping", asyncio.Event)
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether a reader is still there, as aiohttp tells nobody when one goes."""


def setup(app: web.Application, *, ledger_url: str | None = None, **options: Any) -> None:
    """Give an app all that is here: the session, `answer_errors` around its handlers, and the end of its streams.

    Args:
        app: the app, before it is started.
        ledger_url: opens a ledger for the session, see `open_ledger`.
        options: those of `MotionSession`.
    """
    app.middlewares.append(answer_errors)
    app.cleanup_ctx.append(cleanup_ctx(ledger_url=ledger_url, **options))
    app.on_shutdown.append(end_streams)


def cleanup_ctx(*, ledger_url: str | None = None, **options: Any) -> Callable[[web.Application], AsyncIterator[None]]:
    """Make a context for `app.cleanup_ctx` that opens one session for the app; see `setup`."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        app[_STOPPING] = asyncio.Event()
        async with open_session(ledger_url=ledger_url, options=options) as app[MOTION]:
            yield

    return run


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer each `MotionError` of a handler with its problem (RFC 9457); what operators need goes into the log."""
    try:
        return await handler(request)
    except MotionError as error:
        found = log_problem(error)
        return web.Response(text=json.dumps(found.to_dict()), status=found.status, headers=found.headers)


async def end_streams(app: web.Application) -> None:
    """End the app's streams, for its `on_shutdown`: aiohttp waits for them before it ends anything else."""
    app[_STOPPING].set()


async def event_stream(
    request: web.Request, job_ids: Iterable[str], *, timeout: float | None = None, ping: float = 15.0
) -> web.StreamResponse:
    """Answer with what happens to some jobs, as server-sent events; see `sse`.

    A browser that comes back goes on where it was; one that has heard of the end gets a 204, so that it stays away.

    Args:
        request: the request.
        job_ids: the jobs, each once. Whether the visitor may see them is the app's to know.
        timeout: seconds after which it is told that they have not ended, None for no deadline.
        ping: seconds of silence after which a comment is sent, 0.01 to 3,600.
    """
    ids, last_seen = list(job_ids), request.headers.get("Last-Event-ID")
    if is_over(last_seen, ids):
        return web.Response(status=204)
    changes = request.config_dict[MOTION].watch(ids, after=last_seen, timeout=timeout)
    response = web.StreamResponse(headers=SSE_HEADERS)
    await response.prepare(request)
    stop = asyncio.Event()
    looking = asyncio.create_task(_stop_in_time(stop, request), name="motion_async.web.aiohttp")
    try:
        async with aclosing(sse(changes, ping=ping, stop=stop)) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
    finally:
        looking.cancel()
    return response


async def _stop_in_time(stop: asyncio.Event, request: web.Request) -> None:
    """Have a stream stop when its reader has gone, or when the app is shut down."""
    stopping = request.config_dict[_STOPPING]
    while request.transport is not None and not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY):
                await stopping.wait()
    stop.set()
