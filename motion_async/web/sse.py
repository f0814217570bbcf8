"""Server-sent events of what happens to jobs, for any server that sends an iterable of bytes.

Nothing is held between two events but the stream that is read: whoever leaves, in whatever way, leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Collection
from typing import Any, Final, Protocol

from motion_async.errors import ConfigurationError, MotionError, SessionClosedError
from motion_async.event_stream import PING, RETRY, SSE_HEADERS, write_event
from motion_async.events import Event, PollDisturbed, WatchEnded
from motion_async.jobs import StatusChange
from motion_async.options import check_number
from motion_async.web.problems import problem

__all__ = ["SSE_HEADERS", "is_over", "sse"]

_END_ID: Final = "end"
"""What a browser has as its last id after an `end`; no token is called so."""
_END: Final = write_event("end", {}, identity=_END_ID)


class _Stream(Protocol):
    """What `watch`, `transitions` and `events` give."""

    async def __anext__(self) -> Event: ...

    async def aclose(self) -> None: ...


def is_over(last_event_id: str | None, job_ids: Collection[str]) -> bool:
    """Whether a browser has heard that all jobs of a stream have ended, so that there is nothing more: answer 204.

    Args:
        last_event_id: its `Last-Event-ID` as it came, None if there was none.
        job_ids: the jobs of the stream that it asks for.
    """
    is_end = last_event_id is not None and "@" in last_event_id  # of one job: others may still run
    return last_event_id == _END_ID or (is_end and len(job_ids) == 1)


async def sse(changes: _Stream, *, ping: float = 15.0, stop: asyncio.Event | None = None) -> AsyncGenerator[bytes]:
    """Make server-sent events of what happens to jobs, up to an event `end`.

    Args:
        changes: what `MotionSession.watch`, `Job.transitions` or `MotionSession.events` gives. It is closed at the end.
        ping: seconds of silence after which a comment is sent, so that no proxy takes the connection for dead, 0.01 to
            3,600.
        stop: ends the stream at once when it is set, without an `end`: the browser comes back by itself, as it should
            when a server is restarted.

    Yields:
        Whole events, whose data are JSON objects. `status` is a change, with its token as the id: `job_id`, `previous`
        (null for the state that the stream begins with), `current`, `is_end`, and `error`, if the service gave one.
        `disturbed` tells of a poll that failed and is tried again, with the problem of that, `job_id`, `failures` in a
        row and `next_wait` in seconds; `failed` of a watch that has ended with an error, with its problem and `job_id`.
        `end` has no data: all has been told.

    Raises:
        ConfigurationError: from the first step, for a ping out of bounds, or a generator: it could not go on where a
            ping has interrupted it.
    """
    check_number("ping", ping, low=0.01, high=3_600)
    if inspect.isasyncgen(changes):
        raise ConfigurationError("changes must be what watch(), transitions() or events() gives, not a generator")
    try:
        yield RETRY
        while (step := await _take(changes, ping=ping, stop=stop)) is not None:
            yield step
            if step is _END:
                return
    finally:
        await changes.aclose()


async def _take(changes: _Stream, *, ping: float, stop: asyncio.Event | None) -> bytes | None:
    """Give the next event that a browser hears, a ping, the end, or None when it is to stop."""
    while True:
        step = asyncio.ensure_future(anext(changes))
        stopping = [] if stop is None else [asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait([step, *stopping], timeout=ping, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (step, *stopping):
                task.cancel()
            await asyncio.wait([step, *stopping])
        if stop is not None and stop.is_set():
            return None
        if step.cancelled():
            return PING
        try:
            event = step.result()
        except StopAsyncIteration:
            return _END
        except MotionError as error:
            event = WatchEnded(error.job_id or "", error)
        if isinstance(event, WatchEnded) and isinstance(event.error, SessionClosedError):
            return None  # a server that is shut down comes back, and so does the browser
        if (written := _write(event)) is not None:
            return written


def _write(event: Event) -> bytes | None:
    """Write an event, None for one that a browser does not hear of."""
    match event:
        case StatusChange():
            return write_event("status", _change(event), identity=event.token)
        case PollDisturbed():
            told = {"job_id": event.job_id, "failures": event.failures, "next_wait": round(event.next_wait, 3)}
            return write_event("disturbed", problem(event.error).to_dict() | told)
        case WatchEnded():
            return write_event("failed", problem(event.error).to_dict() | {"job_id": event.job_id or None})
    return None


def _change(change: StatusChange) -> dict[str, Any]:
    told = {"job_id": change.job_id, "previous": change.previous, "current": change.current, "is_end": change.is_end}
    return told if change.state.error is None else {**told, "error": change.state.error}
