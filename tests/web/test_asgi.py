"""Tests of `motion_async.web.asgi`: a session for apps that have no lifespan, such as Django's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import motion_async.web.asgi as guide
from motion_async import ConfigurationError, MotionSession
from motion_async.sandbox import LostAnswer, Sandbox
from motion_async.web.asgi import with_session
from tests.web.guides import examples, read, run


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """Tell an app of its begin and its end, as a server does, and give what it says to that."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: list[dict[str, Any]] = []
    heard = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        said.append(message)
        heard.set()

    life = asyncio.create_task(app({"type": "lifespan"}, told.get, send))
    told.put_nowait({"type": "lifespan.startup"})
    await heard.wait()
    try:
        yield said
    finally:
        told.put_nowait({"type": "lifespan.shutdown"})
        await life


async def test_an_app_has_a_session_while_its_server_runs(sandbox: Sandbox) -> None:
    """The app itself hears of requests alone, with all else that stands in their scope."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    serving: Any = with_session(app, max_polls_per_second=7)
    with pytest.raises(ConfigurationError, match="has not told the app of its begin"):
        await serving({"type": "http", "path": "/"}, None, None)
    async with served(serving) as said:
        await serving({"type": "http", "path": "/"}, None, None)
        [scope] = scopes
        motion = scope["motion"]
        assert isinstance(motion, MotionSession)
        assert (scope["type"], scope["path"], motion.stats().polls_per_second) == ("http", "/", 7)
        assert not scope["motion_stopping"].is_set()
    assert [message["type"] for message in said] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ConfigurationError, match="has not told the app of its begin"):
        await serving({"type": "http", "path": "/"}, None, None)


async def test_a_session_that_cannot_be_opened_is_told_to_the_server() -> None:
    """Which ends then, with these words."""
    async with served(with_session(lambda *_: asyncio.sleep(0), api_key="no key")) as said:
        [failed] = said
    assert failed["type"] == "lifespan.startup.failed"
    assert "API key" in failed["message"]


@contextmanager
def django_with(views: str) -> Iterator[None]:
    """Configure Django for the views of an example."""
    conf = pytest.importorskip("django.conf")
    if not conf.settings.configured:
        conf.settings.configure(ALLOWED_HOSTS=["*"])
    module = ModuleType("views")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "views", module)
        module.__dict__.update(run(views))
        override = pytest.importorskip("django.test.utils").override_settings
        with override(ROOT_URLCONF="views", MIDDLEWARE=["views.AnswerErrors"], ALLOWED_HOSTS=["*"]):
            yield


async def test_the_guides_django_app(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes one video of a key, streams its changes, and answers errors as problems."""
    monkeypatch.chdir(tmp_path)
    asgi, views = examples(guide)
    with django_with(views):
        app = run(asgi)["application"]
        async with (
            served(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
        ):
            asked = {"prompt": "A launch video", "key": "order-17"}
            made = [await client.post("/videos", data=asked) for _ in range(2)]
            [job_id] = sandbox.jobs
            assert [(answer.status_code, answer.json()) for answer in made] == [(202, {"job_id": job_id})] * 2
            changes = await client.get(f"/videos/{job_id}/changes")
            events = read(changes.text)
            over = await client.get(f"/videos/{job_id}/changes", headers={"Last-Event-ID": events[-1][2] or ""})
            sandbox.faults.next(LostAnswer(), on="create")
            lost = await client.post("/videos", data={"prompt": "A launch video", "key": "order-18"})
    assert [name for name, *_ in events][-2:] == ["status", "end"]
    assert events[-2][1]["current"] == "completed"
    assert (over.status_code, over.content) == (204, b"")
    assert (lost.status_code, lost.headers["content-type"]) == (500, "application/problem+json")
    assert lost.json()["type"] == "urn:motion-async:uncertain"
