"""A real browser for the tests: Chromium, as the machine has it, driven by Playwright.

    async def test_a_page_shows_it(visitor: Visitor) -> None:
        page = await visitor.open(f"{server.url}/videos/17")
        await expect(page.locator("p")).to_have_text("completed")

A module's tests share one browser, and each has a profile of its own in it. As the browser belongs to an event loop,
all of that module's tests run in one: `tests/web/browser/conftest.py` has these fixtures for the modules beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from tests.demands import demand_program
from tests.strays import guarded_uvloop

__all__ = ["Visitor", "anyio_backend", "browser", "visitor"]

_HERE: Final = "127.0.0.1"
_ARGUMENTS: Final = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {_HERE}",
]
_PATIENCE_MS: Final = 60_000.0


class Visitor:
    """A person with a browser: tabs of one profile, which share its connections.

    Attributes:
        context: the profile, as Playwright calls it.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._seen: list[str] = []
        self._forgiven: list[str] = []
        context.set_default_timeout(_PATIENCE_MS)
        context.on("console", self._hear)
        context.on("weberror", lambda raised: self._complain(str(raised.error)))
        context.on("request", self._look)

    async def open(self, url: str) -> Page:
        """Open a page in a new tab."""
        page = await self.context.new_page()
        await page.goto(url)
        return page

    @property
    def complaints(self) -> list[str]:
        """What went wrong in the tabs: errors on the console, errors that nothing caught, requests to other machines.

        A test fails with what it has not forgiven of them.
        """
        return [found for found in self._seen if not any(re.search(each, found) for each in self._forgiven)]

    def forgive(self, pattern: str) -> None:
        """Make no complaint of what a pattern is found in, before or after this: the test has broken that itself."""
        self._forgiven.append(pattern)

    def _complain(self, words: str) -> None:
        self._seen.append(words)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.location["url"].endswith("/favicon.ico"):  # which no page has asked for
            self._complain(f"{said.text} ({said.location['url']})")

    def _look(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != _HERE:
            self._complain(f"a request to {url.hostname}")


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run all of a module's tests in one loop, that of its browser."""
    return "asyncio", {"loop_factory": guarded_uvloop} if os.environ.get("MOTION_TEST_UVLOOP") else {}


@pytest.fixture(scope="module")
async def browser(anyio_backend: object) -> AsyncIterator[Browser]:
    """A browser without a window, which finds no machine but this one."""
    program = demand_program("chromium", "chromium-browser", "google-chrome")
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def visitor(browser: Browser) -> AsyncIterator[Visitor]:
    """A person with a new profile, whose tabs nothing may go wrong in."""
    context = await browser.new_context()
    visitor = Visitor(context)
    yield visitor
    await context.close()
    assert not visitor.complaints, visitor.complaints
