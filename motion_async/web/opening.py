"""Opens what an app has one of: a session, in a ledger if it has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from motion_async.ledger import open_ledger
from motion_async.session import MotionSession

__all__ = ["open_session"]


@asynccontextmanager
async def open_session(*, ledger_url: str | None, options: dict[str, Any]) -> AsyncIterator[MotionSession]:
    """Open an app's session, and the ledger of this URL before it; both are closed at the end, in that order."""
    async with AsyncExitStack() as stack:
        if ledger_url is not None:
            options = {**options, "ledger": await stack.enter_async_context(open_ledger(ledger_url))}
        yield await stack.enter_async_context(MotionSession(**options))
