"""Tests of the fixture `motion_sandbox`, in suites of every kind, and in front of real test clients."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from motion_async import CreateUncertainError, MotionSession
from motion_async.sandbox import LostAnswer, Sandbox
from motion_async.testing import FAST
from tests.testing.conftest import RunSuite

HEAD = """
import asyncio, os, pytest
from motion_async import MotionSession
from motion_async.testing import FAST

async def make(sandbox):
    async with MotionSession(schedule=FAST) as motion:
        assert (await motion.generate("A launch video")).status == "completed"
    assert sandbox.counts.creates == sandbox.counts.creates_accepted == 1
    sandbox.advance(1)

def test_sync(motion_sandbox): asyncio.run(make(motion_sandbox))

"""
CASES = {
    "none": "",
    "asyncio strict": "@pytest.mark.asyncio\nasync def test_async(motion_sandbox): await make(motion_sandbox)",
    "asyncio auto": "async def test_async(motion_sandbox): await make(motion_sandbox)",
    "anyio": """
@pytest.fixture
def anyio_backend(): return "asyncio"

@pytest.mark.anyio
async def test_async(motion_sandbox): await make(motion_sandbox)
""",
}
ASYNCIO = ["-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"]
PLUGINS = {
    "none": [],
    "asyncio strict": ASYNCIO,
    "asyncio auto": [*ASYNCIO, "--asyncio-mode=auto"],
    "anyio": ["-p", "anyio.pytest_plugin"],
}


async def make(prompt: str = "A launch video") -> str:
    """Make a video as an app does that knows nothing of tests."""
    async with MotionSession(schedule=FAST) as motion:
        return (await motion.generate(prompt)).job_id


@pytest.mark.parametrize("kind", CASES)
def test_it_serves_suites_of_every_kind(kind: str, run_suite: RunSuite) -> None:
    """Synchronous tests beside asynchronous ones, whatever runs these."""
    run_suite(HEAD + CASES[kind], *PLUGINS[kind]).assert_outcomes(passed=1 if kind == "none" else 2)


@pytest.mark.parametrize("kind", ["asyncio strict", "asyncio auto", "anyio"])
def test_fixtures_that_are_asynchronous_find_it(kind: str, run_suite: RunSuite) -> None:
    """A session in a fixture of the suite's own begins after it, and ends before it."""
    fixture = "@pytest_asyncio.fixture" if kind == "asyncio strict" else "@pytest.fixture"
    session = f"""
import pytest_asyncio

{fixture}
async def motion(motion_sandbox):
    async with MotionSession(schedule=FAST) as motion:
        yield motion
"""
    test = '(motion): await motion.generate("A launch video")'
    tests = CASES[kind].replace("(motion_sandbox): await make(motion_sandbox)", test)
    run_suite(HEAD + session + tests, *PLUGINS[kind]).assert_outcomes(passed=2)


def test_the_environment_is_as_before_afterwards(run_suite: RunSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is the sandbox's thread gone."""
    monkeypatch.setenv("MOTION_API_KEY", "motion_mine")
    tests = """
import os, threading

def test_first(motion_sandbox):
    assert os.environ["MOTION_API_KEY"] == motion_sandbox.api_key
    assert os.environ["MOTION_BASE_URL"] == motion_sandbox.url

def test_second():
    assert os.environ["MOTION_API_KEY"] == "motion_mine"
    assert "MOTION_BASE_URL" not in os.environ
    assert not [thread for thread in threading.enumerate() if thread.name == "motion-sandbox"]
"""
    run_suite(tests).assert_outcomes(passed=2)


def test_the_mark_gives_arguments(run_suite: RunSuite) -> None:
    """The closest has the last word on each; what is no argument is an error of the test."""
    tests = """
import pytest
pytestmark = pytest.mark.motion_sandbox(credits=1, seed=7)

def test_module(motion_sandbox):
    assert motion_sandbox.balance(motion_sandbox.api_key) == 1

@pytest.mark.motion_sandbox(credits=2, speed=0)
def test_closest(motion_sandbox):
    assert motion_sandbox.balance(motion_sandbox.api_key) == 2
    before = motion_sandbox.now
    motion_sandbox.advance(5)
    assert motion_sandbox.now == before + 5

@pytest.mark.motion_sandbox(spede=0)
def test_unknown(motion_sandbox): pass

@pytest.mark.motion_sandbox(0)
def test_without_a_name(motion_sandbox): pass
"""
    result = run_suite(tests)
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines("*TypeError*spede*")
    result.stdout.fnmatch_lines("*takes the arguments of Sandbox by name, such as speed=60*")


def test_everything_of_it_is_called_right_from_the_test(motion_sandbox: Sandbox) -> None:
    """Orders for faults, and what came of them."""
    motion_sandbox.faults.next(LostAnswer(), on="create")
    with pytest.raises(CreateUncertainError):
        asyncio.run(make())
    job_id = asyncio.run(make())
    assert motion_sandbox.jobs[job_id].status == "completed"
    assert motion_sandbox.counts.creates == 2
    assert motion_sandbox.faults.injected == {"LostAnswer": 1}


async def test_it_may_be_called_in_an_asynchronous_test(motion_sandbox: Sandbox) -> None:
    """As it has a loop of its own, it answers while the test's own waits for nothing."""
    job_id = await make()
    motion_sandbox.add_credits(motion_sandbox.api_key, 5)
    assert motion_sandbox.jobs[job_id].status == "completed"


def test_threads_share_it(motion_sandbox: Sandbox) -> None:
    """Each with a loop and a session of its own."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: asyncio.run(make(f"Version {number}")), range(8)))
    assert set(made) == set(motion_sandbox.jobs)
    assert motion_sandbox.counts.duplicates == 0


def test_a_process_that_the_test_starts_finds_it(motion_sandbox: Sandbox) -> None:
    """By the environment, as a server does for a browser's test."""
    code = (
        "import asyncio\nfrom motion_async import MotionSession\nfrom motion_async.testing import FAST\n"
        "async def main():\n    async with MotionSession(schedule=FAST) as m: await m.generate('A cat')\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    assert motion_sandbox.counts.creates_accepted == 1


def test_fastapis_test_client_reaches_it(motion_sandbox: Sandbox) -> None:
    """The app makes its session in its lifespan, in the loop that the client runs in a thread."""
    fastapi = pytest.importorskip("fastapi")
    client_class = pytest.importorskip("fastapi.testclient").TestClient

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with MotionSession(schedule=FAST) as motion:
            app.state.motion = motion
            yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.post("/videos")
    async def create(prompt: str) -> str:
        return (await app.state.motion.create(prompt)).id

    @app.get("/videos/{job_id}")
    async def wait(job_id: str) -> str:
        return str((await app.state.motion.job(job_id).wait()).status)

    with client_class(app) as client:
        job_id = client.post("/videos", params={"prompt": "A launch video"}).json()
        assert client.get(f"/videos/{job_id}").json() == "completed"
    assert list(motion_sandbox.jobs) == [job_id]


async def video(request: Any) -> Any:
    """A view of Django's."""
    from django.http import JsonResponse  # noqa: PLC0415  # which need not be installed

    return JsonResponse({"video": await make(request.POST["prompt"])})


urlpatterns: list[Any] = []
"""Django asks the module that it is given as the root for these."""


def test_djangos_test_client_reaches_it(motion_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request has a loop of its own there."""
    django = pytest.importorskip("django")
    from django.conf import settings  # noqa: PLC0415  # as above
    from django.test import Client, override_settings  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    monkeypatch.setattr(sys.modules[__name__], "urlpatterns", [path("videos", video)])
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        answer = Client().post("/videos", {"prompt": "A launch video"})
    assert answer.status_code == 200
    assert list(motion_sandbox.jobs) == [answer.json()["video"]]
