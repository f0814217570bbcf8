"""Tests of `tests.browser`: what goes wrong in a tab is seen, and nothing of a profile is left to the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Browser, Error

from tests.browser import Visitor
from tests.waiting import until


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Serve a page that has a cookie, and whatever script is asked for."""

    async def show(request: web.Request) -> web.Response:
        page = "<p>hello</p><script>{}</script>".format(request.query.get("script", ""))
        answer = web.Response(text=page, content_type="text/html")
        answer.set_cookie("been", "here")
        return answer

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_visitor_sees_a_page(visitor: Visitor, url: str) -> None:
    """And has no complaint."""
    page = await visitor.open(url)
    assert await page.text_content("p") == "hello"
    assert await visitor.context.cookies()


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('out of order')", "out of order"),
        ("nothing.of_the_kind()", "nothing is not defined"),
        ("fetch('http://motion.so/').catch(() => {})", "a request to motion.so"),
    ],
    ids=["console", "uncaught", "stray"],
)
async def test_what_goes_wrong_is_a_complaint(visitor: Visitor, url: str, script: str, complaint: str) -> None:
    """Unless the test forgives what it has broken itself."""
    await visitor.open(f"{url}?script={script}")
    await until(lambda: any(complaint in found for found in visitor.complaints), every=0.01)
    visitor.forgive(f"{complaint}|ERR_NAME_NOT_RESOLVED")


async def test_a_visitor_has_a_profile_of_their_own(visitor: Visitor, browser: Browser, url: str) -> None:
    """Another one's cookies are not in it, and no machine but this one is found from it."""
    assert len(browser.contexts) == 1
    assert await visitor.context.cookies() == []
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        await visitor.open("http://localhost.example/")
    visitor.forgive("localhost.example|ERR_NAME_NOT_RESOLVED")
