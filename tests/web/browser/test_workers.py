"""The README's app with FastAPI on two workers, of which a browser finds any: each request may come to another one."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from playwright.async_api import expect

from motion_async.sandbox import Hang
from tests.browser import Visitor
from tests.waiting import until
from tests.web.browser.apps import INTERVAL, App, ask, open_tabs, see, see_streams
from tests.web.conftest import SlowSandbox
from tests.web.servers import Server


class Workers:
    """The workers of a server, of which a new one takes the place of each that ends."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def are(self, number: int) -> list[int]:
        """Give the ids of their processes as soon as so many have begun to serve, the newest last."""
        await until(lambda: self._server.words().count("startup complete") >= number, every=0.01)
        return [int(found) for found in re.findall(r"Started server process \[(\d+)\]", self._server.words())]


@pytest.fixture
def app() -> App:
    return "fastapi"


@pytest.fixture
def workers() -> int:
    return 2


async def test_a_worker_that_is_killed_in_a_create_costs_no_second_video(
    server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """The browser sends the request again by itself, to another worker, which knows of the first by its key."""
    slow.sandbox.faults.for_prompt("lost", Hang(), on="create", times=1)
    first, second = await Workers(server).are(2)
    page = await ask(visitor, server, "A lost video")
    await until(lambda: slow.sandbox.counts.creates == 1, every=0.01)
    os.kill(first, signal.SIGKILL)
    await Workers(server).are(3)
    os.kill(second, signal.SIGKILL)  # one of them had the request
    await see(re.compile("It may have been made and paid for"), page)
    await expect(page.get_by_role("button")).to_be_hidden()
    assert slow.sandbox.counts.creates == 1
    visitor.forgive("status of 500|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")


@pytest.mark.slow
async def test_tabs_go_on_with_workers_that_have_not_made_the_job(
    server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """Each worker polls once an interval, however many tabs it has, and whichever process has made the job."""
    began = time.monotonic()
    first, second = await Workers(server).are(2)
    tabs = await open_tabs(visitor, server)
    for worker, number in ((first, 3), (second, 4)):
        os.kill(worker, signal.SIGKILL)
        await Workers(server).are(number)
    slow.reach("running")
    await see("running", *tabs)
    await tabs[0].reload()
    await see("running", tabs[0])
    slow.finish_jobs()
    await see("completed", *tabs)
    assert slow.sandbox.counts.creates == 1
    assert slow.sandbox.counts.polls <= 2 * (time.monotonic() - began) / (0.9 * INTERVAL) + 2
    await see_streams("closed", *tabs)
    visitor.forgive("ERR_INCOMPLETE_CHUNKED_ENCODING")
