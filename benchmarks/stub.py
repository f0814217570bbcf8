"""A service that answers every call at once, in a process of its own and on a core of its own.

It is a bare asyncio protocol, so that what is measured on the other side is the client. It answers by
the path alone, in this service's words or in a peer's, checks nothing and remembers no job: a job that
was created here has ended when it is first polled, any other one runs. Never use it but for measuring.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import re
from collections.abc import Iterator
from multiprocessing.connection import Connection

__all__ = ["Answers", "completed", "created", "running", "stub_server"]

_CREATED_HERE = b"created-here-"
_IN_PATH = re.compile(rb"/(sessions|requests|predictions|tasks|generations|videos)/([^ /?]+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CREATED = b'{"job_id":"%b","status":"queued","status_url":"/sessions/job"}'
_COMPLETED = (
    b'{"job_id":"%b","status":"completed","created_at":"2026-04-28T23:01:04.198Z",'
    b'"updated_at":"2026-04-28T23:04:23.695Z","completed_at":"2026-04-28T23:04:23.695Z","error":null,'
    b'"pending_user_input":false}'
)
_RUNNING = {
    b"sessions": b'{"job_id":"%b","status":"running","created_at":"2026-04-28T23:01:04.198Z",'
    b'"updated_at":"2026-04-28T23:01:23.695Z","completed_at":null,"error":null,"pending_user_input":false}',
    b"requests": b'{"request_id":"%b","status":"IN_PROGRESS","logs":null,"response_url":"http://127.0.0.1/response"}',
    b"predictions": b'{"id":"%b","model":"owner/video","version":"1","status":"processing","input":{"prompt":"a"},'
    b'"output":null,"logs":"","error":null,"metrics":null,"created_at":"2026-04-28T23:01:04.198Z",'
    b'"started_at":"2026-04-28T23:01:05.198Z","completed_at":null,"urls":{"get":"http://127.0.0.1/get"}}',
    b"tasks": b'{"id":"%b","status":"RUNNING","createdAt":"2026-04-28T23:01:04.198Z","progress":0.5,'
    b'"estimatedCost":{"credits":50}}',
    b"generations": b'{"id":"%b","state":"dreaming","created_at":"2026-04-28T23:01:04.198Z","failure_reason":null,'
    b'"generation_type":"video","model":"ray-2","assets":null}',
    b"videos": b'{"id":"%b","object":"video","status":"in_progress","created_at":1777417264,"model":"sora-2",'
    b'"progress":50,"seconds":"8","size":"1280x720"}',
}
"""What each service says of a job that runs, by the part of the path that names its kind of job."""


def running(job_id: str) -> bytes:
    """Give the body of an answer about a job of this service that runs.

    Args:
        job_id: the job.
    """
    return _RUNNING[b"sessions"] % job_id.encode()


def created(job_id: str) -> bytes:
    """Give the body of the answer to a create of this service.

    Args:
        job_id: the job that it made.
    """
    return _CREATED % job_id.encode()


def completed(job_id: str) -> bytes:
    """Give the body of an answer about a job of this service that has been completed.

    Args:
        job_id: the job.
    """
    return _COMPLETED % job_id.encode()


class Answers(asyncio.Protocol):
    """Answers each request of a kept-alive connection."""

    _numbers = itertools.count()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        self._transport = transport
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head, length = self._unread[:end], 0
            if head.startswith(b"POST") and (found := _LENGTH.search(head)):
                length = int(found.group(1))
            if len(self._unread) < end + 4 + length:
                return
            self._unread = self._unread[end + 4 + length :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"POST"):
            self._reply(b"202 Accepted", created(f"{_CREATED_HERE.decode()}{next(self._numbers)}"))
        elif (found := _IN_PATH.search(head)) is None:
            self._reply(b"404 Not Found", b"{}")
        else:
            kind, job_id = found.groups()
            self._reply(b"200 OK", (_COMPLETED if job_id.startswith(_CREATED_HERE) else _RUNNING[kind]) % job_id)

    def _reply(self, status: bytes, body: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


async def _serve(ready: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=1024)
    ready.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(ready.poll, None)  # until the other side closes its end
    server.close()


def _run(ready: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    asyncio.run(_serve(ready))


def _two_cores() -> tuple[int | None, int | None]:
    """Give a core for this process and another for the stub, where the system can pin and has two."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[-1]) if len(cores) > 1 else (None, None)


@contextlib.contextmanager
def stub_server() -> Iterator[str]:
    """Run the stub in a second process while the block runs, each process pinned to a core of its own.

    Yields:
        The base URL.
    """
    # glibc maps and unmaps each of asyncio's 256 KiB read buffers until a large block has been freed once: all
    # arms are measured in the state that any process of some size is in.
    large = bytearray(16 << 20)
    del large
    ours, theirs = _two_cores()
    before = os.sched_getaffinity(0) if ours is not None else None
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(there, theirs), daemon=True)
    process.start()
    there.close()
    try:
        port = here.recv()
        if ours is not None:
            os.sched_setaffinity(0, {ours})
        yield f"http://127.0.0.1:{port}/api/motion"
    finally:
        here.close()
        process.join(timeout=10)
        if before is not None:
            os.sched_setaffinity(0, before)
