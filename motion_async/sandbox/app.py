"""The service over HTTP: routes, headers, JSON, and faults carried out on a connection.

The thin adapter between aiohttp.web and the engine. It decides nothing about jobs, credits or requests:
it reads bytes, asks, and writes what the engine answered, or does to the connection what a fault says.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from http import HTTPStatus
from math import inf
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from motion_async.sandbox.checks import Submission, read_submission
from motion_async.sandbox.control import CONTROL
from motion_async.sandbox.engine import Answer, Engine
from motion_async.sandbox.faults import (
    CallKind,
    ExchangeFault,
    FaultBook,
    Hang,
    LostAnswer,
    RateLimited,
    Reset,
    ServerError,
    SlowBody,
)
from motion_async.sandbox.hosts import OwnNames

__all__ = ["PREFIX", "Service"]

PREFIX: Final = "/api/motion"
"""The path of the base URL (section "Overview")."""

_MAX_BODY: Final = 1024 * 1024
_PIECES: Final = 10
_GLANCE_SECONDS: Final = 0.05
# What makes closing a connection a reset: linger, for 0 seconds.
_LINGER_NOT: Final = struct.pack("ii", 1, 0)

_PAGE: Final = """\
<html>
<head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center><hr><center>proxy</center></body>
</html>
"""


class Service:
    """The routes of the API, on an engine and under the faults of a book.

    Args:
        engine: what knows the jobs.
        faults: what goes wrong.
        now: gives the moment, in virtual seconds since the epoch.
        names: the names that it answers to.
        lock: held while the engine carries a call out, as other threads may give orders meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        faults: FaultBook,
        now: Callable[[], float],
        names: OwnNames,
        lock: AbstractContextManager[object],
    ) -> None:
        self._engine = engine
        self._names = names
        self._faults = faults
        self._now = now
        self._lock = lock
        self._leaving = asyncio.Event()
        self.received: Counter[CallKind] = Counter()
        self.accepted: Counter[CallKind] = Counter()
        self.refused: Counter[int] = Counter()

    def application(self, control: web.Application | None = None) -> web.Application:
        """Build an application that serves until it is shut down; one at a time. What controls it stands beside."""
        self._leaving = asyncio.Event()
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[self._answer_to_own_names])
        for method, path, handler in (
            ("POST", "/sessions", self._create),
            ("POST", "/sessions/{job_id}/followups", self._followup),
            ("GET", "/sessions/{job_id}", self._poll),
        ):
            app.router.add_route(method, PREFIX + path, handler)
            app.router.add_route("*", PREFIX + path, partial(self._refuse_method, allowed=method))
        if control is not None:
            app.add_subapp(CONTROL, control)
        app.router.add_route("*", "/{path:.*}", self._refuse_path)
        app.on_shutdown.append(self._leave)
        return app

    async def _leave(self, _app: web.Application) -> None:
        self._leaving.set()

    @web.middleware
    async def _answer_to_own_names(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._names.has(hosts[0]):
            return self._reply(Answer(HTTPStatus.MISDIRECTED_REQUEST, {"error": "Not a host of this sandbox"}))
        return await handler(request)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_paid(request, "create")

    async def _followup(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_paid(request, "followup")

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        self.received["poll"] += 1
        job_id = request.match_info["job_id"]

        def carry_out() -> Answer:
            with self._lock:
                return self._engine.poll(_key(request), job_id, now=self._now())

        fault = self._faults.strike_exchange("poll", self._engine.prompts(job_id))
        return await self._exchange(request, fault, carry_out)

    async def _serve_paid(self, request: web.Request, call: CallKind) -> web.StreamResponse:
        self.received[call] += 1
        try:
            submission = read_submission(await request.read(), content_type=request.headers.get("Content-Type"))
        except web.HTTPRequestEntityTooLarge:
            return self._reply(Answer(413, {"error": "Request body too large"}))
        except (ConnectionError, web.RequestPayloadError):
            return _hang_up(request)  # the body broke off in its middle
        fault = self._faults.strike_exchange(call, (submission.prompt,))
        return await self._exchange(request, fault, partial(self._carry_out, request, call, submission))

    def _carry_out(self, request: web.Request, call: CallKind, submission: Submission) -> Answer:
        key, story_faults = _key(request), self._faults.strike_story
        with self._lock:
            now = self._now()
            if call == "create":
                answer = self._engine.create(key, submission, now=now, story_faults=story_faults)
            else:
                job_id = request.match_info["job_id"]
                answer = self._engine.followup(key, job_id, submission, now=now, story_faults=story_faults)
        self.accepted[call] += answer.status == HTTPStatus.ACCEPTED
        return answer

    async def _refuse_path(self, _request: web.Request) -> web.StreamResponse:
        return self._reply(Answer(404, {"error": "Not found"}))

    async def _refuse_method(self, _request: web.Request, *, allowed: str) -> web.StreamResponse:
        return self._reply(Answer(405, {"error": "Method not allowed"}), {"Allow": allowed})

    def _reply(self, answer: Answer, headers: Mapping[str, str] | None = None) -> web.Response:
        return self._respond(answer.status, "application/json", json.dumps(answer.body), headers)

    def _respond(
        self, status: int, content_type: str, text: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        if status >= HTTPStatus.BAD_REQUEST:
            self.refused[status] += 1
        headers = {"Content-Type": content_type, **(headers or {})}
        return web.Response(body=text.encode(), status=status, headers=headers)

    async def _exchange(
        self, request: web.Request, fault: ExchangeFault | None, carry_out: Callable[[], Answer]
    ) -> web.StreamResponse:
        response: web.StreamResponse
        match fault:
            case None:
                response = self._reply(carry_out())
            case RateLimited():
                response = self._limit(fault)
            case ServerError():
                if fault.taken:
                    carry_out()
                response = self._break(fault)
            case LostAnswer():
                carry_out()
                response = _hang_up(request)
            case Reset():
                response = _reset(request)
            case Hang():
                stays = await self._pause(request, inf if fault.seconds is None else fault.seconds)
                response = self._reply(carry_out()) if stays else _hang_up(request)
            case SlowBody():
                response = await self._drip(request, self._reply(carry_out()), fault.seconds)
        return response

    def _limit(self, fault: RateLimited) -> web.Response:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return self._reply(Answer(429, {"error": "Too many requests"}), headers)

    def _break(self, fault: ServerError) -> web.Response:
        reason = HTTPStatus(fault.status).phrase
        if fault.html:
            return self._respond(fault.status, "text/html", _PAGE.format(status=fault.status, reason=reason))
        return self._reply(Answer(fault.status, {"error": reason}))

    async def _drip(self, request: web.Request, whole: web.Response, seconds: float) -> web.StreamResponse:
        body = whole.body
        assert isinstance(body, bytes)  # noqa: S101  # the only kind that `_reply` makes
        dripping = web.StreamResponse(status=whole.status, headers=whole.headers)
        dripping.content_length = len(body)
        size = -(-len(body) // _PIECES)
        with suppress(ConnectionError):
            await dripping.prepare(request)
            for begin in range(0, len(body), size):
                if not await self._pause(request, seconds / _PIECES):
                    _hang_up(request)
                await dripping.write(body[begin : begin + size])
        return dripping

    async def _pause(self, request: web.Request, seconds: float) -> bool:
        """Wait in real time, and tell whether the client is still there and the service stays."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        # aiohttp does not tell a handler that its client has left, unless by cancelling every handler.
        while not self._leaving.is_set() and _is_connected(request):
            rest = end - clock()
            if rest <= 0:
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), min(rest, _GLANCE_SECONDS))
        return False


def _key(request: web.Request) -> str | None:
    """Give the API key of a call (section "Overview"); two headers are as good as none."""
    headers = request.headers.getall("Authorization", [])
    scheme, _, key = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    return key if scheme == "Bearer" else None


def _is_connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()  # aiohttp wants one; it has nowhere to go


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _LINGER_NOT)
        request.transport.abort()
    return web.Response()  # aiohttp wants one; it has nowhere to go
