"""The README's apps behind nginx: what is sent arrives at once, and what is silent is not taken for dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.browser import Visitor
from tests.waiting import until
from tests.web.conftest import SlowSandbox
from tests.web.guides import END
from tests.web.nginx import COLLECTED, PATIENCE, nginx
from tests.web.servers import Server

PING, NO_PING = PATIENCE / 10, 3_600.0
PINGS_OF_A_LONG_SILENCE = 15
STILL_HERE = ": still here"


@pytest.fixture
def ping() -> float:
    return PING


@pytest.fixture
async def proxy(server: Server, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever asks by way of nginx."""
    with nginx(server.url, tmp_path / "nginx") as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield client


@pytest.fixture
async def job_id(server: Server) -> str:
    """A job, made without the proxy, which would not wait for a server that takes its time to start."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        made = await client.post("/videos", json={"prompt": "A launch video", "key": "order-17"})
    made_id: str = made.json()["job_id"]
    return made_id


@asynccontextmanager
async def reading(proxy: httpx.AsyncClient, path: str) -> AsyncIterator[StringIO]:
    """Read a stream as it comes, to its end."""
    told = StringIO()

    async def read_on() -> None:
        async with proxy.stream("GET", path) as answer:
            async for text in answer.aiter_text():
                told.write(text)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_on())
        yield told


async def test_a_job_that_is_silent_for_longer_than_the_proxy_waits_arrives(
    job_id: str, proxy: httpx.AsyncClient, visitor: Visitor, slow: SlowSandbox, tmp_path: Path
) -> None:
    """In one stream, as pings have gone through in between."""
    page = await visitor.open(f"{proxy.base_url}?{job_id}")
    async with reading(proxy, f"/videos/{job_id}/changes") as told:
        await expect(page.locator("p")).to_have_text("queued")
        await until(lambda: told.getvalue().count(STILL_HERE) >= PINGS_OF_A_LONG_SILENCE, every=0.01)
        slow.finish_jobs()
    assert told.getvalue().endswith(END)
    await expect(page.locator("p")).to_have_text("completed")
    asked = (tmp_path / "nginx" / "access.log").read_text(encoding="utf-8")
    assert asked.count("/changes HTTP") == 2  # the page's and this one


@pytest.mark.parametrize("ping", [NO_PING])
async def test_without_pings_the_proxy_cuts_a_silent_stream(job_id: str, proxy: httpx.AsyncClient, ping: float) -> None:
    """So that the test above has something to show."""
    with pytest.raises(ExceptionGroup) as cut:
        async with reading(proxy, f"/videos/{job_id}/changes"):
            pass
    assert cut.group_contains(httpx.RemoteProtocolError)


async def test_the_proxy_collects_nothing(job_id: str, proxy: httpx.AsyncClient, slow: SlowSandbox) -> None:
    """As a header tells it; one that does not hear of that keeps all to the end."""
    path = f"/videos/{job_id}/changes"
    async with reading(proxy, path) as told, reading(proxy, COLLECTED + path) as collected:
        await until(lambda: told.getvalue().count(STILL_HERE) >= 3, every=0.01)
        assert "queued" in told.getvalue()
        assert not collected.getvalue()
        slow.finish_jobs()
    assert "queued" in collected.getvalue()


@pytest.mark.slow
async def test_tabs_come_back_although_the_proxy_has_answered_meanwhile(
    job_id: str, proxy: httpx.AsyncClient, server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """Browsers leave it at an answer of 502; the page does not."""
    page = await visitor.open(f"{proxy.base_url}?{job_id}")
    await expect(page.locator("p")).to_have_text("queued")
    server.process.kill()
    await until(lambda: any("502" in found for found in visitor.complaints), every=0.01)
    server.process.wait()
    server.start()
    slow.finish_jobs()
    await expect(page.locator("p")).to_have_text("completed")
    visitor.forgive("status of 502|ERR_INCOMPLETE_CHUNKED_ENCODING")
