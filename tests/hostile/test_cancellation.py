"""Cut at every await: by a cancellation, by two, by a deadline, or by the session's end.

Whatever was cut, and at whichever step of the loop: a prompt was received at most once, the id of what was made is in
somebody's hands, nothing of the call is left behind, and whoever else waits for the same job gets its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any, Final

import anyio
import attrs
import pytest

from motion_async import BatchRequest, Job, JobState, MotionError, MotionSession, UncertainError
from motion_async.ledger import Ledger, open_ledger
from tests.hostile.hostile_server import HostileServer
from tests.hostile.stepping import FINISHED, RUNNING, Service, SteppingLoop, ended, in_strides, serve, session, told
from tests.waiting import until

PROMPTS: Final = ("first", "second", "third")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run these tests on a loop whose steps are counted."""
    return "asyncio", {"loop_factory": SteppingLoop}


Operation = Callable[[MotionSession], Awaitable[Any]]


async def _transitions(motion: MotionSession) -> list[Any]:
    return [change async for change in motion.job(RUNNING).transitions()]


async def _transitions_in_time(motion: MotionSession) -> list[Any]:
    return [change async for change in motion.job(RUNNING).transitions(timeout=20)]


async def _events(motion: MotionSession) -> Any:
    events = motion.events()
    motion.job(RUNNING)
    async for event in events:
        if getattr(event, "current", None) == "completed":
            await events.aclose()
    return events


OPERATIONS: Final[dict[str, Operation]] = {
    "create": lambda motion: motion.create("first"),
    "followup": lambda motion: motion.followup(FINISHED, "first"),
    "poll": lambda motion: motion.poll(RUNNING),
    "wait": lambda motion: motion.job(RUNNING).wait(),
    "wait with a timeout": lambda motion: motion.job(RUNNING).wait(timeout=20),
    "transitions": _transitions,
    "transitions with a timeout": _transitions_in_time,
    "events": _events,
    "generate": lambda motion: motion.generate("first"),
}


def _cancel(task: asyncio.Task[Any], _: MotionSession, loop: SteppingLoop) -> None:
    task.cancel()


def _cancel_twice(task: asyncio.Task[Any], _: MotionSession, loop: SteppingLoop) -> None:
    task.cancel()
    loop.after(0, task.cancel)


def _run_out_of_time(_: asyncio.Task[Any], motion: MotionSession, loop: SteppingLoop) -> None:
    assert motion._client is not None
    transport = motion._client._transport
    for blocks in (transport._send_deadlines.running, transport._poll_deadlines.running):
        while blocks:
            blocks.popitem()[0].expire()


CUTS: Final = {"cancelled": _cancel, "cancelled twice": _cancel_twice, "out of time": _run_out_of_time}


@attrs.frozen
class Cut:
    """What came of an operation that was cut, or that ended before it could be.

    Args:
        was_cut: whether it had not ended by then.
        end: what it gave or raised.
        said: what the log said.
    """

    was_cut: bool
    end: Any
    said: list[str]


async def cut(
    hostile: HostileServer, operation: Operation, how: Callable[..., None], *, step: int, others: bool = True
) -> tuple[Cut, Service]:
    """Cut an operation after so many steps, and see that nothing of it is left and nobody else is harmed."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)
    service, before = serve(hostile), asyncio.all_tasks()
    was_cut = False
    with told() as said:
        async with session(hostile) as motion:
            waiting = [asyncio.ensure_future(motion.job(RUNNING).wait(timeout=20)) for _ in range(2 * others)]
            task: asyncio.Task[Any] = asyncio.ensure_future(operation(motion))

            def act() -> None:
                nonlocal was_cut
                was_cut = not task.done()
                how(task, motion, loop)

            loop.after(step, act)
            end = await ended(task)
            for waiter in waiting:
                assert (await waiter).status == "completed"
            loop.after(-1, lambda: None)
        assert motion._client is None
    await nothing_left(hostile, before)
    assert max(service.posts.values(), default=0) <= 1
    return Cut(was_cut, end, said), service


async def nothing_left(hostile: HostileServer, before: set[asyncio.Task[Any]]) -> None:
    """See that no connection is open and no task is running that was not before."""
    await hostile.all_gone()
    # A database that was left in the middle of a statement closes in its own time.
    await until(lambda: not asyncio.all_tasks() - before, within=5)


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_can_be_cut_at_every_step(hostile: HostileServer, name: str, how: str) -> None:
    """No POST goes out twice, no id is lost, no task and no connection is left, and others get their result."""
    for step in count():
        assert step < 1_000
        done, service = await cut(hostile, OPERATIONS[name], CUTS[how], step=step)
        assert isinstance(done.end, MotionError | asyncio.CancelledError | Job | JobState | list) or name == "events"
        for job_id in service.made.values():
            in_hands = f"{getattr(done.end, 'id', '')} {getattr(done.end, 'job_id', '')} {' '.join(done.said)}"
            assert job_id in in_hands or isinstance(done.end, UncertainError), f"step {step}: {done}"
        if service.posts and name == "followup" and not isinstance(done.end, Job | UncertainError):
            assert any(FINISHED in line for line in done.said), f"step {step}: {done}"
        if not done.was_cut:
            assert not isinstance(done.end, BaseException)
            return
        if how == "out of time":
            assert not isinstance(done.end, asyncio.CancelledError)


@pytest.mark.parametrize("name", ["create", "followup", "poll", "generate"])
async def test_a_session_can_be_left_at_every_step(hostile: HostileServer, name: str) -> None:
    """Who still waits gets the answer, or an error that says whether anything may have been sent."""
    for step in count():
        assert step < 1_000
        loop, service, before = asyncio.get_running_loop(), serve(hostile), asyncio.all_tasks()
        assert isinstance(loop, SteppingLoop)
        motion = session(hostile)
        await motion.__aenter__()
        leaving: list[asyncio.Task[None]] = []
        task: asyncio.Task[Any] = asyncio.ensure_future(OPERATIONS[name](motion))

        def leave(motion: MotionSession = motion, leaving: list[asyncio.Task[None]] = leaving) -> None:
            leaving.append(asyncio.ensure_future(motion.aclose()))

        loop.after(step, leave)
        end = await ended(task)
        was_cut = bool(leaving)
        loop.after(-1, lambda: None)
        await asyncio.gather(*leaving)
        await motion.aclose()
        await nothing_left(hostile, before)
        assert max(service.posts.values(), default=0) <= 1
        assert isinstance(end, MotionError | Job | JobState)
        if service.posts:
            got = f"{getattr(end, 'id', '')} {getattr(end, 'job_id', '')}"
            ids = list(service.made.values()) or [FINISHED]
            assert isinstance(end, UncertainError) or all(job_id in got for job_id in ids), f"step {step}: {end!r}"
        if not was_cut:
            assert not isinstance(end, BaseException)
            return


@pytest.mark.parametrize("name", ["poll", "wait"])
async def test_a_place_on_the_wire_comes_back_at_every_step(hostile: HostileServer, name: str) -> None:
    """With one connection for polls, who queues for it and is cancelled keeps nobody from it."""
    for step in count():
        assert step < 1_000
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        serve(hostile)
        async with session(hostile, max_connections=2) as motion:
            queue = [asyncio.ensure_future(motion.poll(f"job-{number}")) for number in range(3)]
            task: asyncio.Task[Any] = asyncio.ensure_future(OPERATIONS[name](motion))
            loop.after(step, task.cancel)
            queue += [asyncio.ensure_future(motion.poll(f"job-{number}")) for number in range(3, 5)]
            end = await ended(task)
            loop.after(-1, lambda: None)
            assert [type(await ended(call)) for call in queue] == [JobState] * 5
            assert motion._client is not None
            transport = motion._client._transport
            # A poll of the loop's own may be on its way.
            await until(
                lambda at=transport: (
                    at._poll_slots.value == 1 and not (at._send_deadlines.running or at._poll_deadlines.running)
                ),
                within=5,
            )
        if not isinstance(end, asyncio.CancelledError):
            return


# Many at once.


async def _batch(
    motion: MotionSession,
    *,
    limiter: anyio.CapacityLimiter,
    prompts: tuple[str, ...] = PROMPTS,
    ledger: Ledger | None = None,
    batch: str = "batch",
) -> list[Any]:
    requests = [BatchRequest(prompt, id=prompt) for prompt in prompts]
    kept = {} if ledger is None else {"ledger": ledger, "batch": batch}
    async with motion.generate_many(requests, limiter=limiter, **kept) as outcomes:
        return [outcome async for outcome in outcomes]


@pytest.mark.parametrize("how", ["cancelled", "cancelled twice"])
async def test_a_batch_can_be_cut_at_every_step(hostile: HostileServer, how: str) -> None:
    """No place of its limiter stays taken, and each id was told of as an event or in the log."""
    for step in count():
        assert step < 1_000
        limiter = anyio.CapacityLimiter(2)
        heard: list[Any] = []

        async def run(
            motion: MotionSession, limiter: anyio.CapacityLimiter = limiter, heard: list[Any] = heard
        ) -> list[Any]:
            heard.append(motion.events())
            return await _batch(motion, limiter=limiter)

        done, service = await cut(hostile, run, CUTS[how], step=step)
        assert limiter.borrowed_tokens == 0
        assert limiter.statistics().tasks_waiting == 0
        events = [event for stream in heard async for event in stream]
        hands = {getattr(event, "job_id", None) for event in events}
        for job_id in service.made.values():
            assert job_id in hands or job_id in " ".join(done.said), f"step {step}: {done}"
        if not done.was_cut:
            assert [outcome.ok for outcome in done.end] == [True] * 3
            return


@in_strides
async def test_a_batch_with_a_ledger_can_be_cut_at_every_step_and_goes_on(hostile: HostileServer, stride: int) -> None:
    """The second run makes what the first has not made, each exactly once in both together."""
    prompts = PROMPTS[:2]
    async with open_ledger("sqlite://") as ledger:
        for step in count(step=stride):
            assert step < 1_000
            limiter = anyio.CapacityLimiter(2)
            run = partial(_batch, limiter=limiter, prompts=prompts, ledger=ledger, batch=f"batch-{step}")
            done, service = await cut(hostile, run, _cancel, step=step, others=False)
            assert limiter.borrowed_tokens == 0
            if not done.was_cut:
                assert [outcome.ok for outcome in done.end] == [True] * 2
                return
            for prompt, job_id in service.made.items():
                item = await ledger.find(f"batch-{step}", prompt)
                assert item is not None
                assert item.job_id == job_id, f"step {step}: {item} {done}"
            async with session(hostile) as motion:
                outcomes = await asyncio.wait_for(run(motion), 30)
            assert sorted(outcome.index for outcome in outcomes) == [0, 1]
            assert [outcome.error for outcome in outcomes] == [None] * 2, f"step {step}"
            assert service.posts == dict.fromkeys(prompts, 1)
