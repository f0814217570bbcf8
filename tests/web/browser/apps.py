"""The README's apps with its page, saved as a reader would save them, on real servers, and what a person does there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final, Literal, TypeAlias

from playwright.async_api import Page, expect

from tests import readme
from tests.browser import Visitor
from tests.web.servers import AIOHTTP, RUN_APP, UVICORN, Server

__all__ = ["INTERVAL", "App", "ask", "open_tabs", "see", "see_streams", "start"]

App: TypeAlias = Literal["fastapi", "aiohttp"]
INTERVAL: Final = 0.2
"""Seconds between two polls of a job."""
_APPS: Final = {
    "fastapi": (UVICORN, readme.FASTAPI.replace("lifespan(ledger", "lifespan(schedule=SCHEDULE, ledger"), ""),
    "aiohttp": (AIOHTTP, readme.AIOHTTP.replace("setup(app", "setup(app, schedule=SCHEDULE"), RUN_APP),
}
_RECORDER: Final = """
window.streams = []
window.EventSource = class extends EventSource {
    constructor(...given) { super(...given); streams.push(this) }
}
"""
"""Has each page remember its streams: a browser never comes back to one that is closed."""
_BEFORE: Final = """
from functools import partial
from motion_async import GrowingSchedule
SCHEDULE = GrowingSchedule(first={interval}, growth=0, cap={interval})
"""
_AFTER: Final = """
event_stream = partial(event_stream, ping={ping})
"""


def start(app: App, folder: Path, *, interval: float, ping: float, workers: int | None) -> Server:
    """Save an app and the page in a folder, and start a server there.

    Args:
        app: which one.
        folder: where.
        interval: seconds between two polls of a job.
        ping: seconds of silence in a stream, after which a comment is sent.
        workers: how many processes serve it, for uvicorn; None for one.
    """
    command, code, last = _APPS[app]
    assert "SCHEDULE" in code
    example = "".join([_BEFORE.format(interval=interval), code, _AFTER.format(ping=ping), last])
    (folder / "example.py").write_text(example, encoding="utf-8")
    (folder / "page.html").write_text(readme.PAGE, encoding="utf-8")
    options = [] if workers is None else ["--workers", str(workers)]
    return Server([*command[:1], *options, *command[1:]], folder)


async def ask(visitor: Visitor, server: Server, prompt: str = "A launch video") -> Page:
    """Ask for a video, as a person does."""
    await visitor.context.add_init_script(_RECORDER)
    page = await visitor.open(server.url)
    await page.get_by_role("textbox").fill(prompt)
    await page.get_by_role("button").click()
    return page


async def see(words: str | re.Pattern[str], *tabs: Page) -> None:
    """Wait until each tab shows these words."""
    for tab in tabs:
        await expect(tab.locator("p")).to_have_text(words)


async def see_streams(state: Literal["open", "closed"], *tabs: Page) -> None:
    """Wait until all streams of the tabs are open, or closed for good, as they are a moment after the last word."""
    number = {"open": 1, "closed": 2}[state]
    for tab in tabs:
        await tab.wait_for_function(f"streams.every((stream) => stream.readyState == {number})")


async def open_tabs(visitor: Visitor, server: Server) -> list[Page]:
    """Ask for a video, and look at it in five tabs until all show it: one that is closed sooner may be read on."""
    page = await ask(visitor, server)
    await see("queued", page)
    tabs = [page, *await asyncio.gather(*[visitor.open(page.url) for _ in range(4)])]
    await see("queued", *tabs)
    return tabs
