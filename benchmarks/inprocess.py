"""A service without a socket: an aiohttp connector whose connections end in this process.

It gives the whole client, from `MotionSession` down to aiohttp's parser, a service on the loop's own
time, which may be virtual. It knows the two calls that a batch makes and nothing of errors: no test of
the contract may rest on it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from benchmarks.arms import KEY
from motion_async import MotionSession

__all__ = ["Jobs", "in_process_session"]

_START = datetime(2026, 4, 28, 23, 1, 4, tzinfo=UTC)


class Jobs:
    """The jobs of a service in this process: each runs for as long as its request's number says.

    A job is forgotten when its end has been told, so that a service for many costs no memory of its own.

    Args:
        duration: gives the seconds that a job takes, by the number that its prompt ends with.
        create_seconds: how long a create takes to be answered.
    """

    def __init__(self, duration: Callable[[int], float], *, create_seconds: float = 0.0) -> None:
        self.duration = duration
        self.create_seconds = create_seconds
        self.polls = 0
        self.created = 0
        self._began: dict[str, float] = {}

    def takes(self, now: float) -> bool:  # noqa: ARG002  # a service with a limit looks at the clock
        """Whether a create that comes now is taken, and not refused with 429.

        Args:
            now: the loop's time.
        """
        return True

    def create(self, body: bytes, now: float) -> dict[str, Any]:
        """Take a create; the job begins when it is answered.

        Args:
            body: what was sent.
            now: the loop's time.
        """
        job_id = "job-" + str(json.loads(body)["prompt"]).rpartition(" ")[2]
        self.created += 1
        self._began[job_id] = now + self.create_seconds
        return {"job_id": job_id, "status": "queued", "status_url": f"/sessions/{job_id}"}

    def poll(self, job_id: str, now: float) -> dict[str, Any]:
        """Say how a job is.

        Args:
            job_id: the job.
            now: the loop's time.
        """
        self.polls += 1
        began = self._began[job_id]
        end = began + self.duration(int(job_id.removeprefix("job-")))
        created, completed = (_START + timedelta(seconds=at) for at in (began, end))
        has_ended = now >= end
        if has_ended:
            del self._began[job_id]
        return {
            "job_id": job_id,
            "status": "completed" if has_ended else "running",
            "created_at": created.isoformat(),
            "updated_at": (completed if has_ended else created).isoformat(),
            "completed_at": completed.isoformat() if has_ended else None,
            "error": None,
            "pending_user_input": False,
        }


class _End(asyncio.Transport):
    """The client's end of a connection: what is written to it is answered."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: ResponseHandler, jobs: Jobs) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: asyncio.Protocol = protocol
        self._jobs = jobs
        self._unread = b""
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._unread += data
        head, end, body = self._unread.partition(b"\r\n\r\n")
        if not end:
            return
        method, path, *_ = head.decode().split(" ", 2)
        if method == "GET":
            self._answer(0.0, 200, self._jobs.poll(path.rpartition("/")[2], self._loop.time()))
        elif body.endswith(b"}"):
            now = self._loop.time()
            if self._jobs.takes(now):
                self._answer(self._jobs.create_seconds, 202, self._jobs.create(body, now))
            else:
                self._answer(self._jobs.create_seconds, 429, {"error": "too many"})

    def _answer(self, after: float, status: int, fields: dict[str, Any]) -> None:
        self._unread = b""
        body = json.dumps(fields).encode()
        head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self._loop.call_later(after, self._deliver, head + body)

    def _deliver(self, answer: bytes) -> None:
        if not self._is_closing:
            self._protocol.data_received(answer)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self._lose)

    def _lose(self) -> None:
        protocol, self._protocol = self._protocol, asyncio.Protocol()  # let go of, as asyncio's own transports do
        protocol.connection_lost(None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        """Do nothing: an answer is one piece, and short."""

    def resume_reading(self) -> None:
        """Do nothing; see `pause_reading`."""


class _InProcess(aiohttp.BaseConnector):
    """Connects to jobs in this process, whatever the address.

    Args:
        jobs: the service's.
    """

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(limit=0)
        self._jobs = jobs

    async def _create_connection(self, *_args: Any, **_options: Any) -> ResponseHandler:
        protocol = ResponseHandler(self._loop)
        protocol.connection_made(_End(self._loop, protocol, self._jobs))
        return protocol


@asynccontextmanager
async def in_process_session(jobs: Jobs, **options: Any) -> AsyncIterator[MotionSession]:
    """Open a session whose service is in this process.

    Args:
        jobs: the service's.
        options: further ones of the session.

    Yields:
        The session.
    """
    async with (
        aiohttp.ClientSession(connector=_InProcess(jobs)) as connections,
        MotionSession(KEY, base_url="http://127.0.0.1/api/motion", client_session=connections, **options) as motion,
    ):
        yield motion
