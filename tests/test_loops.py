"""Tests of `motion_async.loops`: whatever is opened in one event loop says so in another."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from motion_async import Job, MotionSession, VideoRequest, WrongLoopError
from motion_async.ledger import Account, Entry, Item, ItemState, Ledger, open_ledger
from motion_async.ledger.reading import ReadableLedger
from motion_async.sandbox import Sandbox
from tests.batches import QUICK

CALLS: dict[str, Callable[[MotionSession, Job], Awaitable[Any]]] = {
    "create": lambda motion, _: motion.create("a video"),
    "followup": lambda _, job: job.followup("faster"),
    "poll": lambda motion, job: motion.poll(job.id),
    "generate": lambda motion, _: motion.generate("a video"),
    "wait": lambda _, job: job.wait(),
    "transitions": lambda _, job: anext(job.transitions()),
    "job": lambda motion, job: _sync(lambda: motion.job(job.id)),
    "events": lambda motion, _: _sync(motion.events),
    "generate_many": lambda motion, _: _sync(lambda: motion.generate_many([])),
    "aclose": lambda motion, _: motion.aclose(),
}


async def _sync(call: Callable[[], Any]) -> Any:
    return call()


def refusal(work: Callable[[], Awaitable[Any]]) -> str:
    """Give what is said when something is done in a loop of its own."""

    async def run() -> None:
        async with asyncio.timeout(5):
            await work()

    with pytest.raises(WrongLoopError) as caught:
        asyncio.run(run())
    return str(caught.value)


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_in_another_threads_loop_is_refused_at_once(call: str) -> None:
    """Nothing is sent, nothing hangs, and the session goes on where it belongs."""
    async with (
        Sandbox(speed=10_000) as sandbox,
        MotionSession(sandbox.api_key, base_url=sandbox.url, **QUICK) as motion,
    ):
        job = await motion.create("a video")
        creates = sandbox.counts.creates
        said = await asyncio.to_thread(refusal, lambda: CALLS[call](motion, job))
        assert "in another event loop" in said
        assert "run_coroutine_threadsafe" in said
        assert sandbox.counts.creates == creates
        assert (await job.wait(timeout=30)).status == "completed"


async def test_readers_that_were_made_here_are_not_read_elsewhere() -> None:
    """Neither streams nor outcomes, which would wait for wakings that come to another loop."""
    async with Sandbox(speed=10_000) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        events, outcomes = motion.events(), motion.generate_many([])
        job = await motion.create("a video")
        transitions = job.transitions()
        for step in (events.__anext__, outcomes.__aenter__, transitions.__anext__):
            assert "another event loop" in await asyncio.to_thread(refusal, step)


async def test_a_thread_without_a_loop_is_told_so() -> None:
    """Such as a synchronous endpoint of a web app."""
    async with Sandbox(speed=10_000) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        with pytest.raises(WrongLoopError, match="without a running asyncio loop"):
            await asyncio.to_thread(motion.job, "a")


def test_without_asyncio_a_session_is_not_entered() -> None:
    """Under trio, or driven by hand: the sentence says asyncio."""
    with pytest.raises(WrongLoopError, match="asyncio"):
        MotionSession("motion_key").__aenter__().send(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
async def test_a_forked_process_is_told_so() -> None:
    """A session of the parent's is none of the child's, which is told at once and sends nothing."""
    async with Sandbox(speed=10_000) as sandbox, MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
        receiving, sending = multiprocessing.Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            try:
                motion.job("a")
            except WrongLoopError as error:
                sending.send(str(error))
            finally:
                os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        assert "a forked process" in receiving.recv()
        receiving.close()
        sending.close()


LEDGER_CALLS: dict[str, Callable[[Ledger, Item], Awaitable[Any]]] = {
    "plan": lambda ledger, _: ledger.plan("launch", [Entry("other", VideoRequest("a video"))]),
    "plan nothing": lambda ledger, _: ledger.plan("launch", []),
    "bind": lambda ledger, _: ledger.bind("launch", Account("https://api.motion.so", "motion_key")),
    "adopt": lambda ledger, _: ledger.adopt("launch"),
    "journal": lambda ledger, item: _sync(lambda: ledger.journal(item)),
    "find": lambda ledger, _: ledger.find("launch", "hero"),
    "many": lambda ledger, _: ledger.many("launch", ["hero"]),
    "refresh": lambda ledger, item: ledger.refresh(item),
    "items": lambda ledger, _: anext(ledger.items()),
    "keyed_earlier": lambda ledger, _: anext(ledger.keyed_earlier("launch")),
    "of_job": lambda ledger, _: ledger.of_job("a"),
    "newest_first": lambda ledger, _: anext(ledger.newest_first()),
    "reuse": lambda ledger, _: ledger.reuse("launch", []),
    "newest": lambda ledger, _: ledger.newest("launch", ItemState.PLANNED, count=1),
    "find_made": lambda ledger, _: ledger.find_made(VideoRequest("a video")),
    "find_made_of": lambda ledger, _: ledger.find_made_of([VideoRequest("a video")], account=None),
    "is_alive": lambda ledger, _: ledger.is_alive("nobody"),
    "jobs_shared": lambda ledger, _: ledger.jobs_shared(),
    "jobs_followed": lambda ledger, _: ledger.jobs_followed(),
    "changes": lambda ledger, _: anext(ledger.changes()),
    "history": lambda ledger, item: ledger.history(item),
    "counts": lambda ledger, _: ledger.counts(),
    "durations": lambda ledger, _: ledger.durations(),
    "numbered": lambda ledger, item: ledger.numbered([item.id]),
    "resolve": lambda ledger, item: ledger.resolve(item, drop=True),
    "cancel": lambda ledger, item: ledger.cancel([item]),
    "plan_again": lambda ledger, item: ledger.plan_again([item]),
    "try_again": lambda ledger, item: ledger.try_again([item]),
    "aclose": lambda ledger, _: ledger.aclose(),
}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{place}/launch.db"], ids=["memory", "file"])
@pytest.mark.parametrize("call", LEDGER_CALLS)
async def test_every_call_of_a_ledger_in_another_threads_loop_is_refused_at_once(
    call: str, url: str, tmp_path: Path
) -> None:
    """Nothing is written, nothing hangs, and the ledger goes on where it belongs."""
    async with open_ledger(url.format(place=tmp_path)) as ledger:
        [item] = await ledger.plan("launch", [Entry("hero", VideoRequest("a video"))])
        said = await asyncio.to_thread(refusal, lambda: LEDGER_CALLS[call](ledger, item))
        assert said.startswith("the ledger belongs to the event loop")
        assert "in another event loop" in said
        assert [found async for found in ledger.items()] == [item]
        assert await ledger.journal(item).begin()


def test_every_public_call_of_a_ledger_is_tried_in_another_loop() -> None:
    """A method that is added is found here; what only tells of the past may be asked anywhere."""
    methods = {
        name
        for name, value in (vars(ReadableLedger) | vars(Ledger)).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert methods == {name for name in LEDGER_CALLS if " " not in name}


async def test_what_a_journal_is_told_in_another_loop_is_refused_at_once() -> None:
    """An intent whose claim is noted elsewhere would be waited for in vain."""
    async with open_ledger("sqlite://") as ledger:
        [item] = await ledger.plan("launch", [Entry("hero", VideoRequest("a video"))])
        journal = ledger.journal(item)
        assert "in another event loop" in await asyncio.to_thread(refusal, lambda: _sync(journal.begin))
        assert await ledger.journal(item).begin()


async def test_a_batch_is_not_begun_with_a_ledger_of_another_loop() -> None:
    """Nothing is sent then."""
    async with Sandbox(speed=10_000) as sandbox, open_ledger("sqlite://") as ledger:

        async def make() -> None:
            async with (
                MotionSession(sandbox.api_key, base_url=sandbox.url) as motion,
                motion.generate_many(["a video"], ledger=ledger, batch="launch") as outcomes,
            ):
                async for _ in outcomes:
                    pass

        assert "the ledger belongs to the event loop" in await asyncio.to_thread(refusal, make)
        assert sandbox.counts.creates == 0


def test_without_asyncio_a_ledger_is_not_opened() -> None:
    """Under trio, or driven by hand: the sentence says asyncio."""
    with pytest.raises(WrongLoopError, match="asyncio"):
        open_ledger("sqlite://").__aenter__().send(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
async def test_a_ledger_in_a_forked_process_is_told_so() -> None:
    """It writes nothing there, and its parent's database is left alone."""
    async with open_ledger("sqlite://") as ledger:
        [item] = await ledger.plan("launch", [Entry("hero", VideoRequest("a video"))])
        receiving, sending = multiprocessing.Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            try:
                ledger.journal(item)
            except WrongLoopError as error:
                sending.send(str(error))
            finally:
                os._exit(0)
        await asyncio.to_thread(os.waitpid, child, 0)
        assert receiving.poll(10)
        assert "a forked process" in receiving.recv()
        receiving.close()
        sending.close()


async def test_a_sandbox_is_left_where_it_was_entered() -> None:
    """Elsewhere it says so, and goes on."""
    async with Sandbox() as sandbox:
        assert "the sandbox belongs to the event loop" in await asyncio.to_thread(refusal, sandbox.__aexit__)
        async with MotionSession(sandbox.api_key, base_url=sandbox.url) as motion:
            await motion.create("a video")


def test_a_sandbox_needs_asyncio() -> None:
    """Under trio, and without any loop, the sentence says what it needs."""
    entering = Sandbox().__aenter__()
    with pytest.raises(WrongLoopError, match="the sandbox needs a running asyncio loop"):
        entering.send(None)
    entering.close()
