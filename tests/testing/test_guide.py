"""Tests of what `motion_async.testing` says and gives."""

import re
import subprocess
import sys
import textwrap

from motion_async import testing
from motion_async.timing.schedule import check_schedule, jittered
from tests.testing.conftest import RunSuite


def test_the_examples_of_the_guide_are_a_suite_that_passes(run_suite: RunSuite) -> None:
    """Copied into one file and run, each of them is green."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", testing.__doc__ or "", re.MULTILINE)
    examples = textwrap.dedent("".join(blocks))
    assert examples.count("def test_") == 4
    run_suite(examples).assert_outcomes(passed=4)


def test_fast_polls_at_once() -> None:
    """At any age of a job and in any turn, with whatever jitter."""
    check_schedule(testing.FAST)
    for age, turn, u in ((0.0, 0, 0.0), (1e6, 7, 1.0)):
        assert jittered(testing.FAST, age=age, turn=turn, u=u) < 0.02


def test_the_plugin_imports_no_sandbox_before_a_test_asks_for_one() -> None:
    """A suite without such a test pays for the client alone."""
    code = "import sys, motion_async.testing.plugin; print('aiohttp.web' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
