"""A service in a process of its own, which is told things and answers, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Protocol

__all__ = ["Obedient", "service_apart"]


class Obedient(Protocol):
    """The protocol of a service's connections, whose class does what the service is told."""

    @classmethod
    def obey(cls, told: Any) -> Any:
        """Do what it is told, and give the answer."""
        ...


async def _serve(answers: Any, pipe: Connection) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(answers, "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])

    def obey() -> None:
        try:
            told = pipe.recv()
        except EOFError:
            over.set()
            loop.remove_reader(pipe.fileno())
        else:
            pipe.send(answers.obey(told))

    loop.add_reader(pipe.fileno(), obey)
    await over.wait()
    server.close()


def _run(answers: Any, pipe: Connection) -> None:
    asyncio.run(_serve(answers, pipe))


@contextlib.contextmanager
def service_apart(answers: type[Obedient]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Run a service while the block runs.

    Args:
        answers: the class of its connections, of a module's own, as the other process imports it.

    Yields:
        Its base URL, and what tells it something and gives its answer.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(answers, there), daemon=True)
    process.start()
    there.close()

    def tell(told: Any) -> Any:
        here.send(told)
        return here.recv()

    try:
        yield f"http://127.0.0.1:{here.recv()}/api/motion", tell
    finally:
        here.close()
        process.join(timeout=10)
