"""Real servers in processes of their own, which a test ends, and starts again at the same address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.waiting import until

__all__ = ["AIOHTTP", "HYPERCORN", "RUN_APP", "UVICORN", "Address", "Server", "serving"]

LIMIT: Final = 45.0
"""Seconds in which a server has to end: more than a busy machine needs, less than servers wait for their streams."""
UVICORN: Final = ["uvicorn", "example:app", "--timeout-graceful-shutdown", "60", "--fd", "{socket}"]
"""The command for an app that is called `app`, with a place for the number of its socket."""
HYPERCORN: Final = ["hypercorn", "example:app", "--graceful-timeout", "60", "--bind", "fd://{socket}"]
AIOHTTP: Final = ["example", "{socket}"]
"""The same for an app of aiohttp's with `RUN_APP` at its end."""
RUN_APP: Final = """
import socket, sys
web.run_app(app, sock=socket.socket(fileno=int(sys.argv[1])), shutdown_timeout=60)
"""


class Address:
    """An address on loopback, which stays the test's while nobody listens there and connections are refused.

    Attributes:
        port: the port.
        url: the same as a URL without a path.
    """

    def __init__(self) -> None:
        self._kept = self._bind(0)
        self.port: int = self._kept.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def listen(self) -> socket.socket:
        """Make a socket that listens there."""
        listening = self._bind(self.port)
        listening.listen()
        return listening

    def close(self) -> None:
        self._kept.close()

    @staticmethod
    def _bind(port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", port))
        return made


class Server:
    """A server of `example.py` in a process of its own.

    Attributes:
        url: where it listens, from before it has started.
        process: the process; it was given the number of its socket.
    """

    process: subprocess.Popen[bytes]

    def __init__(self, command: list[str], folder: Path) -> None:
        self._command = [sys.executable, "-u", "-m", *command]
        self._folder = folder
        self._log = folder / "server.log"
        self._address = Address()
        self.url = self._address.url
        self.start()

    def start(self) -> None:
        """Start it, or start it anew; who connects from now on waits until it serves."""
        with self._log.open("wb") as log, self._address.listen() as listening:
            self.process = subprocess.Popen(
                [word.format(socket=listening.fileno()) for word in self._command],
                cwd=self._folder,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )

    def words(self) -> str:
        """Give what it has said since it was started last."""
        return self._log.read_text(encoding="utf-8")

    async def end(self, number: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        self.process.send_signal(number)
        await until(lambda: self.process.poll() is not None, every=0.01, within=LIMIT)

    def close(self) -> None:
        """End whatever is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._address.close()


@asynccontextmanager
async def serving(command: list[str], example: str, folder: Path) -> AsyncIterator[Server]:
    """Serve an example."""
    (folder / "example.py").write_text(example, encoding="utf-8")
    server = Server(command, folder)
    try:
        yield server
    finally:
        server.close()
