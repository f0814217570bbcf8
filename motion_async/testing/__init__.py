"""Tests of your own app, without a key, without credits and without a network: what comes with pytest, and `FAST`.

Whoever has motion-async installed has its plugin in pytest, which gives a fixture, two marks and a guard.

`motion_sandbox` is the service in small, a `Sandbox` in a thread of its own, to which `MOTION_API_KEY` and
`MOTION_BASE_URL` point for the time of the test. It serves any kind of code (synchronous and asynchronous tests, under
anyio and pytest-asyncio, FastAPI's and Django's test clients, browsers, processes that the test starts), and everything
of it may be called right from the test. Make your `MotionSession` in the test or in what it starts, such as a lifespan:

    import asyncio

    import pytest

    from motion_async import CreateUncertainError, MotionSession
    from motion_async.sandbox import LostAnswer
    from motion_async.testing import FAST

    async def make(prompt):  # what your app does
        async with MotionSession(schedule=FAST) as motion:
            return await motion.generate(prompt)

    def test_a_video_is_paid_once(motion_sandbox):
        state = asyncio.run(make("A launch video"))
        assert state.status == "completed"
        assert motion_sandbox.counts.creates_accepted == 1

    def test_a_lost_answer_is_told(motion_sandbox):
        motion_sandbox.faults.next(LostAnswer(), on="create")
        with pytest.raises(CreateUncertainError):
            asyncio.run(make("A launch video"))

Its time runs 2,000 times as fast, so that a job is done in a tenth of a second, and `FAST` has polls notice it at once;
without that, the first one comes after two seconds. An app that is made for a test takes it along, as in
`FastAPI(lifespan=lifespan(schedule=FAST))`. The mark of the same name, on a test, a
class or a module, gives other arguments of `Sandbox`; with `speed=0` the time stands still until the test steps it:

    @pytest.mark.motion_sandbox(speed=0, seed=7)
    def test_step_by_step(motion_sandbox):
        async def look(job_id=None):
            async with MotionSession() as motion:
                return await (motion.poll(job_id) if job_id else (await motion.create("A launch video")).poll())

        state = asyncio.run(look())
        assert state.status == "queued"
        motion_sandbox.advance(3600)
        assert asyncio.run(look(state.job_id)).status == "completed"

Without the plugin, or for longer than a test, run a sandbox by hand:

    from motion_async.sandbox import Sandbox

    @pytest.fixture(scope="session")
    def motion():
        with Sandbox.in_thread(speed=2000) as sandbox:
            yield sandbox

    def test_it_by_hand(motion, monkeypatch):
        monkeypatch.setenv("MOTION_API_KEY", motion.api_key)
        monkeypatch.setenv("MOTION_BASE_URL", motion.url)
        assert asyncio.run(make("A launch video")).status == "completed"

The guard: while the plugin is loaded, a session that is entered for anything but this machine raises a
`ConfigurationError` before it connects, whatever key is in the environment; so do sessions of threads, of processes
that inherit the environment, and those for `plain_http_hosts`, behind which a way to the service may be. Only
`@pytest.mark.motion_real` lifts it: for the test and its own fixtures, and for the fixtures of a class or a module that
has the mark. A fixture of the whole run stays guarded. Where pytest loads no plugins by itself, name this one:
`-p motion_async`. Other runners, such as `python -m unittest` and Django's, get the guard by `MOTION_LOOPBACK_ONLY=1`.
"""

from typing import Final

from motion_async.timing.schedule import GrowingSchedule, Schedule

__all__ = ["FAST"]

FAST: Final[Schedule] = GrowingSchedule(first=0.01, growth=0, cap=0.01)
"""Polls at once and again and again, as a sandbox has jobs that end in no time; the session's pace still bounds it."""
