"""Workers of a fleet, each in a process of its own: they are there to be killed, frozen, cut off and sent away.

`python -m tests.fleet.workers KEY BASE_URL HEARTBEAT HERE` forks one for each line on its standard input, which is the
URL of the fleet's database, and tells its process's number. All that is slow to import is imported once, before.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from motion_async import Backoff, GrowingSchedule, MotionSession
from motion_async.fleet import open_fleet
from motion_async.sandbox import Sandbox
from tests.waiting import until

__all__ = ["Workers", "open_workers"]


class Workers:
    """The processes that were started, by their numbers, and what they have said.

    Args:
        forks: the process that forks them.
        url: of the fleet's database.
        log: the file into which all of them write.
    """

    def __init__(self, forks: asyncio.subprocess.Process, url: str, log: Path) -> None:
        self._forks = forks
        self._url = url
        self._log = log
        self.alive: list[int] = []

    async def start(self, url: str | None = None) -> int:
        """Start one more, which reaches the database over another URL if one is given."""
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.write(f"{url or self._url}\n".encode())
        self.alive.append(int(await self._forks.stdout.readline()))
        return self.alive[-1]

    async def end(self, number: int, how: signal.Signals) -> None:
        """Send a signal that ends one, and wait until it is gone."""
        self.alive.remove(number)
        os.kill(number, how)
        await until(lambda: not is_running(number), every=0.01)

    def said(self, words: str, *, by: int) -> int:
        """Count the lines of one of them that have these words in them."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return sum(line.startswith(f"{by} ") and words in line for line in lines)

    def check(self) -> None:
        """See that all live that were not ended, and that none has met what nobody had foreseen."""
        said = self._log.read_text(encoding="utf-8")
        assert "Traceback" not in said, said[-5_000:]
        assert [number for number in self.alive if not is_running(number)] == [], said[-5_000:]


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def open_workers(
    sandbox: Sandbox, url: str, log: Path, *, heartbeat: float = 1.0, here: int = 10
) -> AsyncIterator[Workers]:
    """Have workers started on a sandbox; none outlives the block."""
    with log.open("wb") as errors:
        forks = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fleet.workers", sandbox.api_key, sandbox.url, str(heartbeat), str(here),
            cwd=Path(__file__).parents[2], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
    workers = Workers(forks, url, log)
    try:
        yield workers
        workers.check()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(forks.pid, signal.SIGKILL)
        await forks.wait()
        await until(lambda: not any(map(is_running, workers.alive)), every=0.01)


async def _work(key: str, base_url: str, url: str, heartbeat: float, here: int) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with (
        open_fleet(url, heartbeat=heartbeat) as fleet,
        MotionSession(
            key,
            base_url=base_url,
            schedule=GrowingSchedule(first=0.05, growth=0.2, cap=0.2),
            backoff=Backoff(first=0.02, cap=0.1),
            max_polls_per_second=1_000,
        ) as motion,
    ):
        await fleet.work(motion, here=here)


def _fork(key: str, base_url: str, heartbeat: str, here: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they have ended
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            logging.basicConfig(level=logging.INFO, format=f"{os.getpid()} %(asctime)s %(name)s %(message)s")
            with suppress(asyncio.CancelledError):
                asyncio.run(_work(key, base_url, line.strip(), float(heartbeat), int(here)))
            os._exit(0)
        print(child, flush=True)  # noqa: T201


if __name__ == "__main__":
    _fork(*sys.argv[1:])
