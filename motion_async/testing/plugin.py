"""What pytest gets: the fixture `motion_sandbox`, and a guard that keeps each session of a test on this machine.

The one module that knows of pytest, which loads it by its entry point. It must not import the sandbox before a test
asks for it, nor decide anything about the service. The guide is `motion_async.testing`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from motion_async.http import endpoint

if TYPE_CHECKING:
    from motion_async.sandbox import Sandbox

__all__ = ["motion_sandbox"]

_QUICK: Final = 2000.0
"""The sandbox's speed: a job of three minutes takes a tenth of a second."""
_REASON: Final = (
    "this is a test, which must not spend credits: make the session after the fixture motion_sandbox has begun, or, "
    "to talk to the real service, mark the test with @pytest.mark.motion_real"
)
_GUARDED: Final = pytest.StashKey[bool]()


@contextmanager
def _reach(reason: str) -> Iterator[None]:
    """Keep the sessions of this process, and of those that it starts, on this machine; without a reason let them go."""
    before, inherited = endpoint.loopback_only, os.environ.get(endpoint.LOOPBACK_ONLY)
    endpoint.loopback_only = os.environ[endpoint.LOOPBACK_ONLY] = reason
    try:
        yield
    finally:
        endpoint.loopback_only = before
        if inherited is None:
            os.environ.pop(endpoint.LOOPBACK_ONLY, None)
        else:
            os.environ[endpoint.LOOPBACK_ONLY] = inherited


def _reach_of(node: pytest.Item | pytest.Collector) -> str:
    """Give the reason for which the sessions of a test, class or module stay here, empty if its mark lets them go."""
    return "" if node.get_closest_marker("motion_real") else _REASON


def _guard(config: pytest.Config) -> None:
    """Keep every session on this machine until the run is over."""
    if not config.stash.get(_GUARDED, False):
        config.stash[_GUARDED] = True
        guard = ExitStack()
        guard.enter_context(_reach(_REASON))
        config.add_cleanup(guard.close)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Guard before any code of the suite is imported."""
    _guard(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Guard also where a conftest has named the plugin, and say what the marks mean."""
    _guard(config)
    for line in (
        "motion_real: lets a MotionSession of this test talk to the real service, which costs credits",
        "motion_sandbox(**options): the arguments of the Sandbox that the fixture motion_sandbox runs",
    ):
        config.addinivalue_line("markers", line)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, object, object]:
    """Guard each fixture by the mark of what it is for: one of a module outlives the one test that has the mark."""
    with _reach(_reach_of(request.node)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Guard each test, whatever it has done to the environment, unless it has the mark."""
    with _reach(_reach_of(item)):
        return (yield)


@pytest.fixture
def motion_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Run a sandbox for one test, and have the environment point to it: see `help(motion_async.testing)`."""
    from motion_async.sandbox import Sandbox  # noqa: PLC0415  # not before a test asks for it

    marks = list(request.node.iter_markers("motion_sandbox"))
    options = {"speed": _QUICK}
    for mark in reversed(marks):  # the closest has the last word
        options |= mark.kwargs
    if any(mark.args for mark in marks):
        raise pytest.UsageError("@pytest.mark.motion_sandbox takes the arguments of Sandbox by name, such as speed=60")
    with Sandbox.in_thread(**options) as sandbox:
        monkeypatch.setenv("MOTION_API_KEY", sandbox.api_key)
        monkeypatch.setenv("MOTION_BASE_URL", sandbox.url)
        yield sandbox
