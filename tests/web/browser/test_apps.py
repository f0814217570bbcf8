"""The README's two apps in a real browser: what a person sees, and what the service is asked meanwhile."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from typing import Final

import pytest
from playwright.async_api import expect

from motion_async.sandbox import AwaitInput, Fail, Hang, LostAnswer
from tests.browser import Visitor
from tests.waiting import until
from tests.web.browser.apps import INTERVAL, ask, open_tabs, see, see_streams
from tests.web.conftest import SlowSandbox
from tests.web.servers import Server

BOTH: Final = pytest.mark.parametrize("app", ["fastapi", "aiohttp"])


@BOTH
async def test_five_tabs_are_one_create_and_one_poll_an_interval(
    server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """Also with a reload; after the end there is none, and no tab comes back. One that is loaded anew looks once."""
    counts, began = lambda: slow.sandbox.counts, time.monotonic()
    tabs = await open_tabs(visitor, server)
    slow.reach("running")
    await see("running", *tabs)
    await tabs[1].reload()
    await see("running", tabs[1])
    polls = counts().polls
    await until(lambda: counts().polls >= polls + 5, every=0.01)
    slow.finish_jobs()
    await see("completed", *tabs)
    assert (counts().creates, counts().duplicates) == (1, 0)
    assert counts().polls <= (time.monotonic() - began) / (0.9 * INTERVAL) + 1  # the session spreads them by a tenth
    await see_streams("closed", *tabs)
    polls = counts().polls
    await asyncio.sleep(5 * INTERVAL)
    assert counts().polls == polls
    await tabs[0].reload()
    await see("completed", tabs[0])
    assert counts().polls <= polls + 1


@pytest.mark.parametrize(
    ("app", "interval"),
    [("fastapi", 1.0), pytest.param("aiohttp", 3.0, marks=pytest.mark.slow)],  # which looks for its readers each second
)
async def test_polls_end_with_the_last_tab(
    server: Server, visitor: Visitor, slow: SlowSandbox, interval: float
) -> None:
    """Within an interval, in which one may still come."""
    tabs = await open_tabs(visitor, server)
    for tab in tabs[1:]:
        await tab.close()
    polls = slow.sandbox.counts.polls
    await until(lambda: slow.sandbox.counts.polls > polls, every=0.01)
    await tabs[0].close()
    polls = slow.sandbox.counts.polls
    await asyncio.sleep(2.5 * interval)
    assert slow.sandbox.counts.polls <= polls + 1


async def test_a_person_sees_why_a_job_failed(server: Server, visitor: Visitor, slow: SlowSandbox) -> None:
    """In the service's words, which are text and nothing else."""
    slow.sandbox.faults.for_prompt("sad", Fail("<b>No scene</b> could be rendered."))
    page = await ask(visitor, server, "A sad video")
    await see("queued", page)
    slow.finish_jobs()
    await see("failed: <b>No scene</b> could be rendered.", page)
    await see_streams("closed", page)


async def test_a_person_sees_that_a_job_waits_for_input(server: Server, visitor: Visitor, slow: SlowSandbox) -> None:
    """And that it goes on."""
    slow.sandbox.faults.for_prompt("asks", AwaitInput(until_answered=True))
    page = await ask(visitor, server, "A video that asks")
    await see("queued", page)
    slow.finish_jobs()
    await see("awaiting_user_input", page)
    slow.sandbox.give_input(page.url.partition("?")[2])
    slow.finish_jobs()
    await see("completed", page)


async def test_an_uncertain_create_is_told_and_has_no_button(
    server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """It is sent once, and nothing invites to send it again."""
    slow.sandbox.faults.for_prompt("lost", LostAnswer(), on="create")
    page = await ask(visitor, server, "A lost video")
    await see(re.compile("may have been made and paid for. Do not send it again"), page)
    await expect(page.get_by_role("button")).to_be_hidden()
    assert slow.sandbox.counts.creates == 1
    visitor.forgive("status of 500")


async def test_a_server_that_is_killed_in_a_create_leaves_it_uncertain(
    server: Server, visitor: Visitor, slow: SlowSandbox
) -> None:
    """The page tells so by itself, and has no button either."""
    slow.sandbox.faults.for_prompt("lost", Hang(), on="create")
    page = await ask(visitor, server, "A lost video")
    await until(lambda: slow.sandbox.counts.creates == 1, every=0.01)
    await server.end(signal.SIGKILL)
    await see(re.compile("The answer was lost"), page)
    await expect(page.get_by_role("button")).to_be_hidden()
    visitor.forgive("ERR_EMPTY_RESPONSE|ERR_CONNECTION_RE(SET|FUSED)")


async def test_a_refused_create_can_be_mended(server: Server, visitor: Visitor, slow: SlowSandbox) -> None:
    """The page says what is wrong, and gives the form back."""
    page = await ask(visitor, server, "  ")
    await see(re.compile("must contain something that can be seen"), page)
    assert slow.sandbox.counts.creates == 0
    await page.get_by_role("textbox").fill("A launch video")
    await page.get_by_role("button").click()
    await see("queued", page)
    visitor.forgive("status of 422")


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
async def test_tabs_come_back_to_a_server_that_was_stopped(
    server: Server, visitor: Visitor, slow: SlowSandbox, number: signal.Signals
) -> None:
    """By themselves, in whatever way it ended: they go on where they were, and stay away after the end."""
    tabs = await open_tabs(visitor, server)
    await server.end(number)
    assert "Traceback" not in server.words()
    slow.reach("running")
    server.start()
    await see("running", *tabs)
    await see_streams("open", *tabs)
    slow.finish_jobs()
    await see("completed", *tabs)
    await see_streams("closed", *tabs)
    assert slow.sandbox.counts.creates == 1
    visitor.forgive("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING")
