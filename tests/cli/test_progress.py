"""`motion_async.cli.progress`: counting jobs, and bars by state."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from motion_async.cli.progress import StateBars, Tally
from motion_async.jobs import JobState, JobStatus, StatusChange

START = datetime(2026, 4, 28, 23, 1, tzinfo=UTC)


def change(job_id: str, current: str, *, at: float = 0.0) -> StatusChange:
    """Make a change of a job's status, some seconds after the start."""
    status = JobStatus(current)
    return StatusChange(job_id, None, status, JobState(job_id, status), START + timedelta(seconds=at))


def tally_of(changes: Iterable[StatusChange]) -> Tally:
    """Count some changes."""
    tally = Tally()
    for each in changes:
        tally.take(each)
    return tally


def rendered(bars: StateBars, *, width: int) -> list[str]:
    """Render bars as lines without colours."""
    console = Console(file=io.StringIO(), width=width, height=30, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(bars)
    return capture.get().splitlines()


def test_a_job_is_counted_where_it_is_now() -> None:
    """A job counts for its newest status alone, and for each that it has passed."""
    tally = tally_of([change("a", "queued"), change("b", "queued"), change("a", "running"), change("a", "completed")])
    assert {status: count for status, count in tally.now.items() if count} == {"queued": 1, "completed": 1}
    assert dict(tally.passed) == {"queued": 2, "running": 1, "completed": 1}
    assert (tally.jobs, tally.ended) == (2, 1)


def test_the_mean_time_is_that_of_jobs_that_have_left() -> None:
    """How long a status lasts is told by the jobs that have left it; before any has, nothing is."""
    tally = tally_of(
        [
            change("a", "queued", at=0),
            change("b", "queued", at=0),
            change("c", "queued", at=0),
            change("a", "running", at=2),
            change("b", "running", at=4),
        ]
    )
    assert tally.mean_seconds(JobStatus.QUEUED) == 3
    assert tally.mean_seconds(JobStatus.RUNNING) is None


def test_a_followup_takes_a_job_back() -> None:
    """A job that is followed up counts as under way again, and is still one job."""
    tally = tally_of([change("a", "completed"), change("a", "queued")])
    assert (tally.jobs, tally.ended) == (1, 0)


def test_an_end_under_another_name_is_one() -> None:
    """It is counted under its own name, and with those that are done; also one that its fields alone show."""
    wrapped = JobState("b", JobStatus("wrapped_up"), error="no frames")
    changes = [change("a", "cancelled"), change("b", "wrapped_up")]
    tally = tally_of([*changes, StatusChange("b", wrapped.status, wrapped.status, wrapped, START)])
    assert (tally.now["cancelled"], tally.now["wrapped_up"], tally.ended) == (1, 1, 2)


def test_what_is_told_twice_counts_once() -> None:
    """A status that is told again of a job that has it already is no change."""
    tally = tally_of([change("a", "running", at=0), change("a", "running", at=5), change("a", "completed", at=8)])
    assert dict(tally.passed) == {"running": 1, "completed": 1}
    assert tally.mean_seconds(JobStatus.RUNNING) == 8


def test_an_unknown_status_gets_a_place_before_the_ends() -> None:
    """A status that nobody has named is shown while a job has it, between the working ones and the ends."""
    tally = tally_of([change("a", "rendering"), change("b", "running")])
    assert [status for status, _ in tally.by_status()][-3:] == ["rendering", "completed", "failed"]
    tally.take(change("a", "completed"))
    assert "rendering" not in dict(tally.by_status())


def test_ever_new_statuses_do_not_make_ever_more_bars() -> None:
    """When every job has a status of its own, the rarest are shown as one, and none is lost."""
    common = [change(f"x{index}", "polishing") for index in range(3)]
    tally = tally_of([*(change(str(index), f"frame {index}") for index in range(100)), *common])
    rows = tally.by_status()
    assert len(rows) == 10
    assert rows[4] == ("polishing", 3)
    assert sum(count for _, count in rows) == 103


@pytest.mark.parametrize("jobs", [10, 10_000])
@pytest.mark.parametrize("width", [60, 100, 200])
def test_ten_thousand_jobs_show_as_well_as_ten(jobs: int, width: int) -> None:
    """The picture has a line a status and fits its width, however many jobs there are."""
    names = ("queued", "created", "running", "completed", "failed")
    tally = tally_of(change(str(index), names[index % 5]) for index in range(jobs))
    lines = rendered(StateBars("Videos", tally, total=2 * jobs), width=width)
    assert len(lines) == 9
    assert max(map(len, lines)) <= width
    for name in names:
        (line,) = (line for line in lines if line.startswith(name))
        assert line.split()[-2:] == [str(jobs // 5), "10%"]
    assert any(line.startswith("not started") and line.split()[-2:] == [str(jobs), "50%"] for line in lines)


def test_bars_are_as_long_as_their_counts_say() -> None:
    """A bar of twice the jobs is twice as long, and a status without jobs has none."""
    tally = tally_of(change(str(index), "running" if index < 40 else "completed") for index in range(60))
    lengths = {line.split()[0]: line.count("█") for line in rendered(StateBars("", tally), width=100)[1:]}
    assert abs(lengths["running"] - 2 * lengths["completed"]) <= 1
    assert lengths["queued"] == lengths["failed"] == 0


def test_the_head_and_the_foot_tell_time_and_rate() -> None:
    """Elapsed time stands above the bars; how many are done, and how fast, below."""
    moment = 100.0
    tally = tally_of([change("a", "completed"), change("b", "failed"), change("c", "running")])
    bars = StateBars("Three videos", tally, total=4, clock=lambda: moment)
    moment += 0.5
    assert rendered(bars, width=60)[-1] == "2 of 4 done · 4.0 a second"
    moment += 29.5
    lines = rendered(bars, width=60)
    assert lines[0].split() == ["Three", "videos", "30.0", "s"]
    assert lines[-1] == "2 of 4 done · 4.0 a minute"


def test_nothing_to_show_is_shown_without_trouble() -> None:
    """Before the first job there are empty bars, and no division by nothing."""
    assert rendered(StateBars("", Tally(), clock=lambda: 0.0), width=60)[-1] == "0 of 0 done · 0.0 a minute"


def test_ever_new_and_long_statuses_fill_no_memory() -> None:
    """Their beginnings are counted, up to a thousand kinds, and the others together; documented ones always apart."""
    tally = tally_of(change("a", f"{number:05d}{'x' * 10_000}", at=number) for number in range(3_000))
    assert len(tally.passed) <= 1_001
    assert all(len(status) <= 40 for status in tally.passed)
    assert tally.jobs == sum(tally.now.values()) == 1
    tally.take(change("a", "completed"))
    assert tally.ended == 1
