"""What the tests of the plugin share: a suite that someone else has written."""

from collections.abc import Callable

import pytest

from motion_async.http import endpoint

RunSuite = Callable[..., pytest.RunResult]


def stand_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the guard of this suite away, and every plugin that another one would find by itself.

    A test does so itself, as the guard is put up again after each fixture.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv(endpoint.LOOPBACK_ONLY)
    monkeypatch.setattr(endpoint, "loopback_only", "")


@pytest.fixture
def run_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunSuite:
    """Run one file of tests in this process, with our plugin and no other but those that the options name."""

    def run(tests: str, *options: str) -> pytest.RunResult:
        stand_aside(monkeypatch)
        pytester.makepyfile(tests)
        return pytester.runpytest_inprocess(
            "-p", "motion_async.testing.plugin", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", *options
        )

    return run
