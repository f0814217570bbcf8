"""`motion_async.cli.view.work`: videos as a person sees them while they are made."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console

from motion_async.cli.progress import LineTaken, RequestEnded
from motion_async.cli.view.tally import Tally
from motion_async.cli.view.work import WorkView
from motion_async.cli.words import End
from motion_async.errors import (
    ConnectFailedError,
    InsufficientCreditsError,
    ServiceUnavailableError,
    SessionClosedError,
)
from motion_async.events import Event, JobAccepted, PollDisturbed, SendDisturbed, SessionStats, StatusUndocumented
from motion_async.jobs import JobState, JobStatus, StatusChange
from motion_async.ledger import LedgerTrouble
from tests.cli.view.test_tally import change, ended

NO_CREDITS = InsufficientCreditsError("no", http_status=402, minimum_required_credits=300, current_balance=120)
HEIGHT = 11
"""Lines of the view while it lives: title, bar, counts, foot, two of trouble, and five that need a person."""


Told = Event | LedgerTrouble | LineTaken | RequestEnded


class Watched:
    """A view with a clock that is set by hand."""

    def __init__(
        self, total: int | None = None, places: int | None = None, *things: Told, durations: Iterable[float] = ()
    ) -> None:
        self.now = 0.0
        self.answered_at: float | None = None
        self.view = WorkView("launch.jsonl", stats=self.stats, clock=lambda: self.now)
        if total is not None:
            self.view.begin(total, places=places, durations=durations)
        self.tell(*things)

    def stats(self) -> SessionStats:
        """Say how a session stands that had its last answer at some moment, or was not opened."""
        if self.answered_at is None:
            raise SessionClosedError("not open")
        return SessionStats(0, 0, 1.0, 0.0, 0, 0, self.now - self.answered_at)

    def tell(self, *things: Told) -> None:
        for thing in things:
            if isinstance(thing, LineTaken):
                self.view.take_line(thing)
            elif isinstance(thing, RequestEnded):
                self.view.end(thing)
            else:
                self.view.take(thing)

    def connect(self) -> None:
        self.answered_at = 0.0

    def lines(self, width: int = 80, height: int = 40, **options: Any) -> list[str]:
        console = Console(file=io.StringIO(), width=width, height=height, **options)
        with console.capture() as capture:
            console.print(self.view)
        lines = capture.get().splitlines()
        assert options.get("color_system") or max(map(len, lines)) <= width
        return [line.rstrip() for line in lines]

    def shown(self, width: int = 80) -> str:
        return "\n".join(self.lines(width)).rstrip()


def test_first_the_lines_are_checked() -> None:
    """Before anything is sent the view says how far the check has come."""
    watched = Watched()
    watched.view.check(12_000)
    assert "checking line 12,001" in watched.shown()
    assert watched.view.words() == "checked 12,000 lines so far"


def test_the_words_have_their_counts_and_the_service_its_statuses() -> None:
    """And so do rate and time left, once there is something to say."""
    watched = Watched(1_000, 2, change("a", "running"), change("b", "queued"))
    assert "left" not in watched.shown()
    for number in range(100):
        watched.now += 6.0
        watched.tell(
            change(str(number), "running"), change(str(number), "completed"), ended(End.COMPLETED, str(number))
        )
    watched.tell(ended(End.FAILED), ended(End.UNCERTAIN), ended(End.NOT_SENT))
    shown = watched.shown(100)
    assert "102 of 1,000 ended · 10.0 a minute · about 90 min left" in shown
    assert "896 waiting   2 making   100 done   1 failed   1 unclear   (1 queued, 1 running)" in shown
    words = watched.view.words() or ""
    assert words.startswith("102 of 1,000 ended · 10.0 a minute · about 90 min left: 896 waiting, 2 making, 100 done")


@pytest.mark.parametrize("total", [10, 10_000])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (40, 12)])
def test_it_is_as_high_whatever_happens(total: int, width: int, height: int) -> None:
    """With ten videos and with ten thousand, with trouble and without, and no line is longer than the terminal."""
    watched = Watched(total, 5)
    watched.connect()
    heights = {len(watched.lines(width, height))}
    for number in range(total // 2):
        watched.tell(LineTaken(number, f"key {number}", "A very long prompt of many words " * 9, f"job {number}"))
        watched.tell(change(f"job {number}", "failed", error="no scene " * 30))
        watched.tell(ended(End.FAILED, f"job {number}"))
    heights.add(len(watched.lines(width, height)))
    watched.tell(PollDisturbed("a", ConnectFailedError("no connection"), 1, 2.0))
    watched.now = 60.0
    heights.add(len(watched.lines(width, height)))
    assert heights <= ({HEIGHT} if width > 40 else {10, 11}), heights  # where it is narrow, the counts need two lines


@pytest.mark.parametrize("has_colours", [True, False])
def test_the_bar_has_each_word_in_its_share(has_colours: bool) -> None:
    """In colours; without them by marks that can be told apart. What there is one of is to be seen, too."""
    watched = Watched(1_000, 5)
    watched.tell(*(ended(End.COMPLETED) for _ in range(500)), ended(End.FAILED), change("a", "running"))
    if has_colours:
        line = watched.lines(100, color_system="standard", force_terminal=True)[1]
        assert [part.count("━") for part in line.split("\x1b[0m")] == [49, 1, 1, 49, 0]
    else:
        line = watched.lines(100)[1]
        assert line == "#" * 49 + "=" + "x" + "." * 49


def test_what_needs_a_person_is_told_by_line_key_and_prompt() -> None:
    """The newest first, with the reason, as long as it does."""
    watched = Watched(9, 5, LineTaken(2, "teaser", "A teaser", None), LineTaken(3, None, "Another", "b"))
    watched.tell(JobAccepted("a", key="teaser"), change("a", "awaiting_user_input"))
    line = "line 2, teaser, “A teaser”: needs you, waits for your answer at https://motion.so (job a)"
    assert watched.lines(100)[6] == line
    watched.tell(change("b", "failed", error="no scene"))
    assert watched.lines(100)[6:8] == ["line 3, “Another”: failed, no scene (job b)", line]
    watched.tell(change("a", "running"))
    assert watched.lines(100)[6:8] == ["line 3, “Another”: failed, no scene (job b)", ""]


def test_how_long_the_service_has_said_nothing_is_told() -> None:
    """After a failure that lasts as long as it lasts, with what goes on; an answer ends it."""
    watched = Watched(9, 5, *(change(str(number), "running") for number in range(3)))
    watched.connect()
    watched.tell(PollDisturbed("1", ConnectFailedError("no connection"), 1, 2.0))
    assert "a poll failed, made again in 2.0 s: no connection" in watched.shown(160)
    watched.now = 42.0
    watched.tell(PollDisturbed("1", ConnectFailedError("no connection"), 2, 2.0))
    shown = watched.shown(120)
    assert "the service has not answered for 0:42; 3 videos go on there, nothing is lost" in shown
    assert "heard 0:42 ago" in shown
    watched.answered_at = 43.0
    watched.now = 44.0
    assert "no" not in watched.shown(120).splitlines()[-1]
    assert "heard 0:01 ago" in watched.shown(120)


def test_a_service_that_answers_badly_is_not_called_silent() -> None:
    """What it says is told however long it is so; and the next silence counts from its own beginning."""
    watched = Watched(9, 5, change("1", "running"))
    watched.connect()
    for seconds in (1.0, 30.0, 60.0):
        watched.now = seconds
        watched.tell(PollDisturbed("1", ServiceUnavailableError("busy", http_status=503), 1, 2.0))
    assert "made again in 2.0 s: busy" in watched.shown(160)
    watched.answered_at = 61.0
    watched.now = 62.0
    assert "busy" not in watched.shown(160)
    watched.now = 100.0
    watched.tell(PollDisturbed("1", ConnectFailedError("no connection"), 1, 2.0))
    watched.now = 115.0
    assert "the service has not answered for 0:54" in watched.shown(160)


def test_missing_credits_are_told_in_plain_words_until_there_are_some() -> None:
    """The balance, and when the next try is, in place of an estimate; a create that is taken ends it."""
    watched = Watched(9, 5, SendDisturbed(None, NO_CREDITS, 1, 60.0), durations=(10.0,) * 20)
    watched.now = 18.0
    shown = watched.shown(200)
    assert "not enough credits: the balance is 120, and a new video needs at least 300" in shown
    assert "next try in 42.0 s" in shown
    assert "left" not in shown
    assert "next try in 42.0 s" in (watched.view.words() or "")
    watched.tell(JobAccepted("a"))
    assert "credits" not in watched.shown(200)
    assert "left" in watched.shown(200)


def test_troubles_that_nothing_ends_stand_for_a_moment() -> None:
    """A create that is sent again where nobody knows when the service answers, or a ledger out of reach."""
    watched = Watched(9, 5, SendDisturbed(None, ConnectFailedError("no connection"), 1, 2.0))
    assert "tried again in 2.0 s: no connection" in watched.shown(200)
    watched.now = 10.0
    assert "no connection" not in watched.shown(200)
    watched.tell(LedgerTrouble("database is locked", 0.1))
    assert "locked" not in watched.shown(200), "two processes wait for each other all the time"
    watched.tell(LedgerTrouble("database is locked", 5.0))
    assert "is waited for (5.0 s so far): database is locked" in watched.shown(200)


def test_a_ledger_that_is_waited_for_before_anything_is_sent_is_told_of() -> None:
    """While it is opened, and while the lines are checked against it."""
    watched = Watched(None, None, LedgerTrouble("database is locked", 1.2))
    assert "is waited for (1.2 s so far): database is locked" in watched.shown(100)
    words = "the ledger cannot be used now and is waited for (1.2 s so far): database is locked"
    assert watched.view.words() == words
    watched.view.check(10)
    assert (watched.view.words() or "").startswith("checked 10 lines so far; the ledger")


def test_a_status_that_stays_and_nobody_knows_is_said() -> None:
    """It may mean anything, so a person is told of it."""
    watched = Watched(2, 2, StatusUndocumented("a", JobStatus("polishing"), 600.0))
    assert "a job stands in a status that is not documented: polishing" in watched.shown()


def test_whoever_stops_it_is_told_what_happens() -> None:
    """After the first Ctrl-C the view says what is waited for, and what a second one does."""
    watched = Watched(9, 5)
    watched.view.stop()
    assert "once more leaves at once" in watched.shown(120)
    watched.view.settle()
    assert "once more" not in watched.shown(120)


def test_its_last_picture_has_no_empty_lines() -> None:
    """What needs a person is told then in full, and in its own place."""
    watched = Watched(9, 5, change("a", "failed"))
    watched.view.settle()
    assert len(watched.lines()) == 4


def test_it_fits_any_width() -> None:
    """However narrow the terminal is, and whatever the service calls a status."""
    state = JobState("a", JobStatus("a_very_long_status_that_nobody_knows"))
    watched = Watched(1_000_000, 5)
    watched.tell(StatusChange("a", None, state.status, state, change("a", "x").observed_at))
    for width in (40, 80, 200):
        shown = watched.shown(width)  # which looks whether it fits
        assert "a very long sta" in shown
        assert "999,999" in shown


def test_jobs_of_no_batch_are_counted_from_what_is_told_of_them() -> None:
    """As those of a demonstration, whose number is known, or of a worker, whose is not."""
    view = WorkView("24 videos", Tally(24, places=6, now=0.0), clock=lambda: 0.0)
    view.take(change("a", "completed"))
    assert (view.words() or "").startswith("1 of 24 ended: 23 waiting, 1 done")
