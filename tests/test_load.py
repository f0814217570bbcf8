"""Ten thousand jobs in flight on real sockets, against a service in a process of its own that counts.

What is asserted are counts. The lag of the loop, which is a time, is measured by `python -m benchmarks load`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from benchmarks.load import Service, counting_service, watching
from motion_async import Backoff, SessionSlowed
from tests.sockets import Sockets
from tests.waiting import until

JOBS = 10_000
CONNECTIONS = 40
PACE = 2_000.0
CREATES = 300


class Counting(asyncio.SelectorEventLoop):
    """A loop that notes the most callbacks that were ready at one time."""

    most = 0

    def _run_once(self) -> None:
        self.most = max(self.most, len(self._ready))  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": Counting}


@pytest.fixture
def service() -> Iterator[Service]:
    with counting_service() as service:
        yield service


async def test_ten_thousand_jobs_stay_within_their_connections_and_a_storm_is_met_by_silence(service: Service) -> None:
    """Connections and the loop's callbacks are bounded whatever the jobs; 429s bring fewer requests, and then more."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Counting)
    async with watching(service.url, JOBS, max_connections=CONNECTIONS, max_polls_per_second=PACE) as motion:
        loop.most = 0
        start = service.counted()
        await asyncio.sleep(1)
        before = service.counted(refuses=True)
        usual = before.requests - start.requests
        # Many polls are due at any time, but only those that may be sent cost the loop anything.
        assert loop.most < 10 * CONNECTIONS

        events = motion.events()
        while not isinstance(event := await anext(events), SessionSlowed):
            pass
        assert event.polls_per_second < PACE
        at_first = service.counted(refuses=True)
        await asyncio.sleep(1)
        stormy = service.counted(refuses=True).requests - at_first.requests
        assert stormy < usual / 4

        calm = service.counted()
        # It comes back by itself.
        await until(lambda: service.counted().requests - calm.requests >= 2 * stormy + 10, every=0.1)
        await events.aclose()
    assert service.counted().most_connections <= CONNECTIONS
    assert service.counted().connections == 0


async def test_creates_beside_polls_stay_within_the_bound_of_connections(service: Service) -> None:
    """A create opens its own beside those that polls keep alive; counted here, as the service hears late of an end."""
    sockets = Sockets()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, socket_factory=sockets)) as mine,
        watching(
            service.url, 1_000, client_session=mine, max_connections=CONNECTIONS, max_polls_per_second=PACE
        ) as motion,
    ):
        prompts = (f"video number {number}" for number in range(CREATES))
        async with motion.generate_many(prompts, max_active=CREATES) as outcomes:
            ended = [outcome async for outcome in outcomes]
    assert len(ended) == CREATES
    assert all(outcome.ok for outcome in ended)
    assert sockets.made >= CREATES
    assert CONNECTIONS / 2 < sockets.most <= CONNECTIONS


async def test_creates_that_meet_a_storm_are_few_and_all_are_made_after_it(service: Service) -> None:
    """While each is refused with 429 one at a time is sent, however many wait; none of them gives up."""
    service.counted(refuses=True)
    async with watching(service.url, 0, max_connections=CONNECTIONS, backoff=Backoff(first=0.05, cap=0.05)) as motion:
        prompts = (f"video number {number}" for number in range(CREATES))
        async with motion.generate_many(prompts, max_active=CREATES) as outcomes:
            await asyncio.sleep(1)
            assert 0 < service.counted().requests < CONNECTIONS / 4 + 1 / 0.025
            ended = [outcome async for outcome in outcomes]
    assert [outcome.ok for outcome in ended] == [True] * CREATES
