"""What a web app takes from here: errors as problems, and changes as a stream that a browser reads.

It knows no framework. `problem` says what an error means to whoever asked by HTTP: an uncertain create is never a 502,
503 or 504, which would invite to send again what may have been paid for. `sse` makes server-sent events of what happens
to jobs, for any server that sends an iterable of bytes. `hear_shutdown` ends these streams when the server is told to
end, and not at its time-out; browsers come back to the next one by themselves. For FastAPI, aiohttp and Django there is
more in `motion_async.web.fastapi`, `motion_async.web.aiohttp` and `motion_async.web.asgi`. With Starlette:

    from contextlib import asynccontextmanager
    from motion_async import MotionError, MotionSession
    from motion_async.web import SSE_HEADERS, hear_shutdown, is_over, log_problem, sse
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    @asynccontextmanager
    async def lifespan(app):
        async with MotionSession() as motion:
            with hear_shutdown() as stopping:
                yield {"motion": motion, "stopping": stopping}

    async def make(request):
        job = await request.state.motion.create((await request.body()).decode())
        return JSONResponse({"job_id": job.id}, status_code=202)

    async def changes(request):
        jobs, last_seen = [request.path_params["job_id"]], request.headers.get("last-event-id")
        if is_over(last_seen, jobs):
            return Response(status_code=204)
        watch = request.state.motion.watch(jobs, after=last_seen)
        return StreamingResponse(sse(watch, stop=request.state.stopping), headers=SSE_HEADERS)

    async def refuse(request, error):
        found = log_problem(error)  # what operators need goes into the log
        return JSONResponse(found.to_dict(), status_code=found.status, headers=dict(found.headers))

    routes = [Route("/videos", make, methods=["POST"]), Route("/videos/{job_id}/changes", changes)]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={MotionError: refuse})

The events are `status`, `disturbed`, `failed` and, at last, `end`. The page has to close the stream then, or the
browser comes back every few seconds; one that comes back after an end gets a 204, and stays away then. After an answer
that is no stream, such as a proxy's 502 while the server starts anew, browsers stay away by themselves:

    const follow = () => {
        const stream = new EventSource(`/videos/${id}/changes`);
        stream.addEventListener("status", (event) => show(JSON.parse(event.data).current));
        stream.addEventListener("failed", (event) => show(JSON.parse(event.data).detail));
        stream.addEventListener("end", () => stream.close());
        stream.onerror = () => stream.readyState == EventSource.CLOSED && setTimeout(follow, 3000);
    };

A POST, however, they do send again by themselves, if the connection that they have kept breaks before the answer, as
when a worker is killed. Draw a key in the page for each click, and give it to `create` in an app with a ledger: it is
one video then, however often it comes. README's apps do so. Values become JSON by `motion_async.codec.to_dict`.
"""

from motion_async.web.answers import log_problem
from motion_async.web.problems import Problem, problem
from motion_async.web.shutdown import hear_shutdown
from motion_async.web.sse import SSE_HEADERS, is_over, sse

__all__ = ["SSE_HEADERS", "Problem", "hear_shutdown", "is_over", "log_problem", "problem", "sse"]
