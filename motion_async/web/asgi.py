"""For Django, and other apps by ASGI that have no lifespan of their own: one session, opened and closed by the server.

In `asgi.py`, for a server that tells an app of its begin and its end, as uvicorn, Hypercorn and granian do:

    from django.core.asgi import get_asgi_application
    from motion_async.web.asgi import with_session

    application = with_session(get_asgi_application(), ledger_url="sqlite:///orders.db")

In `views.py`, where the session stands in the request's scope; `"views.AnswerErrors"` comes into `MIDDLEWARE`:

    import json
    from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path
    from django.utils.deprecation import MiddlewareMixin
    from motion_async import MotionError
    from motion_async.web import SSE_HEADERS, is_over, log_problem, sse

    async def make(request):
        job = await request.scope["motion"].create(request.POST["prompt"], key=request.POST["key"])
        return JsonResponse({"job_id": job.id}, status=202)

    async def changes(request, job_id):
        last_seen = request.headers.get("Last-Event-ID")
        if is_over(last_seen, [job_id]):
            return HttpResponse(status=204)
        watch = request.scope["motion"].watch([job_id], after=last_seen)
        return StreamingHttpResponse(sse(watch, stop=request.scope["motion_stopping"]), headers=SSE_HEADERS)

    class AnswerErrors(MiddlewareMixin):
        def process_exception(self, request, error):
            if isinstance(error, MotionError):
                found = log_problem(error)
                return HttpResponse(json.dumps(found.to_dict()), status=found.status, headers=found.headers)

    urlpatterns = [path("videos", make), path("videos/<job_id>/changes", changes)]

Django's own `LOGGING` silences the library's log, which has what no visitor is told, unless it says
`"disable_existing_loggers": False`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

from motion_async.errors import ConfigurationError, MotionError
from motion_async.web.opening import open_session
from motion_async.web.shutdown import hear_shutdown

__all__ = ["with_session"]

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
_App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


def with_session(app: _App, *, ledger_url: str | None = None, **options: Any) -> _App:
    """Give an app one session for as long as its server runs: `scope["motion"]`.

    In `scope["motion_stopping"]` stands the event for `sse(stop=…)`, which ends streams when the server is to end. The
    app itself is not told of its begin and its end; one that wants to be opens a session in its own lifespan.

    Args:
        app: an app by ASGI.
        ledger_url: opens a ledger for the session, see `open_ledger`.
        options: those of `MotionSession`.

    Returns:
        The app to serve. It raises a `ConfigurationError` for a request if its server has told it of no begin.
    """
    opened: dict[str, Any] = {}

    async def live(receive: _Receive, send: _Send) -> None:
        await receive()  # that the server begins
        async with AsyncExitStack() as stack:
            try:
                motion = await stack.enter_async_context(open_session(ledger_url=ledger_url, options=options))
            except MotionError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            opened.update(motion=motion, motion_stopping=stack.enter_context(hear_shutdown()))
            await send({"type": "lifespan.startup.complete"})
            await receive()  # that it ends
            opened.clear()
        await send({"type": "lifespan.shutdown.complete"})

    async def run(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif not opened:
            raise ConfigurationError("the server has not told the app of its begin: start it with --lifespan on, or so")
        else:
            await app({**scope, **opened}, receive, send)

    return run
