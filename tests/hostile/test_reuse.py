"""Kept-alive connections: what lies on them between two requests is nobody's answer, and no create rides on them."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from motion_async import Backoff, JobState, MotionSession, UnexpectedResponseError
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Peer, http, state

OTHER = "another-job"


def session(hostile: HostileServer) -> MotionSession:
    return MotionSession(KEY, base_url=hostile.url, backoff=Backoff(first=0, cap=0), send_timeout=10)


async def answer(peer: Peer) -> None:
    await peer.say(http(state()))


async def arrived(hostile: HostileServer, data: bytes) -> None:
    """Write something on the one idle connection, and wait until the client's end must have read it."""
    [peer] = hostile.peers
    await peer.say(data)
    for _ in range(20):
        await asyncio.sleep(0.001)


async def test_a_connection_that_closes_while_it_is_idle_is_not_noticed(hostile: HostileServer) -> None:
    """A poll goes on over a new one."""
    hostile.script = answer
    async with session(hostile) as motion:
        await motion.poll(JOB)
        hostile.peers[0].reset()
        await hostile.all_gone()
        assert (await motion.poll(JOB)).status == "running"
    assert (len(hostile.gets), hostile.connections) == (2, 2)


@pytest.mark.parametrize("end", [Peer.reset, Peer.hang_up])
async def test_a_connection_that_closes_just_as_it_is_used_again_is_not_noticed(
    hostile: HostileServer, end: object
) -> None:
    """The server reads the second poll and closes without a word; it is asked once more, on a new connection."""
    fresh = True

    async def script(peer: Peer) -> None:
        nonlocal fresh
        if len(hostile.gets) == 2:
            end(peer)  # type: ignore[operator]
        else:
            await answer(peer)

    hostile.script = script
    async with session(hostile) as motion:
        await motion.poll(JOB)
        assert (await motion.poll(JOB)).status == "running"
    assert (len(hostile.gets), hostile.connections) == (3, 2)


@pytest.mark.parametrize("calls", ["create", "followup"])
async def test_what_costs_credits_never_rides_on_a_connection_that_was_used(hostile: HostileServer, calls: str) -> None:
    """However many idle ones there are, each create and each followup makes its own, and nobody uses that again."""

    async def script(peer: Peer) -> None:
        peers = carried.setdefault(id(peer), [])
        peers.append(hostile.requests[-1].split()[0])
        kept.append(peer)
        await peer.say(http(state("completed")))

    carried: dict[int, list[bytes]] = {}
    kept: list[Peer] = []
    hostile.script = script
    async with session(hostile) as motion:
        await asyncio.gather(*[motion.poll(JOB) for _ in range(5)])
        for _ in range(3):
            await (motion.create("A launch video") if calls == "create" else motion.followup(JOB, "Faster"))
            await motion.poll(JOB)
    assert sum(b"POST" in what for what in carried.values()) == 3
    assert all(what == [b"POST"] for what in carried.values() if b"POST" in what)


@pytest.mark.parametrize(
    "status", [b"200 OK", b"401 Who", b"402 No", b"404 Where", b"429 Slow", b"503 Down", b"302 There"]
)
@pytest.mark.parametrize("job_id", [JOB, OTHER])
async def test_an_answer_that_nobody_asked_for_is_nobodys(hostile: HostileServer, status: bytes, job_id: str) -> None:
    """It came on an idle connection, so the next poll leaves that connection and asks on another."""
    hostile.script = answer
    async with session(hostile) as motion:
        await motion.poll(JOB)
        await arrived(hostile, http(state("completed", job_id), status=status))
        assert (await motion.poll(JOB)).status == "running"
    assert (len(hostile.gets), hostile.connections) == (2, 2)


@pytest.mark.parametrize("cut", [20, 60], ids=["in its head", "in its body"])
async def test_half_an_answer_that_nobody_asked_for_is_nobodys_either(hostile: HostileServer, cut: int) -> None:
    """What follows it does not make it one."""
    unasked = http(state("completed"))
    assert unasked.index(b"{") in range(20, 60)
    hostile.script = answer
    async with session(hostile) as motion:
        await motion.poll(JOB)
        await arrived(hostile, unasked[:cut])

        async def the_rest(peer: Peer) -> None:
            await peer.say(unasked[cut:] if len(hostile.gets) == 2 else http(state()))

        hostile.script = the_rest
        assert (await motion.poll(JOB)).status == "running"


async def test_garbage_on_an_idle_connection_is_left_with_it(hostile: HostileServer) -> None:
    """The next poll asks on another."""
    hostile.script = answer
    async with session(hostile) as motion:
        await motion.poll(JOB)
        await arrived(hostile, b"garbage\r\n\r\n" * 100)
        assert (await motion.poll(JOB)).status == "running"


@pytest.mark.parametrize("unasked", [b"x" * 32, http(b""), http(state())], ids=["garbage", "empty answers", "answers"])
async def test_megabytes_on_an_idle_connection_cost_no_memory(hostile: HostileServer, unasked: bytes) -> None:
    """What is sent to nobody is not kept, and whoever goes on sending it is hung up on."""
    hostile.script = answer
    async with session(hostile) as motion:
        await motion.poll(JOB)
        [peer] = hostile.peers
        piece = unasked * (65_536 // len(unasked))
        tracemalloc.start()
        try:
            with pytest.raises(ConnectionError):  # noqa: PT012  # at some time
                for _ in range(10_000):
                    await peer.say(piece)
                    await asyncio.sleep(0)
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()
        assert (await motion.poll(JOB)).status == "running"


async def test_a_late_second_answer_about_another_job_is_not_believed(hostile: HostileServer) -> None:
    """It comes when the next question is on its way, in front of the right one: a state must name its job."""

    async def two_behind(peer: Peer) -> None:
        await peer.say(http(state("completed", OTHER)) if len(hostile.gets) == 2 else http(state()))

    hostile.script = two_behind
    async with session(hostile) as motion:
        await motion.poll(JOB)
        assert (await motion.poll(JOB)).status == "running"
    assert len(hostile.gets) == 3


async def test_answers_in_the_wrong_order_are_told_apart(hostile: HostileServer) -> None:
    """Of many polls at one time each gets the state of its own job, or says that it got another's."""
    ids = [f"job-{number}" for number in range(20)]

    async def of_the_one_before(peer: Peer) -> None:
        asked = hostile.requests[-1].split()[1].rsplit(b"/", 1)[1].decode()
        said = ids[ids.index(asked) - 1] if len(hostile.gets) % 3 == 0 else asked
        await peer.say(http(state(job_id=said)))

    hostile.script = of_the_one_before
    async with session(hostile) as motion:
        found = await asyncio.gather(*map(motion.poll, ids), return_exceptions=True)
    for job_id, end in zip(ids, found, strict=True):
        if isinstance(end, JobState):
            assert end.job_id == job_id
        else:
            assert isinstance(end, UnexpectedResponseError)
