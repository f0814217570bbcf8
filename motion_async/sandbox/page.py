"""The page of a sandbox: one file, and the stream that it lives on.

What it shows is told by `live`, and what its buttons order is the business of `control`. The file is all there is: it
loads nothing, and the browser is told to let it talk to nobody but this sandbox.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from aiohttp import web

from motion_async.event_stream import RETRY, SSE_HEADERS, write_event
from motion_async.sandbox.live import LiveView

if TYPE_CHECKING:
    from motion_async.sandbox.server import Sandbox

__all__ = ["Page"]

_LOOK_SECONDS: Final = 0.25
"""Real seconds between two looks at the sandbox, for each page that is open."""


class Page:
    """The page of one sandbox.

    Args:
        sandbox: what it shows.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._text = files("motion_async.sandbox").joinpath("page.html").read_text(encoding="utf-8")
        self._leaving = asyncio.Event()

    def add_to(self, app: web.Application) -> None:
        """Serve it at the root of an application, until that is shut down."""
        app.router.add_get("", self._lead)
        app.router.add_get("/", self._show)
        app.router.add_get("/changes", self._stream, allow_head=False)
        app.on_shutdown.append(self._leave)

    async def _leave(self, _app: web.Application) -> None:
        self._leaving.set()

    async def _lead(self, request: web.Request) -> web.Response:
        """Lead from the path without a slash at its end to the one that the page's own paths are relative to."""
        return web.Response(status=308, headers={"Location": f"{request.path}/", "Cache-Control": "no-store"})

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._text, content_type="text/html", headers=_headers(self._text))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Tell what is new until the reader goes, or the sandbox ends."""
        response, view = web.StreamResponse(headers=SSE_HEADERS), LiveView(self._sandbox)
        await response.prepare(request)
        with suppress(ConnectionError):  # the reader has gone in the middle of a write
            await response.write(RETRY)
            while request.transport is not None and not self._leaving.is_set():
                for name, part in view.look():
                    await response.write(write_event(name, part))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._leaving.wait(), _LOOK_SECONDS)
        return response


def _headers(text: str) -> dict[str, str]:
    """Give the headers of a page: nobody keeps it, frames it, or has it load, run or send to anything but its own."""
    policy = {
        "default-src": "'none'",
        "script-src": _hash(text, "script"),
        "style-src": _hash(text, "style"),
        "connect-src": "'self'",
        "img-src": "data:",  # its icon
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",  # text never becomes HTML
        "trusted-types": "'none'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _hash(text: str, tag: str) -> str:
    """Give the source expression by which a policy knows the one inline element of this name."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
