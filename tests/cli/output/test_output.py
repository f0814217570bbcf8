"""`motion_async.cli.output.output`: what is told where, and what an interruption says."""

import sys
from datetime import UTC, datetime

import pytest

from motion_async import errors, events
from motion_async.cli.output.live import LiveOutput
from motion_async.cli.output.output import Output, say
from motion_async.cli.output.stdout import Stdout
from motion_async.cli.view.tally import Tally
from motion_async.cli.view.work import WorkView
from motion_async.jobs import JobState, JobStatus, StatusChange
from tests.cli.output.test_live import terminal


def test_an_interruption_names_the_jobs_that_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Jobs that have not ended are named, with the command that takes them up again."""
    output = Output(Stdout())
    output.unfinished.follow(("a", "b", "c", "d"))
    output.show_event(events.JobAccepted("e"))
    output.show_result(JobState("a", JobStatus.COMPLETED))
    output.error(errors.JobFailedError("b", error=None))
    output.error(errors.TransportError("nothing came"), job_id="c")
    capsys.readouterr()
    output.interrupted("interrupted")
    assert output.unfinished.job_ids == ("c", "d", "e")
    assert capsys.readouterr().err == (
        "motion-async: interrupted; what has begun goes on, follow it with: motion-async watch -- c d e\n"
    )


def test_an_interruption_with_nothing_under_way_says_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no job goes on, none is named."""
    output = Output(Stdout())
    output.show_event(events.JobAccepted("a"))
    output.unfinished.forget_jobs()
    output.interrupted("interrupted")
    assert capsys.readouterr().err == "motion-async: interrupted\n"


def test_an_interruption_between_two_tries_says_that_nothing_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """While a create only waits to be sent again, it is safe to run the command once more."""
    output = Output(Stdout())
    output.unfinished.send()
    output.show_event(events.SendDisturbed(None, errors.ConnectFailedError("no route"), failures=1, next_wait=60.0))
    output.interrupted("interrupted")
    assert "safe to run the command again" in capsys.readouterr().err


def test_an_interruption_of_a_request_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    """A create that was under way may have been taken, so the frontend is named."""
    output = Output(Stdout())
    output.unfinished.send()
    output.interrupted("interrupted")
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
    output = Output(Stdout())
    output.unfinished.send()
    output.show_event(resolved)
    output.interrupted("interrupted")
    assert "motion.so" not in capsys.readouterr().err


def test_an_uncertain_request_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A create that was cut off with its answer open is said with what to do."""
    output = Output(Stdout())
    output.show_event(events.SendAbandoned(None, errors.CreateUncertainError("the session was left")))
    assert "a job may exist" in capsys.readouterr().err


async def test_sentences_wait_for_the_end_of_the_view(capsys: pytest.CaptureFixture[str]) -> None:
    """While a picture moves nothing is written across it; the sentences come when it has ended, each once."""
    output = LiveOutput(Stdout(), terminal())
    async with output.live(WorkView("")):
        assert output.error(errors.JobFailedError("b", error="no scene")) == 1
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err.count("job b failed: no scene") == 1
    output.error(errors.JobFailedError("c", error="no scene"))
    assert capsys.readouterr().err.count("failed") == 1


async def test_a_view_is_told_what_happens_while_it_is_shown() -> None:
    """And nothing after that."""
    tally = Tally(None, places=None, now=0.0)
    output = Output(Stdout())
    first, second = (
        StatusChange("a", None, status, JobState("a", status), datetime.now(UTC))
        for status in (JobStatus.QUEUED, JobStatus.RUNNING)
    )
    async with output.live(WorkView("", tally)):
        output.show_event(first)
    output.show_event(second)
    assert tally.by_status == [("queued", 1)]


def test_an_expected_error_is_not_said_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    """An error that is part of the story is told, and not said."""
    assert Output(Stdout()).error(errors.JobFailedError("b", error="as ordered"), aloud=False) == 1
    assert capsys.readouterr().err == ""


def test_whoever_leaves_at_once_names_what_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Only where no id waits to be written is all in the ledger; else each is said with its item."""
    output = Output(Stdout())
    unwritten: list[tuple[str, str, str]] = []
    output.unfinished.unwritten = lambda: unwritten
    output.leave_at_once()
    assert capsys.readouterr().err == "motion-async: left at once; all that was sent is in the ledger\n"
    unwritten += [("launch", "hero", "job-1"), ("launch", "tour", "job-2")]
    output.leave_at_once()
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
