"""The peers: other services' clients, each at the public call with which its users ask for a job's status.

They are imported by name when they are measured, and one that cannot be is missing with the reason: nothing
here may skip a peer in silence. Keys are made up, and base URLs are the stub's.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

__all__ = ["PEERS", "PollOnce"]

PollOnce: TypeAlias = Callable[[str], Awaitable[Any]]
"""Asks for the status of a job once."""

_KEY = "key_" + "0" * 128
"""Of a shape that every client takes."""


@contextlib.asynccontextmanager
async def _fal_client(base_url: str) -> AsyncIterator[PollOnce]:
    # Its client takes no base URL, but the handle that it gives does, with an httpx client as it makes one.
    handle = importlib.import_module("fal_client").AsyncRequestHandle
    headers = {"Authorization": f"Key {_KEY}"}
    async with importlib.import_module("httpx").AsyncClient(headers=headers, timeout=120) as client:

        def poll(job_id: str) -> Awaitable[Any]:
            url = f"{base_url}/requests/{job_id}"
            urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
            status: Awaitable[Any] = handle(request_id=job_id, client=client, **urls).status()
            return status

        yield poll


@contextlib.asynccontextmanager
async def _replicate(base_url: str) -> AsyncIterator[PollOnce]:
    client = importlib.import_module("replicate").Client
    # It cannot be closed, so it gets the transport that it would make, which can.
    async with importlib.import_module("httpx").AsyncHTTPTransport() as transport:
        yield client(_KEY, base_url=base_url, transport=transport).predictions.async_get


@contextlib.asynccontextmanager
async def _runwayml(base_url: str) -> AsyncIterator[PollOnce]:
    async with importlib.import_module("runwayml").AsyncRunwayML(api_key=_KEY, base_url=base_url) as client:
        yield client.tasks.retrieve


@contextlib.asynccontextmanager
async def _lumaai(base_url: str) -> AsyncIterator[PollOnce]:
    async with importlib.import_module("lumaai").AsyncLumaAI(auth_token=_KEY, base_url=base_url) as client:
        yield client.generations.get


@contextlib.asynccontextmanager
async def _openai(base_url: str) -> AsyncIterator[PollOnce]:
    async with importlib.import_module("openai").AsyncOpenAI(api_key=_KEY, base_url=base_url) as client:
        yield client.videos.retrieve


PEERS: dict[str, Callable[[str], contextlib.AbstractAsyncContextManager[PollOnce]]] = {
    "fal-client": _fal_client,
    "replicate": _replicate,
    "runwayml": _runwayml,
    "lumaai": _lumaai,
    "openai": _openai,
}
"""Opens each client, by the name of its package: give it the stub's base URL, and get its poll."""
