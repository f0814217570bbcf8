"""Tests of `motion_async.ledger.tasks` and of what hangs on it: a ledger can be cut at every await.

Whenever whoever opens, uses or closes a ledger is cancelled, and however often: its store is closed, and no task, file,
thread or connection is left, neither to somebody nor to the garbage collector.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from motion_async import LedgerError
from motion_async.ledger import open_ledger, opening
from motion_async.ledger.store import base
from motion_async.ledger.tasks import run_or_undo, wait_until_done
from tests.hostile.stepping import SteppingLoop, in_strides
from tests.ledger.conftest import SlowFile, accepted, entries
from tests.postgres import has_no_session
from tests.waiting import until


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run these tests on a loop whose steps are counted."""
    return "asyncio", {"loop_factory": SteppingLoop}


async def use(url: str) -> None:
    """Open a ledger, write and read, several at a time, and close it."""
    async with open_ledger(url) as ledger:
        [item] = await ledger.plan("launch", entries("hero"))
        await asyncio.gather(ledger.counts(), ledger.refresh(item))


Noise = list[object]


@pytest.fixture
async def noise() -> AsyncIterator[Noise]:
    """What is said of connections that nobody closed, and of exceptions that nobody heard of."""
    said: Noise = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        yield said
        said.extend(warning.message for warning in warned)
    asyncio.get_running_loop().set_exception_handler(None)


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> list[base.Store]:
    """All stores that are made."""
    made: list[base.Store] = []
    init = base.Store.__init__

    def noted(self: base.Store, *args: Any, **options: Any) -> None:
        made.append(self)
        init(self, *args, **options)

    monkeypatch.setattr(base.Store, "__init__", noted)
    return made


async def cut(url: str, step: int, times: int) -> bool:
    """Cancel the use of a ledger after so many steps, and again; give whether it had not ended by then."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(use(url))
    left = times

    def act() -> None:
        nonlocal left
        left -= 1
        task.cancel()
        if left:
            loop.after(left % 2, act)  # in the next step, and in the one after that

    loop.after(step, act)
    await asyncio.wait([task], timeout=20)
    loop.after(-1, lambda: None)
    assert task.done()
    assert task.cancelled() or task.exception() is None
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before, "tasks are left"
    return task.cancelled() or left < times


@in_strides
@pytest.mark.parametrize("times", [1, 3], ids=["once", "thrice"])
async def test_a_ledger_can_be_cut_at_every_step(
    url: str, times: int, stride: int, tmp_path: Path, stores: list[base.Store], noise: Noise
) -> None:
    """While it is opened, used and closed: once the caller hears of its cancellation, nothing is left."""
    threads = threading.active_count()
    for step in count(times % stride, stride):
        assert step < 1_000
        was_cut = await cut(url, step, times)
        assert all(made._is_closed and made._writing is None for made in stores), f"step {step}"
        assert {file.name for file in tmp_path.iterdir()} <= {"launch.db"}, f"step {step}"
        if not was_cut:
            break
    assert step > 10
    gc.collect()
    assert noise == []
    await until(lambda: has_no_session(url), every=0.05)
    async with asyncio.timeout(20):  # the threads of a connection that is closed end in their own time
        while {thread.name for thread in threading.enumerate() if "connection_worker" in thread.name}:
            await asyncio.sleep(0.01)
    assert threading.active_count() <= threads + 6  # a pool of threads for files, which stays


async def test_a_read_that_is_cancelled_goes_on_to_its_end(
    url: str, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection goes back to where it came from, and closing waits for that."""
    goes_on = asyncio.Event()
    async with open_ledger(url) as ledger:
        await ledger.plan("launch", entries("hero"))
        reading = type(ledger._store)._reading

        @asynccontextmanager
        async def slow(store: base.Store) -> AsyncIterator[Any]:
            async with reading(store) as connection:
                yield connection
                await goes_on.wait()

        monkeypatch.setattr(type(ledger._store), "_reading", slow)
        leaving = asyncio.ensure_future(ledger.counts())
        while not ledger._store._reads:
            await asyncio.sleep(0)
        [read] = ledger._store._reads
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        closing = asyncio.ensure_future(ledger.aclose())
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert not closing.done(), "a read is under way"
        goes_on.set()
        await closing
        assert read.done()
        assert not read.cancelled()
    gc.collect()
    assert noise == []


async def test_a_reader_that_waits_for_a_database_opens_no_new_one(
    shared_url: str, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told that the ledger was closed in the meantime."""

    @asynccontextmanager
    async def fails(_: base.Store) -> AsyncIterator[Any]:
        raise OSError("no server")
        yield

    async with open_ledger(shared_url) as ledger:
        with monkeypatch.context() as patched:
            patched.setattr(type(ledger._store), "_reading", fails)
            reading = asyncio.ensure_future(ledger.counts())
            while not ledger._store._reads:
                await asyncio.sleep(0)
            await asyncio.wait(ledger._store._reads)
        await ledger.aclose()
        with pytest.raises(LedgerError, match="it has been closed"):
            await reading
    gc.collect()
    assert noise == []


async def test_an_opening_that_takes_too_long_is_ended_when_nobody_wants_it(
    url: str, stores: list[base.Store], noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not answer keeps nobody who wants to leave: the opening has a moment, and is then cut."""
    monkeypatch.setattr(opening, "_LAST_MOMENT", 0.05)
    has_begun = asyncio.Event()

    async def never(*_: Any) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(base, "bring_up_to_date", never)
    going = asyncio.ensure_future(use(url))
    await has_begun.wait()
    for _ in range(3):
        going.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(20):
            await going
    assert [made._is_closed and made._writing is None for made in stores] == [True]
    gc.collect()
    assert noise == []


async def test_a_file_that_takes_long_to_be_made_is_let_go_of(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_file: SlowFile
) -> None:
    """A thread cannot be stopped: however long it takes, the owner's lock that it brings is nobody's, and goes."""
    monkeypatch.setattr(opening, "_LAST_MOMENT", 0.01)
    going = asyncio.ensure_future(use(file_url))
    await asyncio.to_thread(slow_file.has_begun.wait, 20)
    going.cancel()
    await asyncio.sleep(0.05)
    going.cancel()
    slow_file.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert [file.name for file in tmp_path.iterdir()] == ["launch.db"]


async def test_whoever_closes_is_told_of_a_cancellation_once_all_is_written(url: str) -> None:
    """Cut twice at every step of closing: the last notes are on disk, and a second one who closes waits for them."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    for step in range(1, 20):  # before the first, the closing has not begun
        async with open_ledger(url) as ledger:
            [item] = await ledger.plan("launch", entries(f"k{step}"))
            ledger.journal(item).accepted(accepted())
            closing = asyncio.ensure_future(ledger.aclose())
            loop.after(step, lambda task=closing: task.cancel() and loop.after(1, task.cancel))  # type: ignore[misc]
            await asyncio.wait([closing])
            assert ledger.unwritten == ()
            assert ledger._store._is_closed
            await ledger.aclose()


async def test_what_is_finished_is_undone_or_given_and_never_both() -> None:
    """At every step, once or three times: who is cancelled gets nothing, and nobody else has it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)

    async def work() -> str:
        await asyncio.sleep(0.001)
        return "made"

    for times in (1, 3):
        for step in count(1):
            undone: list[str] = []

            async def undo(made: str, undone: list[str] = undone) -> None:
                await asyncio.sleep(0.001)
                undone.append(made)

            async def call(undo: Callable[[str], Awaitable[object]] = undo) -> str:
                return await run_or_undo(work(), undo, name="work")

            task = asyncio.ensure_future(call())
            loop.after(step, lambda task=task, times=times: [task.cancel() for _ in range(times)])  # type: ignore[misc]
            await asyncio.wait([task])
            loop.after(-1, lambda: None)
            assert undone == (["made"] if task.cancelled() else [])
            if not task.cancelled():
                break
        assert step > 2


async def test_a_scope_that_is_cancelled_waits_for_the_end_as_well() -> None:
    """Anyio cancels again at every step: what is to end is waited for all the same, without spinning."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    task = asyncio.ensure_future(asyncio.sleep(0.05))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await wait_until_done(task)
    assert task.done()
    assert not task.cancelled()
