"""What the tests of the plugin share: a suite that someone else has written."""

from collections.abc import Callable

import pytest

RunSuite = Callable[..., pytest.RunResult]


@pytest.fixture
def run_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunSuite:
    """Run one file of tests in this process, with our plugin and no other but those that the options name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(tests)
        return pytester.runpytest_inprocess(
            "-p", "motion_async.testing.plugin", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", *options
        )

    return run
