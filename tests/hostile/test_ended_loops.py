"""A loop that is ended while a create is on its way, and a process that stands still: the paid answer is read."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from motion_async import Backoff, CreateUncertainError, Job, JobState, MotionSession
from motion_async.ledger import Item, ItemState, open_ledger
from tests.hostile.hostile_server import JOB, KEY, http, state

ACCEPTED = http(b'{"job_id":"%s","status":"queued","status_url":"/x"}' % JOB.encode(), status=b"202 Accepted")


class Service:
    """A server in a thread of its own, which answers each request `after` so many seconds, whatever the loop does."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/api/motion"
        self.after = 0.0
        self.answer = ACCEPTED
        self.asked = threading.Event()
        self.answered = threading.Event()
        self.requests = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            peer, _ = self.listening.accept()
            with peer:
                if not peer.recv(65_536):
                    return  # `end` came
                self.requests += 1
                self.asked.set()
                time.sleep(self.after)
                peer.sendall(self.answer)
                self.answered.set()
                peer.recv(1)  # until the client leaves

    def end(self) -> None:
        with socket.create_connection(self.listening.getsockname()):
            pass
        self.thread.join()
        self.listening.close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.end()


def session(service: Service, **options: Any) -> MotionSession:
    return MotionSession(KEY, base_url=service.url, backoff=Backoff(first=0, cap=0), **options)


def end_the_loop_during_a_create(service: Service, **options: Any) -> asyncio.Task[Job] | None:
    """Have something end `asyncio.run` while the answer to a create is awaited, as a soft time limit does."""
    create: asyncio.Task[Job] | None = None

    async def work() -> None:
        nonlocal create
        motion = await session(service, **options).__aenter__()
        create = asyncio.ensure_future(motion.create("A launch video"))
        while not service.asked.is_set():
            await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await create
        finally:
            await motion.aclose()

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(work())
    return create


def test_a_create_whose_loop_is_ended_brings_its_id_back(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """All tasks are cancelled at once, that of the exchange as well; its answer is heard all the same, and told."""
    service.after = 0.3
    with caplog.at_level(logging.INFO, "motion_async"):
        create = end_the_loop_during_a_create(service, cancel_grace=30)
    assert create is not None
    assert create.cancelled()
    assert service.requests == 1
    assert f"the service took it: job {JOB}" in caplog.text


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_session_that_is_left_while_its_loop_is_ended_waits_for_the_answer(
    service: Service, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    """A second Ctrl-C cancels whoever leaves the session, which must not cost what the first one waited for."""
    service.after = 0.4

    async def work() -> None:
        async with session(service, cancel_grace=30) as motion:
            create = asyncio.ensure_future(motion.create("A launch video"))
            while not service.asked.is_set():
                await asyncio.sleep(0.001)
            leaves = asyncio.current_task()
            assert leaves is not None
            for number in range(times):
                asyncio.get_running_loop().call_later(number * 0.1, create.cancel)
                asyncio.get_running_loop().call_later(number * 0.1, leaves.cancel)
            await create

    with caplog.at_level(logging.INFO, "motion_async"), pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    assert service.requests == 1
    assert f"the service took a request: job {JOB}" in caplog.text


def test_a_second_interrupt_waits_for_the_answer(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The first one leaves the session, the second one ends the loop: all of its tasks are cancelled meanwhile."""
    service.after = 0.5

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def work() -> None:
        async with session(service, cancel_grace=30) as motion:
            create = asyncio.ensure_future(motion.create("A launch video"))
            while not service.asked.is_set():
                await asyncio.sleep(0.001)
            asyncio.get_running_loop().call_later(0.1, interrupt)
            create.cancel()

    with caplog.at_level(logging.INFO, "motion_async"), pytest.raises(KeyboardInterrupt):
        asyncio.run(work())
    assert service.requests == 1
    assert f"the service took a request: job {JOB}" in caplog.text


def test_the_grace_bounds_how_long_an_ended_loop_goes_on(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Then the create is uncertain, which is told."""
    service.after = 3
    with caplog.at_level(logging.INFO, "motion_async"):
        end_the_loop_during_a_create(service, cancel_grace=0.1)
    assert not service.answered.is_set()
    assert JOB not in caplog.text
    assert CreateUncertainError("x").args[0].split("(")[0][:20] in caplog.text


@pytest.fixture(params=["file", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger of each kind can be opened."""
    return (
        str(request.getfixturevalue("fresh_postgres")) if request.param == "postgres" else f"sqlite:///{tmp_path}/l.db"
    )


def end_the_loop_during_a_batch(service: Service, url: str, *, by_interrupt: bool, **options: Any) -> list[Item]:
    """Have `asyncio.run` cancel all tasks while the answer to a batch's create is awaited, and read what is on disk."""

    async def make() -> None:
        async with (
            open_ledger(url) as ledger,
            session(service, **options) as motion,
            motion.generate_many(["A launch video"], ledger=ledger) as outcomes,
        ):
            async for _ in outcomes:
                pass

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def work() -> None:
        making = asyncio.ensure_future(make())
        while not service.asked.is_set():
            await asyncio.sleep(0.001)
        if by_interrupt:
            asyncio.get_running_loop().call_soon(interrupt)
            await making

    async def read() -> list[Item]:
        async with open_ledger(url, read_only=True) as ledger:
            return [item async for item in ledger.items("batch")]

    with suppress(KeyboardInterrupt):
        asyncio.run(work())
    return asyncio.run(read())


@pytest.mark.parametrize("by_interrupt", [True, False], ids=["an interrupt", "the main task's end"])
def test_the_id_of_a_create_whose_loop_is_ended_is_in_the_ledger(
    service: Service, ledger_url: str, by_interrupt: bool
) -> None:
    """The writer, which is cancelled with all others, goes on for as long as an answer may still come."""
    service.after = 0.7
    [item] = end_the_loop_during_a_batch(service, ledger_url, by_interrupt=by_interrupt, cancel_grace=30)
    assert (item.state, item.job_id, service.requests) == (ItemState.SUBMITTED, JOB, 1)


def test_a_create_that_outlasts_the_grace_of_an_ended_loop_is_uncertain_in_the_ledger(
    service: Service, ledger_url: str
) -> None:
    """It is written before the program ends, so that no later run sends it again."""
    service.after = 3
    [item] = end_the_loop_during_a_batch(service, ledger_url, by_interrupt=True, cancel_grace=0.1)
    assert not service.answered.is_set()
    assert (item.state, item.job_id, service.requests) == (ItemState.UNCERTAIN, None, 1)


async def test_an_answer_that_came_while_the_loop_was_blocked_is_read(service: Service) -> None:
    """However late the loop looks at its timers: that of a poll, and that of a create."""
    async with session(service, exchange_timeout=0.3, send_timeout=0.3, cancel_grace=0) as motion:
        for answer, call in ((ACCEPTED, motion.create("A launch video")), (http(state()), motion.poll(JOB))):
            service.answer = answer
            service.asked.clear()
            service.answered.clear()
            task = asyncio.ensure_future(call)
            while not service.asked.is_set():
                await asyncio.sleep(0.001)
            service.answered.wait(60)
            time.sleep(1)  # noqa: ASYNC251  # to block the loop is what this is about
            assert isinstance(await task, Job | JobState)
    assert service.requests == 2
