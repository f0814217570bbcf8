"""Retry-After in every form, under clocks that are off, and storms of 429 and 503."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import pytest

from motion_async import (
    Backoff,
    CreateUncertainError,
    GrowingSchedule,
    MotionSession,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
    SessionSlowed,
    WaitTimeoutError,
)
from tests.hostile.hostile_server import JOB, KEY, HostileServer, Peer, Script, http, state
from tests.waiting import until

NOW: Final = datetime(2026, 4, 28, 23, 0, tzinfo=UTC)


def date(seconds: float) -> str:
    """Give the moment that lies so many seconds from the service's now, as HTTP writes it."""
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


HEADERS: Final[dict[str, float | None]] = {
    "": None, "0": 0, "7": 7, " 7 ": 7, "007": 7, "3600": 3_600, "3601": None, "1000000000": None, "9" * 400: None,
    "7.5": None, "7,5": None, "-7": None, "+7": None, "1e3": None, "0x7": None, "nan": None, "inf": None, "soon": None,
    "7 seconds": None, "7, 9": None, "\xb2": None, "null": None,
    date(30): 30, date(0): 0, date(-30): 0, date(-1e9): 0, date(3_600): 3_600, date(3_601): None, date(1e9): None,
    "Tue, 28 Apr 2026 23:00:30": 30, "Tue, 28 Apr 2026 23:00:30 +0000": 30, "Wed, 29 Apr 2026 01:00:30 +0200": 30,
    "Sun, 28 Apr 2026 23:00:30 GMT": 30, "2026-04-28T23:00:30Z": None, "Tue, 28 Apr 99999 23:00:30 GMT": None,
    "Tue, 99 Apr 2026 23:00:30 GMT": None, "Tue, 28 Apr 2026 23:00:30 +9999": None, "Tue, 28 Apr": None,
}  # fmt: skip
"""What the service may send, and the seconds that are read from it; None where it says nothing to be believed."""


async def refused(
    hostile: HostileServer, retry_after: str, *, clock: datetime = NOW, served_at: str | None = None
) -> ServiceError:
    """Give the error of a create that a 503 meets, which is tried once whatever it asks for."""
    dated = () if served_at is None else (b"Date: " + served_at.encode(),)

    async def script(peer: Peer) -> None:
        await peer.say(http(b"{}", b"Retry-After: " + retry_after.encode("latin-1"), *dated, status=b"503 Down"))

    hostile.script = script
    async with MotionSession(KEY, base_url=hostile.url, now=lambda: clock, send_timeout=10) as motion:
        with pytest.raises(CreateUncertainError, match="the create was sent") as caught:
            await motion.create("A launch video")
    assert isinstance(caught.value.__cause__, ServiceUnavailableError)
    assert len(hostile.posts) == 1
    return caught.value.__cause__


@pytest.mark.parametrize(("header", "seconds"), HEADERS.items(), ids=lambda given: f"{given!a:.40}")
async def test_each_form_is_read_or_passed_over(hostile: HostileServer, header: str, seconds: float | None) -> None:
    """Seconds and dates count, up to an hour; what is negative, absurd or garbage says nothing."""
    assert (await refused(hostile, header)).retry_after == seconds


@pytest.mark.parametrize(
    "off", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-4_000), timedelta(minutes=-20)]
)
async def test_a_date_is_held_against_the_services_own_clock(hostile: HostileServer, off: timedelta) -> None:
    """A clock of the caller's that is off makes no pause of an hour out of one of thirty seconds, and loses none."""
    error = await refused(hostile, date(30), clock=NOW + off, served_at=date(0))
    assert error.retry_after == 30


@pytest.mark.parametrize("served_at", ["", "yesterday", "5", "Tue, 99 Apr 2026 23:00:30 GMT"])
async def test_a_service_that_does_not_know_the_time_is_held_against_ours(
    hostile: HostileServer, served_at: str
) -> None:
    """A `Date` that is none is passed over."""
    assert (await refused(hostile, date(30), served_at=served_at)).retry_after == 30


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)])
@pytest.mark.parametrize("header", ["0", "1000000000", "-1", "soon", date(-30)])
async def test_a_followed_job_ends_in_time_whatever_is_asked_for(
    hostile: HostileServer, header: str, off: timedelta
) -> None:
    """A Retry-After that can't be meant, and a clock that is off, hold up no watch."""

    async def script(peer: Peer) -> None:
        if len(hostile.gets) < 4:
            dated = b"Date: " + date(0).encode()
            await peer.say(http(b"{}", b"Retry-After: " + header.encode(), dated, status=b"429 Slow"))
        else:
            await peer.say(http(state("completed")))

    hostile.script = script
    async with MotionSession(
        KEY,
        base_url=hostile.url,
        now=lambda: NOW + off,
        backoff=Backoff(first=0, cap=0),
        exchange_timeout=10,
        send_timeout=10,
    ) as motion:
        assert (await motion.job(JOB).wait(timeout=10)).status == "completed"


def storm(status: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.say(http(b"{}", status=status))

    return script


async def test_a_storm_of_429_is_met_by_few_creates_and_then_told(hostile: HostileServer) -> None:
    """A 429 is provably no yes, so a create goes out again, eight times at most, each time on its own connection."""
    hostile.script = storm(b"429 Slow")
    async with MotionSession(KEY, base_url=hostile.url, backoff=Backoff(first=0, cap=0)) as motion:
        with pytest.raises(RateLimitedError):
            await motion.create("A launch video")
    assert len(hostile.posts) == hostile.connections == 8


@pytest.mark.parametrize(
    ("videos", "refusals"), [(20, 5), pytest.param(50, 10, marks=pytest.mark.slow)], ids=["few", "many"]
)
async def test_a_pause_that_is_asked_for_holds_up_all_creates_of_a_session(
    hostile: HostileServer, videos: int, refusals: int
) -> None:
    """None goes out but those that were under way when the service asked; when it is over they are sent."""
    refused = 0

    async def script(peer: Peer) -> None:
        nonlocal refused
        busy = len(hostile.posts) <= refusals
        refused += busy
        accepted = http(b'{"job_id": "job-1", "status": "queued"}', status=b"202 Accepted")
        await peer.say(http(b"{}", b"Retry-After: 1", status=b"429 Slow") if busy else accepted)

    hostile.script = script
    async with MotionSession(KEY, base_url=hostile.url, backoff=Backoff(first=0, cap=0), max_connections=8) as motion:
        events = motion.events()
        creates = [asyncio.create_task(motion.create(f"video number {number}")) for number in range(videos)]
        while not isinstance(await anext(events), SessionSlowed):
            pass
        await events.aclose()
        await asyncio.sleep(0.4)
        in_pause = len(hostile.posts)
        await asyncio.gather(*creates)
    assert 1 <= in_pause <= 4  # two connections are for creates, and each may be taken once more before it is heard of
    assert len(hostile.posts) == videos + refused


async def test_a_storm_of_503_is_met_by_one_create(hostile: HostileServer) -> None:
    """A 503 may come after the job was made."""
    hostile.script = storm(b"503 Down")
    async with MotionSession(KEY, base_url=hostile.url, backoff=Backoff(first=0, cap=0)) as motion:
        with pytest.raises(CreateUncertainError, match="the create was sent"):
            await motion.create("A launch video")
    assert len(hostile.posts) == 1


@pytest.mark.parametrize("status", [b"429 Slow", b"503 Down"])
async def test_a_storm_is_met_by_fewer_polls(hostile: HostileServer, status: bytes) -> None:
    """Fifty jobs that are followed are each left alone as long as the backoff says; after a 429 all of them longer."""
    backoff, jobs = Backoff(first=0.1, cap=1), 50
    hostile.script = storm(status)
    loop = asyncio.get_running_loop()
    async with MotionSession(
        KEY, base_url=hostile.url, schedule=GrowingSchedule(first=0.02, growth=0, cap=0.02), backoff=backoff,
        max_polls_per_second=1_000,
    ) as motion:  # fmt: skip
        events = motion.events()
        began = loop.time()
        waiting = [asyncio.create_task(motion.job(f"job-{number}").wait()) for number in range(jobs)]
        await until(lambda: hostile.gets, every=0.01)  # on a busy machine the first one may take a while
        await asyncio.wait(waiting, timeout=0.5)
        took = loop.time() - began
        polls = len(hostile.gets)
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await events.aclose()
    most, allowed = 1, backoff.delay(1, u=0)
    while allowed <= took:
        most += 1
        allowed += backoff.delay(most, u=0)
    assert 0 < polls <= jobs * most
    slowed = [event async for event in events if isinstance(event, SessionSlowed)]
    assert bool(slowed) == (status[:3] == b"429")


async def by_wait(motion: MotionSession) -> None:
    await motion.job(JOB).wait(timeout=0.3)


async def by_generate(motion: MotionSession) -> None:
    await motion.generate("A launch video", timeout=0.3)


async def by_batch(motion: MotionSession) -> None:
    async with motion.generate_many(["A launch video"], job_timeout=0.3) as outcomes:
        async for outcome in outcomes:
            assert outcome.error is not None
            raise outcome.error


@pytest.mark.parametrize("how", [by_wait, by_generate, by_batch])
async def test_a_pause_longer_than_the_deadline_is_named(
    hostile: HostileServer, how: Callable[[MotionSession], Awaitable[None]]
) -> None:
    """Who gets the error knows that the service was there, and when it wants to be asked again."""

    async def script(peer: Peer) -> None:
        is_send = hostile.requests[-1].startswith(b"POST")
        busy = http(b"{}", b"Retry-After: 300", status=b"429 Slow")
        await peer.say(http(state(), status=b"202 Accepted") if is_send else busy)

    hostile.script = script
    quick = GrowingSchedule(first=0.01, growth=0, cap=0.01)
    async with MotionSession(KEY, base_url=hostile.url, schedule=quick) as motion:
        with pytest.raises(
            WaitTimeoutError, match="by its Retry-After the service wants no call for another 300 s"
        ) as at:
            await how(motion)
    assert at.value.retry_after == pytest.approx(300, abs=1)
    assert len(hostile.gets) == 1
