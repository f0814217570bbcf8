"""A service that answers every poll at once, in a process of its own and on a core of its own.

It is a bare asyncio protocol, so that what is measured on the other side is the client. It checks
nothing and knows no jobs: never use it for anything but measuring.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import re
from collections.abc import Iterator
from multiprocessing.connection import Connection

_JOB_IN_PATH = re.compile(rb"/sessions/([^ /]+) ")
_BODY = (
    b'{"job_id":"%b","status":"running","created_at":"2026-04-28T23:01:04.198Z",'
    b'"updated_at":"2026-04-28T23:01:23.695Z","completed_at":null,"error":null,"pending_user_input":false}'
)


class _Answers(asyncio.Protocol):
    """Answers each request head of a kept-alive connection with a job that is running."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head, self._unread = self._unread[:end], self._unread[end + 4 :]
            found = _JOB_IN_PATH.search(head)
            body = _BODY % (found.group(1) if found else b"none")
            assert isinstance(self._transport, asyncio.Transport)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )


async def _serve(ready: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0, backlog=1024)
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
