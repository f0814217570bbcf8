"""Tests of `motion_async.web.shutdown`: the app hears of the signal that ends its server."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from motion_async.web import hear_shutdown
from tests.waiting import until


@pytest.fixture
def servers() -> Iterator[list[int]]:
    """Give the signals that a server's own handler of SIGTERM has heard, set before the app starts."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


async def test_it_hears_a_signal_and_so_does_the_server(servers: list[int]) -> None:
    """The handler that was there is called as before, and is there alone again afterwards."""
    handler = signal.getsignal(signal.SIGTERM)
    with hear_shutdown() as stopping:
        assert not stopping.is_set()
        signal.raise_signal(signal.SIGTERM)
        await until(stopping.is_set)
        assert servers == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is handler


async def test_it_hears_what_the_servers_loop_hears(servers: list[int]) -> None:
    """Servers that ask the event loop for signals get theirs, too."""
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, heard.set)
    try:
        with hear_shutdown() as stopping:
            signal.raise_signal(signal.SIGTERM)
            await until(lambda: stopping.is_set() and heard.is_set())
        heard.clear()
        signal.raise_signal(signal.SIGTERM)
        await until(heard.is_set)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
async def test_a_signal_without_a_handler_is_left_alone(servers: list[int], handler: signal.Handlers) -> None:
    """It ends the process, or is meant to do nothing."""
    signal.signal(signal.SIGTERM, handler)
    with hear_shutdown():
        assert signal.getsignal(signal.SIGTERM) is handler


async def test_a_handler_that_was_set_in_between_stays(servers: list[int]) -> None:
    """It is not taken away with ours."""
    with hear_shutdown():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_an_app_that_is_over_hears_nothing(servers: list[int]) -> None:
    """Its handler may still be called by one that was set on top of it, when its loop is closed."""

    async def serve() -> Any:
        with hear_shutdown():
            return signal.getsignal(signal.SIGTERM)

    handler = asyncio.run(serve())
    handler(signal.SIGTERM, None)
    assert servers == [signal.SIGTERM]


def test_in_another_thread_it_hears_nothing_and_works(servers: list[int]) -> None:
    """As under test clients, which start the app in a thread."""
    handler, told = signal.getsignal(signal.SIGTERM), []

    async def serve() -> None:
        with hear_shutdown() as stopping:
            told.append((signal.getsignal(signal.SIGTERM), stopping.is_set()))

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join()
    assert told == [(handler, False)]


async def test_a_worker_of_hypercorn_hears_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an event among what its process was started with; afterwards nobody looks at it."""
    event = multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(multiprocessing.current_process(), "_kwargs", {"shutdown_event": event}, raising=False)
    with hear_shutdown() as stopping:
        await asyncio.sleep(0)
        assert not stopping.is_set()
        event.set()
        await until(stopping.is_set)
    with hear_shutdown() as stopping:
        pass
    await asyncio.sleep(0)
    assert not stopping.is_set()
