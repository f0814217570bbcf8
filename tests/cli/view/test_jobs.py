"""`motion_async.cli.view.jobs`: a row a job."""

import io
import uuid
from datetime import UTC, datetime

import pytest
from rich.console import Console

from motion_async import errors, events
from motion_async.cli.view.jobs import JobTable
from motion_async.jobs import JobState, JobStatus, StatusChange

AT = datetime(2026, 4, 28, 23, 1, tzinfo=UTC)
A, B = "405d47cf-f72b-4852-b570-0de2446dbba1", "f6c31010-16d7-486a-9903-d0727d4b7d5d"


def change(job_id: str, current: str, *, error: str | None = None) -> StatusChange:
    """Make a change of a job's status."""
    status = JobStatus(current)
    return StatusChange(job_id, None, status, JobState(job_id, status, AT, AT, error=error), AT)


def rendered(table: JobTable, *, width: int = 100, height: int = 30) -> list[str]:
    """Render a table as lines without colours."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_each_job_has_a_row_with_its_time() -> None:
    """A row has the id, a word, how long the job has been followed until it ends, and the service's status."""
    moment = 0.0
    table = JobTable((A, B), clock=lambda: moment)
    assert [line.split() for line in rendered(table)[1:]] == [[A, "…", "0:00"], [B, "…", "0:00"]]
    table.take(change(A, "running"))
    moment = 5.0
    table.take(change(B, "completed"))
    moment = 69.0
    assert [line.split() for line in rendered(table)[1:]] == [
        [A, "making", "1:09", "running"],
        [B, "done", "0:05", "completed"],
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_an_id_is_never_cut(width: int) -> None:
    """The id is there as a whole, on one line, and no line is longer than the terminal."""
    table = JobTable((A,))
    table.take(change(A, "awaiting_user_input"))
    lines = rendered(table, width=width)
    assert lines[1].startswith(A)
    assert len(lines) == 2
    assert max(map(len, lines)) <= width
    assert ("answer at motion.so" in lines[1]) == (width >= 80)


def test_a_create_that_is_tried_again_says_why() -> None:
    """Before there is a job, the reason for waiting is shown, and that nothing was taken."""
    table = JobTable(())
    assert rendered(table) == ["waiting for the service …"]
    table.take(events.SendDisturbed(None, errors.ConnectFailedError("no route to host"), failures=1, next_wait=5.0))
    (line, *_) = rendered(table, width=200)
    assert line.startswith("a create was not taken, tried again in")
    assert "no route to host" in line


def test_a_job_that_is_accepted_gets_a_row() -> None:
    """A job that nobody knew before appears; a followup starts its row anew."""
    moment = 0.0
    table = JobTable(clock=lambda: moment)
    table.take(change(A, "completed"))
    moment = 3.0
    table.take(events.JobAccepted(A, followup=True))
    table.take(change(A, "queued"))
    moment = 4.0
    assert [line.split() for line in rendered(table)[1:]] == [[A, "making", "0:01", "queued"]]


def test_what_is_to_be_said_of_a_job_stands_beside_it() -> None:
    """A failure, a disturbance and an end without a status are told in the row."""
    moment = 0.0
    table = JobTable((A, B), clock=lambda: moment)
    table.take(change(A, "failed", error="no scene at https://example.com/x?secret=1\x1b[2J"))
    table.take(events.PollDisturbed(B, errors.TransportError("lost"), 1, 2.5))
    lines = rendered(table, width=120)
    assert "no scene at https://example.com/x?…" in lines[1]
    assert "asked again in 2.5 s: TransportError" in lines[2]
    moment = 5.0
    assert "TransportError" not in rendered(table, width=120)[2]
    table.fail(errors.JobNotFoundError("no such job", http_status=404), "nope")
    table.fail(errors.ConfigurationError("of no job"), None)
    assert rendered(table, width=120)[3].split()[:2] == ["nope", "error"]


def test_an_end_under_another_name_stops_the_clock() -> None:
    """The row shows what it means, the status as it came, and how long it took."""
    moment = 0.0
    table = JobTable((A,), clock=lambda: moment)
    moment = 5.0
    table.take(change(A, "cancelled"))
    moment = 60.0
    assert rendered(table)[1].split() == [A, "failed", "0:05", "cancelled"]


def test_more_jobs_than_fit_are_counted_until_the_end() -> None:
    """While it lives, a table that is too tall is shown as counts; the last picture has every row."""
    ids = [str(uuid.UUID(int=index)) for index in range(100)]
    table = JobTable(ids)
    for job_id in ids:
        table.take(change(job_id, "running"))
    lines = rendered(table, height=24)
    assert len(lines) < 24
    assert any("100 making" in line and "100 running" in line for line in lines)
    table.settle()
    assert len(rendered(table, height=24)) == 101


def test_an_answer_is_shown_with_the_time_of_its_change() -> None:
    """A state that was asked for shows when the service last changed it."""
    table = JobTable((A, B), follows=False)
    table.take_state(JobState(A, JobStatus.COMPLETED, AT, AT))
    assert [line.split() for line in rendered(table)] == [
        ["job", "state", "changed", "(UTC)"],
        [A, "done", "28", "Apr", "23:01", "completed"],
        [B, "…"],
    ]
    assert rendered(table, height=3) == ["asked for 2 jobs …"]


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_table_of_answers_fits_too(follows: bool, width: int) -> None:
    """No line is longer than the terminal, and no character of an id is lost, even if ids are long."""
    long = "x" * 100
    table = JobTable((A, long), follows=follows)
    table.take_state(JobState(A, JobStatus.AWAITING_USER_INPUT, AT, AT))
    lines = rendered(table, width=width)
    assert max(map(len, lines)) <= width
    assert sum(line.count("x") for line in lines) == 100


def test_before_the_first_job_there_is_a_word_for_it() -> None:
    """While nothing is known of a job yet that is said, and nothing at all if it stays so."""
    table = JobTable()
    assert rendered(table) == ["waiting for the service …"]
    table.settle()
    assert rendered(table) == []


def test_its_words_are_of_one_job_or_of_all() -> None:
    """One by its id, as soon as it is known; several by how many stand how; none obeys the service."""
    table = JobTable()
    assert table.words() is None
    table.take(events.JobAccepted(A))
    assert table.words() is None
    table.take(change(A, "awaiting_user_input"))
    assert table.words() == f"job {A}: needs you"
    table.take(change(B, "running"))
    assert (table.words() or "").startswith("0 of 2 ended: 1 making, 1 needs you")
    hostile = JobTable()
    hostile.take(change("a\x1b[2J\nb", "running"))
    assert str(hostile.words()).isprintable()
