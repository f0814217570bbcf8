"""The format of server-sent events (WHATWG HTML, section "Server-sent events"), written as bytes.

Pure, and about nothing in particular: it knows no job, no service and no server, so that whoever streams anything to a
browser may write it by this, the sandbox too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["PING", "RETRY", "SSE_HEADERS", "write_event"]

SSE_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
"""The headers of such an answer: no cache keeps it, and no proxy collects it before it goes on."""
RETRY: Final = b"retry: 3000\n\n"
"""Has a browser whose connection was lost come back after three seconds."""
PING: Final = b": still here\n\n"
"""A comment, which a browser leaves aside, so that no proxy takes a silent connection for dead."""


def write_event(name: str, data: Mapping[str, Any], *, identity: str | None = None) -> bytes:
    """Write one whole event.

    Args:
        name: its type, for which a page listens; one line.
        data: its data, as one line of JSON.
        identity: what a browser sends as `Last-Event-ID` when it comes back; one line.
    """
    mark = "" if identity is None else f"id: {identity}\n"
    return f"{mark}event: {name}\ndata: {json.dumps(data)}\n\n".encode()
