"""The demonstration: many videos from real prompts against a sandbox of its own, with no key and no credits.

It must not look at the environment, nor send anything beyond this machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from motion_async.cli.atomic import check_output
from motion_async.cli.failures import ExitStatus
from motion_async.cli.following import telling
from motion_async.cli.happenings import Completed, LineTaken, StateSummary, Summary
from motion_async.cli.looks import one_line
from motion_async.cli.picture import save_picture
from motion_async.cli.prompts import load_prompts
from motion_async.cli.reporter import Reporter, say
from motion_async.cli.statuses import StatusTally
from motion_async.cli.tally import Tally
from motion_async.cli.view import WorkView
from motion_async.errors import JobFailedError
from motion_async.events import Event, JobAccepted
from motion_async.jobs import JobStatus, Outcome, StatusChange
from motion_async.sandbox import AwaitInput, Counts, Fail, Sandbox
from motion_async.session import MotionSession
from motion_async.timing.schedule import GrowingSchedule

__all__ = ["FAILS", "WAITS", "demo"]

_SEED: Final = 7
_MAX_ACTIVE: Final = 6
_PATIENCE: Final = 60.0
"""Real seconds for one job: no story takes that long, so a job that does has gone wrong."""
WAITS: Final = "backpack"
"""Part of the one prompt whose video waits for input."""
FAILS: Final = "podcast"
"""Part of the one prompt whose video fails."""
_ANSWERED_AFTER: Final = 60.0
_WHY: Final = "The attachment host.mp3 holds no speech."
_FOLLOWUP: Final = "Make the pacing faster and add a stronger call to action."


async def demo(reporter: Reporter, *, speed: float = 60.0, picture: Path | None = None) -> ExitStatus:
    """Make the videos of the shipped prompts, live, `speed` times faster than real time, and tell how it went.

    What a terminal shows once a job has failed is saved as a `picture`, if one is wanted. `DONE` means that the story
    went as it should: one job waits for input, one fails, all others complete.
    """
    if picture is not None:
        check_output(picture)
    requests = load_prompts()
    lines = {request.prompt: line for line, request in enumerate(requests, start=1)}
    statuses = StatusTally()
    began = time.monotonic()
    # Polled as much faster as time runs, so that the polls per job are those of real life.
    usual = GrowingSchedule()
    schedule = GrowingSchedule(first=usual.first / speed, growth=usual.growth, cap=usual.cap / speed)
    async with Sandbox(seed=_SEED, speed=speed) as sandbox:
        sandbox.faults.for_prompt(WAITS, AwaitInput(until_answered=True), on="create")
        sandbox.faults.for_prompt(FAILS, Fail(_WHY), on="create")

        def prompt(job_id: str) -> str:
            return one_line(sandbox.jobs[job_id].body["prompt"], limit=48)

        def tell(event: Event) -> None:
            if isinstance(event, StatusChange):
                statuses.take(event)
            if isinstance(event, JobAccepted) and not event.followup:
                asked = sandbox.jobs[event.job_id].body["prompt"]
                reporter.glance(LineTaken(lines[asked], None, asked, event.job_id))
            reporter.tell(event)
            if isinstance(event, StatusChange) and event.current == JobStatus.AWAITING_USER_INPUT:
                reporter.notice(f"waits for input, which comes in a moment: {prompt(event.job_id)}")
                asyncio.get_running_loop().call_later(_ANSWERED_AFTER / speed, sandbox.give_input, event.job_id)

        motion = MotionSession(sandbox.api_key, base_url=sandbox.url, schedule=schedule)
        title = f"{len(requests)} videos, {_MAX_ACTIVE} at a time, time runs {speed:g} times faster"
        try:
            tally = Tally(len(requests), places=_MAX_ACTIVE, now=began)
            view = WorkView(title, tally)
            async with reporter.live(view), telling(reporter, motion, tell):
                outcomes = []
                async with motion.generate_many(requests, max_active=_MAX_ACTIVE, job_timeout=_PATIENCE) as results:
                    async for outcome in results:
                        outcomes.append(outcome)
                        _tell_outcome(reporter, outcome)
                        if picture is not None and _is_ordered(outcome):
                            save_picture(picture, view, title="motion-async demo")
                followed = next((outcome for outcome in outcomes if outcome.ok), None)
                if followed is not None and followed.job_id is not None:
                    reporter.notice(f"followed up, “{_FOLLOWUP}”: {prompt(followed.job_id)}")
                    job = await motion.followup(followed.job_id, _FOLLOWUP)
                    reporter.tell(Completed(await job.wait(timeout=_PATIENCE)))
        finally:
            reporter.forget_jobs()  # they end with the sandbox, so there is nothing to take up again
        summary = _summary(statuses, outcomes, sandbox.counts, seconds=time.monotonic() - began, speed=speed)
    reporter.tell(summary)
    return _verdict(summary, outcomes, waited=statuses.passed[JobStatus.AWAITING_USER_INPUT])


def _tell_outcome(reporter: Reporter, outcome: Outcome) -> None:
    if outcome.error is None and outcome.state is not None:
        reporter.tell(Completed(outcome.state))
    elif outcome.error is not None:
        expected = _is_ordered(outcome)
        reporter.error(outcome.error, job_id=outcome.job_id, aloud=not expected)
        if expected:
            reporter.notice(f"failed, as ordered ({_WHY.rstrip('.')}): {one_line(outcome.request.prompt, limit=48)}")


def _is_ordered(outcome: Outcome) -> bool:
    return isinstance(outcome.error, JobFailedError) and FAILS in outcome.request.prompt


def _summary(
    tally: StatusTally, outcomes: Sequence[Outcome], counts: Counts, *, seconds: float, speed: float
) -> Summary:
    states = []
    for status, now in tally.by_status():
        mean = tally.mean_seconds(status)
        states.append(
            StateSummary(
                status=status,
                passed=tally.passed[status],
                now=now,
                mean_seconds=None if mean is None or status.is_terminal else round(mean * speed, 1),
            )
        )
    return Summary(
        seconds=round(seconds, 1),
        speed=speed,
        jobs=len(outcomes),
        completed=sum(outcome.ok for outcome in outcomes),
        failed=sum(isinstance(outcome.error, JobFailedError) for outcome in outcomes),
        states=tuple(states),
        polls=counts.polls,
        polls_per_job=round(counts.polls / max(counts.creates_accepted + counts.followups_accepted, 1), 1),
        creates_sent=counts.creates,
        creates_accepted=counts.creates_accepted,
        followups_accepted=counts.followups_accepted,
        duplicates=counts.duplicates,
    )


def _verdict(summary: Summary, outcomes: Sequence[Outcome], *, waited: int) -> ExitStatus:
    went_well = (
        all(outcome.ok or _is_ordered(outcome) for outcome in outcomes)
        and summary.failed == waited == summary.followups_accepted == 1
        and summary.creates_sent == summary.creates_accepted == summary.jobs
        and summary.duplicates == 0
    )
    if went_well:
        return ExitStatus.DONE
    say("the demonstration did not go as its story says; run it again, and report it if it stays so")
    return ExitStatus.JOB_FAILED
