"""`motion_async.cli.batch.view`: a batch as a person sees it."""

import io

from rich.console import Console

from motion_async.cli.batch.view import BatchView
from motion_async.cli.ends import End
from motion_async.cli.happenings import BatchBegins, Happening, LinesChecked, RequestEnded, Stopping
from motion_async.errors import ConnectFailedError, InsufficientCreditsError
from motion_async.events import JobAccepted, PollDisturbed, SendDisturbed, StatusUndocumented
from motion_async.jobs import JobState, JobStatus, Outcome, StatusChange, VideoRequest
from motion_async.ledger import LedgerTrouble
from tests.cli.batch.test_tally import change

NO_CREDITS = InsufficientCreditsError("no", http_status=402, minimum_required_credits=300, current_balance=120)


class TrackedJob:
    """A view with a clock that is set by hand."""

    def __init__(self, *happenings: Happening) -> None:
        self.now = 0.0
        self.view = BatchView("launch.jsonl", clock=lambda: self.now)
        self.tell(*happenings)

    def tell(self, *happenings: Happening) -> None:
        for happening in happenings:
            self.view.tell(happening)

    def shown(self, width: int = 80) -> str:
        console = Console(file=io.StringIO(), width=width, height=40, force_terminal=False)
        console.print(self.view)
        assert isinstance(console.file, io.StringIO)
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        return "\n".join(line.rstrip() for line in lines)


def ended(end: End, job_id: str | None = None) -> RequestEnded:
    """An end of some request."""
    return RequestEnded(1, Outcome(0, VideoRequest("A video"), job_id), end)


def test_first_the_lines_are_checked() -> None:
    """Before anything is sent the view says how far the check has come."""
    watched = TrackedJob(LinesChecked(12_000))
    assert "checking line 12,001" in watched.shown()
    assert watched.view.words() == "checked 12,000 lines so far"


def test_a_status_that_stays_and_nobody_knows_is_said() -> None:
    """It may mean anything, so a person is told of it."""
    watched = TrackedJob(BatchBegins(2, 2), StatusUndocumented("a", JobStatus("polishing"), 600.0))
    assert "a job stands in a status that is not documented: polishing" in watched.shown()


def test_bars_tell_states_rate_and_time_left() -> None:
    """Each state has its count; rate and time left are there once there is something to say."""
    watched = TrackedJob(BatchBegins(1_000, 2), change("a", "running"), change("b", "queued"))
    assert "the time left is known after a few more" in watched.shown()
    for number in range(100):
        watched.now += 6.0
        watched.tell(change(str(number), "running"), ended(End.COMPLETED, str(number)))
    watched.tell(ended(End.FAILED), ended(End.UNCERTAIN), ended(End.NOT_SENT))
    shown = watched.shown()
    assert "102 of 1,000 done · 10.0 a minute · about 90 min left" in shown
    counts = {line.split()[0]: line.split()[-2:] for line in shown.splitlines()[1:-1]}
    assert counts["completed"] == ["100", "10%"]
    assert counts["running"] == counts["uncertain"] == ["1", "0%"]
    assert "to do" in shown
    assert "896" in shown
    assert "not sent" not in shown
    words = watched.view.words() or ""
    assert words.startswith("102 of 1,000 done · 10.0 a minute · about 90 min left: 100 completed, 1 failed")


def test_no_rate_tells_when_the_last_ones_end() -> None:
    """When all that is left runs, that is said in the place of an estimate."""
    watched = TrackedJob(BatchBegins(5, 5), *(change(str(number), "running") for number in range(5)))
    watched.now = 10.0
    watched.tell(*(ended(End.COMPLETED, str(number)) for number in range(3)))
    assert watched.shown().endswith("the last 2 run")


def test_missing_credits_are_told_in_plain_words_until_there_are_some() -> None:
    """The balance, and when the next try is, in place of an estimate; a create that is taken ends it."""
    watched = TrackedJob(BatchBegins(9, 5), SendDisturbed(None, NO_CREDITS, 1, 60.0))
    watched.now = 18.0
    shown = " ".join(watched.shown().split())
    assert "not enough credits: the balance is 120, and a new video needs at least 300" in shown
    assert "next try in 42.0 s" in shown
    assert "next try in 42.0 s" in (watched.view.words() or "")
    watched.tell(JobAccepted("a"))
    assert "credits" not in watched.shown()


def test_troubles_stand_for_a_moment() -> None:
    """A create that is sent again, or a ledger out of reach, is told of as long as it is news."""
    watched = TrackedJob(BatchBegins(9, 5), SendDisturbed(None, ConnectFailedError("no connection"), 1, 2.0))
    assert "tried again in 2.0 s: no connection" in watched.shown()
    watched.now = 10.0
    assert "no connection" not in watched.shown()
    watched.tell(LedgerTrouble("database is locked", 0.1))
    assert "locked" not in watched.shown(), "two processes wait for each other all the time"
    watched.tell(LedgerTrouble("database is locked", 5.0))
    assert "is waited for (5.0 s so far): database is locked" in " ".join(watched.shown().split())


def test_a_ledger_that_is_waited_for_before_anything_is_sent_is_told_of() -> None:
    """While it is opened, and while the lines are checked against it."""
    watched = TrackedJob(LedgerTrouble("database is locked", 1.2))
    assert "is waited for (1.2 s so far): database is locked" in watched.shown(100)
    assert watched.view.words() == (
        "the ledger cannot be used now and is waited for (1.2 s so far): database is locked"
    )
    watched.tell(LinesChecked(10))
    assert (watched.view.words() or "").startswith("checked 10 lines so far; the ledger")


def test_a_poll_and_a_followup_in_trouble_are_told_apart() -> None:
    """Each trouble is called by what it happened to, in the words that other commands have for it."""
    watched = TrackedJob(BatchBegins(9, 5), SendDisturbed("a", ConnectFailedError("no connection"), 1, 2.0))
    assert "a followup was not taken, tried again in 2.0 s: no connection" in watched.shown(120)
    watched.tell(PollDisturbed("a", ConnectFailedError("no connection"), 1, 2.0))
    assert "a poll failed, made again in 2.0 s: no connection" in watched.shown(120)


def test_whoever_stops_it_is_told_what_happens() -> None:
    """After the first Ctrl-C the view says what is waited for, and what a second one does."""
    watched = TrackedJob(BatchBegins(9, 5), Stopping())
    assert "once more leaves at once" in watched.shown(120)
    watched.view.settle()
    assert "once more" not in watched.shown(120)


def test_it_fits_any_width() -> None:
    """However narrow the terminal is, and whatever the service calls a status."""
    state = JobState("a", JobStatus("a_very_long_status_that_nobody_knows"))
    watched = TrackedJob(
        BatchBegins(1_000_000, 5), StatusChange("a", None, state.status, state, change("a", "x").observed_at)
    )
    for width in (40, 80, 200):
        shown = watched.shown(width)  # which looks whether it fits
        assert "a very long sta" in shown
        assert "999,999" in shown
