"""What the tests of the page have: one browser a module, and a person with a profile of their own a test."""

from __future__ import annotations

from tests.browser import anyio_backend, browser, visitor

__all__ = ["anyio_backend", "browser", "visitor"]
