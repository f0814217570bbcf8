"""Sees to it that no test and none of its processes looks for another machine, on any event loop."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loopback import STRAYS, check_address, check_name, stay_on_loopback

__all__ = ["forget_processes", "guard_processes", "guarded_uvloop", "no_strays", "strays"]


def guard_processes() -> None:
    """Have this process and each Python that it starts stay on this machine, and write down what does not."""
    handle, name = tempfile.mkstemp(prefix="motion-strays-")  # a file each, also where several processes run the tests
    os.close(handle)
    os.environ[STRAYS] = name
    everywhere = str(Path(__file__).parent / "everywhere")
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([everywhere, *(path for path in paths if path not in ("", everywhere))])
    stay_on_loopback()


def forget_processes() -> None:
    """Take the file away again."""
    Path(os.environ.pop(STRAYS)).unlink(missing_ok=True)


@contextmanager
def strays() -> Iterator[list[str]]:
    """Give what has looked for another machine in the block, once that is over; it counts as seen."""
    file, found = Path(os.environ[STRAYS]), list[str]()
    before = file.stat().st_size
    try:
        yield found
    finally:
        with file.open("r+", encoding="utf-8") as written:
            written.seek(before)
            found += written.read().splitlines()
            written.truncate(before)


@pytest.fixture(autouse=True)
def no_strays() -> Iterator[None]:
    """Fail a test that has looked for another machine, whatever has become of that."""
    with strays() as found:
        yield
    assert found == []


def guarded_uvloop() -> Any:
    """Give a loop of uvloop's that looks at its own connections and look-ups, of which Python does not hear."""
    import uvloop  # noqa: PLC0415  # only where it is asked for

    class Guarded(uvloop.Loop):  # type: ignore[misc]
        async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
            if host is not None:
                check_name(host)
                check_address((host, port))
            return await super().create_connection(factory, host, port, **options)

        async def create_server(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
            for each in [host] if isinstance(host, str) else host or []:
                check_address((each, port))
            return await super().create_server(factory, host, port, **options)

        async def create_datagram_endpoint(self, factory: Any, *addresses: Any, **options: Any) -> Any:
            for address in (*addresses, options.get("local_addr"), options.get("remote_addr")):
                check_address(address)
            return await super().create_datagram_endpoint(factory, *addresses, **options)

        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
            check_name(host)
            return await super().getaddrinfo(host, port, **options)

    return Guarded()
