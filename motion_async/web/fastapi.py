"""For FastAPI (extra `fastapi`): one session for the app, errors as problems, and streams of what happens to jobs.

    from typing import Annotated
    from fastapi import Body, FastAPI, Request, Response
    from motion_async.web.fastapi import Motion, add_exception_handlers, event_stream, lifespan

    app = FastAPI(lifespan=lifespan())
    add_exception_handlers(app)

    @app.post("/videos", status_code=202)
    async def make(prompt: Annotated[str, Body(embed=True)], motion: Motion) -> dict[str, str]:
        job = await motion.create(prompt)
        return {"job_id": job.id}

    @app.get("/videos/{job_id}/changes")
    async def changes(job_id: str, request: Request) -> Response:
        return event_stream(request, [job_id])

`lifespan` takes the options of `MotionSession`, and a lifespan of your own, which runs inside. With a `ledger_url` a
create with a `key` makes one video, however often it is asked for and however the process ends; browsers themselves ask
again where a connection breaks:

    @asynccontextmanager
    async def mine(app: FastAPI) -> AsyncIterator[dict[str, float]]:
        yield {"began_at": time.time()}  # app.state.motion is open here

    app = FastAPI(lifespan=lifespan(mine, ledger_url="sqlite:///orders.db", max_polls_per_second=20))

Streams end when the server is told to end, and the browsers come back to the next one by themselves. What a page does
with a stream stands in `help(motion_async.web)`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, Response, StreamingResponse

from motion_async.errors import ConfigurationError, MotionError
from motion_async.session import MotionSession
from motion_async.web.answers import log_problem
from motion_async.web.opening import open_session
from motion_async.web.shutdown import hear_shutdown
from motion_async.web.sse import SSE_HEADERS, is_over, sse

__all__ = ["Motion", "add_exception_handlers", "event_stream", "lifespan"]

_Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[Any]]


def lifespan(inner: _Lifespan | None = None, *, ledger_url: str | None = None, **options: Any) -> _Lifespan:
    """Make a lifespan that opens one session for the app, which is `app.state.motion` meanwhile.

    Args:
        inner: a lifespan of the app's own; it has the session, and what it yields is the app's.
        ledger_url: opens a ledger for the session, see `open_ledger`. With options for it, open it in a lifespan of
            your own.
        options: those of `MotionSession`.
    """

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            app.state.motion = await stack.enter_async_context(open_session(ledger_url=ledger_url, options=options))
            app.state.motion_stopping = stack.enter_context(hear_shutdown())
            yield None if inner is None else await stack.enter_async_context(inner(app))

    return run


async def _find_session(connection: HTTPConnection) -> MotionSession:
    """Give the session of the app that was asked."""
    if (motion := getattr(connection.app.state, "motion", None)) is None:
        raise ConfigurationError("the app has no session: give it FastAPI(lifespan=lifespan()), and start it with that")
    found: MotionSession = motion
    return found


Motion: TypeAlias = Annotated[MotionSession, Depends(_find_session)]
"""The app's session, as the type of a handler's argument."""


def add_exception_handlers(app: FastAPI) -> None:
    """Have the app answer each `MotionError` with its problem (RFC 9457); what operators need goes into the log."""

    @app.exception_handler(MotionError)
    async def refuse(_: Any, error: MotionError) -> JSONResponse:
        found = log_problem(error)
        return JSONResponse(found.to_dict(), status_code=found.status, headers=dict(found.headers))


def event_stream(
    connection: HTTPConnection, job_ids: Iterable[str], *, timeout: float | None = None, ping: float = 15.0
) -> Response:
    """Answer with what happens to some jobs, as server-sent events; see `sse`.

    A browser that comes back goes on where it was; one that has heard of the end gets a 204, so that it stays away.

    Args:
        connection: the request.
        job_ids: the jobs, each once. Whether the visitor may see them is the app's to know.
        timeout: seconds after which it is told that they have not ended, None for no deadline.
        ping: seconds of silence after which a comment is sent, 0.01 to 3,600.
    """
    ids, last_seen = list(job_ids), connection.headers.get("last-event-id")
    if is_over(last_seen, ids):
        return Response(status_code=204)
    state = connection.app.state
    changes = state.motion.watch(ids, after=last_seen, timeout=timeout)
    return StreamingResponse(sse(changes, ping=ping, stop=state.motion_stopping), headers=SSE_HEADERS)
