"""The demonstration: a batch of real prompts against a sandbox of its own, with no key and no credits.

It must not look at the environment, nor send anything beyond this machine.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from motion_async.cli.arguments import Access
from motion_async.cli.atomic import check_output
from motion_async.cli.batch.command import make_batch
from motion_async.cli.batch.order import BatchOrder
from motion_async.cli.failures import ExitStatus
from motion_async.cli.ledger.address import Address
from motion_async.cli.looks import counted
from motion_async.cli.output.output import Output, say
from motion_async.cli.output.picture import save_picture
from motion_async.cli.process.stopping import Stop
from motion_async.cli.progress import RequestEnded
from motion_async.cli.view.work import WorkView
from motion_async.errors import ConfigurationError, JobFailedError
from motion_async.events import Event
from motion_async.jobs import JobStatus, StatusChange
from motion_async.ledger import LedgerTrouble
from motion_async.sandbox import AwaitInput, Fail, Sandbox
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
_WHY: Final = "The attachment host.mp3 holds no speech."


async def demo(output: Output, stop: Stop, *, speed: float = 60.0, picture: Path | None = None) -> ExitStatus:
    """Make the videos of the shipped sheet, live, `speed` times faster than real time, and tell how it went.

    What a terminal shows once a job has failed is saved as a `picture`, if one is wanted. `DONE` means that the story
    went as it should: one job waits for input, one fails, all others complete, and one of them is followed up.
    """
    if picture is not None:
        check_output(picture)
        if picture.suffix.lower() != ".svg":
            raise ConfigurationError(f"--output {picture}: a picture is an .svg file; name it so")
    # Polled as much faster as time runs, so that the polls per job are those of real life.
    usual = GrowingSchedule()
    schedule = GrowingSchedule(first=usual.first / speed, growth=usual.growth, cap=usual.cap / speed)
    async with Sandbox(seed=_SEED, speed=speed) as sandbox:
        sandbox.faults.for_prompt(WAITS, AwaitInput(), on="create")
        sandbox.faults.for_prompt(FAILS, Fail(_WHY), on="create")
        motion = MotionSession(sandbox.api_key, base_url=sandbox.url, schedule=schedule)
        view = _Story(f"a sheet of prompts, {_MAX_ACTIVE} at a time, time runs {speed:g} times faster", motion, picture)
        with as_file(files("motion_async.cli").joinpath("demo.json")) as sheet:
            status = await make_batch(output, _order(sheet), stop, session=motion, view=view)
    if status not in (ExitStatus.DONE, ExitStatus.JOB_FAILED):
        return status
    counts = sandbox.counts
    polls = counts.polls / max(counts.creates_accepted + counts.followups_accepted, 1)
    output.notice(
        f"the sandbox got {counted(counts.creates, 'create')} and {counted(counts.followups, 'followup')}, "
        f"{counts.duplicates or 'none'} of them twice, and {polls:.1f} polls a video; it is gone, and so is the ledger"
    )
    went_well = view.waited == view.failed == counts.followups_accepted == 1
    if went_well and counts.creates == counts.creates_accepted and not counts.duplicates:
        return ExitStatus.DONE
    say("the demonstration did not go as its story says; run it again, and report it if it stays so")
    return ExitStatus.JOB_FAILED


def _order(sheet: Path) -> BatchOrder:
    return BatchOrder(
        file=str(sheet),
        form="json",
        batch="demo",
        ledger=Address("sqlite://"),
        max_active=_MAX_ACTIVE,
        timeout=_PATIENCE,
        is_sure=True,
        access=Access(),
    )


class _Story(WorkView):
    """Shows the batch, counts what was ordered of the sandbox, and is saved as a picture once a job has failed."""

    def __init__(self, title: str, motion: MotionSession, picture: Path | None) -> None:
        super().__init__(title, stats=motion.stats)
        self._picture = picture
        self.waited = 0
        self.failed = 0

    def take(self, event: Event | LedgerTrouble) -> None:
        """Count a job that waits for input; see `WorkView.take`."""
        super().take(event)
        self.waited += isinstance(event, StatusChange) and event.current == JobStatus.AWAITING_USER_INPUT

    def end(self, ended: RequestEnded) -> None:
        """Count a job that has failed as ordered; see `WorkView.end`."""
        super().end(ended)
        if isinstance(ended.outcome.error, JobFailedError) and FAILS in ended.outcome.request.prompt:
            self.failed += 1
            if self._picture is not None:
                save_picture(self._picture, self, title="motion-async demo")
