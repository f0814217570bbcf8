"""`motion_async.cli.pacing`: how it stands in plain words, now and then."""

from __future__ import annotations

import asyncio

import pytest

from motion_async.cli.pacing import JobWords, saying
from motion_async.events import JobAccepted
from motion_async.jobs import JobState, JobStatus, StatusChange
from tests.cli.test_lines import AT
from tests.virtual import VirtualLoop


def changed(job_id: str, status: str) -> StatusChange:
    """Give a change of a job."""
    return StatusChange(job_id, None, JobStatus(status), JobState(job_id, JobStatus(status)), AT)


def test_a_line_at_the_first_news_and_then_one_a_minute() -> None:
    """However much happens meanwhile, and nothing after the end."""
    said: list[tuple[float, str]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def words() -> str | None:
            return None if loop.time() < 9.5 else f"at {loop.time():.0f}"

        async with saying(words, lambda line: said.append((loop.time(), line))):
            await asyncio.sleep(150)
        await asyncio.sleep(600)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    assert said == [(10.0, "at 10"), (70.0, "at 70"), (130.0, "at 130")]


def test_the_words_are_of_one_job_or_of_all() -> None:
    """One by its id, as soon as it is known; several by how many are in which state."""
    jobs = JobWords()
    assert jobs.words() is None
    jobs.tell(JobAccepted("job-1"))
    assert jobs.words() == "job job-1 is accepted"
    jobs.tell(changed("job-1", "awaiting_user_input"))
    assert jobs.words() == "job job-1 is awaiting input"
    for number, status in enumerate(["running", "running", "completed"], 2):
        jobs.tell(changed(f"job-{number}", status))
    assert jobs.words() == "4 jobs: 2 running, 1 awaiting input, 1 completed"


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J"])
def test_no_word_obeys_the_service(name: str) -> None:
    """An id is one line of visible characters."""
    jobs = JobWords()
    jobs.tell(JobAccepted(name))
    assert str(jobs.words()).isprintable()
