"""Tests of the guard that `motion_async.testing.plugin` puts on each suite."""

import asyncio
import os
import threading
from importlib.metadata import entry_points

import pytest

from motion_async import ConfigurationError, MotionSession
from motion_async.http import endpoint
from motion_async.testing import plugin
from tests.testing.conftest import RunSuite, stand_aside

ENTER = '''
import asyncio, pytest
from motion_async import ConfigurationError, MotionSession

async def enter(**options):
    """Connects to nothing, as a session does so when it is asked for something."""
    async with MotionSession("motion_x", **options):
        pass

'''


def enter(**options: object) -> None:
    """Open a session in a loop of its own, which connects to nothing yet."""

    async def enter_and_leave() -> None:
        async with MotionSession("motion_x", **options):  # type: ignore[arg-type]
            pass

    asyncio.run(enter_and_leave())


def test_a_session_for_the_real_service_is_refused_with_what_to_do() -> None:
    """It names the address, the fixture and the mark."""
    with pytest.raises(ConfigurationError) as refused:
        enter()
    for part in ("https://api.motion.so is another machine", "fixture motion_sandbox", "@pytest.mark.motion_real"):
        assert part in str(refused.value)


@pytest.mark.parametrize("url", ["http://sandbox:8080", "http://192.168.0.7", "http://api.motion.so"])
def test_a_host_for_plain_http_is_refused_too(url: str) -> None:
    """Behind a name in a network of one's own may be a way to the service."""
    with pytest.raises(ConfigurationError, match="is another machine"):
        enter(base_url=url, plain_http_hosts=["sandbox", "192.168.0.7", "api.motion.so"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://localhost/api/motion", "http://[::1]:9"])
def test_this_machine_is_no_other(url: str) -> None:
    """A sandbox of one's own is talked to without a mark."""
    enter(base_url=url)


@pytest.mark.motion_real
def test_the_mark_lifts_it() -> None:
    """A test that has it may talk to the service."""
    enter()


def test_a_session_that_was_only_made_is_none_of_its_business() -> None:
    """An app may have one from the time of its import; it is refused when it is entered."""
    assert "api.motion.so" in repr(MotionSession("motion_x"))


def test_a_test_that_clears_the_environment_stays_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many do so, to know what their app reads."""
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(ConfigurationError, match="is another machine"):
        enter()


def test_a_thread_is_guarded() -> None:
    """An app that a test runs in a thread is refused there."""
    refused: list[BaseException] = []

    def run() -> None:
        try:
            enter()
        except ConfigurationError as error:
            refused.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(refused) == 1


def test_the_mark_counts_where_it_stands(run_suite: RunSuite) -> None:
    """On a test, a class with its fixtures, and for fixtures of the test's own; nowhere else."""
    tests = """
def refused():
    with pytest.raises(ConfigurationError, match="motion_real"):
        asyncio.run(enter())

@pytest.fixture
def own(): asyncio.run(enter())

@pytest.fixture
def own_guarded(): refused()

@pytest.fixture(scope="class")
def whole(): asyncio.run(enter())

@pytest.fixture(scope="class")
def whole_guarded(): refused()

@pytest.mark.motion_real
def test_marked(own): asyncio.run(enter())

def test_unmarked(own_guarded): refused()

@pytest.mark.motion_real
class TestClass:
    def test_it(self, whole, own): asyncio.run(enter())

class TestOther:
    @pytest.mark.motion_real
    def test_it(self, whole_guarded): asyncio.run(enter())

import unittest

@pytest.mark.motion_real
class TestUnit(unittest.TestCase):
    def setUp(self): asyncio.run(enter())
    def test_it(self): asyncio.run(enter())

class TestOtherUnit(unittest.TestCase):
    def setUp(self): refused()
    def test_it(self): refused()
"""
    run_suite(ENTER + tests).assert_outcomes(passed=6)


def test_a_fixture_of_the_whole_run_stays_guarded(run_suite: RunSuite) -> None:
    """Its session would outlive the marked test that happens to ask for it first."""
    tests = """
@pytest.fixture(scope="session")
def motion(): asyncio.run(enter())

@pytest.mark.motion_real
def test_marked(motion): pass
"""
    result = run_suite(ENTER + tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*ConfigurationError: https://api.motion.so is another machine*")


def test_a_module_may_have_the_mark_with_its_fixtures(run_suite: RunSuite) -> None:
    """Then all who can use them have it."""
    tests = """
pytestmark = pytest.mark.motion_real

@pytest.fixture(scope="module", autouse=True)
def motion(): asyncio.run(enter())

def test_it(): asyncio.run(enter())
"""
    run_suite(ENTER + tests).assert_outcomes(passed=1)


def test_a_session_from_the_time_of_import_follows_the_test_that_enters_it(run_suite: RunSuite) -> None:
    """It is refused in a test without the mark, and not in one with it."""
    tests = """
first, second = MotionSession("motion_x"), MotionSession("motion_x")

@pytest.mark.parametrize("motion", [
    pytest.param(first, marks=pytest.mark.motion_real),
    pytest.param(second, marks=pytest.mark.xfail(raises=ConfigurationError, strict=True)),
])
def test_it(motion):
    async def enter():
        async with motion:
            pass
    asyncio.run(enter())
"""
    run_suite(ENTER + tests).assert_outcomes(passed=1, xfailed=1)


def test_processes_of_a_test_are_as_it_is(run_suite: RunSuite) -> None:
    """A server that a test starts is guarded, and not that of a test with the mark."""
    tests = """
import subprocess, sys

def run():
    code = "import asyncio, motion_async as m; asyncio.run(m.MotionSession('motion_x').__aenter__())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr

def test_guarded(): assert "fixture motion_sandbox" in run()

@pytest.mark.motion_real
def test_marked(): assert "ConfigurationError" not in run()
"""
    run_suite(ENTER + tests).assert_outcomes(passed=2)


def test_code_that_runs_before_any_test_is_guarded(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """A conftest is imported under the guard, too, and what it says is seen."""
    pytester.makeconftest(ENTER + "asyncio.run(enter())")
    result = run_suite("def test_it(): pass")
    assert result.ret != pytest.ExitCode.OK
    result.stderr.fnmatch_lines("*is another machine*")


def test_the_guard_ends_with_the_run(run_suite: RunSuite) -> None:
    """Whoever runs pytest from a program of their own has their settings back afterwards."""
    run_suite("def test_it(): pass").assert_outcomes(passed=1)
    assert endpoint.LOOPBACK_ONLY not in os.environ
    assert not endpoint.loopback_only


def test_a_conftest_may_name_the_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is on then as well, and before the tests are imported, where plugins are not loaded by themselves."""
    stand_aside(monkeypatch)
    pytester.makeconftest('pytest_plugins = ["motion_async.testing.plugin"]')
    pytester.makepyfile(ENTER + "asyncio.run(enter())")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*ConfigurationError*is another machine*")


def test_pytest_finds_the_plugin_by_itself() -> None:
    """By an entry point of the package that is installed."""
    (found,) = entry_points(group="pytest11", name="motion_async")
    assert found.load() is plugin


def test_each_process_of_a_run_is_guarded(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under xdist each worker has a guard of its own, and lifts it for its own tests."""
    stand_aside(monkeypatch)
    tests = """
@pytest.mark.parametrize("number", range(4))
@pytest.mark.xfail(raises=ConfigurationError, strict=True)
def test_guarded(number): asyncio.run(enter())

@pytest.mark.motion_real
@pytest.mark.parametrize("number", range(4))
def test_marked(number): asyncio.run(enter())

def test_sandbox(motion_sandbox): asyncio.run(enter(base_url=motion_sandbox.url))
"""
    pytester.makepyfile(ENTER + tests)
    result = pytester.runpytest_subprocess("-p", "motion_async.testing.plugin", "-p", "xdist.plugin", "-n", "2")
    result.assert_outcomes(passed=5, xfailed=4)


def test_the_setting_serves_other_runners_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pytest a process is guarded by its environment."""
    monkeypatch.setattr(endpoint, "loopback_only", "1")
    with pytest.raises(ConfigurationError, match="MOTION_LOOPBACK_ONLY says: 1"):
        enter()
