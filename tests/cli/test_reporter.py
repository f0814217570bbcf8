"""`motion_async.cli.reporter`: what is told where, and what an interruption says."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from motion_async import errors, events
from motion_async.cli.happenings import Completed, Happening, Interrupted
from motion_async.cli.reporter import Reporter, View, say
from motion_async.cli.stdout import Stdout
from motion_async.cli.tally import Tally
from motion_async.cli.view import WorkView
from motion_async.jobs import JobState, JobStatus, StatusChange


class Recorder:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Happening | str] = []

    @asynccontextmanager
    async def live(self, view: View) -> AsyncIterator[None]:
        """Show nothing."""
        assert view is not None
        yield

    def tell(self, happening: Happening) -> None:
        """Keep it."""
        self.told.append(happening)

    def notice(self, words: str) -> None:
        """Keep it."""
        self.told.append(words)

    def restore(self) -> None:
        """Have nothing to restore."""


def test_an_interruption_names_the_jobs_that_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs that have not ended are named, with the command that takes them up again."""
    sink = Recorder()
    reporter = Reporter(sink, Stdout())
    reporter.following(("a", "b", "c", "d"))
    reporter.tell(events.JobAccepted("e"))
    reporter.tell(Completed(JobState("a", JobStatus.COMPLETED)))
    reporter.error(errors.JobFailedError("b", error=None))
    reporter.error(errors.TransportError("nothing came"), job_id="c")
    capsys.readouterr()
    reporter.interrupted("interrupted")
    assert sink.told[-1] == Interrupted(("c", "d", "e"))
    assert capsys.readouterr().err == (
        "motion-async: interrupted; what has begun goes on, follow it with: motion-async watch -- c d e\n"
    )


def test_an_interruption_with_nothing_under_way_says_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no job goes on, none is named."""
    reporter = Reporter(Recorder(), Stdout())
    reporter.tell(events.JobAccepted("a"))
    reporter.forget_jobs()
    reporter.interrupted("interrupted")
    assert capsys.readouterr().err == "motion-async: interrupted\n"


def test_an_interruption_between_two_tries_says_that_nothing_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """While a create only waits to be sent again, it is safe to run the command once more."""
    reporter = Reporter(Recorder(), Stdout())
    reporter.sending()
    reporter.tell(events.SendDisturbed(None, errors.ConnectFailedError("no route"), failures=1, next_wait=60.0))
    reporter.interrupted("interrupted")
    assert "safe to run the command again" in capsys.readouterr().err


def test_an_interruption_of_a_request_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    """A create that was under way may have been taken, so the frontend is named."""
    reporter = Reporter(Recorder(), Stdout())
    reporter.sending()
    reporter.interrupted("interrupted")
    assert "look at https://motion.so before you send it again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "resolved",
    [
        events.JobAccepted("a"),
        events.SendAbandoned(None, errors.SessionClosedError("given up before it was sent")),
    ],
)
def test_a_request_whose_end_is_known_is_not_under_way(
    resolved: events.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once it is known what became of a create, nobody is sent to the frontend for it."""
    reporter = Reporter(Recorder(), Stdout())
    reporter.sending()
    reporter.tell(resolved)
    reporter.interrupted("interrupted")
    assert "motion.so" not in capsys.readouterr().err


def test_an_uncertain_request_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A create that was cut off with its answer open is said with what to do."""
    reporter = Reporter(Recorder(), Stdout())
    reporter.tell(events.SendAbandoned(None, errors.CreateUncertainError("the session was left")))
    assert "a job may exist" in capsys.readouterr().err


async def test_sentences_wait_for_the_end_of_the_view(capsys: pytest.CaptureFixture[str]) -> None:
    """While a view is shown nothing is written across it; the sentences come when it has ended, each once."""
    reporter = Reporter(Recorder(), Stdout())
    async with reporter.live(WorkView("")):
        assert reporter.error(errors.JobFailedError("b", error="no scene")) == 1
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err.count("job b failed: no scene") == 1
    reporter.error(errors.JobFailedError("c", error="no scene"))
    assert capsys.readouterr().err.count("failed") == 1


async def test_view_and_sink_are_told_alike() -> None:
    """What happens while a view is shown is told to it, and to the sink."""
    sink, tally = Recorder(), Tally(None, places=None, now=0.0)
    reporter = Reporter(sink, Stdout())
    first, second = (
        StatusChange("a", None, status, JobState("a", status), datetime.now(UTC))
        for status in (JobStatus.QUEUED, JobStatus.RUNNING)
    )
    async with reporter.live(WorkView("", tally)):
        reporter.tell(first)
    reporter.tell(second)
    assert tally.by_status == [("queued", 1)]
    assert sink.told == [first, second]


def test_an_expected_error_is_not_said_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    """An error that is part of the story is told, and not said."""
    sink = Recorder()
    assert Reporter(sink, Stdout()).error(errors.JobFailedError("b", error="as ordered"), aloud=False) == 1
    assert len(sink.told) == 1
    assert capsys.readouterr().err == ""


def test_whoever_leaves_at_once_names_what_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Only where no id waits to be written is all in the ledger; else each is said with its item."""
    reporter = Reporter(Recorder(), Stdout())
    unwritten: list[tuple[str, str, str]] = []
    reporter.keeps(lambda: unwritten)
    reporter.leave_at_once()
    assert capsys.readouterr().err == "motion-async: left at once; all that was sent is in the ledger\n"
    unwritten += [("launch", "hero", "job-1"), ("launch", "tour", "job-2")]
    reporter.leave_at_once()
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.startswith("motion-async: hero of batch launch is job job-1")
    assert second.startswith("motion-async: tour of batch launch is job job-2")
    assert "all that was sent" not in last
    assert "keep these ids" in last


def test_a_process_without_stderr_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there is no stderr, saying something does not fail, and goes nowhere else."""
    with monkeypatch.context() as without:
        without.setattr(sys, "stderr", None)
        say("nobody hears it")
    assert capfd.readouterr() == ("", "")
    say("somebody does")
    assert capfd.readouterr() == ("", "motion-async: somebody does\n")
